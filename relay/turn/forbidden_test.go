package turn

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/pion/stun/v4"
)

// connect makes a client of s with an allocation, by which way s is reached.
func connect(t *testing.T, s *Server, network string) *wire {
	t.Helper()
	at := netip.AddrPortFrom(s.relays.inside, s.addr.Port()).String()
	if network == "tls" {
		_, port, _ := net.SplitHostPort(s.tlsAt)
		at = net.JoinHostPort(s.relays.inside.String(), port)
	}
	servers, _ := s.ICEServers()
	w := newWire(t, network, at, servers[0].Username, servers[0].Credential)
	w.mustAllocate()
	return w
}

// No peer of the table is reached: over UDP, TCP and TLS to the server, by IPv4 and by IPv6 allocations, by permissions, by
// channels, by sending without either, and by RFC 6062's TCP connections.
func TestForbiddenPeers(t *testing.T) {
	for _, family := range []struct {
		listen, public, permitted string
	}{
		{"127.0.0.1:0", "198.51.100.7", "8.8.8.8"},
		{"[::1]:0", "2001:db8::7", "2606:4700:4700::1111"},
	} {
		for _, network := range []string{"udp", "tcp", "tls"} {
			t.Run(family.public+" "+network, func(t *testing.T) {
				if strings.HasPrefix(family.listen, "[") {
					needIPv6(t)
				}
				config, _ := testTLS(t)
				s := start(t, Config{Listen: family.listen, PublicIP: netip.MustParseAddr(family.public), TLS: config})
				w := connect(t, s, network)
				v4 := s.relays.listen.Is4()
				ips := ownPeers(t)
				for _, p := range forbiddenPeers {
					ips = append(ips, netip.MustParseAddr(p.ip))
				}
				for i, ip := range ips {
					permission, bind := w.refusals(netip.AddrPortFrom(ip, 53), 0x4000+uint16(i))
					want := [2]int{403, 401} // pion answers the second so
					if v4 != ip.Unmap().Is4() {
						want = [2]int{443, 443}
					}
					if got := [2]int{permission, bind}; got != want {
						t.Errorf("%s: refused by %v, want %v", ip, got, want)
					}
					if code := w.do(stun.MethodConnect, peer(netip.AddrPortFrom(ip, 80))); code <= 0 {
						t.Errorf("%s: a TCP connection was made (%d)", ip, code)
					}
				}
				// Beside a peer that is permitted too.
				permitted := netip.AddrPortFrom(netip.MustParseAddr(family.permitted), 53)
				loopback := netip.AddrPortFrom(s.relays.listen, 53)
				if code := w.permit(permitted, loopback); code <= 0 {
					t.Errorf("permission for two, one of them forbidden: %d", code)
				}
				w.send(loopback, "attack")
				w.settle()
				if n := s.RelayedBytes(); n != 0 {
					t.Errorf("%d bytes were relayed", n)
				}

				// It is not that nothing works: another peer is permitted, and a relayed one reached.
				if code := w.permit(permitted); code != 0 {
					t.Errorf("permission for %s: %d", permitted.Addr(), code)
				}
				if code := w.bind(0x5000, permitted); code != 0 {
					t.Errorf("channel to %s: %d", permitted.Addr(), code)
				}
				if code := w.do(stun.MethodConnect, peer(permitted)); code <= 0 {
					t.Errorf("a TCP connection to %s was made (%d)", permitted.Addr(), code)
				}
				_, other := allocate(t, s, "udp")
				to := other.LocalAddr().(*net.UDPAddr).AddrPort()
				if code := w.permit(to); code != 0 {
					t.Errorf("permission for a relayed peer: %d", code)
				}
				w.send(to, "hello")
				w.settle()
				if n := s.RelayedBytes(); n < 5 {
					t.Errorf("%d bytes were relayed to a relayed peer", n)
				}
			})
		}
	}
}

// What pion does not ask about is looked at again where packets leave and arrive.
func TestForbiddenAtTheSocket(t *testing.T) {
	s := start(t, Config{PublicIP: netip.MustParseAddr("198.51.100.7")})
	connect(t, s, "udp")
	var c *relayConn
	s.relays.mu.Lock()
	for _, c = range s.relays.open {
	}
	s.relays.mu.Unlock()
	service, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer service.Close()
	for _, p := range forbiddenPeers {
		if n, err := c.WriteTo([]byte("attack"), net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(p.ip), service.LocalAddr().(*net.UDPAddr).AddrPort().Port()))); n != 6 || err != nil {
			t.Errorf("%s: %d, %v; want what a lost packet gives", p.ip, n, err)
		}
	}
	if n := s.RelayedBytes(); n != 0 {
		t.Errorf("%d bytes were relayed", n)
	}
	// And so is what permit is asked: it alone would do.
	for _, p := range forbiddenPeers {
		if s.relays.permit(nil, netip.MustParseAddr(p.ip).AsSlice()) {
			t.Errorf("%s is permitted", p.ip)
		}
	}
	if s.relays.permit(nil, nil) || s.relays.permit(nil, net.IP{1, 2, 3}) {
		t.Error("what is no address is permitted")
	}
	for _, ip := range []string{"8.8.8.8", "11.0.0.1", "100.63.0.1", "100.128.0.1", "172.32.0.1", "192.167.0.1", "2606:4700::1", "198.51.100.7"} {
		if !s.relays.permit(nil, net.ParseIP(ip)) {
			t.Errorf("%s is refused", ip)
		}
	}
}

// Relayed TCP (RFC 6062) is not offered at all, nor are reserved ports, which pion hands out before it asks for the quota.
func TestNoOtherAllocations(t *testing.T) {
	s := start(t, Config{})
	servers, _ := s.ICEServers()
	for _, test := range []struct {
		name  string
		attrs []stun.Setter
	}{
		{"TCP", []stun.Setter{overTCP}},
		{"another protocol", []stun.Setter{attribute{stun.AttrRequestedTransport, []byte{1, 0, 0, 0}}}},
		{"IPv6", []stun.Setter{overUDP, attribute{stun.AttrRequestedAddressFamily, []byte{2, 0, 0, 0}}}},
		{"even port", []stun.Setter{overUDP, attribute{stun.AttrEvenPort, []byte{0xff}}}},
		{"reserved port", []stun.Setter{overUDP, attribute{stun.AttrReservationToken, []byte("12345678")}}},
		{"lifetime 0", []stun.Setter{overUDP, attribute{stun.AttrLifetime, []byte{0, 0, 0, 0}}}},
	} {
		for _, network := range []string{"udp", "tcp"} {
			w := newWire(t, network, s.Addr().String(), servers[0].Username, servers[0].Credential)
			if code := w.do(stun.MethodAllocate, test.attrs...); code <= 0 {
				t.Errorf("%s over %s: an allocation was made (%d)", test.name, network, code)
			}
			if code := w.do(stun.MethodConnectionBind, attribute{stun.AttrConnectionID, []byte{0, 0, 0, 1}}); code <= 0 {
				t.Errorf("%s over %s: a TCP connection was bound (%d)", test.name, network, code)
			}
		}
	}
	if n := s.Allocations(); n != 0 {
		t.Errorf("%d allocations are open", n)
	}
}
