package turn

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/stun/v4"
)

func TestAllocationsAreBounded(t *testing.T) {
	s := start(t, Config{MaxAllocations: 2, Limits: 4})
	_, a := allocate(t, s, "udp")
	allocate(t, s, "tcp")
	servers, _ := s.ICEServers()
	for _, network := range []string{"udp", "tcp"} {
		w := newWire(t, network, s.Addr().String(), servers[0].Username, servers[0].Credential)
		if code := w.do(stun.MethodAllocate, overUDP); code != 486 {
			t.Errorf("a third allocation over %s is answered %d, want 486", network, code)
		}
	}
	if n := s.Allocations(); n != 2 {
		t.Errorf("%d allocations are open, want 2", n)
	}
	a.Close()
	allocate(t, s, "udp")
}

// The bound of one set of credentials holds for allocations at the same time over connections of their own, too.
func TestUserQuota(t *testing.T) {
	s := start(t, Config{})
	servers, _ := s.ICEServers()
	codes := make([]int, maxUserAllocations+8)
	var wg sync.WaitGroup
	for i := range codes {
		network := "udp"
		if i%2 == 1 {
			network = "tcp"
		}
		w := newWire(t, network, s.Addr().String(), servers[0].Username, servers[0].Credential)
		wg.Go(func() { codes[i] = w.do(stun.MethodAllocate, overUDP) })
	}
	wg.Wait()
	made := 0
	for _, code := range codes {
		switch code {
		case 0:
			made++
		case 486, 508:
		default:
			t.Errorf("allocate is answered %d", code)
		}
	}
	if made != maxUserAllocations || s.Allocations() != made {
		t.Errorf("%d allocations with one set of credentials, %d open; want %d", made, s.Allocations(), maxUserAllocations)
	}
	allocate(t, s, "udp") // with others
}

func id(name, ip string) string {
	return userID(name, &net.UDPAddr{IP: net.ParseIP(ip), Port: 1})
}

// Who has many credentials has no more allocations for it.
func TestClientQuota(t *testing.T) {
	for _, limits := range []float64{0.5, 1, 2} {
		q := newQuota(1<<20, limits, time.Now)
		bound := int(clientShare * maxUserAllocations * limits)
		var leases []*lease
		for i := range bound {
			// An IPv6 client chooses within its /64.
			l, err := q.take(id(fmt.Sprint(i), fmt.Sprintf("2001:db8::%x", i)))
			if err != nil {
				t.Fatalf("allocation %d: %v", i, err)
			}
			leases = append(leases, l)
		}
		if _, err := q.take(id("new", "2001:db8::ffff:1")); err == nil || q.allow(id("new", "2001:db8::ffff:1"), "", nil) {
			t.Errorf("one client has more than %d allocations", bound)
		}
		if !q.allow(id("new", "2001:db8:0:1::1"), "", nil) || !q.allow(id("new", "192.0.2.1"), "", nil) {
			t.Error("the bound of one client is not its own")
		}
		for _, l := range leases {
			l.release()
		}
		if q.allocations() != 0 || !q.allow(id("new", "2001:db8::ffff:1"), "", nil) {
			t.Errorf("%d allocations are left", q.allocations())
		}
	}
	q := newQuota(1, 1, time.Now)
	for _, bad := range []string{"", "name", "x name"} {
		if _, err := q.take(bad); err == nil || q.allow(bad, "", nil) {
			t.Errorf("user id %q is taken", bad)
		}
	}
}

// Where there are few allocations in all, one client has no more than a quarter of them, and one /48 half; unless the operator says
// that many share an address.
func TestFewAllocationsAreShared(t *testing.T) {
	for _, c := range []struct {
		limits                  float64
		client, network, others int
	}{{1, 16, 32, 16}, {0.1, 16, 32, 16}, {2, 32, 32, 0}, {4, 64, 0, 0}} {
		q := newQuota(64, c.limits, time.Now)
		take := func(from func(i int) string) (n int) {
			for i := range 100 {
				if _, err := q.take(id(fmt.Sprint(i), from(i))); err == nil {
					n++
				}
			}
			return n
		}
		client := take(func(int) string { return "192.0.2.1" })
		network := take(func(i int) string { return fmt.Sprintf("2001:db8:1:%x::1", i) })
		others := take(func(i int) string { return fmt.Sprintf("198.51.100.%d", i) })
		if client != c.client || network != c.network || others != c.others {
			t.Errorf("limits %v: of 64 one client has %d, one network %d, others %d, want %+v", c.limits, client, network, others, c)
		}
	}
}

// Who has all addresses of an IPv6 /48 has as many allocations, and relays as much, as four clients.
func TestNetworkQuota(t *testing.T) {
	now := time.Unix(1e9, 0)
	q := newQuota(1<<20, 1, func() time.Time { return now })
	var leases []*lease
	for n := range 256 {
		for i := range clientShare * maxUserAllocations {
			l, err := q.take(id(fmt.Sprint(n, i), fmt.Sprintf("2001:db8:1:%x::1", n)))
			if err != nil {
				break
			}
			leases = append(leases, l)
		}
	}
	if most := siteShare * clientShare * maxUserAllocations; len(leases) != most {
		t.Errorf("a /48 has %d allocations, want %d", len(leases), most)
	}
	const packet = 1250
	sent := 0
	for _, l := range leases {
		for l.spend(packet) {
			sent += packet
		}
	}
	if most := siteShare * clientShare * userBurst; sent != most {
		t.Errorf("a /48 relayed %d bytes at once, want %d", sent, most)
	}
	other, err := q.take(id("other", "2001:db8:2::1"))
	if err != nil || !other.spend(packet) {
		t.Errorf("another network has none: %v", err)
	}
	for _, l := range append(leases, other) {
		l.release()
	}
	now = now.Add(time.Hour)
	if q.sweep(); len(q.shares) != 0 {
		t.Errorf("%d users, clients and networks are remembered", len(q.shares))
	}
}

// What all together may relay is bounded, too, whoever they are, and what is over it is counted as dropped.
func TestAllTrafficIsBounded(t *testing.T) {
	now := time.Unix(1e9, 0)
	q := newQuota(1000, 1, func() time.Time { return now })
	q.bound(4 << 20)
	const packet = 1 << 10
	drain := func() (sent int) {
		for i := range 4 {
			l, err := q.take(id("user", fmt.Sprintf("192.0.2.%d", i)))
			if err != nil {
				t.Fatal(err)
			}
			shares := l.shares
			l.shares = nil // only what all together may counts here
			for l.spend(packet) {
				sent += packet
			}
			l.shares = shares
			l.release()
		}
		return sent
	}
	if sent := drain(); sent != 1<<20 {
		t.Errorf("all relayed %d bytes at once, want %d", sent, 1<<20)
	}
	now = now.Add(time.Second / 8)
	if sent := drain(); sent != 1<<19 {
		t.Errorf("all relayed %d bytes in the eighth of a second after, want %d", sent, 1<<19)
	}
	if got := q.dropped.Load(); got != 8 {
		t.Errorf("%d packets were counted as dropped, want 8", got)
	}
	q.bound(1)
	if drain() != minBurst {
		t.Error("a small bound has no room for packets")
	}
}

// What one set of credentials may relay is bounded over all its allocations, and what one client may, over all its
// credentials. A new allocation brings no new burst.
func TestTrafficIsBounded(t *testing.T) {
	now := time.Unix(1e9, 0)
	q := newQuota(1000, 1, func() time.Time { return now })
	take := func(name string) *lease {
		t.Helper()
		l, err := q.take(id(name, "192.0.2.1"))
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	const packet = 1250
	drain := func(leases ...*lease) (sent int) {
		for {
			before := sent
			for _, l := range leases {
				if l.spend(packet) {
					sent += packet
				}
			}
			if sent == before {
				return sent
			}
		}
	}
	a, b := take("one"), take("one")
	if sent := drain(a, b); sent != userBurst {
		t.Errorf("one user relayed %d bytes at once, want %d", sent, userBurst)
	}
	a.release()
	b.release()
	now = now.Add(time.Second)
	c := take("one")
	if sent := drain(c); sent != userBytes {
		t.Errorf("one user relayed %d bytes in the second after, want %d", sent, userBytes)
	}
	var others []*lease
	for i := range 20 {
		others = append(others, take(fmt.Sprint("other ", i)))
	}
	if sent, most := drain(others...), clientShare*userBurst; sent > most || sent < most-4*userBytes {
		t.Errorf("one client relayed %d bytes at once, want %d less what it has relayed", sent, most)
	}
	if other, _ := q.take(id("one", "192.0.2.2")); drain(other) != 0 {
		t.Error("a set of credentials can relay more from another address")
	}
	if other, _ := q.take(id("new", "192.0.2.2")); drain(other) != userBurst {
		t.Error("another client cannot relay what it may")
	}
	if q.relayed.Load() == 0 || q.dropped.Load() == 0 {
		t.Errorf("counted %d bytes relayed, %d packets dropped", q.relayed.Load(), q.dropped.Load())
	}
	c.release()
	for _, l := range others {
		l.release()
	}
	now = now.Add(time.Hour)
	take("last")
	if len(q.shares) > 5 {
		t.Errorf("%d users and clients are remembered", len(q.shares))
	}
}

// A call in HD with a shared screen fits into what one set of credentials may relay.
func TestTrafficOfACall(t *testing.T) {
	now := time.Unix(1e9, 0)
	q := newQuota(1, 1, func() time.Time { return now })
	l, err := q.take(id("caller", "192.0.2.1"))
	if err != nil {
		t.Fatal(err)
	}
	const bits, packet = 4 * 5_000_000, 1200 // two pictures, both directions
	for i := range 60 * bits / 8 / packet {
		now = time.Unix(1e9, 0).Add(time.Duration(i) * time.Second * packet * 8 / bits)
		if !l.spend(packet) {
			t.Fatalf("packet %d was dropped", i)
		}
	}
}

// Over the rate packets are dropped, in both directions, and the allocation lives.
func TestTrafficIsDropped(t *testing.T) {
	var mu sync.Mutex
	now := time.Now()
	s := start(t, Config{now: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}})
	w := connect(t, s, "tcp")
	_, other := allocate(t, s, "udp")
	to := other.LocalAddr().(*net.UDPAddr).AddrPort()
	if code := w.bind(0x4000, to); code != 0 {
		t.Fatalf("bind: %d", code)
	}
	data := strings.Repeat("x", 1200)
	for range userBurst/len(data) + 100 {
		w.sendBy(0x4000, data)
	}
	w.settle()
	if s.DroppedPackets() < 100 {
		t.Errorf("%d packets were dropped, want at least 100", s.DroppedPackets())
	}
	if n := s.RelayedBytes(); n > 2*userBurst {
		t.Errorf("%d bytes were relayed", n)
	}
	mu.Lock()
	now = now.Add(10 * time.Second)
	mu.Unlock()
	before := s.RelayedBytes()
	w.sendBy(0x4000, "hello")
	w.settle()
	if s.RelayedBytes() == before {
		t.Error("the allocation does not live on")
	}
}

// A client cannot have the server remember peers without end: its allocation ends.
func TestPeersAreBounded(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		s := start(t, Config{})
		w := connect(t, s, network)
		ip := netip.MustParseAddr("8.0.0.0")
		made := 0
		for made < 2*maxPeers {
			var peers []netip.AddrPort
			for range 32 {
				ip = ip.Next()
				peers = append(peers, netip.AddrPortFrom(ip, 1))
			}
			// An allocation that is gone is not answered for; a binding request is.
			w.write(w.build(stun.MethodCreatePermission, stun.ClassRequest, w.signed(setters(peers))...).Raw)
			made += len(peers)
		}
		w.settle()
		waitFor(t, "the allocation with too many permissions to end", func() bool { return s.Allocations() == 0 })

		w = connect(t, s, network)
		for i := range 2 * maxPeers {
			attrs := []stun.Setter{channel(0x4000 + uint16(i)), peer(netip.AddrPortFrom(ip, uint16(i+1)))}
			w.write(w.build(stun.MethodChannelBind, stun.ClassRequest, w.signed(attrs)...).Raw)
			if i%64 == 0 {
				w.settle() // a socket's buffer holds no more
			}
		}
		w.settle()
		waitFor(t, "the allocation with too many channels to end", func() bool { return s.Allocations() == 0 })
	}
}

func setters(peers []netip.AddrPort) (attrs []stun.Setter) {
	for _, p := range peers {
		attrs = append(attrs, peer(p))
	}
	return attrs
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// What peers send counts for who hears it; what strangers send does not: they cannot use up what somebody may relay.
func TestHearingIsBounded(t *testing.T) {
	now := time.Now()
	s := start(t, Config{now: func() time.Time { return now }}) // no time passes: no bucket fills
	client, a := allocate(t, s, "udp")
	stranger := connect(t, s, "udp")
	to := a.LocalAddr().(*net.UDPAddr).AddrPort()
	conn := func(port uint16) *relayConn {
		s.relays.mu.Lock()
		defer s.relays.mu.Unlock()
		return s.relays.open[port]
	}(to.Port())
	heard := func() int { return userBurst - int(conn.lease.shares[0].traffic.TokensAt(now)) }
	if code := stranger.bind(0x4000, to); code != 0 {
		t.Fatalf("bind: %d", code)
	}
	const packets = 50
	data := strings.Repeat("x", 1000)
	for range packets {
		stranger.sendBy(0x4000, data)
	}
	stranger.settle() // now all wait at a's socket, or were read
	if n := heard(); n != 0 {
		t.Errorf("strangers used up %d bytes", n)
	}
	if err := client.CreatePermission(a.LocalAddr()); err != nil { // for the address, and thus for all that are relayed here
		t.Fatal(err)
	}
	before := heard()
	for range packets {
		stranger.sendBy(0x4000, data)
	}
	stranger.settle()
	waitFor(t, "what is heard to be counted", func() bool { return heard() >= before+packets*len(data) })
}
