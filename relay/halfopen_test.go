package relay

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// deaf is a proxy that carries bytes to a relay and back, until from one moment on it carries none and says nothing: to the
// relay the client behind it looks like one whose network is gone, without a word of TCP.
type deaf struct {
	net.Listener
	stopped atomic.Bool
	ended   chan struct{}
	wg      sync.WaitGroup
}

func newDeaf(t *testing.T, to string) *deaf {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &deaf{Listener: l, ended: make(chan struct{})}
	d.wg.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", to)
			if err != nil {
				client.Close()
				continue
			}
			for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
				d.wg.Go(func() { d.carry(way[0], way[1]) })
			}
		}
	})
	t.Cleanup(func() {
		l.Close()
		close(d.ended)
		d.wg.Wait()
	})
	return d
}

// carry hands bytes on. Once stopped it reads on, as a kernel does for a peer that is gone from view, but nothing arrives and
// nothing is closed before the test ends.
func (d *deaf) carry(from, to net.Conn) {
	defer to.Close()
	defer from.Close()
	go func() { <-d.ended; from.Close() }()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if d.stopped.Load() {
			if err != nil {
				<-d.ended
				return
			}
			continue
		}
		if err != nil {
			return
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// A client that vanishes without a word is found by the pings, and all that was kept for it is free again; those who are
// there stay, and are not held up.
func TestHalfOpenConnectionsAreFreed(t *testing.T) {
	const gone, subscriptions = 50, 20
	r := startRelay(t, func(c *Config) { c.tuning.pingEvery = 8 * time.Second }) // who is there may pause for six
	proxy := newDeaf(t, r.http.Listener.Addr().String())
	there := r.dial(t)
	m := newMailbox()
	there.write(m.subscribe(r.origin, there.nonce))
	there.expect("end")
	frames := make(chan message, 10) // whoever reads answers pings
	go func() {
		for {
			f, err := there.tryRead()
			if err != nil {
				return
			}
			frames <- f
		}
	}()

	direct := *r
	direct.origin = "http://" + proxy.Addr().String()
	var boxes []mailbox
	for range gone {
		c := direct.dial(t)
		for range subscriptions {
			box := newMailbox()
			boxes = append(boxes, box)
			c.write(box.subscribe(r.origin, c.nonce))
			c.expect("end")
		}
		go io.Copy(io.Discard, websocket.NetConn(c.ctx, c.ws, websocket.MessageBinary))
	}
	if conns, subs := r.open(); conns != gone+1 || subs < gone*subscriptions {
		t.Fatalf("%d connections and %d subscriptions are open", conns, subs)
	}
	proxy.stopped.Store(true)
	began := time.Now()
	for i := 0; ; i++ {
		r.mustPost(t, boxes[i%len(boxes)].address, frame(i)) // what is sent to them hides nothing
		if conns, _ := r.open(); conns == 1 {
			break
		}
		if time.Since(began) > time.Minute {
			t.Fatal("they are not freed")
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Logf("%d connections that went silent were freed within %v, with a ping every 8 s", gone, time.Since(began).Round(time.Millisecond))
	if _, subs := r.open(); subs > 4 { // of the engine's, and the one that is read
		t.Errorf("%d subscriptions are left", subs)
	}
	r.mustPost(t, m.address, frame(7))
	select {
	case f := <-frames:
		if f.String() != "frame 7" {
			t.Errorf("the one who is there got %v", f)
		}
	case <-time.After(10 * time.Second):
		t.Error("the one who is there got nothing")
	}
}

// open returns how many connections and engine subscriptions there are.
func (r *testRelay) open() (conns, subs int) {
	r.conns.mu.Lock()
	defer r.conns.mu.Unlock()
	return len(r.conns.conns), r.store.Conn().NumSubscriptions()
}

// A page does not see pings. It sees the signs of life that come with them, and can tell when a connection is dead.
func TestSignsOfLife(t *testing.T) {
	t.Parallel()                                                                 // most of it waits
	r := startRelay(t, func(c *Config) { c.tuning.pingEvery = 8 * time.Second }) // the client may pause for six
	c := r.dial(t)
	for range 3 {
		if _, p, err := c.ws.Read(c.ctx); err != nil || len(p) != 1 || p[0] != msgAlive {
			t.Fatalf("got %x, %v", p, err)
		}
	}
}
