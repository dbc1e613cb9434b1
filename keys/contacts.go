package keys

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
)

// Contact is another account, as this account knows it.
type Contact struct {
	// What the owner decides. Version is the Lamport time of the last change of the name, the card or verified; the state has
	// one of its own, so that renaming a contact on one device does not undo its block on another.
	Name     string // as this account's owner calls it, at most MaxName bytes
	Card     Card   // of who was blocked and never was a contact: the account only
	Verified bool   // the owners compared their safety numbers
	State    ContactState
	Version  uint64

	// What devices of the owner learned, none of it by itself a reason to trust. It all starts anew when the contact is removed.
	Mailbox Address  // where the contact reads what we write; zero: the inbox of its public part
	Boxes   uint32   // how many revocations the contact had made when it told the mailbox
	Greeted uint32   // one more than the revocations we had made when it last answered our hello; 0: it never did
	Entries uint8    // how many entries of its log were seen
	Head    [32]byte // the hash of the last of them
	Added   uint8    // how many entries its log had after the last one seen that adds a device
	Looked  uint8    // how many entries were seen when the owner last looked at its devices

	// Public is what this device keeps of what it last read. Its Account is zero where it read nothing yet.
	Public Public

	stated    uint64 // Lamport time of the last change of the state
	forgotten uint64 // Lamport time of the last removal
}

// ContactState says what an account is to the owner.
type ContactState uint8

// The states of a contact.
const (
	Known   ContactState = iota
	Blocked              // it does not get through
	Removed              // forgotten; the entry is only there to tell other devices so
)

// Errors of Check and SetPublic.
var (
	// ErrForked says that an account has two logs: one of them is a forgery, or two of its devices do not know of each other.
	ErrForked = errors.New("the log is another one than the log seen before")

	// ErrOlder says that what was read is older than what is known already.
	ErrOlder = errors.New("what was read is older than what was seen before")
)

// ID returns the contact's account.
func (c Contact) ID() AccountID { return c.Card.Account }

// NewDevice reports whether a verified contact's log gained a device since it was verified or last looked at.
func (c Contact) NewDevice() bool { return c.Verified && c.Added > c.Looked }

// Cached reports whether Public is there.
func (c Contact) Cached() bool { return c.Public.Account != AccountID{} }

// NeedsHello reports whether the contact has yet to answer a hello that tells it our mailbox, of which there is a new one
// after each of our revocations, boxes in number.
func (c Contact) NeedsHello(boxes uint32) bool { return c.Greeted <= boxes }

// Check reports whether a public part, just read and verified, may stand for the contact: its log has the entries that any
// device of ours has seen of it, and it is not older than what this device has. If not, the error is ErrForked or ErrOlder.
func (c Contact) Check(p Public) error {
	seen := int(c.Entries)
	switch {
	case p.Account != c.ID():
		return ErrForked
	case len(p.Chain) < seen:
		if c.Cached() && !c.Public.Knows(p.LogHead) && len(p.Chain) <= len(c.Public.Chain) {
			return ErrForked
		}
		return ErrOlder
	case seen > 0 && p.Chain[seen-1] != c.Head:
		return ErrForked
	case c.Cached() && !p.Replaces(c.Public):
		return ErrOlder
	}
	return nil
}

// MaxContacts is the most contacts a list can have, blocked ones that were contacts included.
const MaxContacts = 1000

// Contacts is an account's list of contacts, of accounts it blocked, and of contacts it removed. Every device of the account
// has one; Merge makes them equal. The zero Contacts is empty and ready to use. It is not safe for use by several
// goroutines. What it returns shares memory with the list: do not change what the slices in a Contact point to.
type Contacts struct {
	byID map[AccountID]*Contact
}

// Get returns the contact of an account and whether there is one. Who is blocked or was removed is no contact.
func (l *Contacts) Get(id AccountID) (Contact, bool) {
	if c := l.known(id); c != nil {
		return *c, true
	}
	return Contact{}, false
}

// IsBlocked reports whether the owner blocked an account.
func (l *Contacts) IsBlocked(id AccountID) bool {
	c := l.byID[id]
	return c != nil && c.State == Blocked
}

// List returns all contacts, by name and then by id.
func (l *Contacts) List() []Contact { return l.inState(Known, byName) }

// Blocked returns who is blocked, by name and then by id.
func (l *Contacts) Blocked() []Contact { return l.inState(Blocked, byName) }

// Removed returns who was a contact or blocked once, the last one removed first. Not all are remembered for ever.
func (l *Contacts) Removed() []Contact {
	return l.inState(Removed, func(a, b *Contact) int { return cmp.Compare(b.stated, a.stated) })
}

func byName(a, b *Contact) int { return cmp.Compare(a.Name, b.Name) }

// inState returns the contacts of a state, in an order and then by id.
func (l *Contacts) inState(s ContactState, order func(a, b *Contact) int) []Contact {
	var found []*Contact
	for _, c := range l.byID {
		if c.State == s {
			found = append(found, c)
		}
	}
	slices.SortFunc(found, func(a, b *Contact) int { return cmp.Or(order(a, b), compareIDs(a, b)) })
	list := make([]Contact, len(found))
	for i, c := range found {
		list[i] = *c
	}
	return list
}

func (l *Contacts) known(id AccountID) *Contact {
	if c := l.byID[id]; c != nil && c.State == Known {
		return c
	}
	return nil
}

func (l *Contacts) set(c *Contact) {
	if l.byID == nil {
		l.byID = make(map[AccountID]*Contact)
	}
	l.byID[c.ID()] = c
}

func compareIDs(a, b *Contact) int { return bytes.Compare(a.Card.Account[:], b.Card.Account[:]) }

// hasCard reports whether more of the card is there than the account.
func (c *Contact) hasCard() bool { return c.Card.Slot != Address{} || c.Card.Secret != [32]byte{} }
