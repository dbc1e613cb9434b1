package relay

import (
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/coder/websocket"

	"ringfork/relay/limit"
)

// subscribeAll subscribes all at once and returns how many frames came, when every backlog is read to its end.
func (c *reader) subscribeAll(origin string, all []mailbox) (frames int) {
	c.t.Helper()
	messages := make([][]byte, len(all))
	for i, m := range all {
		messages[i] = m.subscribe(origin, c.nonce)
	}
	go func() {
		for _, p := range messages {
			if c.ws.Write(c.ctx, websocket.MessageBinary, p) != nil {
				return // the reader says why
			}
		}
	}()
	for ends := 0; ends < len(all); {
		switch m := c.read(); m.kind {
		case msgFrame:
			frames++
		case msgEnd:
			ends++
		default:
			c.t.Fatalf("after %d of %d: %v", ends, len(all), m)
		}
	}
	return frames
}

// An endpoint reads one mailbox for each contact, and asks for all of them when it connects.
func TestManySubscriptionsAtOnce(t *testing.T) {
	r := startRelay(t, func(c *Config) { c.tuning.rereadAfter = time.Millisecond })
	all, want := make([]mailbox, 1100), 0
	for i := range all {
		all[i] = newMailbox()
		for n := range i % 4 {
			if err := r.store.Post(t.Context(), all[i].address, frame(n)); err != nil {
				t.Fatal(err)
			}
			want++
		}
	}
	for range 2 {
		c := r.dial(t)
		began := time.Now()
		got := c.subscribeAll(r.origin, all)
		t.Logf("%d mailboxes with %d frames: %v", len(all), want, time.Since(began))
		if got != want {
			t.Errorf("%d of %d frames came", got, want)
		}
	}
}

// BenchmarkSubscriptions measures what subscriptions to empty mailboxes cost, in time and in memory that stays.
func BenchmarkSubscriptions(b *testing.B) {
	const n = 1000
	r := startRelay(b, func(c *Config) { c.tuning.rereadAfter = time.Millisecond })
	r.limits.subscribes = limit.NewClients(limit.Rate{PerSecond: 1e6, Burst: 1e6})
	all := make([]mailbox, n)
	for i := range all {
		all[i] = newMailbox()
	}
	var bytes int64
	for b.Loop() {
		c := r.dial(b)
		before := heap()
		c.subscribeAll(r.origin, all)
		bytes += heap() - before
		c.ws.CloseNow()
		waitFor(b, func() bool { return r.connCount() == 0 })
	}
	b.ReportMetric(float64(bytes)/float64(b.N)/n, "heap-B/subscription")
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestSubscriptionsAreBounded(t *testing.T) {
	r := startRelay(t, nil)
	c := r.dial(t)
	all := make([]mailbox, maxSubscriptions)
	for i := range all {
		all[i] = newMailbox()
	}
	c.subscribeAll(r.origin, all)
	c.write(newMailbox().subscribe(r.origin, c.nonce))
	c.expect("refused too-many-subscriptions")
	c.write(all[0].subscribe(r.origin, c.nonce)) // again, not one more
	c.expect("end")
	c.write(append([]byte{msgUnsubscribe}, all[0].address[:]...))
	c.write(newMailbox().subscribe(r.origin, c.nonce))
	c.expect("end")
	waitFor(t, func() bool {
		return r.conns.subscriptions() == maxSubscriptions
	})
	c.ws.CloseNow()
	waitFor(t, func() bool {
		return r.conns.subscriptions() == 0 && r.conns.perClient.left() == 0
	})
}

func TestSubscriptionsOfAClientAreBounded(t *testing.T) {
	s := newConnSet(10, 1)
	c := &conn{client: netip.MustParsePrefix("192.0.2.1/32")}
	all := s.readAll(c)
	if n := len(all); n != maxClientSubs {
		t.Errorf("a client has %d subscriptions", n)
	}
	if len(s.readAll(&conn{client: netip.MustParsePrefix("192.0.2.2/32")})) == 0 {
		t.Error("another client has no room")
	}
	for range 2 { // the second time it is nobody's
		s.disown(all[0])
	}
	if n := len(s.readAll(c)); n != 1 {
		t.Errorf("after one was given up there is room for %d", n)
	}
}

// A client that asks too fast is told so, for each mailbox: it can ask again later.
func TestSubscribingIsLimited(t *testing.T) {
	r := startRelay(t, nil)
	r.limits.subscribes = limit.NewClients(limit.Rate{PerSecond: 0.001, Burst: 3})
	m := newMailbox()
	for range 3 {
		c := r.dial(t)
		c.write(m.subscribe(r.origin, c.nonce))
		c.expect("end")
	}
	c := r.dial(t)
	c.write(m.subscribe(r.origin, c.nonce))
	if got := c.expect("refused rate-limited")[0]; got.address != m.address {
		t.Errorf("refused %x, want %x", got.address, m.address)
	}
	c.write(append([]byte{msgUnsubscribe}, m.address[:]...))
}

// A mailbox that is asked for while the second reads of many others are due does not wait for them.
func TestFirstReadsComeFirst(t *testing.T) {
	p := &pump{}
	second, first, gone := &subscription{feed: newFeed()}, &subscription{feed: newFeed()}, &subscription{feed: newFeed()}
	second.feed.endOfBacklog()
	for _, s := range []*subscription{second, gone, first} {
		p.goOn(s)
	}
	p.cancel(gone)
	for i, want := range []*subscription{first, second, nil} {
		if p.reads.take() != want {
			t.Errorf("read %d is of another one", i)
		}
	}
}
