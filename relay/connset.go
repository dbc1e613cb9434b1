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

	"github.com/nats-io/nats.go"
)

// connSet is the set of open connections, and counts what each client has of them.
type connSet struct {
	max       int
	perClient use // the most that one client may have
	few       use // what one may have when there is not much left

	mu      sync.Mutex
	conns   map[*conn]struct{}
	clients map[netip.Prefix]use // of what is open; of IPv6 networks (see clientSite) too
	idle    chan struct{}        // of a set that is drained: closed when it is empty

	fanouts *fanouts

	answersDropped int // see resyncDropped

	waiting atomic.Int64 // messages for clients that are queued or held
}

const (
	// resyncStep is how much later, for each connection, the last of them reads its backlogs again after the engine was lost.
	resyncStep = 100 * time.Microsecond
	maxResync  = 2 * time.Second
)

// use is how many connections a client address prefix has, and how many mailboxes it reads with all of them together.
type use struct{ conns, subs int }

const (
	maxClientConns = 1 << 10
	maxClientSubs  = 1 << 16
	// The last eighth of all is for clients that have few: for as long as that lasts, some with all that they may have shut out
	// nobody else.
	fewClientConns = 8
	fewClientSubs  = maxSubscriptions
	keptForFew     = 8

	maxSubs    = 1 << 20 // of all clients; each takes about 2 kB
	maxWaiting = 1 << 16 // messages, each of 4 kB: beyond it a reader has a page of them at most
)

func newConnSet(most int, factor float64) *connSet {
	times := func(conns, subs float64) use { return use{max(1, int(conns*factor)), max(1, int(subs*factor))} }
	return &connSet{
		max: most, perClient: times(maxClientConns, maxClientSubs), few: times(fewClientConns, fewClientSubs),
		conns: map[*conn]struct{}{}, clients: map[netip.Prefix]use{}, fanouts: newFanouts(),
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
	s.count(c.client, use{conns: 1})
	return nil
}

func (s *connSet) mayAdd(client netip.Prefix) error {
	open := func(u use) int { return u.conns }
	few := !s.has(client, open, s.few.conns)
	switch {
	case s.idle != nil:
		return draining()
	case s.has(client, open, s.perClient.conns):
		return &refusal{http.StatusTooManyRequests, "too-many-connections", "this address has too many connections open", 10 * time.Second}
	case !room(len(s.conns), s.max, few):
		return &refusal{http.StatusServiceUnavailable, "relay-full", "the relay serves no more connections for now", 10 * time.Second}
	}
	return nil
}

// has reports whether a client has as many of something, or its IPv6 network four times as many. s.mu is held.
func (s *connSet) has(client netip.Prefix, what func(use) int, many int) bool {
	site, ok := clientSite(client)
	return what(s.clients[client]) >= many || ok && what(s.clients[site]) >= siteFactor*many
}

// room reports whether there is room for one more of something of which there are n, for a client that has few or not.
func room(n, most int, few bool) bool { return n < most-most/keptForFew || few && n < most }

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
	s.count(c.client, use{conns: -1})
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

// hasRoom reports whether c may read one more mailbox.
func (s *connSet) hasRoom(c *conn) bool {
	all := s.subscriptions()
	s.mu.Lock()
	defer s.mu.Unlock()
	read := func(u use) int { return u.subs }
	return !s.has(c.client, read, s.perClient.subs) && room(all, maxSubs, !s.has(c.client, read, s.few.subs))
}

// open returns how many connections are open, subscriptions how many mailboxes they read.
func (s *connSet) open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

func (s *connSet) subscriptions() int { return s.fanouts.count() }

// own makes sub a reader of its mailbox, with a new engine subscription if it is the first here; disown takes that back.
func (s *connSet) own(sub *subscription, subscribe func() (*nats.Subscription, error)) error {
	err := s.fanouts.join(sub, subscribe)
	if err == nil {
		s.useSubs(sub.conn.client, 1)
	}
	return err
}

func (s *connSet) disown(sub *subscription) {
	unused, owned := s.fanouts.leave(sub)
	if owned {
		s.useSubs(sub.conn.client, -1)
	}
	if unused != nil {
		unused.Unsubscribe() // fails only when the engine is gone
	}
}

func (s *connSet) useSubs(client netip.Prefix, subs int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count(client, use{subs: subs})
}

// count adds to what a client has, and its IPv6 network. s.mu is held.
func (s *connSet) count(client netip.Prefix, more use) {
	add := func(of netip.Prefix) {
		u := s.clients[of]
		u.conns, u.subs = u.conns+more.conns, u.subs+more.subs
		if s.clients[of] = u; u == (use{}) {
			delete(s.clients, of)
		}
	}
	add(client)
	if site, ok := clientSite(client); ok {
		add(site)
	}
}

// stopAll ends every connection.
func (s *connSet) stopAll(why closing) {
	for _, c := range s.all() {
		c.stop(why)
	}
}

// resyncAll has every connection read its backlogs again, after something may have gone past: not all at the same moment,
// for the engine is in trouble, or has just come back.
func (s *connSet) resyncAll() {
	resync(s.all())
}

func resync(all []*conn) {
	now := time.Now()
	spread := min(maxResync, time.Duration(len(all))*resyncStep)
	for _, c := range all {
		c.resync(now.Add(rand.N(spread + 1)))
	}
}

// resyncDropped does the same for those of which NATS dropped messages: all of them if it was answers to backlog reads, for
// then nobody knows whose. Only the dispatcher calls it.
func (s *connSet) resyncDropped(answers *nats.Subscription) {
	if n, _ := answers.Dropped(); n > s.answersDropped {
		s.answersDropped = n
		s.resyncAll()
		return
	}
	resync(slices.Collect(maps.Keys(s.fanouts.missed())))
}

func (s *connSet) all() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.conns))
}
