package store

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"ringfork/relay/natstest"
)

// natsServer starts one NATS server in this process, until the test ends.
func natsServer(t *testing.T, change func(*server.Options)) (url string) {
	t.Helper()
	url, stop, err := natstest.Single(t.TempDir(), change)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return url
}

// openStore opens a store until the test ends.
func openStore(t testing.TB, cfg Config) *Store {
	t.Helper()
	if cfg.Listener == nil {
		cfg.Listener = nobody{}
	}
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// nobody is a Listener that does not listen.
type nobody struct{}

func (nobody) Page(uint64, Part) {}
func (nobody) Lost([]Reader)     {}
func (nobody) LostAll()          {}

// listener remembers what it hears.
type listener struct {
	mu    sync.Mutex
	parts map[uint64][]Part
	lost  [][]Reader
	all   int
}

func (l *listener) Page(read uint64, p Part) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.parts == nil {
		l.parts = map[uint64][]Part{}
	}
	l.parts[read] = append(l.parts[read], p)
}

func (l *listener) Lost(readers []Reader) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost = append(l.lost, readers)
}

func (l *listener) LostAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all++
}

func (l *listener) lostAll() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all
}

// page waits for the end of a page and returns all of it.
func (l *listener) page(t testing.TB, read uint64) (parts []Part) {
	t.Helper()
	waitFor(t, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		parts = l.parts[read]
		return len(parts) > 0 && parts[len(parts)-1].Kind > PartSkipped
	})
	return parts
}

// ear is a Reader that remembers the ids of what it hears.
type ear struct {
	mu               sync.Mutex
	live, overlooked []string
}

func (e *ear) Live(id string, _ []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.live = append(e.live, id)
}

func (e *ear) Overlooked(ids []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.overlooked = append(e.overlooked, ids...)
}

// heard and missed return what came live, and what did not.
func (e *ear) heard() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.live)
}

func (e *ear) missed() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.overlooked)
}

// subscribe makes an ear hear what is posted to a mailbox.
func (s *Store) subscribe(t testing.TB, a Address) (*ear, *Subscription) {
	t.Helper()
	e := &ear{}
	sub, err := s.Subscribe(a, e)
	if err == nil {
		err = s.Conn().Flush() // what others post now comes too
	}
	if err != nil {
		t.Fatal(err)
	}
	return e, sub
}

// post posts a frame like no other and returns its id.
func (s *Store) post(t testing.TB, to Address) (id string) {
	t.Helper()
	frame := make([]byte, FrameSize)
	rand.Read(frame)
	if err := s.Post(t.Context(), to, frame); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(frame)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func waitFor(t testing.TB, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not happen")
		}
	}
}

// What a page tells is what was posted, in that order, and where it goes on.
func TestPages(t *testing.T) {
	l := &listener{}
	s := openStore(t, Config{Listener: l})
	a, other := Address{1}, Address{2}
	var want []string
	began := time.Now()
	for range PageFrames + 5 {
		want = append(want, s.post(t, a))
		s.post(t, other)
	}
	ask := func(read uint64, a Address, from, upTo uint64, scan bool) (ids []string, end Part) {
		t.Helper()
		if err := s.AskPage(read, a, from, upTo, scan); err != nil {
			t.Fatal(err)
		}
		parts := l.page(t, read)
		last := from
		for _, p := range parts[:len(parts)-1] {
			old := p.Age <= 0 || p.Age > time.Since(began)+time.Millisecond
			if p.Kind != PartFrame || p.Sequence < last || old || len(p.Frame) != FrameSize {
				t.Errorf("kind %d, sequence %d after %d, age %v", p.Kind, p.Sequence, last, p.Age)
			}
			ids, last = append(ids, p.ID), p.Sequence+1
		}
		return ids, parts[len(parts)-1]
	}
	for i, scan := range []bool{false, true} {
		read := uint64(10 * i)
		ids, end := ask(read, a, 0, 0, scan)
		if !slices.Equal(ids, want[:PageFrames]) || end.Kind != PartEndOfPage {
			t.Errorf("the first page has %d frames and ends with %v", len(ids), end)
		}
		next := l.page(t, read)[PageFrames-1].Sequence + 1
		if ids, end = ask(read+1, a, next, end.UpTo, scan); !slices.Equal(ids, want[PageFrames:]) || end.Kind != PartEnd {
			t.Errorf("the second page has %d frames and ends with %v", len(ids), end)
		}
	}
	if ids, end := ask(30, Address{3}, 0, 0, false); len(ids) > 0 || end.Kind != PartEnd {
		t.Errorf("an empty mailbox: %d frames, %v", len(ids), end)
	}
	if err := s.engine.js.DeleteStream(t.Context(), MailboxStream); err != nil {
		t.Fatal(err)
	}
	if _, end := ask(31, a, 0, 0, false); end.Kind != PartUnavailable {
		t.Errorf("without a stream: %v", end)
	}
}

// What is malformed, or older than frames may be, is passed over, and each way in which a page ends is known.
func TestParts(t *testing.T) {
	s := openStore(t, Config{FrameAge: time.Minute})
	stored := func(age time.Duration) nats.Header {
		at := time.Now().Add(-age).Format(time.RFC3339Nano)
		return nats.Header{"Nats-Sequence": {"7"}, "Nats-Time-Stamp": {at}, "Nats-Subject": {"a.b.c"}}
	}
	status := func(code, left, upTo string) nats.Header {
		return nats.Header{"Status": {code}, "Nats-Num-Pending": {left}, "Nats-UpTo-Sequence": {upTo}}
	}
	frame := make([]byte, FrameSize)
	for _, test := range []struct {
		name   string
		header nats.Header
		data   []byte
		want   Part
	}{
		{"a frame", stored(0), frame, Part{Kind: PartFrame, ID: "c", Sequence: 7}},
		{"of the future", stored(-time.Hour), frame, Part{Kind: PartFrame, ID: "c", Sequence: 7}},
		{"too old", stored(61 * time.Second), frame, Part{Kind: PartSkipped, Sequence: 7}},
		{"no frame", stored(0), frame[1:], Part{Kind: PartSkipped, Sequence: 7}},
		{"no time", nats.Header{"Nats-Sequence": {"7"}, "Nats-Subject": {"a.b.c"}}, frame, Part{Kind: PartSkipped, Sequence: 7}},
		{"nothing", nil, nil, Part{Kind: PartSkipped}},
		{"more", status("204", "3", "9"), nil, Part{Kind: PartEndOfPage, UpTo: 9}},
		{"the end", status("204", "0", "9"), nil, Part{Kind: PartEnd}},
		{"empty", status("404", "", ""), nil, Part{Kind: PartEnd}},
		{"too many", status("413", "", ""), nil, Part{Kind: PartTooMany}},
		{"nobody there", status("503", "", ""), nil, Part{Kind: PartUnavailable}},
		{"anything else", status("408", "", ""), nil, Part{Kind: PartUnavailable}},
	} {
		got := s.mailboxes.part(&nats.Msg{Header: test.header, Data: test.data})
		if (got.Age > 0) != (got.Kind == PartFrame) || (got.Frame != nil) != (got.Kind == PartFrame) {
			t.Errorf("%s: age %v and %d bytes", test.name, got.Age, len(got.Frame))
		}
		got.Age, got.Frame = 0, nil
		if !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
}

// Who ends a subscription while another one to the same mailbox has begun does not take that one's frames away, nor what the
// journal has for it.
func TestEndLeavesANewSubscriptionAlone(t *testing.T) {
	s := openStore(t, Config{})
	a := Address{1}
	first, old := s.subscribe(t, a)
	id := s.post(t, a)
	waitFor(t, func() bool { return slices.Equal(first.heard(), []string{id}) })
	second, sub := s.subscribe(t, a)
	old.End()
	id = s.post(t, a)
	waitFor(t, func() bool { return slices.Equal(second.heard(), []string{id}) })
	if s.subs.ofSubject(s.mailboxes.frames(a)) != sub {
		t.Error("the new subscription is not known by its subject")
	}
	sub.End()
	if len(s.subs.byNATS) != 0 || len(s.subs.bySubject) != 0 {
		t.Errorf("%d and %d subscriptions are left", len(s.subs.byNATS), len(s.subs.bySubject))
	}
	(&Subscription{}).End()
}

// What has not the length of a frame is none, and is not told.
func TestOnlyFramesAreLive(t *testing.T) {
	s := openStore(t, Config{})
	a := Address{1}
	e, _ := s.subscribe(t, a)
	for _, n := range []int{0, FrameSize - 1, FrameSize + 1} {
		if err := s.Conn().Publish(s.Subject(a)+".x", make([]byte, n)); err != nil {
			t.Fatal(err)
		}
	}
	id := s.post(t, a)
	waitFor(t, func() bool { return len(e.heard()) > 0 })
	if got := e.heard(); !slices.Equal(got, []string{id}) {
		t.Errorf("it heard %q", got)
	}
}

// When the connection was lost and is back everything may have gone past.
func TestLostAll(t *testing.T) {
	l := &listener{}
	s := openStore(t, Config{Listener: l})
	if err := s.Conn().ForceReconnect(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return l.lostAll() == 1 && s.Connected() })
}

// slow is a Reader that holds everybody up until it is let go, and says when it does.
type slow struct{ in, let chan struct{} }

func (s slow) Live(string, []byte)     { s.in <- struct{}{}; <-s.let }
func (s slow) Overlooked(ids []string) {}

// When more comes than there is room for, it is told whose messages were dropped, each time.
func TestLost(t *testing.T) {
	l := &listener{}
	s := openStore(t, Config{Listener: l})
	busy, quiet := Address{1}, Address{2}
	e, _ := s.subscribe(t, quiet)
	b := slow{make(chan struct{}, 1), make(chan struct{})}
	if _, err := s.Subscribe(busy, b); err != nil {
		t.Fatal(err)
	}
	for n := range 2 {
		waitFor(t, func() bool { return s.Queued() == 0 })
		s.post(t, busy)
		<-b.in
		for range QueueSize + 1000 {
			if err := s.Conn().Publish(s.Subject(busy)+".x", nil); err != nil {
				t.Fatal(err)
			}
		}
		waitFor(t, func() bool { return s.Queued() == QueueSize })
		s.post(t, quiet)
		b.let <- struct{}{}
		waitFor(t, func() bool {
			l.mu.Lock()
			defer l.mu.Unlock()
			return len(l.lost) == n+1
		})
		if got := l.lost[n]; len(got) != 2 || !slices.Contains(got, Reader(e)) || !slices.Contains(got, Reader(b)) {
			t.Errorf("lost %d: %v", n, got)
		}
	}
	if got := e.heard(); len(got) != 0 || l.lostAll() != 0 {
		t.Errorf("it heard %q; everything was lost %d times", got, l.lostAll())
	}
}
