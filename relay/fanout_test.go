package relay

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"ringfork/relay/limit"
	"ringfork/relay/store"
)

// However many read a mailbox, the engine has one subscription for them, as long as one of them is left.
func TestReadersShareASubscription(t *testing.T) {
	r := startRelay(t, nil)
	before := r.store.Conn().NumSubscriptions()
	m := newMailbox()
	readers := make([]*reader, 8)
	for i := range readers {
		readers[i] = r.dial(t)
		readers[i].write(m.subscribe(r.origin, readers[i].nonce))
		readers[i].expect("end")
	}
	readers[0].write(m.subscribe(r.origin, readers[0].nonce)) // again
	readers[0].expect("end")
	if n := r.store.Conn().NumSubscriptions() - before; n != 1 {
		t.Errorf("%d readers have %d subscriptions of the engine", len(readers), n)
	}
	if n := r.conns.subscriptions(); n != len(readers) {
		t.Errorf("%d readers are counted, there are %d", n, len(readers))
	}
	r.mustPost(t, m.address, frame(1))
	for _, c := range readers {
		c.expect("frame 1")
	}
	for i, c := range readers[:len(readers)-1] {
		c.ws.CloseNow()
		waitFor(t, func() bool { return r.conns.subscriptions() == len(readers)-1-i })
	}
	r.mustPost(t, m.address, frame(2))
	readers[len(readers)-1].expect("frame 2")
	readers[len(readers)-1].write(append([]byte{msgUnsubscribe}, m.address[:]...))
	waitFor(t, func() bool { return r.conns.subscriptions() == 0 && r.store.Conn().NumSubscriptions() == before })
	if f := r.conns.fanouts; len(f.byMailbox) != 0 {
		t.Errorf("%d mailboxes are kept that nobody reads", len(f.byMailbox))
	}
}

// A frame that a thousand connections wait for is a thousand to write. Who posts it pays for that, and not others.
func TestPostsCostAsManyTokensAsTheyHaveReaders(t *testing.T) {
	r := startRelay(t, nil)
	m, other := newMailbox(), newMailbox()
	for range 2 * readersPerToken {
		c := r.dial(t)
		c.write(m.subscribe(r.origin, c.nonce))
		c.expect("end")
	}
	for _, test := range []struct {
		to    mailbox
		burst int
		taken int
	}{
		{m, 9, 3},
		{m, 2, 1}, // who may post at all may post there
		{m, 1, 1},
		{other, 9, 9},
	} {
		r.limits.posts = limit.NewClients(limit.Rate{PerSecond: 1e-6, Burst: test.burst})
		taken := 0
		for n := range 2 * test.burst {
			switch status, code := r.post(t, test.to.address, frame(n)); {
			case status == http.StatusNoContent:
				taken++
			case code != "rate-limited":
				t.Errorf("refused with %d %s", status, code)
			}
		}
		if taken != test.taken {
			t.Errorf("%d tokens are enough for %d posts to %d readers, want %d", test.burst, taken, r.conns.fanouts.countOf(test.to.address), test.taken)
		}
	}
}

func TestReadersOfAMailboxAreBounded(t *testing.T) {
	r := startRelay(t, nil)
	m := newMailbox()
	subscribe := func(address, store.Reader) (*store.Subscription, error) { return &store.Subscription{}, nil }
	var last *subscription
	for range maxReaders {
		last = &subscription{conn: &conn{}, address: m.address}
		if err := r.conns.own(last, subscribe); err != nil {
			t.Fatal(err)
		}
	}
	c := r.dial(t)
	c.write(m.subscribe(r.origin, c.nonce))
	c.expect("refused too-many-subscriptions")
	r.conns.fanouts.leave(last)
	c.write(m.subscribe(r.origin, c.nonce))
	c.expect("end")
}

// Readers join a mailbox that others read already, while frames come. Each gets every frame once: from the backlog, or live.
func TestJoiningReadersGetEachFrameOnce(t *testing.T) {
	r := startRelay(t, func(c *Config) {
		c.tuning.rereadAfter = 3 * time.Second // longer than a post waits to be stored
		c.tuning.mailbox = limit.Rate{PerSecond: 1e6, Burst: 1e6}
	})
	const frames, every = 300, 25
	m := newMailbox()
	var readers sync.WaitGroup
	for n := range frames {
		if n%every == 0 {
			c := r.dial(t)
			proof := m.subscribe(r.origin, c.nonce)
			readers.Go(func() { c.expectEachOnce(proof, frames) })
		}
		f := frame(n)
		if err := keepPosting(f, func() error { return r.store.Post(t.Context(), m.address, f) }); err != nil {
			t.Error(err)
		}
	}
	readers.Wait()
}

// expectEachOnce subscribes, and reads until so many frames came and the end of the backlog. It may run in any goroutine.
func (c *reader) expectEachOnce(subscribe []byte, frames int) {
	err := c.ws.Write(c.ctx, websocket.MessageBinary, subscribe)
	came, ended := map[int]bool{}, false
	for err == nil && (len(came) < frames || !ended) {
		var got message
		got, err = c.tryRead()
		n := -1
		if got.kind == msgFrame {
			n = frameNumber(got.rest)
		}
		if came[n] && !postedAgain(got.rest) {
			c.t.Errorf("frame %d came twice", n)
		}
		if n >= 0 {
			came[n] = true
		}
		ended = ended || got.kind == msgEnd
	}
	if err != nil {
		c.t.Errorf("after %d of %d frames: %v", len(came), frames, err)
	}
}
