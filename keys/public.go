package keys

import (
	"slices"

	"filippo.io/age"
)

// Public is what who has an account's card may know of it: everything needed to ring it and to judge what it says.
type Public struct {
	Account        AccountID
	Devices        []DeviceID // current devices, oldest first
	LogHead        [32]byte   // hash of the newest log entry
	Chain          [][32]byte // hash of every log entry, oldest first; the last is LogHead
	Inbox          Address    // the mailbox that rings go to
	InboxRecipient []byte     // whom to seal them to: RecipientSize bytes
	Name           string     // as the account claims, clean, at most MaxName bytes
	Version        uint64     // of the slot value this came in; 0 if it came in none
}

// Recipient returns the age recipient to seal rings to. It fails only where InboxRecipient was not verified by this package.
func (p Public) Recipient() (age.Recipient, error) {
	r, err := ParseRecipient(p.InboxRecipient)
	if err != nil {
		return nil, err // not r: a nil pointer in an interface is not nil
	}
	return r, nil
}

// Has reports whether the device is one of the account's.
func (p Public) Has(device DeviceID) bool { return slices.Contains(p.Devices, device) }

// Knows reports whether head is the hash of an entry of the account's log.
func (p Public) Knows(head [32]byte) bool { return slices.Contains(p.Chain, head) }

// Replaces reports whether p, just read, may stand where old stood: the same account, a log that only grew, and no older
// slot value. Where it reports false somebody shows an old or a second log: refuse and warn.
func (p Public) Replaces(old Public) bool {
	return p.Account == old.Account && p.Knows(old.LogHead) && p.Version >= old.Version
}

// publicPart is what a slot value seals: the log, the inbox and the name.
type publicPart struct {
	log       deviceLog
	inbox     Address
	recipient []byte
	name      string
}

const publicFormat = 1

func (p publicPart) appendTo(b []byte) []byte {
	b = append(b, publicFormat)
	b = p.log.appendTo(b)
	b = append(b, p.inbox[:]...)
	b = append(b, p.recipient...)
	return appendName(b, p.name)
}

func (r *reader) publicPart() publicPart {
	if r.uint8() != publicFormat {
		r.bad = true
	}
	return publicPart{r.log(), r.bytes20(), r.take(RecipientSize), r.name()}
}

// verify returns what a publicPart says, once it is found true of the account.
func (p publicPart) verify(account AccountID) (Public, error) {
	devices, err := p.log.verify()
	if err != nil {
		return Public{}, err
	}
	chain := p.log.chain()
	if chain[0] != account {
		return Public{}, errOtherAccount
	}
	if _, err := ParseRecipient(p.recipient); err != nil {
		return Public{}, err
	}
	return Public{
		Account:        account,
		Devices:        devices,
		LogHead:        chain[len(chain)-1],
		Chain:          chain,
		Inbox:          p.inbox,
		InboxRecipient: slices.Clone(p.recipient),
		Name:           p.name,
	}, nil
}
