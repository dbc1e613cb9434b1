package relay

import (
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// connSet is the set of open connections, and knows which of them reads an engine subscription.
type connSet struct {
	max       int
	perClient use // the most that one client may have

	mu      sync.Mutex
	conns   map[*conn]struct{}
	clients map[netip.Prefix]use // of what is open
	owners  map[*nats.Subscription]*conn
	idle    chan struct{} // of a set that is drained: closed when it is empty
}

// use is how many connections a client address prefix has, and engine subscriptions with all of them.
type use struct{ conns, subs int }

const (
	maxClientConns = 1 << 10
	maxClientSubs  = 1 << 16
	maxSubs        = 1 << 20 // of all clients; each takes about 2 kB
)

func newConnSet(most int, factor float64) *connSet {
	return &connSet{
		max: most, perClient: use{max(1, int(maxClientConns*factor)), max(1, int(maxClientSubs*factor))},
		conns: map[*conn]struct{}{}, clients: map[netip.Prefix]use{}, owners: map[*nats.Subscription]*conn{},
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
	u := s.clients[c.client]
	u.conns++
	s.clients[c.client] = u
	return nil
}

func (s *connSet) mayAdd(client netip.Prefix) error {
	switch {
	case s.idle != nil:
		return draining()
	case s.clients[client].conns >= s.perClient.conns:
		return &refusal{http.StatusTooManyRequests, "too-many-connections", "this address has too many connections open", 10 * time.Second}
	case len(s.conns) >= s.max:
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
	u := s.clients[c.client]
	u.conns--
	s.put(c.client, u)
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

// hasRoom reports whether c may have one more engine subscription.
func (s *connSet) hasRoom(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.owners) < maxSubs && s.clients[c.client].subs < s.perClient.subs
}

// count returns how many connections are open, subscriptions how many mailboxes they read; the engine subscriptions by which
// connections get their backlogs count too, one each.
func (s *connSet) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

func (s *connSet) subscriptions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.owners)
}

// own records that c reads sub, disown that it does not any more.
func (s *connSet) own(sub *nats.Subscription, c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.owners[sub] = c
	u := s.clients[c.client]
	u.subs++
	s.put(c.client, u)
}

func (s *connSet) disown(sub *nats.Subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.owners[sub]
	if c == nil {
		return
	}
	delete(s.owners, sub)
	u := s.clients[c.client]
	u.subs--
	s.put(c.client, u)
}

func (s *connSet) put(client netip.Prefix, u use) {
	if u == (use{}) {
		delete(s.clients, client)
	} else {
		s.clients[client] = u
	}
}

// stopAll ends every connection, after the engine's own one was lost; stopOwner ends that of one subscription.
func (s *connSet) stopAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.stop(closeUnavailable)
	}
}

func (s *connSet) stopOwner(sub *nats.Subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.owners[sub]; c != nil {
		c.stop(closeUnavailable)
	}
}
