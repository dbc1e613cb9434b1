package turn

import (
	"net"
	"net/netip"
	"sync"
	"time"
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
// So what ends an allocation waits in OnPermissionDeleted, which comes before the timer is stopped: first, if the permission was
// not told of yet, until it is, and then until whoever makes a permission for the same client has come to the next thing that
// pion tells us of: the check of the next peer, the channel that the permission is for, the response, or the next request.
// Nothing before those waits for a lock that pion holds in the meantime.
type starts struct {
	mu   sync.Mutex
	open map[source]chan struct{}
	told map[permission]struct{} // permissions that there are, as far as pion has told
	news chan struct{}           // closed and replaced when there is one more
}

// permission is what a client may do with a peer's address, in the form that pion has it.
type permission struct {
	client source
	peer   string
}

// tellTime is how long it may take from the making of a permission until it is told of, which is the next thing pion does. A
// permission may also be deleted twice, by its timer and with its allocation: then it is not told of any more.
const tellTime = time.Second

func newStarts() *starts {
	return &starts{open: map[source]chan struct{}{}, told: map[permission]struct{}{}, news: make(chan struct{})}
}

// begin is called when pion tells of a permission that it has made and not started.
func (s *starts) begin(client source, peer net.IP) {
	s.end(client)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[client] = make(chan struct{})
	s.told[permission{client, string(peer)}] = struct{}{}
	close(s.news)
	s.news = make(chan struct{})
}

func (s *starts) end(client source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if done := s.open[client]; done != nil {
		close(done)
		delete(s.open, client)
	}
}

// wait is called when pion is about to stop a permission. It returns when that has been started.
func (s *starts) wait(client source, peer net.IP) {
	p, late := permission{client, string(peer)}, time.After(tellTime)
	for {
		s.mu.Lock()
		_, told := s.told[p]
		delete(s.told, p)
		done, news := s.open[client], s.news
		s.mu.Unlock()
		if told {
			if done != nil {
				<-done
			}
			return
		}
		select {
		case <-news:
		case <-late:
			return
		}
	}
}

// isResponse reports whether p is a STUN response: those are written by who reads requests, everything else to a client by who
// reads its peers.
func isResponse(p []byte) bool { return len(p) > 0 && p[0]&0xc1 == 0x01 }
