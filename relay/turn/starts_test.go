package turn

import (
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/stun/v4"
)

// What is deleted waits until it has its timer, and for nothing else: pion holds its locks meanwhile.
func TestStarts(t *testing.T) {
	for _, c := range []struct {
		name, steps string          // one a second; what is deleted waits beside them
		waited      []time.Duration // in seconds
	}{
		{"made and not told of", "check a, delete a, begin a, end", []time.Duration{2}},
		{"told of and not started", "check a, begin a, delete a, end", []time.Duration{1}},
		{"not started and deleted twice", "check a, begin a, delete a, delete a, end", []time.Duration{2, 1}},
		{"started", "check a, begin a, end, delete a", []time.Duration{0}},
		{"deleted before", "check a, begin a, end, delete a, delete a", []time.Duration{0, 0}},
		{"another is made", "check a, begin a, check b, delete a, begin b, delete a, end", []time.Duration{0, 0}},
		{"about to be prolonged", "check a, begin a, check a, delete a, end", []time.Duration{0}},
		{"about to be made again", "check a, begin a, check a, delete a, begin a, delete a, end", []time.Duration{0, 1}},
		{"deleted before, made again and not told of", "check a, begin a, end, delete a, check a, delete a, begin a, end", []time.Duration{0, 2}},
		{"deleted before, and it was there", "check a, begin a, end, delete a, check a, delete a, end", []time.Duration{0, 1}},
		{"deleted before, and who makes it waits", "check a, begin a, end, delete a, check a, delete a", []time.Duration{0, 10}},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newStarts()
			s.tell = 10 * time.Second
			client := source{byUDP, netip.MustParseAddrPort("192.0.2.1:1")}
			var deleted []chan time.Duration
			for step := range strings.SplitSeq(c.steps, ", ") {
				what, peer, _ := strings.Cut(step, " ")
				switch what {
				case "check":
					s.check(client, net.IP(peer))
				case "begin":
					s.begin(client, net.IP(peer))
				case "end":
					s.end(client)
				case "delete":
					began, done := time.Now(), make(chan time.Duration, 1)
					deleted = append(deleted, done)
					go func() {
						s.wait(client, net.IP(peer))
						done <- time.Since(began) / time.Second
					}()
				}
				time.Sleep(time.Second)
			}
			var waited []time.Duration
			for _, d := range deleted {
				waited = append(waited, <-d)
			}
			if !slices.Equal(waited, c.waited) {
				t.Errorf("%s: waited %d seconds, want %d", c.name, waited, c.waited)
			}
		})
	}
}

// Permissions may end by their timers and with their allocation at the same time. The server answers others meanwhile.
func TestAllocationEndsWithItsPermissions(t *testing.T) {
	const life = 2 * time.Second
	for _, network := range []string{"udp", "tcp"} {
		s := start(t, Config{permissions: life})
		w := connect(t, s, network)
		before := runtime.NumGoroutine()
		w.permitMany(8, 60)
		w.settle()
		// The first that is deleted waits for this lock, and the others for that one: so they end at the same time.
		s.relays.mu.Lock()
		w.write(w.build(stun.MethodRefresh, stun.ClassRequest, w.signed([]stun.Setter{attribute{stun.AttrLifetime, make([]byte, 4)}})...).Raw)
		for at := time.Now(); runtime.NumGoroutine() < before+8*60 && time.Since(at) < 2*life; {
			time.Sleep(time.Millisecond)
		}
		s.relays.mu.Unlock()
		w.settle()
		newWire(t, network, s.Addr().String(), "", "").settle()
	}
}

// An allocation may end at any moment of making permissions for it: pion alone would bring the process down.
func TestAllocationEndsWhilePermitting(t *testing.T) {
	for _, c := range []struct {
		network string
		life    time.Duration // of permissions
	}{{"udp", 0}, {"tcp", 0}, {"udp", time.Microsecond}, {"tcp", time.Microsecond}} {
		s := start(t, Config{permissions: c.life})
		for range 20 {
			w := connect(t, s, c.network)
			w.permitMany(8, 60)
			if c.life != 0 {
				w.permitMany(8, 60) // those that there were
			}
			// What its lifetime would do, or its client.
			s.relays.mu.RLock()
			var open []*relayConn
			for _, c := range s.relays.open {
				open = append(open, c)
			}
			s.relays.mu.RUnlock()
			for _, c := range open {
				c.UDPConn.Close()
			}
			w.settle()
		}
		waitFor(t, "all allocations to end", func() bool { return s.pion.AllocationCount() == 0 })
	}
}

// permitMany asks so often for permissions for so many peers each, and awaits no response.
func (w *wire) permitMany(times, many int) {
	w.t.Helper()
	ip := netip.MustParseAddr("8.0.0.0")
	for range times {
		var peers []netip.AddrPort
		for range many {
			ip = ip.Next()
			peers = append(peers, netip.AddrPortFrom(ip, 1))
		}
		w.write(w.build(stun.MethodCreatePermission, stun.ClassRequest, w.signed(setters(peers))...).Raw)
	}
}
