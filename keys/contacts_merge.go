package keys

import (
	"bytes"
	"cmp"
	"slices"
)

// A contact is a join of three parts, each of which only grows, so merges may come in any order and any number of times:
//
//   - name, card and verified: those of the greater version;
//   - the state: that of the greater version. Whoever changes the state writes name and card with the same version,
//     so that the card of a contact is never lost to a removal that the contact outlived;
//   - what devices learned: that which was learned after the latest removal; of it the greater, one by one.
const (
	maxEntries = 2 * MaxContacts // contacts, blocked and removed ones
	maxVersion = 1 << 56         // so that adding one never wraps

	// MaxShared is the most bytes that MarshalShared gives, but for merges of lists that were nearly full each: they are
	// cut down to it.
	MaxShared = 200 << 10
)

// Merge brings into the list what another device of the account knows, and reports whether that changed the list. What
// both lists hold stands as who changed it last left it. Caches of public parts are the device's own: those of the other list
// are not looked at. The other list is not changed.
//
// Merging is commutative, associative and idempotent, up to what is dropped where a list outgrows its bounds: the oldest
// removals first, then the oldest contacts, then the oldest blocks.
func (l *Contacts) Merge(shared *Contacts) (changed bool) {
	for id, theirs := range shared.byID {
		next := *theirs
		next.Public = Public{}
		if ours := l.byID[id]; ours != nil {
			next = join(ours, theirs)
			if next.State == Known {
				next.Public = ours.Public
			}
			changed = changed || !next.sameAs(ours)
		} else {
			changed = true
		}
		l.set(&next)
	}
	l.trim()
	return changed
}

// join returns what two devices together know of one account, without a cache.
func join(a, b *Contact) Contact {
	c := *a
	c.Public = Public{}
	if compareDecisions(a, b) < 0 {
		c.Name, c.Card, c.Verified, c.Version = b.Name, b.Card, b.Verified, b.Version
	}
	if compareStates(a, b) < 0 {
		c.State, c.stated = b.State, b.stated
	}
	switch {
	case a.forgotten > b.forgotten:
		return c
	case a.forgotten < b.forgotten:
		c.Mailbox, c.Boxes, c.Greeted = b.Mailbox, b.Boxes, b.Greeted
		c.Entries, c.Head, c.Added, c.Looked = b.Entries, b.Head, b.Added, b.Looked
		c.forgotten = b.forgotten
		return c
	}
	if compareMailboxes(a.Mailbox, a.Boxes, b.Mailbox, b.Boxes) < 0 {
		c.Mailbox, c.Boxes = b.Mailbox, b.Boxes
	}
	if cmp.Or(cmp.Compare(a.Entries, b.Entries), bytes.Compare(a.Head[:], b.Head[:])) < 0 {
		c.Entries, c.Head = b.Entries, b.Head
	}
	c.Greeted, c.Added, c.Looked = max(a.Greeted, b.Greeted), max(a.Added, b.Added), max(a.Looked, b.Looked)
	return c
}

// compareDecisions orders what the owner called two states of one contact. Of two that were made without knowing of each
// other the unverified one is the greater.
func compareDecisions(a, b *Contact) int {
	verified := func(c *Contact) int {
		if c.Verified {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(a.Version, b.Version), cmp.Compare(verified(a), verified(b)), cmp.Compare(a.Name, b.Name),
		bytes.Compare(a.Card.Bytes(), b.Card.Bytes()))
}

// compareStates orders the states of one contact. Of two that were made without knowing of each other a block is the
// greatest, then a removal.
func compareStates(a, b *Contact) int {
	weight := [...]int{Known: 0, Removed: 1, Blocked: 2}
	return cmp.Or(cmp.Compare(a.stated, b.stated), cmp.Compare(weight[a.State], weight[b.State]))
}

func compareMailboxes(a Address, boxesA uint32, b Address, boxesB uint32) int {
	return cmp.Or(cmp.Compare(boxesA, boxesB), bytes.Compare(a[:], b[:]))
}

// sameAs reports whether the two are equal but for their caches.
func (c *Contact) sameAs(d *Contact) bool {
	return bytes.Equal(c.appendShared(nil), d.appendShared(nil))
}

// makeRoom drops the oldest removals until the list with c in it keeps its bounds, and reports whether it now does.
func (l *Contacts) makeRoom(c *Contact) bool {
	entries, size, b := 1, sharedHeader+len(c.appendShared(nil)), []byte(nil)
	for id, other := range l.byID {
		if id != c.ID() {
			b = other.appendShared(b[:0])
			entries, size = entries+1, size+len(b)
		}
	}
	return l.drop(entries, size, func(other *Contact) bool { return other.State == Removed && other.ID() != c.ID() })
}

// trim drops entries until the list keeps its bounds.
func (l *Contacts) trim() {
	size, b := sharedHeader, []byte(nil)
	for _, c := range l.byID {
		b = c.appendShared(b[:0])
		size += len(b)
	}
	l.drop(len(l.byID), size, func(*Contact) bool { return true })
}

// drop drops of the entries that it may, by their sort and then the oldest first, what keeps the list from its bounds. Where
// that is not enough it drops nothing and reports false.
func (l *Contacts) drop(entries, size int, may func(*Contact) bool) bool {
	if entries <= maxEntries && size <= MaxShared {
		return true
	}
	var list []*Contact
	for _, c := range l.byID {
		if may(c) {
			list = append(list, c)
		}
	}
	rank := [...]int{Removed: 0, Known: 1, Blocked: 2}
	slices.SortFunc(list, func(a, b *Contact) int {
		return cmp.Or(cmp.Compare(rank[a.State], rank[b.State]), cmp.Compare(a.stated, b.stated), compareIDs(a, b))
	})
	dropped := 0
	for entries > maxEntries || size > MaxShared {
		if dropped == len(list) {
			return false
		}
		entries, size = entries-1, size-len(list[dropped].appendShared(nil))
		dropped++
	}
	for _, c := range list[:dropped] {
		delete(l.byID, c.ID())
	}
	return true
}
