package keys

import (
	"errors"
	"fmt"
)

// What the owner of an account does to its contacts, and what its devices learn of them. Each change of the owner's gets a
// version above all in the list, so that after any merges the one made last, by who knew of the others, stands.

// Add puts a contact into the list under c's name, card and verified, or gives the one that is there these. A removed
// account becomes a contact again, as if never seen before, and a blocked one too. The name is made clean by CleanName.
//
// c's Public is kept, where it is there and newer than what the list has; what else c says is not looked at. Add fails where
// the list is full, the card and the public part are of different accounts, or the log is another one than the one seen before
// (ErrForked).
func (l *Contacts) Add(c Contact) error {
	if !c.hasCard() {
		return errors.New("failed to add contact: it has no card")
	}
	old := l.byID[c.ID()]
	if (old == nil || !old.counts()) && l.count() >= MaxContacts {
		return fmt.Errorf("failed to add contact: the list is full with %d", MaxContacts)
	}
	next := Contact{}
	if old != nil {
		next = *old
	}
	c.Name = CleanName(c.Name)
	if old == nil || next.State != Known || next.Name != c.Name || next.Card != c.Card || next.Verified != c.Verified {
		v := l.nextVersion(c.ID())
		next.Name, next.Card, next.Verified, next.Version = c.Name, c.Card, c.Verified, v
		if old == nil || next.State != Known {
			next.State, next.stated = Known, v
		}
	}
	if c.Cached() {
		if err := next.learn(c.Public); err != nil && !errors.Is(err, ErrOlder) {
			return fmt.Errorf("failed to add contact: %w", err)
		}
	}
	if c.Verified && (old == nil || !old.Verified) {
		next.Looked = next.Entries
	}
	if !l.makeRoom(&next) {
		return errors.New("failed to add contact: the list takes all the room there is for it")
	}
	l.set(&next)
	return nil
}

// Remove takes a contact off the list, or forgets a block, and reports whether there was one.
func (l *Contacts) Remove(id AccountID) bool {
	c := l.byID[id]
	if c == nil || c.State == Removed {
		return false
	}
	v := l.nextVersion(id)
	*c = Contact{Card: Card{Account: id}, State: Removed, Version: v, stated: v, forgotten: v}
	return true
}

// Block blocks an account, under a name if it was no contact. What was known of a contact is kept for Unblock. It fails
// where the list is full.
func (l *Contacts) Block(id AccountID, name string) error {
	next := Contact{Card: Card{Account: id}, Name: CleanName(name), State: Removed}
	if c := l.byID[id]; c != nil {
		if c.State == Blocked {
			return nil
		}
		name := next.Name
		if next = *c; next.State == Removed {
			next.Card, next.Name, next.Verified = Card{Account: id}, name, false
		}
	}
	next.State, next.Public = Blocked, Public{}
	next.Version = l.nextVersion(id)
	next.stated = next.Version
	if !l.makeRoom(&next) {
		return errors.New("failed to block the account: the list is full")
	}
	l.set(&next)
	return nil
}

// Unblock ends a block and reports whether there was one. Who was a contact before is one again; others are strangers.
func (l *Contacts) Unblock(id AccountID) bool {
	c := l.byID[id]
	switch {
	case c == nil || c.State != Blocked:
		return false
	case !c.hasCard():
		return l.Remove(id)
	}
	v := l.nextVersion(id)
	c.State, c.stated, c.Version = Known, v, v
	return true
}

// SetName calls a contact by another name, made clean by CleanName, and reports whether there is such a contact.
func (l *Contacts) SetName(id AccountID, name string) bool {
	c := l.known(id)
	if c == nil {
		return false
	}
	if name = CleanName(name); name != c.Name {
		c.Version = l.nextVersion(id)
		c.Name = name
	}
	return true
}

// SetVerified says whether the owners compared their safety numbers, and reports whether there is such a contact. To say that
// they did is also to say that the contact's devices were looked at.
func (l *Contacts) SetVerified(id AccountID, verified bool) bool {
	c := l.known(id)
	if c == nil {
		return false
	}
	if verified != c.Verified {
		c.Version = l.nextVersion(id)
		c.Verified = verified
	}
	if verified {
		c.Looked = c.Entries
	}
	return true
}

// SetPublic keeps the public part of a contact that was just read and verified. The error is one of Check's, or says that
// there is no such contact.
func (l *Contacts) SetPublic(p Public) error {
	c := l.known(p.Account)
	if c == nil {
		return errors.New("no such contact")
	}
	return c.learn(p)
}

func (c *Contact) learn(p Public) error {
	if p.Account != c.ID() {
		return errors.New("card and public part belong to different accounts")
	}
	if !p.wellFormed() {
		return errors.New("the public part is malformed")
	}
	if err := c.Check(p); err != nil {
		return err
	}
	p.Name = CleanName(p.Name)
	c.Public = p
	c.Entries, c.Head, c.Added = uint8(len(p.Chain)), p.LogHead, max(c.Added, p.Added)
	return nil
}

// SetMailbox keeps where a contact reads what we write, as it told when it had made so many revocations. It reports whether
// that is news: what was told before more of them is not.
func (l *Contacts) SetMailbox(id AccountID, mailbox Address, boxes uint32) bool {
	c := l.known(id)
	if c == nil || compareMailboxes(c.Mailbox, c.Boxes, mailbox, boxes) >= 0 {
		return false
	}
	c.Mailbox, c.Boxes = mailbox, boxes
	return true
}

// SetGreeted says that a contact answered our hello, sent when we had made so many revocations. It reports whether that is news.
func (l *Contacts) SetGreeted(id AccountID, boxes uint32) bool {
	c := l.known(id)
	if c == nil || !c.NeedsHello(boxes) || boxes+1 == 0 {
		return false
	}
	c.Greeted = boxes + 1
	return true
}

// saneVersion is more changes than anybody makes.
const saneVersion = 1 << 40

// nextVersion returns the Lamport time of the next change of an account's entry: one more than that of any before, in whichever
// entry. Versions that no owner reaches count in their own entry only: who wrote one, a device that was stolen, has the last word
// there and nowhere else.
func (l *Contacts) nextVersion(id AccountID) uint64 {
	last := uint64(0)
	for other, c := range l.byID {
		if v := max(c.Version, c.stated); v <= saneVersion || other == id {
			last = max(last, v)
		}
	}
	return min(last+1, maxVersion)
}

// counts reports whether an entry is one of the MaxContacts.
func (c *Contact) counts() bool { return c.State == Known || c.State == Blocked && c.hasCard() }

func (l *Contacts) count() (n int) {
	for _, c := range l.byID {
		if c.counts() {
			n++
		}
	}
	return n
}
