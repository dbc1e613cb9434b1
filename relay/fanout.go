package relay

import (
	"errors"
	"sync"

	"ringfork/relay/store"
)

// fanouts hands the live frames of each mailbox to all who read it here. However many these are, the store has one
// subscription for them, so that a frame comes once and they share one copy of it.
//
// What feed relies on, that live frames come before the answer to a later read, holds for a reader who joins a subscription that
// is there too. The store has that subscription before it has the reader's first question, as it would have one that the reader
// made itself; so what is posted after the question was answered comes live, behind the answer. What was posted before it is in
// the answer, or in that of a reread if it was just being stored. Its live copy may have been handed out before the reader
// joined, or comes to the reader before the answer does: the store has one queue for both.
type fanouts struct {
	mu        sync.RWMutex
	byMailbox map[address]*fanout
	readers   int // of all mailboxes

	list []*subscription // who reads a mailbox, while they are told; only the store's goroutine has it
}

// fanout is the store's subscription to a mailbox, and who reads it. It is a store.Reader.
type fanout struct {
	all     *fanouts
	mailbox address
	sub     *store.Subscription
	readers []*subscription // in no order
}

// maxReaders is how many connections read one mailbox: an endpoint of an account has one each.
const maxReaders = 1 << 10

// errNoRoom is that there are too many subscriptions.
var errNoRoom = errors.New("there is no room for another subscription")

func newFanouts() *fanouts { return &fanouts{byMailbox: map[address]*fanout{}} }

// join makes sub a reader of its mailbox. subscribe is called if it is the first one. When join returns the engine's connection
// has been told to subscribe, and whatever else it is told comes later.
func (f *fanouts) join(sub *subscription, subscribe func(address, store.Reader) (*store.Subscription, error)) error {
	// Nobody looks for readers meanwhile: the first frame may come before subscribe returns.
	f.mu.Lock()
	defer f.mu.Unlock()
	o := f.byMailbox[sub.address]
	if o == nil {
		o = &fanout{all: f, mailbox: sub.address}
		var err error
		if o.sub, err = subscribe(o.mailbox, o); err != nil {
			return err
		}
		f.byMailbox[o.mailbox] = o
	}
	if len(o.readers) >= maxReaders {
		return errNoRoom
	}
	sub.fanout, sub.place = o, len(o.readers)
	o.readers = append(o.readers, sub)
	f.readers++
	return nil
}

// leave takes back join. The subscription of a mailbox that nobody reads any more is returned, to be ended. It is false if sub
// is no reader.
func (f *fanouts) leave(sub *subscription) (unused *store.Subscription, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	o := sub.fanout
	if o == nil {
		return nil, false
	}
	n := len(o.readers) - 1
	moved := o.readers[n]
	o.readers[sub.place], moved.place = moved, sub.place
	o.readers[n] = nil
	o.readers = o.readers[:n]
	sub.fanout = nil
	f.readers--
	if n > 0 {
		return nil, true
	}
	delete(f.byMailbox, o.mailbox)
	return o.sub, true
}

// appendReaders appends to list who reads the mailbox.
func (o *fanout) appendReaders(list []*subscription) []*subscription {
	o.all.mu.RLock()
	defer o.all.mu.RUnlock()
	return append(list, o.readers...)
}

// count returns how many readers there are, countOf how many a mailbox has.
func (f *fanouts) count() int {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.readers
}

func (f *fanouts) countOf(a address) int {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if o := f.byMailbox[a]; o != nil {
		return len(o.readers)
	}
	return 0
}
