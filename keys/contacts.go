package keys

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// Contact is another account, as this account knows it.
type Contact struct {
	Name     string // as this account's owner calls it, at most MaxName bytes
	Card     Card
	Public   Public
	Verified bool // the owners compared their safety numbers
}

// ID returns the contact's account.
func (c Contact) ID() AccountID { return c.Card.Account }

// MaxContacts is the most contacts a list may have.
const MaxContacts = 1000

// Contacts is an account's list of contacts. The zero Contacts is empty and ready to use. It is not safe for use by several
// goroutines. What it returns shares memory with the list: do not change what the slices in a Contact point to.
type Contacts struct {
	byID map[AccountID]Contact
}

// Add puts a contact into the list, in place of an older one of the same account. Its name is made clean by CleanName. It
// fails where the list is full, or the card and the public part are of different accounts.
func (l *Contacts) Add(c Contact) error {
	if c.Public.Account != c.ID() {
		return errors.New("failed to add contact: card and public part belong to different accounts")
	}
	if !c.Public.wellFormed() {
		return errors.New("failed to add contact: its public part is malformed")
	}
	if _, known := l.byID[c.ID()]; !known && len(l.byID) >= MaxContacts {
		return fmt.Errorf("failed to add contact: the list is full with %d", MaxContacts)
	}
	if l.byID == nil {
		l.byID = make(map[AccountID]Contact)
	}
	c.Name = CleanName(c.Name)
	c.Public.Name = CleanName(c.Public.Name)
	l.byID[c.ID()] = c
	return nil
}

// Remove takes a contact off the list and reports whether it was on it.
func (l *Contacts) Remove(id AccountID) bool {
	_, found := l.byID[id]
	delete(l.byID, id)
	return found
}

// Get returns the contact of an account and whether there is one.
func (l *Contacts) Get(id AccountID) (Contact, bool) {
	c, found := l.byID[id]
	return c, found
}

// List returns all contacts, by name and then by id.
func (l *Contacts) List() []Contact {
	list := make([]Contact, 0, len(l.byID))
	for _, c := range l.byID {
		list = append(list, c)
	}
	slices.SortFunc(list, compareContacts)
	return list
}

func compareContacts(a, b Contact) int {
	x, y := a.ID(), b.ID()
	return cmp.Or(cmp.Compare(a.Name, b.Name), bytes.Compare(x[:], y[:]))
}

// wellFormed reports whether p could have come from OpenSlot, as far as sizes go.
func (p Public) wellFormed() bool {
	n := len(p.Chain)
	return n > 0 && n <= MaxDevices && p.LogHead == p.Chain[n-1] &&
		len(p.Devices) > 0 && len(p.Devices) <= MaxDevices && len(p.InboxRecipient) == RecipientSize
}
