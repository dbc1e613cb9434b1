package relay

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
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
			c.tuning.journalEvery = 20 * time.Millisecond
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
	f := r.conns.fanouts
	f.mu.RLock()
	defer f.mu.RUnlock()
	o := f.byMailbox[m.address]
	s := o.readers[0]
	waitFor(t, func() bool {
		s.conn.mu.Lock()
		defer s.conn.mu.Unlock()
		return s.feed.phase == settled
	})
	return c, o
}

// entriesAre waits until a relay has read so many entries of the journal, or more.
func (r *testRelay) entriesAre(t *testing.T, after uint64) uint64 {
	t.Helper()
	waitFor(t, func() bool { return r.journal.last.Load() > after })
	return r.journal.last.Load()
}

// What did not come live, though nobody lost a connection, is read: once, and at each relay that missed it.
func TestJournalFindsWhatDidNotCome(t *testing.T) {
	relays := journaled(t, 3, time.Millisecond)
	a, b, m := relays[0], relays[1], newMailbox()
	atA, _ := a.listen(t, m)
	atB, deaf := b.listen(t, m)
	second := b.dial(t)
	second.write(m.subscribe(b.origin, second.nonce))
	second.expect("end")
	last := uint64(0)
	for i := range 3 { // what comes live comes once
		relays[2].mustPost(t, m.address, frame(i))
		for _, c := range []*reader{atA, atB, second} {
			if got := c.expect(fmt.Sprint("frame ", i))[0]; got.age != 0 {
				t.Errorf("%v comes from the backlog", got)
			}
		}
		last = b.entriesAre(t, last)
	}
	if err := deaf.nats.Unsubscribe(); err != nil { // what is sent to it now is lost
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
	relays := journaled(t, 2, 0)
	c := relays[0].dial(t)
	var m mailbox
	last := uint64(0)
	for i := range 20 {
		m = newMailbox()
		relays[1].mustPost(t, m.address, frame(i))
		c.write(m.subscribe(relays[0].origin, c.nonce))
		c.expect(fmt.Sprint("frame ", i), "end")
		last = relays[0].entriesAre(t, last)
	}
	waitFor(t, func() bool { return relays[0].journal.quiet.Load() > 4 }) // it has judged
	relays[1].mustPost(t, m.address, frame(20))
	c.expect("frame 20")
}

// A stream that is lost, as one in memory is with its servers, counts from one again.
func TestJournalOfAnotherStream(t *testing.T) {
	relays := journaled(t, 2, time.Millisecond)
	m := newMailbox()
	c, deaf := relays[0].listen(t, m)
	for i := range 10 {
		relays[1].mustPost(t, m.address, frame(i))
		c.expect(fmt.Sprint("frame ", i))
	}
	relays[0].entriesAre(t, 10)
	if err := relays[0].engine.js.DeleteStream(t.Context(), mailboxStream); err != nil {
		t.Fatal(err)
	}
	if _, err := newMailboxes(t.Context(), relays[0].engine, relays[0].cfg); err != nil {
		t.Fatal(err)
	}
	if err := deaf.nats.Unsubscribe(); err != nil {
		t.Fatal(err)
	}
	relays[1].mustPost(t, m.address, frame(10))
	c.expect("frame 10")
}

// What cannot be written is written later, and when a relay ends at the latest.
func TestJournalIsWrittenInTheEnd(t *testing.T) {
	relays := journaled(t, 2, time.Millisecond)
	m := newMailbox()
	c, deaf := relays[0].listen(t, m)
	j := relays[1].journal
	j.cancel() // it stops to write
	j.wg.Wait()
	if err := deaf.nats.Unsubscribe(); err != nil {
		t.Fatal(err)
	}
	const n = 2*maxPosted + 100
	for range n - 1 {
		j.acknowledged(mailboxSubjects + "nobody.nothing")
	}
	relays[1].mustPost(t, m.address, frame(1))
	over, cancel := context.WithCancel(t.Context())
	cancel()
	j.write(over)
	// An answer may have been there as soon as the end was: then so many are written.
	if left := len(j.posted); left > 0 && (n-left)%maxPosted != 0 {
		t.Errorf("%d of %d frames are left to be written", left, n)
	}
	if err := relays[1].Close(); err != nil {
		t.Fatal(err)
	}
	c.expect("frame 1")
}

// Nobody can read the journal as a mailbox, nor make a relay read what is none.
func TestJournalPassesOverWhatIsNone(t *testing.T) {
	relays := journaled(t, 1, time.Millisecond)
	r, m := relays[0], newMailbox()
	c, _ := r.listen(t, m)
	last := uint64(0)
	for _, text := range []string{"", "\n", ".", "a.b.c", "no dot", ringOf(r, m) + "x", "\x00\xff."} {
		msg := &nats.Msg{Subject: mailboxSubjects + r.journal.subject + "." + fmt.Sprintf("%x", text+"."), Data: []byte(text)}
		if err := r.engine.publish(t.Context().Done(), requestTimeout, msg); err != nil {
			t.Fatal(err)
		}
		last = r.entriesAre(t, last)
	}
	r.mustPost(t, m.address, frame(1))
	c.expect("frame 1")
}

// ringOf returns what the journal calls a frame of a mailbox, without the frame.
func ringOf(r *testRelay, m mailbox) string {
	return r.mailboxes.subject(m.address)[len(mailboxSubjects):] + "."
}
