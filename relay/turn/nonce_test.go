package turn

import (
	"bytes"
	"io"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/stun/v4"
)

// A nonce is good for an hour; a client that goes on with an old one is told a new one, and so is one that made its own.
func TestStaleNonce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 3478}
		client, server := packetPipe(&net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9}, at)
		tcp := closedListener{make(chan struct{})}
		ip := netip.MustParseAddr("127.0.0.1")
		s, err := serve(Config{MaxAllocations: 1, Limits: 1, Realm: "r", now: time.Now}, ip, ip, server, tcp)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		fresh := func() *wire {
			name, password := s.creds.issue()
			return &wire{t: t, conn: client, to: at, name: name, password: password}
		}
		// With lifetime 0 nothing is allocated: 508 says that all was well with the credentials.
		try := func(w *wire) int {
			return w.do(stun.MethodAllocate, overUDP, attribute{stun.AttrLifetime, []byte{0, 0, 0, 0}})
		}
		w := fresh()
		if code := try(w); code != 508 {
			t.Errorf("a fresh nonce: %d, want 508", code)
		}
		for _, test := range []struct {
			after time.Duration
			want  int
		}{{59 * time.Minute, 508}, {62 * time.Minute, 438}, {24 * time.Hour, 438}} {
			old := fresh()
			if code := try(old); code != 508 {
				t.Fatalf("a fresh nonce: %d, want 508", code)
			}
			time.Sleep(test.after)
			now := fresh()
			now.nonce, now.realm = old.nonce, old.realm
			if code := try(now); code != test.want {
				t.Errorf("a nonce after %v: %d, want %d", test.after, code, test.want)
			}
			now.nonce = nil
			if code := try(now); code != 508 {
				t.Errorf("the next nonce: %d, want 508", code)
			}
		}
		for _, forged := range []string{"x", "0000000000000000000000000", string(bytes.Repeat([]byte("z"), 400))} {
			w := fresh()
			try(w)
			w.nonce = stun.NewNonce(forged)
			if code := try(w); code != 438 {
				t.Errorf("a forged nonce: %d, want 438", code)
			}
		}
	})
}

// packetPipe returns the two ends of a network without a kernel, so that time can pass as a test likes.
func packetPipe(a, b net.Addr) (net.PacketConn, net.PacketConn) {
	x, y, closed := make(chan []byte, 16), make(chan []byte, 16), make(chan struct{})
	return &pipe{in: x, out: y, own: a, other: b, closed: closed}, &pipe{in: y, out: x, own: b, other: a, closed: closed}
}

type pipe struct {
	in, out    chan []byte
	own, other net.Addr
	closed     chan struct{}
}

func (p *pipe) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case m := <-p.in:
		return copy(b, m), p.other, nil
	case <-p.closed:
		return 0, nil, net.ErrClosed
	}
}

func (p *pipe) WriteTo(b []byte, _ net.Addr) (int, error) {
	select {
	case p.out <- bytes.Clone(b):
		return len(b), nil
	case <-p.closed:
		return 0, io.ErrClosedPipe
	}
}

func (p *pipe) Close() error                     { close(p.closed); return nil }
func (p *pipe) LocalAddr() net.Addr              { return p.own }
func (p *pipe) SetDeadline(time.Time) error      { return nil }
func (p *pipe) SetReadDeadline(time.Time) error  { return nil }
func (p *pipe) SetWriteDeadline(time.Time) error { return nil }

// closedListener accepts nobody.
type closedListener struct{ closed chan struct{} }

func (l closedListener) Accept() (net.Conn, error) {
	<-l.closed
	return nil, net.ErrClosed
}

func (l closedListener) Close() error   { close(l.closed); return nil }
func (l closedListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }
