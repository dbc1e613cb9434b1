package turn

import (
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
)

// FuzzRequests sends messages with credentials and whatever attributes, and bytes that are no messages: the server answers or
// not, but it lives, and makes no way to a forbidden peer.
func FuzzRequests(f *testing.F) {
	addr := func(p string) []byte {
		m := stun.New()
		peer(netip.MustParseAddrPort(p)).AddTo(m)
		return m.Raw[20:]
	}
	udp := []byte{0, 0x19, 0, 4, 17, 0, 0, 0}
	f.Add(byte(stun.MethodAllocate), udp, []byte{})
	f.Add(byte(stun.MethodAllocate), append(udp, 0, 0x17, 0, 4, 2, 0, 0, 0), []byte{0x40, 0, 0, 0})
	f.Add(byte(stun.MethodAllocate), append(udp, 0, 0x18, 0, 1, 0xff, 0, 0, 0), []byte{0x40})
	f.Add(byte(stun.MethodCreatePermission), append(addr("8.8.8.8:1"), addr("[::ffff:127.0.0.1]:1")...), []byte{0x40, 0, 0, 4, 1})
	f.Add(byte(stun.MethodChannelBind), append([]byte{0, 0x0c, 0, 4, 0x40, 0, 0, 0}, addr("8.8.8.8:1")...), []byte{0, 1, 0, 0})
	f.Add(byte(stun.MethodRefresh), []byte{0, 0x0d, 0, 4, 0, 0, 0, 0}, []byte{})
	f.Add(byte(stun.MethodConnect), addr("127.0.0.1:1"), []byte{})
	f.Add(byte(stun.MethodConnectionBind), []byte{0, 0x2a, 0, 4, 0, 0, 0, 1}, []byte{})
	f.Add(byte(stun.MethodSend), append(addr("127.0.0.1:1"), 0, 0x13, 0, 0), []byte{})

	client, server := packetPipe(&net.UDPAddr{IP: net.IPv4(198, 51, 100, 1), Port: 9}, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 3478})
	listen := netip.MustParseAddr("127.0.0.1")
	cfg := Config{MaxAllocations: 4, Limits: 1e6, Realm: "r", now: time.Now}
	s, err := serve(cfg, listen, netip.MustParseAddr("198.51.100.7"), server, closedListener{make(chan struct{})})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { s.Close() })
	name, password := s.creds.issue()
	w := &wire{conn: client, to: server.LocalAddr(), name: name, password: password}
	f.Fuzz(func(t *testing.T, method byte, attrs, raw []byte) {
		w.t = t
		if len(attrs) > 1000 || len(raw) > 1500 {
			return
		}
		if len(w.nonce) == 0 {
			w.mustAllocate()
		}
		for _, class := range []stun.MessageClass{stun.ClassRequest, stun.ClassIndication} {
			m := w.build(stun.Method(method), class)
			m.Raw = append(m.Raw, attrs...)
			m.Raw = append(m.Raw, make([]byte, (4-len(attrs)%4)%4)...)
			m.Length = uint32(len(m.Raw) - 20)
			m.WriteHeader()
			for _, setter := range w.signed(nil) {
				if err := setter.AddTo(m); err != nil {
					return
				}
			}
			w.write(m.Raw)
		}
		w.write(raw)
		w.settle()
		s.relays.mu.Lock()
		for _, c := range s.relays.open {
			c.peers.mu.Lock()
			for ip := range c.peers.permitted {
				if !s.relays.permits(ip) {
					t.Errorf("%s is permitted", ip)
				}
			}
			c.peers.mu.Unlock()
		}
		s.relays.mu.Unlock()
		if s.Allocations() == 0 {
			w.mustAllocate()
		}
	})
}

// FuzzStream reads whatever stream as pion does: each message takes it further, until an error ends it.
func FuzzStream(f *testing.F) {
	binding := stun.MustBuild(stun.TransactionID, stun.BindingRequest).Raw
	f.Add(binding, byte(1))
	f.Add(append([]byte{0x40, 0, 0, 3, 1, 2, 3, 0}, binding...), byte(7))
	for _, length := range []byte{0xec, 0xfc} {
		bad := append([]byte{}, binding...)
		bad[2], bad[3] = 0xff, length
		f.Add(bad, byte(200))
	}
	f.Add([]byte{0x40, 0, 0xff, 0xfc, 0, 0, 0, 0, 0}, byte(200))
	f.Fuzz(func(t *testing.T, stream []byte, step byte) {
		in := &steps{rest: stream, step: int(step) + 1}
		conn := turn.NewSTUNConn(&tcpConn{Conn: in, raw: in, set: newConnSet(DefaultMaxConns, 1, newStarts())})
		buf := make([]byte, 1600)
		for range len(stream) + 1 {
			n, _, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if n == 0 || n > maxMessage+20 {
				t.Fatalf("a message of %d bytes", n)
			}
		}
		t.Fatal("it does not end")
	})
}

// steps is a connection that gives so many bytes at a time.
type steps struct {
	net.Conn
	rest []byte
	step int
}

func (s *steps) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), s.step)], s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

func (s *steps) SetReadDeadline(time.Time) error { return nil }
func (s *steps) RemoteAddr() net.Addr            { return &net.TCPAddr{} }
