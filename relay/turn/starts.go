package turn

import (
	"net"
	"net/netip"
	"sync"
)

// source is a client's address and by which way it came. pion knows the same as a five-tuple.
type source struct {
	way  way
	addr netip.AddrPort
}

type way byte

const (
	byUDP way = iota
	byTCP
	byTLS
)

func sourceOf(by way, client net.Addr) source { return source{by, addrPortOf(client)} }

// starts keeps pion from ending an allocation in the moment between making a permission and starting its timer. pion 5.1.0
// puts a permission where others find it, tells of it (OnPermissionCreated), and then sets its timer; ending the allocation
// stops that timer, also when it is not there yet, which is the end of the process. A client could bring that about: its
// allocation's end comes when it likes.
//
// So what ends an allocation waits in OnPermissionDeleted, which comes before the timer is stopped, until whoever makes a
// permission for the same client has come to the next thing that pion tells us of: the check of the next peer, the channel that
// the permission is for, the response, or the next request. Nothing before those waits for a lock that pion holds in the
// meantime.
type starts struct {
	mu   sync.Mutex
	open map[source]chan struct{}
}

func newStarts() *starts { return &starts{open: map[source]chan struct{}{}} }

func (s *starts) begin(client source) {
	s.end(client)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[client] = make(chan struct{})
}

func (s *starts) end(client source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if done := s.open[client]; done != nil {
		close(done)
		delete(s.open, client)
	}
}

func (s *starts) wait(client source) {
	s.mu.Lock()
	done := s.open[client]
	s.mu.Unlock()
	if done != nil {
		<-done
	}
}

// isResponse reports whether p is a STUN response: those are written by who reads requests, everything else to a client by who
// reads its peers.
func isResponse(p []byte) bool { return len(p) > 0 && p[0]&0xc1 == 0x01 }
