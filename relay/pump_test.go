package relay

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"ringfork/relay/store"
)

// mute returns a connection of which nothing is written, and which hears nothing but what the test tells its pump: its lock is
// held until the test ends.
func (r *testRelay) mute(t *testing.T) *conn {
	c := &conn{relay: r.Relay, client: netip.MustParsePrefix("192.0.2.1/32"), limit: rate.NewLimiter(rate.Inf, 1), writing: true}
	c.pump = newPump(c)
	c.mu.Lock()
	t.Cleanup(func() {
		c.ended = true
		c.pump.close()
		c.mu.Unlock()
	})
	return c
}

func (c *conn) subscribe(m mailbox) *subscription {
	c.pump.request(request{kind: msgSubscribe, address: m.address})
	return c.pump.subs[m.address]
}

// live and answer tell the pump what the store would.
func (c *conn) live(s *subscription, n int) { c.pump.live(s, fmt.Sprint("live", n), frame(n)) }

func (c *conn) answer(part store.Part) { c.pump.page(c.pump.reads.page, part) }

// A reader becomes too slow in the middle of a backlog, and some of that backlog is dropped. Its end must not be told before
// that has come after all.
func TestLagInABacklogDoesNotTellItsEnd(t *testing.T) {
	r := startRelay(t, nil)
	c := r.mute(t)
	busy := c.subscribe(newMailbox())
	busy.feed.endOfRecheck()
	c.pump.cancel(busy)
	s := c.subscribe(newMailbox())
	if c.pump.reads.active != s {
		t.Fatal("the backlog is not being read")
	}
	for n := range store.PageFrames {
		c.live(busy, n)
	}
	c.answer(store.Part{Kind: store.PartFrame, ID: "stored", Sequence: 1, Age: time.Millisecond, Frame: frame(0)})
	for n := 0; !c.pump.lagged; n++ {
		c.live(busy, store.PageFrames+n)
	}
	c.answer(store.Part{Kind: store.PartEnd})

	came := false
	for _, m := range c.queue {
		came = came || m.kind == msgFrame && m.address == s.address
		if m.kind == msgEnd && m.address == s.address && !came {
			t.Error("the end of the backlog was told, and a frame of it was dropped")
		}
	}
}

// Who asks for a mailbox again is told the end of that backlog, not of the one before.
func TestSubscribingAgainTakesBackTheEnd(t *testing.T) {
	r := startRelay(t, nil)
	c, m := r.mute(t), newMailbox()
	ends := func() (n int) {
		for _, o := range c.queue {
			if o.kind == msgEnd && o.address == m.address {
				n++
			}
		}
		return n
	}
	none := store.Part{Kind: store.PartEnd}
	for _, between := range []func(){func() {}, func() { c.pump.request(request{kind: msgUnsubscribe, address: m.address}) }} {
		c.subscribe(m)
		c.answer(none)
		if n := ends(); n != 1 {
			t.Errorf("%d ends are told", n)
		}
		between()
		if c.subscribe(m); ends() != 0 {
			t.Error("the end of a backlog waits for the client, and it has asked again")
		}
		c.answer(none)
		if n := ends(); n != 1 {
			t.Errorf("%d ends are told to who asked again", n)
		}
	}
}

// A client that does not read asks again and again for its mailboxes. What is kept of that is bounded.
func TestSubscribingAgainTakesNoMemory(t *testing.T) {
	r := startRelay(t, nil)
	c := r.mute(t)
	for range store.PageFrames {
		c.push(outgoing{kind: msgRefused})
	}
	boxes := []mailbox{newMailbox(), newMailbox()}
	for range 20_000 {
		for _, m := range boxes {
			c.subscribe(m)
		}
	}
	if n := len(c.pump.reads.waiting); n > 2*maxSubscriptions {
		t.Errorf("%d turns wait for %d mailboxes", n, len(boxes))
	}
}

// Who has connections by the hundred and reads none of them would have a thousand frames wait for each. When many wait in all,
// few may wait for one.
func TestFramesThatWaitAreBoundedInAll(t *testing.T) {
	r := startRelay(t, nil)
	first, second := r.mute(t), r.mute(t)
	for _, c := range []*conn{first, second} {
		s := c.subscribe(newMailbox())
		s.feed.endOfRecheck()
		c.pump.cancel(s)
		most := 0
		for n := range 4 * store.PageFrames {
			c.live(s, n)
			most = max(most, len(c.queue))
		}
		want := 4 * store.PageFrames
		if c == second {
			want = store.PageFrames
		}
		if most != want {
			t.Errorf("%d frames waited, want %d", most, want)
		}
		if c == first {
			r.conns.waiting.Add(maxWaiting)
		}
	}
	r.conns.waiting.Add(-maxWaiting)
	for _, c := range []*conn{first, second} {
		c.queue = nil
		c.pump.account()
	}
	if n := r.conns.waiting.Load(); n != 0 {
		t.Errorf("%d frames are counted, and none waits", n)
	}
}
