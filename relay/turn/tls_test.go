package turn

import (
	"crypto/tls"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
)

func TestTLS(t *testing.T) {
	config, client := testTLS(t)
	s := start(t, Config{TLS: config, TLSHost: "example.com"})
	servers, _ := s.ICEServers()
	_, port, _ := net.SplitHostPort(s.tlsAt)
	if got, want := servers[0].URLs[len(servers[0].URLs)-1], "turns:example.com:"+port+"?transport=tcp"; got != want {
		t.Errorf("clients are told of %s, want %s", got, want)
	}
	if strings.Contains(strings.Join(startPlain(t), " "), "turns:") {
		t.Error("clients are told of TLS where there is none")
	}

	client = client.Clone()
	client.ServerName = "example.com"
	at := net.JoinHostPort("127.0.0.1", port)
	conn, err := tls.Dial("tcp", at, client)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c, err := turn.NewClient(&turn.ClientConfig{
		STUNServerAddr: at, TURNServerAddr: at, Conn: turn.NewSTUNConn(conn), Username: servers[0].Username,
		Password: servers[0].Credential, LoggerFactory: silent{},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Listen(); err != nil {
		t.Fatal(err)
	}
	a, err := c.Allocate()
	if err != nil {
		t.Fatal(err)
	}
	_, b := allocate(t, s, "udp")
	talk(t, a, b)
	a.Close()

	// Browsers that speak of a protocol of their own (RFC 7443) are not sent away for it.
	client.NextProtos = []string{"stun.turn"}
	other, err := tls.Dial("tcp", at, client)
	if err != nil {
		t.Fatal(err)
	}
	other.Close()
}

func startPlain(t *testing.T) []string {
	servers, _ := start(t, Config{}).ICEServers()
	return servers[0].URLs
}

// Who connects and says nothing, or speaks without ever having an allocation, is not kept.
func TestIdleConnections(t *testing.T) {
	for _, test := range []struct {
		since time.Duration // before now, without an allocation; 0: it has one
		want  time.Duration
	}{{time.Second, firstTimeout - time.Second}, {0, idleTimeout}} {
		conn := &deadlines{}
		c := &tcpConn{Conn: conn, raw: conn, set: newConnSet(DefaultMaxConns, 1, newStarts())}
		now := time.Now()
		if test.since != 0 {
			c.since.Store(now.Add(-test.since).UnixNano())
		}
		for range 3 { // what it says does not count
			c.Read(make([]byte, 1))
			if got := conn.read.Sub(now); got < test.want-time.Millisecond || got > test.want+time.Minute {
				t.Errorf("without an allocation for %v: reads for %v, want %v", test.since, got, test.want)
			}
		}
	}
	// With an allocation it may be idle, until that ends.
	s := start(t, Config{})
	w := connect(t, s, "tcp")
	since := func() int64 {
		s.conns.mu.Lock()
		defer s.conns.mu.Unlock()
		for _, c := range s.conns.conns {
			return c.since.Load()
		}
		return -1
	}
	if since() != 0 {
		t.Error("a connection with an allocation counts as one without")
	}
	if code := w.do(stun.MethodRefresh, attribute{stun.AttrLifetime, []byte{0, 0, 0, 0}}); code != 0 {
		t.Fatalf("refresh: %d", code)
	}
	if since() <= 0 {
		t.Error("a connection whose allocation has ended counts as one that has it")
	}
}

type deadlines struct {
	net.Conn
	read time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error { d.read = t; return nil }
func (d *deadlines) Read(p []byte) (int, error)        { return 0, net.ErrClosed }
