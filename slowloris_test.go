package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"ringfork/relay/client"
)

// Many connections from one address give their bytes one by one: headers, bodies, messages, or nothing at all. Somebody else's
// calls go on as if they were not there; and after a while they are not (which takes most of a minute, and is not waited for
// with -short).
func TestSlowloris(t *testing.T) {
	s := launch(t, "-conns", "500") // of which one address may have 375 TCP connections: see TestTCPConns
	honest := s.newReader()
	honest.exchange(5) // what is slow once, was
	const posts = 60   // into one mailbox, from one address
	quiet := s.newReader().exchange(posts)

	slow := newDribblers(t, s.addr)
	box := make([]byte, 20)
	slow.open(100, "headers", "GET /v1/ice HTTP/1.1\r\nHost: x\r\nX-", "abcdefghij")
	slow.open(60, "a frame", "POST /v1/pub HTTP/1.1\r\nHost: x\r\nContent-Length: 4116\r\n\r\n", "abcdefghij")
	slow.open(20, "a slot's value", fmt.Sprintf("PUT /v1/slot/%x?replaces=0 HTTP/1.1\r\nHost: x\r\nContent-Length: 262144\r\n\r\n", box), "abcdefghij")
	slow.open(40, "a message", "GET /v1/sub HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", "\x82\xe1\x00\x00\x00\x00\x11aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
	slow.open(40, "nothing", "", "")
	beside := s.newReader().exchange(posts)
	t.Logf("a post and its delivery: p50 %v, p99 %v; beside %d slow connections p50 %v, p99 %v", quiet[posts/2], quiet[posts-1],
		slow.opened.Load(), beside[posts/2], beside[posts-1])
	waitFor(t, "one address has more connections than it may", func() bool { // on a slow machine the first ones are ended meanwhile
		slow.open(50, "too many", "", "")
		return slow.refusedAny("too many")
	})
	honest.exchange(20)
	if testing.Short() {
		return
	}
	began := time.Now()
	for slow.left() > 0 {
		if time.Since(began) > 2*time.Minute {
			t.Fatalf("after %v %d slow connections are still open: %v", time.Since(began), slow.left(), slow.kinds())
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Logf("all of them were ended within %v: %v", time.Since(began).Round(time.Second), slow.kinds())
	honest.exchange(20)
}

// dribblers are connections that are slow on purpose.
type dribblers struct {
	t      *testing.T
	addr   string
	dialer net.Dialer
	ctx    context.Context
	opened atomic.Int32
	wg     sync.WaitGroup

	mu    sync.Mutex
	last  map[string]time.Duration // by kind: how long the one that lived longest did
	first map[string]time.Duration // and the one that lived shortest
	alive int
}

func newDribblers(t *testing.T, addr string) *dribblers {
	ctx, cancel := context.WithCancel(context.Background())
	d := &dribblers{t: t, addr: addr, ctx: ctx, last: map[string]time.Duration{}, first: map[string]time.Duration{}}
	if l, err := net.Listen("tcp", "127.0.0.2:0"); err == nil {
		l.Close()
		d.dialer.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}
	} else {
		t.Skip("this machine has no second address of its own")
	}
	t.Cleanup(func() { cancel(); d.wg.Wait() })
	return d
}

// open opens n connections that send the start at once, and then one byte of the rest each second, over and over.
func (d *dribblers) open(n int, kind, start, rest string) {
	d.t.Helper()
	for range n {
		began := time.Now()
		c, err := d.dialer.DialContext(d.ctx, "tcp", d.addr)
		if err == nil {
			if _, err = io.WriteString(c, start); err != nil {
				c.Close()
			}
		}
		if errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) { // refused before it was used
			d.ended(kind, time.Since(began))
			continue
		}
		if err != nil {
			d.t.Fatalf("a slow connection: %v", err)
		}
		d.opened.Add(1)
		d.mu.Lock()
		d.alive++
		d.mu.Unlock()
		d.wg.Go(func() { d.dribble(c, kind, rest) })
	}
}

// refusedAny reports whether a connection of a kind was closed as soon as it was there: long before a slow one is.
func (d *dribblers) refusedAny(kind string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	lived, ok := d.first[kind]
	return ok && lived < 5*time.Second
}

func (d *dribblers) dribble(c net.Conn, kind, rest string) {
	began := time.Now()
	ended := make(chan struct{})
	go func() {
		io.Copy(io.Discard, c) // until the server has enough of it
		close(ended)
	}()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-tick.C:
			if rest != "" {
				c.Write([]byte{rest[i%len(rest)]})
			}
			continue
		case <-ended:
			d.mu.Lock()
			d.alive--
			d.mu.Unlock()
			d.ended(kind, time.Since(began))
		case <-d.ctx.Done():
		}
		c.Close()
		return
	}
}

// ended notes how long a connection of a kind lived.
func (d *dribblers) ended(kind string, lived time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	lived = lived.Round(time.Second)
	d.last[kind] = max(d.last[kind], lived)
	if first, ok := d.first[kind]; !ok || lived < first {
		d.first[kind] = lived
	}
}

func (d *dribblers) left() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.alive
}

func (d *dribblers) kinds() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return fmt.Sprint(d.last)
}

// honestReader is somebody who posts to a mailbox of their own and reads it.
type honestReader struct {
	t      *testing.T
	client *client.Client
	key    ed25519.PrivateKey
	frames chan uint32
	number uint32
}

func (s *running) newReader() *honestReader {
	s.t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	c, err := client.New(s.url)
	if err != nil {
		s.t.Fatal(err)
	}
	h := &honestReader{t: s.t, client: c, key: key, frames: make(chan uint32, 1000)}
	s.t.Cleanup(func() { c.Close() })
	ready := make(chan struct{}, 10)
	c.Start(func(string) {})
	c.Subscribe(h, func(f []byte, _ time.Duration) { h.frames <- binary.BigEndian.Uint32(f) }, func() { ready <- struct{}{} })
	<-ready
	return h
}

// exchange posts n frames, one every 30 ms, and returns how long each took to come back, sorted. None may be missing.
func (h *honestReader) exchange(n int) []time.Duration {
	h.t.Helper()
	var took []time.Duration
	tick := time.NewTicker(30 * time.Millisecond)
	defer tick.Stop()
	for range n {
		<-tick.C
		f := make([]byte, client.FrameSize)
		rand.Read(f)
		h.number++
		binary.BigEndian.PutUint32(f, h.number)
		began := time.Now()
		if err := h.client.Publish(h.t.Context(), h.Address(), f); err != nil {
			h.t.Fatalf("frame %d: %v", h.number, err)
		}
		select {
		case got := <-h.frames:
			if got != h.number {
				h.t.Fatalf("frame %d came, want %d", got, h.number)
			}
		case <-time.After(time.Minute):
			h.t.Fatalf("frame %d did not come", h.number)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took
}

func (h *honestReader) Address() [20]byte {
	sum := sha256.Sum256(h.key.Public().(ed25519.PublicKey))
	return [20]byte(sum[:20])
}

func (h *honestReader) Prove(origin string, nonce []byte) (publicKey, signature []byte) {
	a := h.Address()
	var b []byte
	for _, field := range [][]byte{[]byte("ringfork/1/mailbox"), []byte(origin), nonce, a[:]} {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(field))), field...)
	}
	return h.key.Public().(ed25519.PublicKey), ed25519.Sign(h.key, b)
}
