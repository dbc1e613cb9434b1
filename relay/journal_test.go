package relay

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// journaled starts relays that share a NATS server, in this process, and write and read the journal often. Their readers wait
// so long before they read a backlog again.
func journaled(t *testing.T, n int, reread time.Duration) []*testRelay {
	url := natsServer(t, nil)
	var all []*testRelay
	for range n {
		all = append(all, startRelay(t, func(c *Config) {
			c.NATS = NATSConfig{URLs: []string{url}, Replicas: 1, Key: bytes.Repeat([]byte{1}, NATSKeySize)}
			c.tuning.rereadAfter = reread
			c.store.JournalEvery = 20 * time.Millisecond
		}))
	}
	return all
}

// listen makes a reader of a mailbox that waits for nothing but what comes live.
func (r *testRelay) listen(t *testing.T, m mailbox) (*reader, *fanout) {
	t.Helper()
	c := r.dial(t)
	c.write(m.subscribe(r.origin, c.nonce))
	c.expect("end")
	o := r.fanoutOf(m)
	for _, s := range o.appendReaders(nil) {
		waitFor(t, func() bool {
			s.conn.mu.Lock()
			defer s.conn.mu.Unlock()
			return s.feed.phase == settled
		})
	}
	return c, o
}

func (r *testRelay) fanoutOf(m mailbox) *fanout {
	f := r.conns.fanouts
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.byMailbox[m.address]
}

// What did not come live, though nobody lost a connection, is read: once, and at each relay that missed it.
func TestJournalFindsWhatDidNotCome(t *testing.T) {
	relays := journaled(t, 3, time.Millisecond)
	a, b, m := relays[0], relays[1], newMailbox()
	atA, _ := a.listen(t, m)
	atB, deaf := b.listen(t, m)
	second, _ := b.listen(t, m)
	for i := range 3 { // what comes live comes once
		relays[2].mustPost(t, m.address, frame(i))
		for _, c := range []*reader{atA, atB, second} {
			if got := c.expect(fmt.Sprint("frame ", i))[0]; got.age != 0 {
				t.Errorf("%v comes from the backlog", got)
			}
		}
	}
	if err := deaf.sub.NATS().Unsubscribe(); err != nil { // what is sent to it now is lost
		t.Fatal(err)
	}
	for i := 3; i < 6; i++ {
		relays[2].mustPost(t, m.address, frame(i))
		atA.expect(fmt.Sprint("frame ", i))
		for _, c := range []*reader{atB, second} {
			if got := c.expect(fmt.Sprint("frame ", i))[0]; got.age == 0 {
				t.Errorf("%v comes as if it were live", got)
			}
		}
	}
	for i, want := range []float64{0, 6, 0} {
		if got := testutil.ToFloat64(relays[i].metrics.framesMissed); got != want {
			t.Errorf("relay %d counts %v missed frames, want %v", i, got, want)
		}
	}
}

// A frame that was posted before somebody began to read is found by that, and does not come again.
func TestJournalLeavesAloneWhatWasRead(t *testing.T) {
	relays := journaled(t, 2, time.Minute)
	c := relays[0].dial(t)
	var m mailbox
	for i := range 20 {
		m = newMailbox()
		relays[1].mustPost(t, m.address, frame(i))
		c.write(m.subscribe(relays[0].origin, c.nonce))
		c.expect(fmt.Sprint("frame ", i), "end")
	}
	// What is judged in order is judged when a later frame, which is overlooked, was.
	late := newMailbox()
	other := relays[0].dial(t)
	other.write(late.subscribe(relays[0].origin, other.nonce))
	other.expect("end")
	if err := relays[0].fanoutOf(late).sub.NATS().Unsubscribe(); err != nil {
		t.Fatal(err)
	}
	relays[1].mustPost(t, late.address, frame(99))
	missed := func() float64 { return testutil.ToFloat64(relays[0].metrics.framesMissed) }
	waitFor(t, func() bool { return missed() > 0 })
	other.expect("frame 99")
	if n := missed(); n != 1 {
		t.Errorf("%v frames were missed, want 1", n)
	}
	relays[1].mustPost(t, m.address, frame(20))
	c.expect("frame 20")
}

// What is said to be overlooked, and is nowhere, does not come, and nothing else is held up by it.
func TestOverlookedFrameThatIsNone(t *testing.T) {
	r, m := startRelay(t, func(c *Config) { c.tuning.rereadAfter = time.Millisecond }), newMailbox()
	c, o := r.listen(t, m)
	s := o.readers[0]
	s.conn.mu.Lock()
	s.conn.pump.overlook(s, []string{"x"})
	s.conn.mu.Unlock()
	r.mustPost(t, m.address, frame(1))
	c.expect("frame 1")
}
