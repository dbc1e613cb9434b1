package signalcore

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// TestRandom lets machines live through days that nobody would write down: presses in every order, a relay that loses,
// doubles and reorders, connections that never come or break, endpoints that sleep, leave and crash. Whatever happens, the
// promises in [storm.check] and [storm.quiet] hold. A seed that fails is played once more with a transcript.
func TestRandom(t *testing.T) {
	seeds := 1000
	if testing.Short() {
		seeds = 60
	}
	for seed := range seeds {
		if s := newStorm(uint64(seed), false); !s.play() {
			s = newStorm(uint64(seed), true)
			s.play()
			t.Fatalf("seed %d: %s\n%s", seed, s.broken, s.trace.String())
		}
	}
}

// storm is a world in which everything is drawn by chance. Time is virtual.
type storm struct {
	rnd   *rand.Rand
	now   time.Time
	start time.Time
	seq   int
	queue events
	boats []*boat
	links map[string]*link // by the offer that began it
	calls []CallID
	ids   byte
	won   map[CallID]EndpointID // by the caller's word; zero: settled otherwise

	loss, double float64       // of what the relay carries
	slow         time.Duration // the relay, at most
	unlinked     float64       // connections that never come
	calm         bool          // nothing goes wrong by itself
	relayDown    bool
	mailbox      []letter
	loud         bool // write a transcript
	trace        strings.Builder
	broken       string // the first promise that was
}

// boat is one endpoint with what its driver would keep.
type boat struct {
	name    string
	self    Sender
	m       *Machine
	gone    bool
	asleep  bool
	missed  []Input
	views   map[CallID]View
	over    map[CallID]bool // detached
	caller  map[CallID]Sender
	boxes   map[CallID]map[MessageID]Post // open mailboxes, with what was posted
	offered map[CallID]map[EndpointID]bool
	conns   map[ConnID]*link
}

// link is one peer connection: side 0 offered.
type link struct {
	offer     string
	boat      [2]*boat
	conn      [2]ConnID
	spoke     [2]bool // has described itself
	described [2]bool // has the other side's description
	open      bool
	cut       bool // one side closed it
	never     bool
}

func newStorm(seed uint64, loud bool) *storm {
	start := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	s := &storm{rnd: rand.New(rand.NewPCG(seed, 1)), now: start, start: start, links: map[string]*link{},
		won: map[CallID]EndpointID{}, loud: loud}
	s.slow = s.draw(300*time.Millisecond) + 10*time.Millisecond
	switch s.rnd.IntN(4) {
	case 0:
		s.calm = true
	case 1:
		s.loss, s.double, s.unlinked = 0.3, 0.2, 0.2
	case 2:
		s.loss, s.double, s.unlinked = 0.05, 0.05, 0.05
		s.slow *= 10
	case 3:
		s.double = 0.3
	}
	for _, name := range []string{"alice/1", "bob/1", "bob/2", "bob/3"} {
		s.add(name)
	}
	if s.chance(0.5) {
		s.add("alice/2")
	}
	if s.chance(0.3) {
		s.add("mallory/1")
	}
	return s
}

func (s *storm) chance(p float64) bool { return s.rnd.Float64() < p }

func (s *storm) draw(most time.Duration) time.Duration {
	return time.Duration(s.rnd.Int64N(int64(most)))
}

func (s *storm) add(name string) {
	cfg := Config{Self: self(name), Name: name, Label: name, Incoming: Incoming(s.rnd.IntN(2)), Preconnect: Preconnect(s.rnd.IntN(3)),
		Busy: WhenBusy(s.rnd.IntN(2)), RingTime: 10*time.Second + s.draw(20*time.Second)}
	b := &boat{name: name, self: cfg.Self, m: New(cfg), views: map[CallID]View{}, over: map[CallID]bool{},
		caller: map[CallID]Sender{}, boxes: map[CallID]map[MessageID]Post{}, offered: map[CallID]map[EndpointID]bool{},
		conns: map[ConnID]*link{}}
	s.boats = append(s.boats, b)
	s.backlog(b)
}

// backlog hands in what waits in the account's mailbox.
func (s *storm) backlog(b *boat) {
	for _, l := range s.mailbox {
		if l.to == b.self.Account {
			s.deliver(b, l.in, l.sent)
		}
	}
	if s.chance(0.9) {
		s.after(2*s.slow, func() { s.step(b, BacklogRead{Done: true}) })
	}
}

func (s *storm) after(d time.Duration, do func()) {
	s.seq++
	heap.Push(&s.queue, event{s.now.Add(d), s.seq, do})
}

func (s *storm) fail(b *boat, format string, args ...any) {
	if s.broken == "" {
		s.broken = b.name + ": " + fmt.Sprintf(format, args...)
	}
}

func (s *storm) printf(b *boat, format string, args ...any) {
	if s.loud {
		fmt.Fprintf(&s.trace, "%8.3f %-9s %s\n", s.now.Sub(s.start).Seconds(), b.name, fmt.Sprintf(format, args...))
	}
}

// play lets half a minute of everything pass, then a while of nothing, then everybody leaves.
func (s *storm) play() bool {
	for range 5 + s.rnd.IntN(40) {
		s.after(s.draw(30*time.Second), s.something)
	}
	s.after(0, func() { s.dial(s.boats[0]) })
	s.run(30 * time.Second)
	for _, b := range s.boats {
		s.wake(b)
	}
	s.relay(true)
	s.run(90 * time.Second)
	s.settled()
	for _, b := range s.boats {
		s.step(b, Leave{})
	}
	s.run(3 * time.Minute)
	s.quiet()
	return s.broken == ""
}

func (s *storm) run(d time.Duration) {
	end := s.now.Add(d)
	for steps := 0; s.broken == ""; steps++ {
		next := end
		var due *boat
		for _, b := range s.boats {
			if at := b.m.Deadline(); !b.gone && !b.asleep && !at.IsZero() && at.Before(next) {
				next, due = at, b
			}
		}
		if steps > 100_000 {
			s.fail(s.boats[0], "it does not come to rest")
			return
		}
		if len(s.queue) > 0 && !s.queue[0].at.After(next) {
			e := heap.Pop(&s.queue).(event)
			s.now = e.at
			e.do()
			continue
		}
		if next.After(s.now) {
			s.now = next
		}
		if due == nil {
			return
		}
		s.step(due, Tick{})
	}
}

func (s *storm) step(b *boat, in Input) {
	if b.gone {
		return
	}
	if b.asleep {
		b.missed = append(b.missed, in)
		return
	}
	if s.loud {
		s.printf(b, "%s", brief(in))
	}
	for _, out := range b.m.Step(s.now, in) {
		if s.loud {
			s.printf(b, "   %s", brief(out))
		}
		s.check(b, out)
		s.do(b, out)
	}
	if at := b.m.Deadline(); !at.IsZero() && !at.After(s.now) {
		s.fail(b, "would be woken for ever")
	}
}

// brief is an input or output without what a reader of a transcript does not need.
func brief(x any) string {
	what := strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", x), "signalcore."))
	switch x := x.(type) {
	case Received:
		return fmt.Sprintf("%s %d: %s %d from %s", what, x.Call[0], kindOf(x.Msg), x.ID, nameOf(x.From.Endpoint[:]))
	case Heard:
		return fmt.Sprintf("%s on %d: %s %d", what, x.Conn, kindOf(x.Msg), x.ID)
	case Tell:
		return fmt.Sprintf("%s on %d: %s %d", what, x.Conn, kindOf(x.Msg), x.ID)
	case Post:
		return fmt.Sprintf("%s %d: %s %d to %s", what, x.Call[0], kindOf(x.Msg), x.ID, nameOf(x.To[:]))
	case Dial:
		return fmt.Sprintf("%s %d", what, x.Call[0])
	case OpenMailbox:
		return fmt.Sprintf("%s %d", what, x.Call[0])
	case Notify:
		v := x.View
		return fmt.Sprintf("%s %d: %s %s %s %v", what, v.Call[0], v.State, v.End, v.AnsweredBy, v.Devices)
	}
	return fmt.Sprintf("%s %.80s", what, fmt.Sprintf("%+v", x))
}
