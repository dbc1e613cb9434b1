package keys

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"time"
)

// shared is what all devices of an account know and nobody else: its log and its keys. It travels as the private part,
// sealed to them.
type shared struct {
	sequence uint64 // grows with every private part that is written
	name     string
	secret   [32]byte // of the card: opens the account's slot
	outer    [32]byte // of the private part's slot: hides how many devices it is sealed to
	public   pens     // of the account's slot
	private  pens     // of the private part's slot
	epochs   []epoch  // of the inbox key, newest first
	boxes    uint32   // revocations so far
	boxSeed  [32]byte // makes the mailboxes; another one after each revocation
	syncSeed [32]byte // makes what the own devices tell each other through; the same
	log      deviceLog
	members  []Member // those the log lists, in its order
}

// epoch is the time in which an account is rung by one key.
type epoch struct {
	number uint32
	made   time.Time // in whole seconds
	seed   [32]byte
}

// keptEpochs is how many are kept: the current one and, for callers who do not know it yet, two before.
const keptEpochs = 3

// MemberKind says what a member of an account is.
type MemberKind uint8

// The kinds of members.
const (
	DeviceMember MemberKind = 1 // it rings
	LoginMember  MemberKind = 2 // a key that a login makes, by which new devices come in
	BackupMember MemberKind = 3 // the same in a backup
)

// Member is a device of an account, or a key that may add devices, as the account's own devices know it.
type Member struct {
	ID        DeviceID
	Kind      MemberKind
	Label     string
	Added     time.Time
	recipient []byte // its age recipient
}

const sharedFormat = 1

func (s *shared) appendTo(b []byte) []byte {
	b = append(b, sharedFormat)
	b = binary.BigEndian.AppendUint64(b, s.sequence)
	b = appendName(b, s.name)
	b = append(b, s.secret[:]...)
	b = append(b, s.outer[:]...)
	for _, p := range []pens{s.public, s.private} {
		b = append(b, byte(len(p)))
		for _, seed := range p {
			b = append(b, seed[:]...)
		}
	}
	b = append(b, byte(len(s.epochs)))
	for _, e := range s.epochs {
		b = binary.BigEndian.AppendUint32(b, e.number)
		b = appendTime(b, e.made)
		b = append(b, e.seed[:]...)
	}
	b = binary.BigEndian.AppendUint32(b, s.boxes)
	b = append(b, s.boxSeed[:]...)
	b = append(b, s.syncSeed[:]...)
	b = s.log.appendTo(b)
	b = append(b, byte(len(s.members)))
	for _, m := range s.members {
		b = append(b, m.ID[:]...)
		b = append(b, byte(m.Kind))
		b = appendName(b, m.Label)
		b = appendTime(b, m.Added)
		b = append(b, m.recipient...)
	}
	return b
}

// shared reads what appendTo wrote. It verifies nothing.
func (r *reader) shared() *shared {
	s := &shared{}
	switch format := r.uint8(); {
	case format > sharedFormat:
		r.bad, r.newer = true, true
	case format != sharedFormat:
		r.bad = true
	}
	s.sequence = r.sequence()
	s.name = r.name()
	s.secret = r.bytes32()
	s.outer = r.bytes32()
	for _, p := range []*pens{&s.public, &s.private} {
		for range r.between(1, maxPens) {
			*p = append(*p, r.bytes32())
		}
	}
	for range r.between(1, keptEpochs) {
		s.epochs = append(s.epochs, epoch{r.uint32(), r.time(), r.bytes32()})
	}
	s.boxes = r.uint32()
	s.boxSeed = r.bytes32()
	s.syncSeed = r.bytes32()
	s.log = r.log()
	for range r.between(1, MaxMembers) {
		s.members = append(s.members, Member{r.bytes32(), MemberKind(r.uint8()), r.name(), r.time(), r.take(RecipientSize)})
	}
	return s
}

// verify reports what is wrong with a shared that an own device signed: one that was made by another program, or by one
// that means ill.
func (s *shared) verify() (members, error) {
	m, err := s.log.verify()
	if err != nil {
		return members{}, err
	}
	listed := slices.Concat(m.devices, m.keys)
	if len(listed) != len(s.members) {
		return members{}, errors.New("private part lists other members than the log")
	}
	for i, x := range s.members {
		if s.member(x.ID) != &s.members[i] {
			return members{}, errors.New("private part lists a member twice")
		}
		if isDevice := slices.Contains(m.devices, x.ID); !isDevice && !slices.Contains(m.keys, x.ID) || isDevice != (x.Kind == DeviceMember) {
			return members{}, errors.New("private part lists other members than the log")
		}
		if _, err := ParseRecipient(x.recipient); err != nil {
			return members{}, err
		}
	}
	return m, nil
}

// member returns a member, nil where there is none with the id.
func (s *shared) member(id DeviceID) *Member {
	for i := range s.members {
		if s.members[i].ID == id {
			return &s.members[i]
		}
	}
	return nil
}

// newerThan reports whether s was written after t. The log decides: a device that is out, or about to be, must not win by a
// large number.
func (s *shared) newerThan(t *shared) bool {
	return len(s.log) > len(t.log) || len(s.log) == len(t.log) && s.sequence > t.sequence
}

// sameKeys reports whether two have the keys and addresses of one moment.
func (s *shared) sameKeys(t *shared) bool {
	return s.epochs[0] == t.epochs[0] && s.boxSeed == t.boxSeed && s.syncSeed == t.syncSeed
}

// maxSequence bounds a sequence, so that there is always a next one.
const maxSequence = 1 << 56

func (r *reader) sequence() uint64 {
	n := r.uint64()
	if n > maxSequence {
		r.bad = true
	}
	return n
}

// card returns the account's card, as of now.
func (s *shared) card() Card {
	return Card{Account: s.log.chain()[0], Slot: s.public.address(), Secret: s.secret, Head: s.log.head()}
}

// head returns the unsigned head of the account, as of now.
func (s *shared) head(now time.Time) head {
	return head{sequence: s.sequence, boxes: s.boxes, entries: len(s.log), logHead: s.log.head(),
		inbox: s.mailbox(inboxMailbox).Address(), recipient: RecipientBytes(HybridFromSeed(s.epochs[0].seed).Recipient()),
		name: s.name, made: now.Truncate(time.Second)}
}

// What the seeds make.
const (
	inboxMailbox   = "ringfork/1/inbox mailbox"
	contactMailbox = "ringfork/1/contact mailbox"
	syncMailbox    = "ringfork/1/sync mailbox"
	syncIdentity   = "ringfork/1/sync identity"
)

func (s *shared) mailbox(what string, fields ...[]byte) Mailbox {
	return mailboxFromSeed(deriveSeed(s.boxSeed, Statement(what, fields...)))
}

// deriveSeed derives a seed from another one.
func deriveSeed(seed [32]byte, what []byte) (out [32]byte) {
	key, err := hkdf.Key(sha256.New, seed[:], nil, string(what), len(out))
	if err != nil {
		panic("internal error: " + err.Error()) // the length is the only reason, and it is constant
	}
	copy(out[:], key)
	return out
}

func appendTime(b []byte, t time.Time) []byte {
	return binary.BigEndian.AppendUint64(b, uint64(t.Unix()))
}

// between reads a count and refuses one that is out of bounds.
func (r *reader) between(least, most int) int {
	n := r.uint8()
	if n < least || n > most {
		r.bad = true
		return 0
	}
	return n
}
