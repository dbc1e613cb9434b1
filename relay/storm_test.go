package relay_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"flag"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ringfork/relay"
	"ringfork/relay/client"
)

var stormSize = flag.Int("storm", 0, "how many endpoints TestReconnectStorm has (default: 5000, and 500 with -short)")

// TestReconnectStorm cuts the connections of all endpoints in the same instant, while each has frames coming. The clients are
// the real ones, with their backoff. All come back by themselves, get what was posted meanwhile and what is posted after, and
// nothing twice but what was posted twice.
func TestReconnectStorm(t *testing.T) {
	n := *stormSize
	if n == 0 {
		if n = 5000; testing.Short() {
			n = 500
		}
	}
	s := newStorm(t, n)
	began := time.Now()
	for _, e := range s.all {
		e.client.Start(e.state)
		e.client.Subscribe(e.key, e.frame, e.backlogEnd)
	}
	s.await("the first connections", func(e *endpoint) bool { return e.ends.Load() >= 1 })
	t.Logf("%d endpoints connect and read their backlog in %v", n, time.Since(began).Round(time.Millisecond))
	s.post(1)
	s.await("frames before", func(e *endpoint) bool { return e.got.Load() == 1 })

	began = time.Now()
	s.listener.cutAll()
	s.post(2) // while nobody, or hardly anybody, is there
	posted := time.Since(began)
	s.await("all back with their backlog", func(e *endpoint) bool { return e.ends.Load() >= 2 && e.got.Load() == 2 })
	t.Logf("cut at once: a frame for each was posted within %v, all %d were back and had theirs after %v", posted.Round(time.Millisecond), n,
		time.Since(began).Round(time.Millisecond))
	began = time.Now()
	s.post(3)
	s.await("frames after", func(e *endpoint) bool { return e.got.Load() == 3 })
	t.Logf("a live frame for each was posted and delivered within %v", time.Since(began).Round(time.Millisecond))
	for _, e := range s.all {
		if want := "123"; e.order() != want {
			t.Fatalf("an endpoint got frames %q, want %q", e.order(), want)
		}
	}
}

// storm is a relay and its endpoints.
type storm struct {
	t        *testing.T
	listener *cutting
	poster   *client.Client
	all      []*endpoint
}

// endpoint is a client that reads one mailbox.
type endpoint struct {
	client *client.Client
	key    mailboxKey
	got    atomic.Int32 // frames
	ends   atomic.Int32 // of backlogs

	mu    sync.Mutex
	again [4]bool // by number: the post was tried again, so that the frame may come again
	marks []byte
}

func (e *endpoint) state(string) {}
func (e *endpoint) backlogEnd()  { e.ends.Add(1) }

func (e *endpoint) frame(f []byte, _ time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	mark := '0' + f[0]
	if e.again[f[0]] && bytes.IndexByte(e.marks, mark) >= 0 {
		return
	}
	e.marks = append(e.marks, mark)
	e.got.Add(1)
}

func (e *endpoint) order() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return string(e.marks)
}

func newStorm(t *testing.T, n int) *storm {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &storm{t: t, listener: &cutting{Listener: inner, open: map[net.Conn]struct{}{}}}
	origin := "http://" + inner.Addr().String()
	r, err := relay.New(t.Context(), relay.Config{Origins: []string{origin}, ClientFactor: 1000})
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: r.Handler()}
	go srv.Serve(s.listener)
	t.Cleanup(func() {
		var wg sync.WaitGroup
		for _, e := range s.all {
			wg.Go(func() { e.client.Close() })
		}
		wg.Wait()
		s.poster.Close()
		r.Close()
		srv.Close()
	})
	newClient := func() *client.Client {
		c, err := client.New(origin)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	s.poster = newClient()
	for range n {
		s.all = append(s.all, &endpoint{client: newClient(), key: newMailboxKey()})
	}
	return s
}

// post posts a frame of a number to each, a few at a time.
func (s *storm) post(number byte) {
	s.t.Helper()
	var wg sync.WaitGroup
	var failed atomic.Pointer[error]
	todo := make(chan *endpoint)
	for range 8 {
		wg.Go(func() {
			for e := range todo {
				f := make([]byte, relay.FrameSize)
				rand.Read(f)
				f[0] = number
				// The poster's own connections were cut as well: it tries again, as a phone does.
				var err error
				for try := range 5 {
					if try > 0 {
						time.Sleep(10 * time.Millisecond) // what was cut may not have been noticed on all connections
					}
					if err = s.poster.Publish(s.t.Context(), e.key.Address(), f); err == nil {
						break
					}
					e.mu.Lock()
					e.again[number] = true
					e.mu.Unlock()
				}
				if err != nil {
					failed.Store(&err)
				}
			}
		})
	}
	for _, e := range s.all {
		todo <- e
	}
	close(todo)
	wg.Wait()
	if err := failed.Load(); err != nil {
		s.t.Fatalf("post: %v", *err)
	}
}

// await waits until all endpoints are as they should be.
func (s *storm) await(what string, ok func(*endpoint) bool) {
	s.t.Helper()
	left := s.all
	for deadline := time.Now().Add(3 * time.Minute); ; time.Sleep(5 * time.Millisecond) {
		for len(left) > 0 && ok(left[0]) {
			left = left[1:]
		}
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s: %d of %d wait in vain, the first with %d frames and %d ends (%v)", what, len(left), len(s.all),
				left[0].got.Load(), left[0].ends.Load(), left[0].client.Err())
		}
	}
}

// cutting is a listener that can cut all its connections.
type cutting struct {
	net.Listener
	mu   sync.Mutex
	open map[net.Conn]struct{}
}

func (l *cutting) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[c] = struct{}{}
	return &cuttable{c, l}, nil
}

func (l *cutting) cutAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.open {
		c.(*net.TCPConn).SetLinger(0) // a reset: nobody says goodbye
		c.Close()
	}
}

type cuttable struct {
	net.Conn
	of *cutting
}

func (c *cuttable) Close() error {
	c.of.mu.Lock()
	delete(c.of.open, c.Conn)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// mailboxKey is the key of a mailbox.
type mailboxKey struct{ ed25519.PrivateKey }

func newMailboxKey() mailboxKey {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		panic(fmt.Sprint("internal error: ", err))
	}
	return mailboxKey{key}
}

func (m mailboxKey) public() ed25519.PublicKey { return m.Public().(ed25519.PublicKey) }

func (m mailboxKey) Address() [20]byte {
	sum := sha256.Sum256(m.public())
	return [20]byte(sum[:20])
}

func (m mailboxKey) Prove(origin string, nonce []byte) (publicKey, signature []byte) {
	a := m.Address()
	var b []byte
	for _, field := range [][]byte{[]byte("ringfork/1/mailbox"), []byte(origin), nonce, a[:]} {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(field))), field...)
	}
	return m.public(), ed25519.Sign(m.PrivateKey, b)
}
