package relay

import (
	"net/netip"
	"sync"

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

// add makes room for c, or reports that there is none.
func (s *connSet) add(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.clients[c.client]
	if len(s.conns) >= s.max || u.conns >= s.perClient.conns {
		return false
	}
	s.conns[c] = struct{}{}
	u.conns++
	s.clients[c.client] = u
	return true
}

// remove takes back add. By then c owns nothing.
func (s *connSet) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	u := s.clients[c.client]
	u.conns--
	s.put(c.client, u)
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
