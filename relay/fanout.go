package relay

import (
	"errors"
	"slices"
	"sync"

	"github.com/nats-io/nats.go"
)

// fanouts hands the live frames of each mailbox to all who read it here. However many these are, the engine has one
// subscription for them, so that a frame comes once and they share one copy of it.
//
// What feed relies on, that the engine's live messages come before its answer to a later read, holds for a reader who joins a
// subscription that is there too. The engine has that subscription before it has the reader's first question, as it would have
// one that the reader made itself, for both go over one connection; so what is posted after the question was answered comes
// live, behind the answer. What was posted before it is in the answer, or in that of a reread if it was just being stored. Its
// live copy may have been handed out before the reader joined, or comes to the reader before the answer does: dispatcher has one
// queue for both.
type fanouts struct {
	mu        sync.RWMutex
	byMailbox map[address]*fanout
	bySub     map[*nats.Subscription]*fanout
	bySubject map[string]*fanout
	readers   int // of all mailboxes
}

// fanout is an engine subscription to a mailbox, and who reads it.
type fanout struct {
	mailbox address
	nats    *nats.Subscription
	readers []*subscription // in no order
	dropped int             // messages that NATS had dropped when readers were last told
}

// maxReaders is how many connections read one mailbox: an endpoint of an account has one each.
const maxReaders = 1 << 10

// errNoRoom is that there are too many subscriptions.
var errNoRoom = errors.New("there is no room for another subscription")

func newFanouts() *fanouts {
	return &fanouts{byMailbox: map[address]*fanout{}, bySub: map[*nats.Subscription]*fanout{}, bySubject: map[string]*fanout{}}
}

// join makes sub a reader of its mailbox. subscribe is called if it is the first one. When join returns the engine's connection
// has been told to subscribe, and whatever else it is told comes later.
func (f *fanouts) join(sub *subscription, subscribe func() (*nats.Subscription, error)) error {
	// Nobody looks for readers meanwhile: the first message may come before subscribe returns.
	f.mu.Lock()
	defer f.mu.Unlock()
	o := f.byMailbox[sub.address]
	if o == nil {
		s, err := subscribe()
		if err != nil {
			return err
		}
		o = &fanout{mailbox: sub.address, nats: s}
		f.byMailbox[o.mailbox], f.bySub[s], f.bySubject[s.Subject] = o, o, o
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
func (f *fanouts) leave(sub *subscription) (unused *nats.Subscription, ok bool) {
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
	delete(f.bySub, o.nats)
	delete(f.bySubject, o.nats.Subject)
	return o.nats, true
}

// of appends to list who reads what comes from an engine subscription. It is false for one that is none of a mailbox, or has
// just ended.
func (f *fanouts) of(sub *nats.Subscription, list []*subscription) ([]*subscription, bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	o := f.bySub[sub]
	if o == nil {
		return list, false
	}
	return append(list, o.readers...), true
}

// reads reports whether a mailbox, by the subject of all its frames, is read here; readersOf returns by whom.
func (f *fanouts) reads(subject string) bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.bySubject[subject] != nil
}

func (f *fanouts) readersOf(subject string) []*subscription {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if o := f.bySubject[subject]; o != nil {
		return slices.Clone(o.readers)
	}
	return nil
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

// missed returns the connections that read a mailbox of which NATS has dropped messages since it was last asked.
func (f *fanouts) missed() map[*conn]bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	missed := map[*conn]bool{}
	for _, o := range f.byMailbox {
		if n, _ := o.nats.Dropped(); n > o.dropped {
			o.dropped = n
			for _, s := range o.readers {
				missed[s.conn] = true
			}
		}
	}
	return missed
}
