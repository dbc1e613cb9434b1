package store

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// journaled opens stores that share a NATS server, in this process, and write and read the journal often.
func journaled(t *testing.T, n int) []*Store {
	url := natsServer(t, nil)
	var all []*Store
	for range n {
		all = append(all, openStore(t, Config{
			NATS:         NATSConfig{URLs: []string{url}, Replicas: 1, Key: bytes.Repeat([]byte{1}, NATSKeySize)},
			JournalEvery: 20 * time.Millisecond,
		}))
	}
	return all
}

// entriesAre waits until a store has read so many entries of the journal, or more.
func (s *Store) entriesAre(t *testing.T, after uint64) uint64 {
	t.Helper()
	waitFor(t, func() bool { return s.journal.last.Load() > after })
	return s.journal.last.Load()
}

// What did not come live, though nobody lost a connection, is told: once, and at each store that missed it.
func TestJournalTellsWhatDidNotCome(t *testing.T) {
	stores, m := journaled(t, 3), Address{1}
	atA, _ := stores[0].subscribe(t, m)
	atB, deaf := stores[1].subscribe(t, m)
	var live, missed []string
	last := uint64(0)
	for range 3 { // what comes live comes once
		live = append(live, stores[2].post(t, m))
		for _, e := range []*ear{atA, atB} {
			waitFor(t, func() bool { return slices.Equal(e.heard(), live) })
		}
		last = stores[1].entriesAre(t, last)
	}
	if err := deaf.NATS().Unsubscribe(); err != nil { // what is sent to it now is lost
		t.Fatal(err)
	}
	for range 3 {
		missed = append(missed, stores[2].post(t, m))
		waitFor(t, func() bool { return slices.Equal(atB.missed(), missed) })
	}
	waitFor(t, func() bool { return stores[0].journal.quiet.Load() > 4 }) // it has judged
	waitFor(t, func() bool { return len(atA.heard()) >= len(live)+len(missed) })
	if got := atA.heard(); !slices.Equal(got, append(live, missed...)) || len(atA.missed()) > 0 {
		t.Errorf("the other store heard %d frames and is told that it missed %d", len(got), len(atA.missed()))
	}
	if got := atB.heard(); !slices.Equal(got, live) {
		t.Errorf("%d frames came live, want %d", len(got), len(live))
	}
}

// A stream that is lost, as one in memory is with its servers, counts from one again.
func TestJournalOfAnotherStream(t *testing.T) {
	stores, m := journaled(t, 2), Address{1}
	e, deaf := stores[0].subscribe(t, m)
	for i := range 10 {
		stores[1].post(t, m)
		waitFor(t, func() bool { return len(e.heard()) == i+1 })
	}
	stores[0].entriesAre(t, 10)
	if err := stores[0].engine.js.DeleteStream(t.Context(), MailboxStream); err != nil {
		t.Fatal(err)
	}
	cfg, err := Config{}.WithDefaults()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newMailboxes(t.Context(), stores[0].engine, nil, cfg); err != nil {
		t.Fatal(err)
	}
	if err := deaf.NATS().Unsubscribe(); err != nil {
		t.Fatal(err)
	}
	id := stores[1].post(t, m)
	waitFor(t, func() bool { return slices.Contains(e.missed(), id) })
}

// What cannot be written is written later, and when a store is closed at the latest.
func TestJournalIsWrittenInTheEnd(t *testing.T) {
	stores, m := journaled(t, 2), Address{1}
	e, deaf := stores[0].subscribe(t, m)
	j := stores[1].journal
	j.cancel() // it stops to write
	j.wg.Wait()
	if err := deaf.NATS().Unsubscribe(); err != nil {
		t.Fatal(err)
	}
	const n = 2*maxPosted + 100
	for range n - 1 {
		j.acknowledged(mailboxSubjects + "nobody.nothing")
	}
	id := stores[1].post(t, m)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	j.write(over)
	// An answer may have been there as soon as the end was: then so many are written.
	if left := len(j.posted); left > 0 && (n-left)%maxPosted != 0 {
		t.Errorf("%d of %d frames are left to be written", left, n)
	}
	if err := stores[1].Close(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return slices.Contains(e.missed(), id) })
}

// Nobody can make a store tell what is none, but for a frame of a mailbox that is read, which might be there.
func TestJournalPassesOverWhatIsNone(t *testing.T) {
	s, m := journaled(t, 1)[0], Address{1}
	e, _ := s.subscribe(t, m)
	ours := s.Subject(m)[len(mailboxSubjects):] + "."
	last := uint64(0)
	for _, text := range []string{"", "\n", ".", "a.b.c", "no dot", ours + "x", "\x00\xff."} {
		msg := &nats.Msg{Subject: mailboxSubjects + s.journal.subject + "." + fmt.Sprintf("%x", text+"."), Data: []byte(text)}
		if err := s.engine.publish(t.Context().Done(), requestTimeout, msg); err != nil {
			t.Fatal(err)
		}
		last = s.entriesAre(t, last)
	}
	id := s.post(t, m)
	waitFor(t, func() bool { return slices.Equal(e.heard(), []string{id}) })
	waitFor(t, func() bool { return slices.Equal(e.missed(), []string{"x"}) })
}
