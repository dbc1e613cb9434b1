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
// So what ends an allocation waits in OnPermissionDeleted, which comes before the timer is stopped, while the very permission is
// being made: first until pion tells of it, and then until whoever makes it has come to the next thing that pion tells us of: the
// check of the next peer, the channel that the permission is for, the response, or the next request. Nothing before those waits
// for a lock that pion holds in the meantime.
//
// All other permissions have their timer. They may be deleted twice, by that timer and with their allocation, hundreds at once
// when both come at the same time; pion holds its locks over each, and without them reads nothing from anybody over UDP. So
// nothing of that may wait.
type starts struct {
	mu     sync.Mutex
	making map[source]*making      // at most one for each client, which is read one request at a time
	told   map[permission]struct{} // permissions that there are, as far as pion has told
	tell   time.Duration           // tellTime, but in tests
}

// making is a permission that may be made now: from the check of the peer to the next thing that pion tells us of.
type making struct {
	peer       string
	told, done chan struct{} // closed when it was made, and when it has its timer or was there already
}

// permission is what a client may do with a peer's address, in the form that pion has it.
type permission struct {
	client source
	peer   string
}

// tellTime is how long it may take from the making of a permission until it is told of, which is the next thing pion does. It
// passes only when a permission is deleted for the second time in the moment in which the client asks for it anew: who makes it
// waits then for who deletes it.
const tellTime = time.Second

func newStarts() *starts {
	return &starts{making: map[source]*making{}, told: map[permission]struct{}{}, tell: tellTime}
}

// check is called when a peer was found to be allowed: pion goes on to make the permission, or to prolong it.
func (s *starts) check(client source, peer net.IP) {
	s.end(client)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.making[client] = &making{string(peer), make(chan struct{}), make(chan struct{})}
}

// begin is called when pion tells of a permission that it has made and not started.
func (s *starts) begin(client source, peer net.IP) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told[permission{client, string(peer)}] = struct{}{}
	if m := s.making[client]; m != nil {
		close(m.told)
	}
}

// end is called when a client's permission has been started, if one was being made.
func (s *starts) end(client source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.making[client]; m != nil {
		close(m.done)
		delete(s.making, client)
	}
}

// wait is called when pion may be about to stop a permission. It returns when that has been started.
func (s *starts) wait(client source, peer net.IP) {
	p := permission{client, string(peer)}
	s.mu.Lock()
	_, told := s.told[p]
	delete(s.told, p)
	m, tell := s.making[client], s.tell
	s.mu.Unlock()
	if m == nil || m.peer != p.peer {
		return // not the one that is being made: that was deleted already, or has its timer
	}
	select {
	case <-m.told:
		<-m.done
		return
	default:
	}
	if told {
		return // the one from before
	}
	select {
	case <-m.told:
		<-m.done
		s.mu.Lock()
		delete(s.told, p)
		s.mu.Unlock()
	case <-m.done:
	case <-time.After(tell):
	}
}

// isResponse reports whether p is a STUN response: those are written by who reads requests, everything else to a client by who
// reads its peers.
func isResponse(p []byte) bool { return len(p) > 0 && p[0]&0xc1 == 0x01 }
