package relay

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"ringfork/relay/limit"
	"ringfork/relay/store"
)

// page answers the page that is being read: so many frames, and that others follow or not. The client takes all that is for it.
func (c *conn) page(frames int, more bool) {
	for n := range frames {
		c.answer(store.Part{
			Kind: store.PartFrame, ID: fmt.Sprint("frame", n), Sequence: uint64(n + 1), Age: time.Millisecond, Frame: frame(n),
		})
	}
	end := map[bool]store.PartKind{true: store.PartEndOfPage, false: store.PartEnd}[more]
	c.queue = nil // before the end too: only an empty queue is sure to have room for a page
	c.answer(store.Part{Kind: end})
}

// patientReads is for tests that answer what is asked of the engine, however long the machine lets them wait.
func patientReads(c *Config) { c.tuning.pageTimeout, c.tuning.rereadAfter = time.Hour, time.Hour }

// Who asks again and again for a mailbox that is full has so much of it read, and no more.
func TestBacklogReadsAreLimited(t *testing.T) {
	for name, again := range map[string]func(c *conn, m mailbox){
		"waits for each answer": func(c *conn, m mailbox) { c.page(store.PageFrames, true) },
		"asks at every page":    func(c *conn, m mailbox) { c.page(store.PageFrames, true); c.subscribe(m) },
		"waits for no answer":   func(c *conn, m mailbox) { c.subscribe(m) },
	} {
		r := startRelay(t, patientReads)
		r.limits.backlogs = limit.NewClients(limit.Rate{PerSecond: 1e-6, Burst: 3*store.PageFrames - 1})
		c, m := r.mute(t), newMailbox()
		asked := func() int { return int(testutil.ToFloat64(r.metrics.backlogReads)) }
		for c.subscribe(m); c.pump.reads.active != nil && asked() < 100; {
			again(c, m)
		}
		if n := asked(); n != 3 {
			t.Errorf("who %s has %d pages read, want 3", name, n)
		}
		other := r.mute(t)
		other.client = netip.MustParsePrefix("192.0.2.2/32")
		if other.subscribe(m); other.pump.reads.active == nil {
			t.Error("another client's backlog is not read")
		}
		// Its own is read when there is something in the bucket again.
		r.limits.backlogs = limit.NewClients(limit.Rate{PerSecond: 1, Burst: 1})
		if c.pump.advance(); c.pump.reads.active == nil {
			t.Error("the backlog is not read later")
		}
	}
}

// A client that comes back to many mailboxes, of which most are empty, is held up by nothing, however often it comes back.
func TestEmptyBacklogsCostNothing(t *testing.T) {
	r := startRelay(t, patientReads)
	r.limits.backlogs = limit.NewClients(limit.Rate{PerSecond: 1e-6, Burst: store.PageFrames})
	c, boxes := r.mute(t), []mailbox{}
	for range 25 {
		boxes = append(boxes, newMailbox())
	}
	for range 20 {
		for _, m := range boxes {
			if c.subscribe(m); c.pump.reads.active == nil {
				t.Fatal("a backlog waits")
			}
			c.answer(store.Part{Kind: store.PartEnd})
			c.queue = nil
		}
	}
}

// A backlog that is longer than what may be read at once is read to its end all the same.
func TestBacklogIsReadSlowly(t *testing.T) {
	r := startRelay(t, func(c *Config) {
		c.tuning.mailbox = limit.Rate{PerSecond: 1e5, Burst: 1e5}
		c.tuning.pageTimeout, c.tuning.pingEvery = time.Hour, time.Hour // nothing else wakes the reader
	})
	r.limits.backlogs = limit.NewClients(limit.Rate{PerSecond: 2000, Burst: store.PageFrames})
	m, want := newMailbox(), []string{}
	for n := range 5 * store.PageFrames {
		r.mustPost(t, m.address, frame(n))
		want = append(want, fmt.Sprintf("frame %d", n))
	}
	c := r.dial(t)
	c.write(m.subscribe(r.origin, c.nonce))
	c.expect(slices.Concat(want, []string{"end"})...)
}
