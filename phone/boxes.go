package phone

import (
	"time"

	"ringfork/frame"
	"ringfork/keys"
	"ringfork/signalcore"
)

// boxes are the mailboxes in which an account is rung: one for all who have its card and one for each contact, so that the
// relay does not see that they ring the same account. Only the pump touches them.
type boxes struct {
	p     *Phone
	inbox *box // nil before the first subscription
	all   bool // those for contacts were subscribed to, or are in todo
	of    map[keys.AccountID]*box
	stale []*box   // of before all addresses changed, or of who is no contact any more: read until the new ones are
	todo  []func() // mailboxes to be made, a few at a time
}

// box is one mailbox.
type box struct {
	contact keys.AccountID // whose it is, zero: for all
	boxes   uint32         // the account's count of changes of all addresses when it was made
	opener  *frame.Opener
	stop    func()
	read    bool // its backlog was read to its end
}

// boxesAtOnce is how many mailboxes are made in one go: each costs a page most of a millisecond.
const boxesAtOnce = 16

// subscribeInbox reads the mailbox for all.
func (b *boxes) subscribeInbox(account *keys.Account) {
	opener := b.openers(account)()
	if b.inbox != nil && b.inbox.boxes == account.Boxes() {
		b.inbox.opener = opener
		return
	}
	if b.inbox != nil {
		b.stale = append(b.stale, b.inbox)
	}
	b.inbox = b.start(account.Inbox(), account.Boxes(), keys.AccountID{}, opener)
}

// subscribe reads exactly the mailboxes that the account has now: the one for all first, the others soon. What is not read
// any more goes last: who rings in this moment gets through.
func (b *boxes) subscribe(account *keys.Account, callers []keys.AccountID) {
	b.subscribeInbox(account)
	b.all = true
	opener := b.openers(account)
	former := b.of
	b.of, b.todo = map[keys.AccountID]*box{}, nil
	for _, id := range callers {
		if x := former[id]; x != nil && x.boxes == account.Boxes() {
			x.opener = opener()
			b.of[id] = x
			delete(former, id)
			continue
		}
		b.todo = append(b.todo, func() { b.of[id] = b.start(account.MailboxFor(id), account.Boxes(), id, opener()) })
	}
	for _, x := range former {
		b.stale = append(b.stale, x)
	}
	b.todo = append(b.todo, func() {
		for _, x := range b.stale {
			x.stop()
		}
		b.stale = nil
	})
	b.more()
}

// callers returns who rings in a mailbox of their own: contacts and, where anyone may ring, also the last ones who were contacts.
// They go on ringing where they were told to.
func (p *Phone) callers() []keys.AccountID {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.contacts.List()
	if p.cfg.Incoming == signalcore.FromAnyone {
		removed := p.contacts.Removed()
		list = append(list, removed[:min(len(removed), max(0, keys.MaxContacts-len(list)))]...)
	}
	ids := make([]keys.AccountID, len(list))
	for i, c := range list {
		ids[i] = c.ID()
	}
	return ids
}

// openers returns what makes an opener for each mailbox: all by the account's keys, each with its own budget.
func (b *boxes) openers(account *keys.Account) func() *frame.Opener {
	ids := account.InboxIdentities()
	return func() *frame.Opener { return frame.NewOpener(ids...) }
}

// more makes the next few mailboxes.
func (b *boxes) more() {
	n := min(boxesAtOnce, len(b.todo))
	now := b.todo[:n]
	b.todo = b.todo[n:]
	for _, f := range now {
		f()
	}
	if left := len(b.todo); left > 0 {
		time.AfterFunc(time.Millisecond, func() {
			b.p.queue.put(func() {
				if len(b.todo) == left {
					b.more()
				}
			})
		})
	}
	b.tellRead()
}

func (b *boxes) start(m keys.Mailbox, generation uint32, contact keys.AccountID, opener *frame.Opener) *box {
	x := &box{contact: contact, boxes: generation, opener: opener}
	x.stop = b.p.cfg.Transport.Subscribe(m,
		func(f []byte, age time.Duration) { b.p.queue.put(func() { b.p.boxFrame(x, f, age) }) },
		func() { b.p.queue.put(func() { x.read = true; b.tellRead() }) })
	return x
}

// tellRead tells the machine when all mailboxes are read to their end.
func (b *boxes) tellRead() {
	if !b.all || len(b.todo) > 0 || !b.inbox.read {
		return
	}
	for _, x := range b.of {
		if !x.read {
			return
		}
	}
	b.p.step(signalcore.BacklogRead{Done: true})
}

// offline notes that all mailboxes are read anew when the relay is back.
func (b *boxes) offline() {
	if b.inbox != nil {
		b.inbox.read = false
	}
	for _, x := range b.of {
		x.read = false
	}
}

func (b *boxes) close() {
	b.todo = nil
	if b.inbox != nil {
		b.inbox.stop()
	}
	for _, x := range b.of {
		x.stop()
	}
	for _, x := range b.stale {
		x.stop()
	}
}
