package relay

import (
	"net/netip"
	"sync"

	"github.com/nats-io/nats.go"
)

// connSet is the set of open connections, and knows which of them reads an engine subscription.
type connSet struct {
	max int

	mu     sync.Mutex
	conns  map[*conn]netip.Prefix
	counts map[netip.Prefix]int
	owners map[*nats.Subscription]*conn
}

// maxClientConns bounds the connections of one client address prefix.
const maxClientConns = 1024

func newConnSet(max int) *connSet {
	return &connSet{
		max: max, conns: map[*conn]netip.Prefix{}, counts: map[netip.Prefix]int{}, owners: map[*nats.Subscription]*conn{},
	}
}

// add makes room for c, or reports that there is none.
func (s *connSet) add(c *conn, client netip.Prefix) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.conns) >= s.max || s.counts[client] >= maxClientConns {
		return false
	}
	s.conns[c] = client
	s.counts[client]++
	return true
}

func (s *connSet) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	client := s.conns[c]
	delete(s.conns, c)
	if s.counts[client]--; s.counts[client] == 0 {
		delete(s.counts, client)
	}
}

// own records that c reads sub, disown that nobody does any more.
func (s *connSet) own(sub *nats.Subscription, c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.owners[sub] = c
}

func (s *connSet) disown(sub *nats.Subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.owners, sub)
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
