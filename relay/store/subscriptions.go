package store

import (
	"sync"

	"github.com/nats-io/nats.go"
)

// Reader hears of one mailbox. One goroutine calls its methods, and those of Listener that say so, one after the other: they
// must not wait for long, for everybody waits for them.
type Reader interface {
	// Live takes a frame as it is posted. Its id is the same for an equal frame, and told for it by pages and Overlooked too.
	// The frame has FrameSize bytes, which are not to be changed.
	Live(id string, frame []byte)
	// Overlooked takes frames, by their ids, that are stored and did not come live, although they should have by now.
	Overlooked(ids []string)
}

// Subscription is that a Reader hears of a mailbox. The zero Subscription has ended.
type Subscription struct {
	of      *subscriptions
	nats    *nats.Subscription
	reader  Reader
	dropped int // messages that NATS had dropped when the listener was last told
}

// End ends the subscription. Its reader may be called once more, with what was being handled.
func (s *Subscription) End() {
	if s.of == nil {
		return
	}
	s.of.remove(s)
	s.nats.Unsubscribe() // fails only when the engine is gone
}

// NATS is for tests, which end it to see what becomes of a reader that hears nothing.
func (s *Subscription) NATS() *nats.Subscription { return s.nats }

// subscriptions are those that have not ended.
type subscriptions struct {
	mu        sync.RWMutex
	byNATS    map[*nats.Subscription]*Subscription
	bySubject map[string]*Subscription
}

func newSubscriptions() *subscriptions {
	return &subscriptions{byNATS: map[*nats.Subscription]*Subscription{}, bySubject: map[string]*Subscription{}}
}

// add adds what subscribe makes.
func (all *subscriptions) add(r Reader, subscribe func() (*nats.Subscription, error)) (*Subscription, error) {
	// Nobody looks for a subscription meanwhile: the first message may come before subscribe returns.
	all.mu.Lock()
	defer all.mu.Unlock()
	n, err := subscribe()
	if err != nil {
		return nil, err
	}
	s := &Subscription{of: all, nats: n, reader: r}
	all.byNATS[n], all.bySubject[n.Subject] = s, s
	return s, nil
}

func (all *subscriptions) remove(s *Subscription) {
	all.mu.Lock()
	defer all.mu.Unlock()
	delete(all.byNATS, s.nats)
	if all.bySubject[s.nats.Subject] == s { // else there is a new one already
		delete(all.bySubject, s.nats.Subject)
	}
}

// of returns the subscription that NATS knows as n, nil if it has just ended or is none of a mailbox.
func (all *subscriptions) of(n *nats.Subscription) *Subscription {
	all.mu.RLock()
	defer all.mu.RUnlock()
	return all.byNATS[n]
}

// ofSubject returns that of a mailbox, by the subject of all its frames, nil if there is none.
func (all *subscriptions) ofSubject(subject string) *Subscription {
	all.mu.RLock()
	defer all.mu.RUnlock()
	return all.bySubject[subject]
}

// missed returns the readers of which NATS has dropped messages since it was last asked.
func (all *subscriptions) missed() (readers []Reader) {
	all.mu.Lock()
	defer all.mu.Unlock()
	for _, s := range all.byNATS {
		if n, _ := s.nats.Dropped(); n > s.dropped {
			s.dropped = n
			readers = append(readers, s.reader)
		}
	}
	return readers
}
