package keys

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// A list is encoded as its format, the number of entries and the entries by id. The form that devices share has nothing
// but that; the local form has after each entry a byte that says whether the public part follows, and that.
const (
	contactsFormat = 2
	sharedHeader   = 1 + 2
	minContact     = 1 + 32 + 3 + 1 + 1 // bytes of an entry: one that was removed
)

// MaxStoredContacts is the most bytes that MarshalBinary of Contacts gives, and ParseContacts takes.
const MaxStoredContacts = MaxShared + maxEntries + MaxContacts*maxPublic

// ErrNewer is in the error that says that something was written by a newer version of Ringfork, which this one cannot read.
var ErrNewer = errors.New("it was written by a newer version: update to read it")

var errContacts = errors.New("failed to read contacts: they are malformed")

// MarshalBinary encodes the list for this device, with the public parts it keeps; equal lists give equal bytes. It always
// succeeds. The result holds the contacts' cards, which are secrets.
func (l *Contacts) MarshalBinary() ([]byte, error) { return l.marshal(true), nil }

// MarshalShared encodes the list for other devices of the account, without the public parts; equal lists give equal bytes.
// The result holds the contacts' cards, which are secrets.
func (l *Contacts) MarshalShared() []byte { return l.marshal(false) }

// ParseContacts reads what MarshalBinary wrote. What the list holds was verified when it came in and is not verified again.
func ParseContacts(b []byte) (*Contacts, error) {
	if len(b) > MaxStoredContacts {
		return nil, errContacts
	}
	return parseContacts(slices.Clone(b), true) // the list holds parts of it
}

// ParseShared reads what MarshalShared wrote.
func ParseShared(b []byte) (*Contacts, error) {
	if len(b) > MaxShared {
		return nil, errContacts
	}
	return parseContacts(b, false)
}

func (l *Contacts) marshal(local bool) []byte {
	list := make([]*Contact, 0, len(l.byID))
	size := 0
	for _, c := range l.byID {
		list = append(list, c)
		size += 256
		if local && c.Cached() {
			size += publicHeader + 32*(len(c.Public.Devices)+len(c.Public.Chain))
		}
	}
	slices.SortFunc(list, compareIDs)
	b := append(make([]byte, 0, size), contactsFormat)
	b = binary.BigEndian.AppendUint16(b, uint16(len(list)))
	for _, c := range list {
		b = c.appendShared(b)
		switch {
		case local && c.Cached():
			b = appendPublic(append(b, 1), c.Public)
		case local:
			b = append(b, 0)
		}
	}
	return b
}

func parseContacts(b []byte, local bool) (*Contacts, error) {
	r := reader{b: b}
	if format := r.uint8(); format > contactsFormat {
		return nil, fmt.Errorf("failed to read contacts: %w", ErrNewer)
	} else if r.ok() && format != contactsFormat {
		return nil, errors.New("failed to read contacts: their format is unknown")
	}
	n := r.uint16()
	if n > maxEntries || n*minContact > len(r.b) { // before memory is taken for so many
		return nil, errContacts
	}
	l := &Contacts{byID: make(map[AccountID]*Contact, n)}
	all := make([]Contact, n)
	for i := range all {
		c := &all[i]
		r.contact(c)
		if local {
			switch r.uint8() {
			case 0:
			case 1:
				c.Public = r.public(c.ID())
				r.bad = r.bad || c.State != Known
			default:
				r.bad = true
			}
		}
		if !r.ok() || i > 0 && compareIDs(&all[i-1], c) >= 0 {
			return nil, errContacts
		}
		l.byID[c.ID()] = c
	}
	if !r.done() {
		return nil, errContacts
	}
	return l, nil
}

// The flags of an entry: the state is in the lowest two bits.
const (
	maskState    = 3
	flagVerified = 1 << 2
	flagCard     = 1 << 3
	flagMailbox  = 1 << 4
	flagLog      = 1 << 5
)

func (c *Contact) appendShared(b []byte) []byte {
	at := len(b)
	b = append(b, byte(c.State))
	b = append(b, c.Card.Account[:]...)
	b = binary.AppendUvarint(b, c.stated)
	b = binary.AppendUvarint(b, c.forgotten)
	b = binary.AppendUvarint(b, c.Version)
	b = appendName(b, c.Name)
	if c.Verified {
		b[at] |= flagVerified
	}
	if c.hasCard() {
		b[at] |= flagCard
		b = append(b, c.Card.Slot[:]...)
		b = append(b, c.Card.Secret[:]...)
		b = append(b, c.Card.Head[:]...)
	}
	b = binary.AppendUvarint(b, uint64(c.Greeted))
	if (c.Mailbox != Address{} || c.Boxes > 0) {
		b[at] |= flagMailbox
		b = append(b, c.Mailbox[:]...)
		b = binary.AppendUvarint(b, uint64(c.Boxes))
	}
	if c.Entries > 0 {
		b[at] |= flagLog
		b = append(b, c.Entries, c.Added, c.Looked)
		b = append(b, c.Head[:]...)
	}
	return b
}

// contact reads what appendShared wrote.
func (r *reader) contact(c *Contact) {
	flags := r.uint8()
	c.State = ContactState(flags & maskState)
	c.Card.Account = r.bytes32()
	c.stated = r.uvarint(maxVersion)
	c.forgotten = r.uvarint(c.stated)
	c.Version = r.uvarint(maxVersion)
	c.Name = r.name()
	c.Verified = flags&flagVerified != 0
	if flags&flagCard != 0 {
		c.Card.Slot, c.Card.Secret, c.Card.Head = r.bytes20(), r.bytes32(), r.bytes32()
	}
	c.Greeted = uint32(r.uvarint(1<<32 - 1))
	if flags&flagMailbox != 0 {
		c.Mailbox, c.Boxes = r.bytes20(), uint32(r.uvarint(1<<32-1))
	}
	if flags&flagLog != 0 {
		c.Entries, c.Added, c.Looked = uint8(r.uint8()), uint8(r.uint8()), uint8(r.uint8())
		c.Head = r.bytes32()
	}
	switch {
	case flags >= 2*flagLog, c.State > Removed,
		c.State == Known && flags&flagCard == 0,
		flags&flagCard != 0 && !c.hasCard(),
		flags&flagMailbox != 0 && c.Mailbox == Address{} && c.Boxes == 0,
		flags&flagLog != 0 && c.Entries == 0,
		c.Entries > MaxEntries, c.Added > c.Entries, c.Looked > c.Entries,
		c.Version < c.stated, c.stated == 0:
		r.bad = true
	}
}

// uvarint reads what binary.AppendUvarint wrote of a number that is at most limit. A longer encoding than that is refused.
func (r *reader) uvarint(limit uint64) uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || v > limit || n > 1 && r.b[n-1] == 0 {
		r.bad = true
		return 0
	}
	r.take(n)
	return v
}
