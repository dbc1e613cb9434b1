package relay

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ringfork/relay/client"
	"ringfork/relay/store"
)

// balancer is a load balancer before some relays: each connection goes to the next one of those that are in service.
type balancer struct {
	l       net.Listener
	running sync.WaitGroup

	mu       sync.Mutex
	backends []string
	out      map[string]bool // of service
	next     int
	conns    map[net.Conn]string // to their backends
}

func startBalancer(t testing.TB) *balancer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &balancer{l: l, out: map[string]bool{}, conns: map[net.Conn]string{}}
	b.running.Go(b.serve)
	t.Cleanup(func() {
		l.Close()
		b.mu.Lock()
		for c := range b.conns {
			c.Close()
		}
		b.mu.Unlock()
		b.running.Wait()
	})
	return b
}

func (b *balancer) origin() string { return "http://" + b.l.Addr().String() }

func (b *balancer) serve() {
	for {
		c, err := b.l.Accept()
		if err != nil {
			return
		}
		b.running.Go(func() { b.carry(c) })
	}
}

// carry takes one connection to a backend that takes it.
func (b *balancer) carry(c net.Conn) {
	defer c.Close()
	for range 3 {
		addr := b.pick()
		if addr == "" {
			return
		}
		d, err := net.DialTimeout("tcp", addr, 2*time.Second)
		if err != nil {
			continue
		}
		b.mu.Lock()
		b.conns[c], b.conns[d] = addr, addr
		b.mu.Unlock()
		var both sync.WaitGroup
		for _, pair := range [][2]net.Conn{{c, d}, {d, c}} {
			both.Go(func() {
				io.Copy(pair[0], pair[1])
				pair[0].Close()
				pair[1].Close()
			})
		}
		both.Wait()
		b.mu.Lock()
		delete(b.conns, c)
		delete(b.conns, d)
		b.mu.Unlock()
		return
	}
}

func (b *balancer) pick() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range b.backends {
		b.next++
		if addr := b.backends[b.next%len(b.backends)]; !b.out[addr] {
			return addr
		}
	}
	return ""
}

// takeOut ends the service of a backend, as health checks do. Its connections are cut if it is said to be dead.
func (b *balancer) takeOut(addr string, dead bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.out[addr] = true
	for c, of := range b.conns {
		if dead && of == addr {
			c.Close()
		}
	}
}

func (b *balancer) putIn(addr string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.out[addr] = false
}

// crowd is many endpoints that post frames to each other's mailboxes, and a record of what became of each.
type crowd struct {
	endpoints []*endpoint
	posting   sync.WaitGroup

	mu      sync.Mutex
	posts   map[uint64]*post
	last    uint64
	refused map[string]int // by code
	dups    int
}

type endpoint struct {
	mailbox
	number int
	client *client.Client
	ends   atomic.Int64
}

// post is one frame, and when things happened to it; zero: not yet.
type post struct {
	to                   int
	posted, acked, heard time.Time
	tries                int
	done                 chan struct{} // closed when it is heard
}

// Address and Prove make a mailbox one for package client.
func (m mailbox) Address() [20]byte { return m.address }

func (m mailbox) Prove(origin string, nonce []byte) (publicKey, signature []byte) {
	return m.public(), ed25519.Sign(m.key, store.SignedBytes("ringfork/1/mailbox", []byte(origin), nonce, m.address[:]))
}

// startCrowd connects n endpoints, each with one mailbox, and waits until all of them read.
func startCrowd(t testing.TB, origin string, n int) *crowd {
	t.Helper()
	w := &crowd{posts: map[uint64]*post{}, refused: map[string]int{}}
	for i := range n {
		c, err := client.New(origin)
		if err != nil {
			t.Fatal(err)
		}
		e := &endpoint{mailbox: newMailbox(), number: i, client: c}
		w.endpoints = append(w.endpoints, e)
		c.Subscribe(e.mailbox, func(frame []byte, _ time.Duration) { w.hear(e, frame) }, func() { e.ends.Add(1) })
		c.Start(func(string) {})
	}
	t.Cleanup(func() {
		w.posting.Wait()
		var closing sync.WaitGroup
		for _, e := range w.endpoints {
			closing.Go(func() { e.client.Close() })
		}
		closing.Wait()
	})
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		missing := 0
		for _, e := range w.endpoints {
			if e.ends.Load() == 0 {
				missing++
			}
		}
		if missing == 0 {
			return w
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d endpoints do not connect", missing, n)
		}
	}
}

func (w *crowd) hear(e *endpoint, frame []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.posts[binary.BigEndian.Uint64(frame)]
	switch {
	case p == nil || p.to != e.number: // counted as missing at whom it was for
	case p.heard.IsZero():
		p.heard = time.Now()
		close(p.done)
	default:
		w.dups++
	}
}

// newPost makes a frame from one endpoint to another.
func (w *crowd) newPost() (from *endpoint, frame []byte, p *post) {
	i := rand.N(len(w.endpoints))
	to := (i + 1 + rand.N(len(w.endpoints)-1)) % len(w.endpoints)
	frame = make([]byte, FrameSize)
	p = &post{to: to, posted: time.Now(), done: make(chan struct{})}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last++
	w.posts[w.last] = p
	binary.BigEndian.PutUint64(frame, w.last)
	return w.endpoints[i], frame, p
}

// try posts a frame once and writes down what the relay said.
func (w *crowd) try(ctx context.Context, from *endpoint, frame []byte, p *post) {
	err := from.client.Publish(ctx, w.endpoints[p.to].address, frame)
	w.mu.Lock()
	defer w.mu.Unlock()
	p.tries++
	var e *client.Error
	switch {
	case err == nil && p.acked.IsZero():
		p.acked = time.Now()
	case errors.As(err, &e):
		w.refused[e.Code]++
	}
}

// chatter posts so many frames a second, each once, until ctx ends.
func (w *crowd) chatter(ctx context.Context, perSecond int) {
	tick := time.NewTicker(time.Second / time.Duration(perSecond))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			from, frame, p := w.newPost()
			w.posting.Go(func() { w.try(context.WithoutCancel(ctx), from, frame, p) })
		case <-ctx.Done():
			return
		}
	}
}

// call posts a frame as a ring is posted: again after 1, 2, 4, 8 s and so on, until it was heard or the time is over.
func (w *crowd) call(ctx context.Context) *post {
	from, frame, p := w.newPost()
	w.posting.Go(func() {
		for wait := time.Second; wait <= 32*time.Second; wait *= 2 {
			w.posting.Go(func() { w.try(context.WithoutCancel(ctx), from, frame, p) })
			select {
			case <-time.After(wait):
			case <-p.done:
				return
			}
		}
	})
	return p
}

// tally is what became of posts.
type tally struct {
	posted, acked, heard, lost int
	dups                       int
	refused                    map[string]int
	times                      []time.Duration // from post to heard, sorted
}

// settle waits until all that was acknowledged is heard, at most for so long, and returns what became of the posts since the
// last settle.
func (w *crowd) settle(within time.Duration) tally {
	w.posting.Wait()
	for deadline := time.Now().Add(within); ; time.Sleep(50 * time.Millisecond) {
		w.mu.Lock()
		t := tally{dups: w.dups, refused: w.refused}
		for _, p := range w.posts {
			t.posted++
			if !p.acked.IsZero() {
				t.acked++
			}
			if !p.heard.IsZero() {
				t.heard++
				t.times = append(t.times, p.heard.Sub(p.posted))
			} else if !p.acked.IsZero() {
				t.lost++
			}
		}
		done := t.lost == 0 || time.Now().After(deadline)
		if done {
			w.posts, w.refused, w.dups = map[uint64]*post{}, map[string]int{}, 0
		}
		w.mu.Unlock()
		if done {
			slices.Sort(t.times)
			return t
		}
	}
}

// quantile returns the q-th of sorted times.
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))].Round(100 * time.Microsecond)
}
