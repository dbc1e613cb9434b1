package keys

import (
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"slices"
	"time"
)

// RotateEvery is how long an account uses one inbox key.
const RotateEvery = 7 * 24 * time.Hour

// headTime is how long a head is good: two rotations. Who shows an old one, to hide what came after it, has that long.
const headTime = 2 * RotateEvery

// head is the part of an account that is replaced and not added to: where and under what key it is rung now, and how long
// its log is. A device of the account signs it.
type head struct {
	sequence  uint64 // grows with every one
	boxes     uint32 // revocations so far: the mailboxes' addresses change with it
	entries   int    // of the log
	logHead   [32]byte
	inbox     Address
	recipient []byte
	name      string
	made      time.Time // in whole seconds
	signer    DeviceID
	signature []byte
}

const headFormat = 1

// signed returns what the signature covers, for the account with the id, in the slot with the address: by a card that names
// another slot, where somebody else has the pen, nobody is shown the account as it was.
func (h head) signed(account AccountID, in Address) []byte {
	return Statement(contextHead, account[:], in[:], h.appendBody(nil))
}

func (h head) sign(account AccountID, in Address, device ed25519.PrivateKey) head {
	h.signer = publicID(device)
	h.signature = ed25519.Sign(device, h.signed(account, in))
	return h
}

func (h head) appendBody(b []byte) []byte {
	b = append(b, headFormat)
	b = binary.BigEndian.AppendUint64(b, h.sequence)
	b = binary.BigEndian.AppendUint32(b, h.boxes)
	b = append(b, byte(h.entries))
	b = append(b, h.logHead[:]...)
	b = append(b, h.inbox[:]...)
	b = append(b, h.recipient...)
	b = appendName(b, h.name)
	return binary.BigEndian.AppendUint64(b, uint64(h.made.Unix()))
}

func (h head) appendTo(b []byte) []byte {
	b = h.appendBody(b)
	b = append(b, h.signer[:]...)
	return append(b, h.signature...)
}

// head reads what appendTo wrote. It verifies nothing.
func (r *reader) head() (h head) {
	if format := r.uint8(); format != headFormat {
		r.newer = !r.bad && format > headFormat
		r.bad = true
	}
	h.sequence = r.sequence()
	h.boxes = r.uint32()
	h.entries = r.uint8()
	h.logHead = r.bytes32()
	h.inbox = r.bytes20()
	h.recipient = r.take(RecipientSize)
	h.name = r.name()
	h.made = r.time()
	h.signer = r.bytes32()
	h.signature = r.take(ed25519.SignatureSize)
	return h
}

// publicPart is what an account's slot holds: the log and its head.
type publicPart struct {
	log  deviceLog
	head head
}

func (p publicPart) appendTo(b []byte) []byte { return p.head.appendTo(p.log.appendTo(b)) }

func (r *reader) publicPart() publicPart { return publicPart{r.log(), r.head()} }

// verify returns what a publicPart says, once it is found true of the account: the log starts with the entry that the id
// names and is signed throughout, and one of the devices in it signed the head for the slot that it is in.
func (p publicPart) verify(account AccountID, in Address) (Public, error) {
	m, err := p.log.verify()
	if err != nil {
		return Public{}, err
	}
	chain, h := p.log.chain(), p.head
	switch {
	case chain[0] != account:
		return Public{}, errOtherAccount
	case h.entries != len(p.log) || h.logHead != p.log.head():
		return Public{}, errors.New("its head is of another log")
	case !slices.Contains(m.devices, h.signer):
		return Public{}, errors.New("its head is signed by one that is no device of the account")
	case !ed25519.Verify(h.signer[:], h.signed(account, in), h.signature):
		return Public{}, errors.New("its head has a bad signature")
	}
	if _, err := ParseRecipient(h.recipient); err != nil {
		return Public{}, err
	}
	return Public{
		Account: account, Devices: m.devices, LogHead: h.logHead, Chain: chain,
		Inbox: h.inbox, InboxRecipient: slices.Clone(h.recipient), Name: h.name,
		Sequence: h.sequence, Boxes: h.boxes, Added: m.added, Expires: h.made.Add(headTime).Unix(),
	}, nil
}

var errOtherAccount = errors.New("it belongs to another account than the card")
