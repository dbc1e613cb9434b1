package turn

import (
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"

	"ringfork/relay"
)

func start(t *testing.T, cfg Config) *Server {
	t.Helper()
	if cfg.Listen == "" {
		cfg.Listen = "127.0.0.1:0"
	}
	s, err := Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// dial makes a TURN client over UDP or TCP.
func dial(t *testing.T, s *Server, network, name, password string) *turn.Client {
	t.Helper()
	at := netip.AddrPortFrom(s.relays.inside, s.addr.Port()).String()
	var conn net.PacketConn
	if network == "tcp" {
		tcp, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		conn = turn.NewSTUNConn(tcp)
	} else {
		var err error
		if conn, err = net.ListenPacket("udp", netip.AddrPortFrom(s.relays.inside, 0).String()); err != nil {
			t.Fatal(err)
		}
	}
	c, err := turn.NewClient(&turn.ClientConfig{
		STUNServerAddr: at, TURNServerAddr: at, Conn: conn, Username: name, Password: password, LoggerFactory: silent{},
		RTO: 100 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Listen(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); conn.Close() })
	return c
}

// allocate makes a relayed address with new credentials.
func allocate(t *testing.T, s *Server, network string) (*turn.Client, net.PacketConn) {
	t.Helper()
	servers, _ := s.ICEServers()
	c := dial(t, s, network, servers[0].Username, servers[0].Credential)
	conn, err := c.Allocate()
	if err != nil {
		t.Fatalf("allocate: %v", err)
	}
	t.Cleanup(func() { conn.Close() })
	return c, conn
}

// patience bounds what takes milliseconds on a machine that does nothing else.
const patience = time.Minute

// talk sends from a to b and back.
func talk(t *testing.T, a, b net.PacketConn) {
	t.Helper()
	buf := make([]byte, 100)
	for _, c := range []struct{ from, to net.PacketConn }{{a, b}, {b, a}, {a, b}} {
		// Hearing needs a permission too; it comes with the first packet sent.
		if _, err := c.to.WriteTo([]byte("open"), c.from.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		if _, err := c.from.WriteTo([]byte("hello"), c.to.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		for text := ""; text != "hello"; {
			c.to.SetReadDeadline(time.Now().Add(patience))
			n, from, err := c.to.ReadFrom(buf)
			if err != nil {
				t.Fatal(err)
			}
			if text = string(buf[:n]); from.String() != c.from.LocalAddr().String() {
				t.Errorf("heard %s, want %s", from, c.from.LocalAddr())
			}
		}
	}
}

func TestTwoRelayedPeersTalk(t *testing.T) {
	for _, c := range []struct {
		name, first, second string
		cfg                 Config
	}{
		{"udp", "udp", "udp", Config{}},
		{"udp and tcp", "udp", "tcp", Config{}},
		{"behind NAT", "udp", "tcp", Config{PublicIP: netip.MustParseAddr("198.51.100.7")}},
		{"unspecified", "udp", "udp", Config{Listen: "0.0.0.0:0", PublicIP: netip.MustParseAddr("198.51.100.7")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, c.cfg)
			_, a := allocate(t, s, c.first)
			_, b := allocate(t, s, c.second)
			for _, conn := range []net.PacketConn{a, b} {
				if ip, _, _ := net.SplitHostPort(conn.LocalAddr().String()); ip != s.Addr().Addr().String() {
					t.Errorf("relayed address is %s", conn.LocalAddr())
				}
			}
			talk(t, a, b)
		})
	}
}

func TestSTUN(t *testing.T) {
	s := start(t, Config{})
	c := dial(t, s, "udp", "", "")
	if _, err := c.SendBindingRequest(); err != nil {
		t.Error(err)
	}
}

// The exception for the server's own address must not open the host's other ports, in either direction.
func TestOwnAddressReachesRelayedPortsOnly(t *testing.T) {
	s := start(t, Config{})
	service, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer service.Close()
	_, a := allocate(t, s, "udp")
	_, b := allocate(t, s, "udp")
	if _, err := a.WriteTo([]byte("attack"), service.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	if _, err := service.WriteTo([]byte("intrude"), a.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	talk(t, a, b) // after this, what was sent before has arrived or never will
	service.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	buf := make([]byte, 100)
	if n, _, err := service.ReadFrom(buf); err == nil {
		t.Errorf("the host's own service heard %q", buf[:n])
	}
	// talk fails on anything heard from another address than b's, so "intrude" was not heard.
}

func TestCredentials(t *testing.T) {
	var later atomic.Int64
	s := start(t, Config{now: func() time.Time { return time.Now().Add(time.Duration(later.Load())) }})
	servers, ttl := s.ICEServers()
	if ttl != 10*time.Minute {
		t.Errorf("credentials live %v", ttl)
	}
	at := s.Addr().String()
	want := "stun:" + at + " turn:" + at + "?transport=udp turn:" + at + "?transport=tcp"
	if got := strings.Join(servers[0].URLs, " "); got != want {
		t.Errorf("URLs are %s, want %s", got, want)
	}
	again, _ := s.ICEServers()
	if again[0].Username == servers[0].Username || again[0].Credential == servers[0].Credential {
		t.Error("credentials are issued twice")
	}
	refused := func(what, name, password string) {
		t.Helper()
		for _, network := range []string{"udp", "tcp"} {
			w := newWire(t, network, s.Addr().String(), name, password)
			if code := w.do(stun.MethodAllocate, overUDP); code != 400 {
				t.Errorf("%s over %s: allocate is answered %d, want 400", what, network, code)
			}
		}
	}
	name, password := servers[0].Username, servers[0].Credential
	refused("wrong password", name, again[0].Credential)
	refused("longer life", strings.Replace(name, name[:1], "9", 1), password)
	refused("no expiry", "someone", password)
	refused("empty expiry", ":someone", password)

	c := dial(t, s, "udp", name, password)
	a, err := c.Allocate()
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	later.Store(int64(10*time.Minute + 2*time.Second))
	refused("expired", name, password)
	// The allocation made in time goes on.
	_, b := allocate(t, s, "udp")
	talk(t, a, b)
	later.Store(int64(maxCall + 11*time.Minute))
	if err := c.CreatePermission(&net.UDPAddr{IP: net.IPv4(8, 8, 4, 4), Port: 53}); err == nil {
		t.Error("credentials serve for ever")
	}
}

// Credentials are good for another server with the same secret, such as the same one after a restart, and for no other.
func TestSecret(t *testing.T) {
	secret := []byte("0123456789abcdef")
	servers, _ := start(t, Config{Secret: secret}).ICEServers()
	allocate := func(s *Server) int {
		w := newWire(t, "udp", s.Addr().String(), servers[0].Username, servers[0].Credential)
		return w.do(stun.MethodAllocate, overUDP)
	}
	if code := allocate(start(t, Config{Secret: secret})); code != 0 {
		t.Errorf("the same secret: %d", code)
	}
	if code := allocate(start(t, Config{})); code <= 0 {
		t.Errorf("a new secret: %d", code)
	}
}

func TestPortRange(t *testing.T) {
	free, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	first := min(free.LocalAddr().(*net.UDPAddr).AddrPort().Port(), 65535-9)
	free.Close()
	s := start(t, Config{MinPort: first, MaxPort: first + 9}) // others on this machine may take one of them
	_, a := allocate(t, s, "udp")
	if got := a.LocalAddr().(*net.UDPAddr).AddrPort().Port(); got < first || got > first+9 {
		t.Errorf("port %d, want one from %d on", got, first)
	}
}

func TestBadConfig(t *testing.T) {
	for _, cfg := range []Config{
		{}, {Listen: "localhost:0"}, {Listen: "0.0.0.0:0"}, {Listen: "127.0.0.1:0", PublicIP: netip.MustParseAddr("::1")},
		{Listen: "127.0.0.1:0", MinPort: 2, MaxPort: 1}, {Listen: "127.0.0.1:0", MaxPort: 1},
		{Listen: "127.0.0.1:0", Secret: make([]byte, 15)},
	} {
		if s, err := Start(cfg); err == nil {
			s.Close()
			t.Errorf("%+v was taken", cfg)
		}
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	s, err := Start(Config{Listen: freeAddr(t)}) // nobody else gets its port as soon as it is closed
	if err != nil {
		t.Fatal(err)
	}
	idle, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	servers, _ := s.ICEServers()
	for _, network := range []string{"udp", "tcp"} {
		c := dial(t, s, network, servers[0].Username, servers[0].Credential)
		if _, err := c.Allocate(); err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	idle.SetReadDeadline(time.Now().Add(patience))
	if _, err := idle.Read(make([]byte, 1)); err == nil {
		t.Error("an idle connection is still open")
	} else if e, ok := err.(net.Error); ok && e.Timeout() {
		t.Error("an idle connection was not closed")
	}
	idle.Close()
	again, err := net.ListenPacket("udp4", s.Addr().String())
	if err != nil {
		t.Errorf("the port is still taken: %v", err)
	} else {
		again.Close()
	}
	deadline := time.Now().Add(patience)
	for serverGoroutines() > 0 && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond)
	}
	if n := serverGoroutines(); n > 0 {
		t.Errorf("%d goroutines of the server are left (%d before, %d now)", n, before, runtime.NumGoroutine())
	}
}

// serverGoroutines counts goroutines of pion's server; the test's clients have others.
func serverGoroutines() int {
	buf := make([]byte, 1<<20)
	n := 0
	for _, g := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if strings.Contains(g, "turn/v5.(*Server)") || strings.Contains(g, "allocation.(*Allocation)") {
			n++
		}
	}
	return n
}

// What ICEServers returns is what a relay's configuration takes.
var _ = relay.Config{ICE: (*Server)(nil).ICEServers}
