package relay

import (
	"maps"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"ringfork/relay/limit"
	"ringfork/relay/store"
)

// connSet is the set of open connections, and counts what each client has of them. It is the store's Listener: see hear.go.
type connSet struct {
	max               int
	perClient         use // what each client has
	fewConns, fewSubs int // what one may have when there is not much left

	mu    sync.Mutex
	conns map[*conn]struct{}
	idle  chan struct{} // of a set that is drained: closed when it is empty

	fanouts *fanouts
	pages   pages

	waiting atomic.Int64 // messages for clients that are queued or held
}

const (
	// resyncStep is how much later, for each connection, the last of them reads its backlogs again after the engine was lost.
	resyncStep = 100 * time.Microsecond
	maxResync  = 2 * time.Second
)

// use counts the connections of each client, and the mailboxes that it reads with all of them together.
type use struct{ conns, subs *limit.Count }

const (
	maxClientConns = 1 << 10
	maxClientSubs  = 1 << 16
	// The last eighth of all is for clients that have few: for as long as that lasts, some with all that they may have shut out
	// nobody else.
	fewClientConns = 8
	fewClientSubs  = maxSubscriptions

	maxSubs    = 1 << 20 // of all clients; each takes about 2 kB
	maxWaiting = 1 << 16 // messages, each of 4 kB: beyond it a reader has a page of them at most
)

func newConnSet(most int, factor float64) *connSet {
	times := func(n float64) int { return max(1, int(n*factor)) }
	return &connSet{
		max:       most,
		perClient: use{limit.NewCount(times(maxClientConns)), limit.NewCount(times(maxClientSubs))},
		fewConns:  times(fewClientConns), fewSubs: times(fewClientSubs),
		conns: map[*conn]struct{}{}, fanouts: newFanouts(), pages: pages{asked: map[uint64]*conn{}},
	}
}

// add makes room for c. The error is a refusal: there is none.
func (s *connSet) add(c *conn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.mayAdd(c.client); err != nil {
		return err
	}
	s.conns[c] = struct{}{}
	s.perClient.conns.Add(c.client)
	return nil
}

func (s *connSet) mayAdd(client netip.Prefix) error {
	open := s.perClient.conns
	switch {
	case s.idle != nil:
		return draining()
	case open.Has(client, open.Most()):
		return &refusal{http.StatusTooManyRequests, "too-many-connections", "this address has too many connections open", 10 * time.Second}
	case !limit.Room(len(s.conns), s.max, !open.Has(client, s.fewConns)):
		return &refusal{http.StatusServiceUnavailable, "relay-full", "the relay serves no more connections for now", 10 * time.Second}
	}
	return nil
}

// check returns what add would.
func (s *connSet) check(client netip.Prefix) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mayAdd(client)
}

// remove takes back add. By then c owns nothing.
func (s *connSet) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	s.perClient.conns.Done(c.client)
	if s.idle != nil && len(s.conns) == 0 {
		close(s.idle)
	}
}

// drain ends adding, and returns the connections that are there and what is closed when the last of them is gone.
func (s *connSet) drain() (open []*conn, idle <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.idle == nil {
		if s.idle = make(chan struct{}); len(s.conns) == 0 {
			close(s.idle)
		}
	}
	return slices.Collect(maps.Keys(s.conns)), s.idle
}

func (s *connSet) isDraining() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.idle != nil
}

// open returns how many connections are open, subscriptions how many mailboxes they read.
func (s *connSet) open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

func (s *connSet) subscriptions() int { return s.fanouts.count() }

// own makes sub a reader of its mailbox, with a new subscription of the store if it is the first here; disown takes that back. The
// error is errNoRoom if there are too many, of everybody, of this client or of this mailbox.
func (s *connSet) own(sub *subscription, subscribe func(address, store.Reader) (*store.Subscription, error)) error {
	client, read := sub.conn.client, s.perClient.subs
	if !limit.Room(s.subscriptions(), maxSubs, !read.Has(client, s.fewSubs)) || !read.Add(client) {
		return errNoRoom
	}
	err := s.fanouts.join(sub, subscribe)
	if err != nil {
		read.Done(client)
	}
	return err
}

func (s *connSet) disown(sub *subscription) {
	unused, owned := s.fanouts.leave(sub)
	if owned {
		s.perClient.subs.Done(sub.conn.client)
	}
	if unused != nil {
		unused.End()
	}
}

// stopAll ends every connection.
func (s *connSet) stopAll(why closing) {
	for _, c := range s.all() {
		c.stop(why)
	}
}

// resync has these connections read their backlogs again, spread over some time.
func resync(all []*conn) {
	now := time.Now()
	spread := min(maxResync, time.Duration(len(all))*resyncStep)
	for _, c := range all {
		c.resync(now.Add(rand.N(spread + 1)))
	}
}

func (s *connSet) all() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.conns))
}
