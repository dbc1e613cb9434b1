package relay

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// unread is a listener whose connections hold nothing: what the server writes waits until the client reads it, as it does
// on a real connection whose buffers are full of what the client asked for before and did not read.
type unread struct {
	net.Listener
	accepted chan net.Conn
	writes   chan struct{} // gets something when a server is about to write
}

type unreadConn struct {
	net.Conn
	writes chan struct{}
}

func (c unreadConn) Write(p []byte) (int, error) {
	c.writes <- struct{}{}
	return c.Conn.Write(p)
}

func (l *unread) Accept() (net.Conn, error) {
	c, ok := <-l.accepted
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (l *unread) Close() error { return nil }

// unreadHandshake asks a relay for a WebSocket, and returns the connection when the relay is about to answer.
func unreadHandshake(t *testing.T, r *testRelay) net.Conn {
	t.Helper()
	client, server := net.Pipe()
	l := &unread{Listener: r.http.Listener, accepted: make(chan net.Conn, 1), writes: make(chan struct{}, 100)}
	l.accepted <- unreadConn{server, l.writes}
	close(l.accepted)
	srv := &http.Server{Handler: r.Handler()}
	srv.Serve(l)
	t.Cleanup(func() {
		client.Close()
		srv.Close()
	})
	fmt.Fprint(client, "GET /v1/sub HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	<-l.writes
	return client
}

// done returns a channel that is closed when f has returned.
func done(f func()) <-chan struct{} {
	ended := make(chan struct{})
	go func() { f(); close(ended) }()
	return ended
}

func soon(t *testing.T, what string, ended <-chan struct{}) {
	t.Helper()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Fatalf("%s hangs", what)
	}
}

// A client that never reads the answer to its handshake holds up nobody: neither those whose backlogs are to be read again,
// nor the relay's end.
func TestHandshakeThatIsNeverRead(t *testing.T) {
	r := startRelay(t, nil)
	client := unreadHandshake(t, r)
	soon(t, "reading backlogs again", done(r.conns.LostAll))
	soon(t, "the relay's end", done(func() { r.Close() }))
	if n := r.conns.open(); n != 0 {
		t.Errorf("%d connections are left", n)
	}
	if _, err := client.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the client reads %v, want an end", err)
	}
}

// A connection that is ended before its handshake was read learns that when it reads.
func TestEndDuringHandshake(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(*testRelay, *sync.WaitGroup)
		want string
	}{
		{"closing", func(r *testRelay, wg *sync.WaitGroup) { wg.Go(func() { r.Close() }) }, "\x88\x09\x03\xe9closing"},
		{"moving", func(r *testRelay, wg *sync.WaitGroup) { wg.Go(func() { r.Drain(t.Context(), 0) }) }, "\x88\x08\x03\xf4moving"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := startRelay(t, nil)
			client := unreadHandshake(t, r)
			var wg sync.WaitGroup
			c.end(r, &wg)
			open := r.conns.all()[0]
			waitFor(t, func() bool {
				open.mu.Lock()
				defer open.mu.Unlock()
				return open.ended || open.moving
			})
			in := bufio.NewReader(client)
			res, err := http.ReadResponse(in, nil)
			if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
				t.Fatalf("the client reads %v, %v", res, err)
			}
			var rest []byte
			for !bytes.HasSuffix(rest, []byte(c.want)) {
				b, err := in.ReadByte()
				if err != nil {
					t.Fatalf("then %q and %v, want %q", rest, err, c.want)
				}
				rest = append(rest, b)
			}
			client.Close()
			wg.Wait()
		})
	}
}
