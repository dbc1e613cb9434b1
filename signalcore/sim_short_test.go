package signalcore

import (
	"fmt"
	"testing"
	"time"

	"ringfork/fork"
)

// simShort are the shortest sequences of what the simulation and the fuzzing found. Each plays its steps and says what is wrong,
// nothing if all is well.
var simShort = []struct {
	name string
	play func(*simScript) string
}{
	{"accept overtakes its offer", func(s *simScript) string {
		a, b := s.machine("alice"), s.machine("bob")
		id := s.dial(a, "bob")
		s.ring(b, a, id)
		s.step(b, PickUp{Call: id})
		s.step(b, Described{Conn: 1, SDP: "d"}) // posts offer 1 and accept 2
		s.step(a, Received{Call: id, From: self("bob"), ID: 2, Msg: Accept{}})
		s.step(a, Received{Call: id, From: self("bob"), ID: 1, Msg: Offer{SDP: "d"}})
		if c := a.call(id); c.state == StateEnded {
			return "the caller ends the call as " + c.end.String()
		}
		return ""
	}},
	{"dial while a ring of that account is here", func(s *simScript) string {
		a, b := s.machine("alice"), s.machine("bob")
		x := s.dial(a, "bob")
		s.ring(b, a, x)
		y := s.dial(b, "alice")
		s.ring(a, b, y)
		if a.call(y).state == StateRinging && b.call(x).state == StateRinging {
			return "both ring, and neither accepts the other's call"
		}
		return ""
	}},
	{"glare of two who are no contacts", func(s *simScript) string {
		a, b := s.machine("alice"), s.machine("bob")
		x, y := s.dial(a, "bob"), s.dial(b, "alice")
		s.step(b, Received{Call: x, From: self("alice"), ID: 1, Msg: s.rings[x], Stranger: true})
		s.step(a, Received{Call: y, From: self("bob"), ID: 1, Msg: s.rings[y], Stranger: true})
		if a.call(y) == nil && b.call(x) == nil {
			return "both drop the other's ring as a stranger's"
		}
		return ""
	}},
	{"busy after proof of life", func(s *simScript) string {
		a, b := s.machine("alice"), s.machine("bob")
		b.cfg.Busy = BusyRefuse
		s.dial(b, "carol")
		id := s.dial(a, "bob")
		r := s.rings[id]
		r.SentAt = r.SentAt.Add(-time.Hour)
		s.step(b, Received{Call: id, From: self("alice"), ID: 1, Msg: r})
		s.step(b, Described{Conn: 1, SDP: "d"})
		s.step(b, Tick{})
		n := s.count(func(o Output) bool { m, ok := o.(OpenMailbox); return ok && m.Call == id })
		s.step(b, Received{Call: id, From: self("alice"), ID: 2, Msg: Answer{SDP: "d"}})
		if n += s.count(func(o Output) bool { m, ok := o.(OpenMailbox); return ok && m.Call == id }); s.mailboxes[id] > 1 {
			return fmt.Sprintf("the mailbox is opened %d times", s.mailboxes[id])
		}
		return ""
	}},
	{"the call in the place of a dialed one is replaced", func(s *simScript) string {
		b := s.machine("bob")
		y := s.dial(b, "alice")
		s.pair(y, func(first CallID) { // alice's call that goes first, then her redial that goes first too
			s.step(b, Received{Call: first, From: self("alice"), ID: 1, Msg: Ring{Number: uint64(len(s.rings)), SentAt: s.now, TTL: time.Minute}})
		})
		if v, ok := s.views[s.firsts[0]]; ok && v.State != StateEnded && !s.inPlaceOf(s.firsts[0]) {
			return "the user still sees the replaced call " + v.State.String() + ", and no view stands in its place"
		}
		return ""
	}},
	{"leave with a call held because of glare", func(s *simScript) string {
		b := s.machine("bob")
		y := s.dial(b, "alice")
		x := s.other(y, false)
		s.step(b, Received{Call: x, From: self("alice"), ID: 1, Msg: Ring{Number: 1, SentAt: s.now, TTL: time.Minute}})
		if out := s.step(b, Leave{}); hasNew(out) {
			return "the held call is shown as new, over at once"
		}
		return ""
	}},
	{"hangup of a held call", func(s *simScript) string {
		b := New(Config{Self: self("bob")}) // the backlog is not read
		id := CallID{9}
		s.step(b, Received{Call: id, From: self("alice"), ID: 1, Msg: Ring{Number: 1, SentAt: s.now, TTL: time.Minute}})
		bad := hasNew(s.step(b, Received{Call: id, From: self("alice"), ID: 2, Msg: Hangup{}}))
		s.step(b, Received{Call: id, From: self("alice"), ID: 3, Msg: Restart{}})
		switch n := s.count(func(o Output) bool { _, ok := o.(Post); return ok }); {
		case n > 0:
			return "posts without a mailbox"
		case bad:
			return "shown as new, over at once"
		}
		return ""
	}},
	{"one endpoint cannot connect after its accept", func(s *simScript) string {
		a := s.machine("alice")
		id := s.dial(a, "bob")
		for _, n := range []string{"bob/1", "bob/2"} {
			s.step(a, Received{Call: id, From: self(n), ID: 1, Msg: Offer{}})
		}
		b := s.machine("bob/1")
		s.ring(b, a, id)
		s.step(b, Described{Conn: 1, SDP: "d"})
		s.step(b, PickUp{Call: id})
		for _, o := range s.step(b, Broken{Conn: 1}) {
			if p, ok := o.(Post); ok {
				s.step(a, Received{Call: id, From: self("bob/1"), ID: p.ID + 10, Msg: p.Msg})
			}
		}
		if c := a.call(id); c.state == StateEnded {
			return "the call ends for everybody: " + c.end.String()
		}
		return ""
	}},
	{"accept on a tine that the caller closed", func(s *simScript) string {
		a, b := s.machine("alice"), s.machine("bob")
		id := s.connected(a, b)
		s.step(a, Changed{Conn: 1, State: ConnDisconnected})
		s.pass(lostTime + time.Second)
		s.step(a, Tick{})           // the caller drops the tine
		s.step(b, Closed{Conn: 1})  // the endpoint learns it, and rings on for 8 s
		s.step(b, PickUp{Call: id}) // its accept has no description
		s.step(a, Received{Call: id, From: self("bob"), ID: 20, Msg: Accept{}})
		if c := a.call(id); c.state == StateEnded {
			return "the caller ends the call as " + c.end.String()
		}
		return ""
	}},
	{"accept with a new description on a tine that the caller thinks open", func(s *simScript) string {
		a, b := s.machine("alice"), s.machine("bob")
		id := s.connected(a, b)
		s.step(b, Changed{Conn: 1, State: ConnFailed}) // the endpoint's network changed; the caller notices seconds later
		s.step(b, PickUp{Call: id})
		s.step(b, Described{Conn: 2, SDP: "d2"})
		out := s.step(a, Received{Call: id, From: self("bob"), ID: 21, Msg: Accept{SDP: "d2"}})
		for _, o := range out {
			if _, ok := o.(Answering); ok {
				return ""
			}
		}
		return "the caller never answers the new offer"
	}},
	{"a connection fails between accept and won", func(s *simScript) string {
		a, b := s.machine("alice"), s.machine("bob")
		id := s.dial(a, "bob")
		s.ring(b, a, id)
		s.step(b, Described{Conn: 1, SDP: "d"})
		s.pass(time.Second)
		s.step(b, Tick{})
		s.step(a, Received{Call: id, From: self("bob"), ID: 1, Msg: Offer{SDP: "d"}})
		s.step(b, PickUp{Call: id})
		s.step(a, Received{Call: id, From: self("bob"), ID: 2, Msg: Accept{}})
		s.step(a, Changed{Conn: 1, State: ConnFailed})
		if c := a.call(id); c.state == StateEnded {
			return "the caller ends the call as " + c.end.String() + " at once"
		}
		return ""
	}},
	{"many endpoints in one call", func(s *simScript) string {
		a := s.machine("alice")
		id := s.dial(a, "bob")
		for i := range 5000 {
			from := self("bob")
			from.Endpoint = EndpointID{byte(i), byte(i >> 8), 7}
			s.step(a, Received{Call: id, From: from, ID: 1, Msg: Candidates{}})
		}
		if n := len(a.call(id).seen); n > 64*fork.MaxTines {
			return fmt.Sprintf("%d message ids of one call are remembered", n)
		}
		return ""
	}},
	{"calls that ended are bounded", func(s *simScript) string {
		b := s.machine("bob")
		for i := range 1000 {
			s.step(b, Received{Call: CallID{byte(i), byte(i >> 8), 1}, From: self("eve"), ID: 1, Msg: Ring{Number: uint64(i + 1), SentAt: s.now, TTL: time.Minute}})
		}
		if n := len(b.calls); n > 100 {
			return fmt.Sprintf("%d calls are held", n)
		}
		return ""
	}},
	{"remembered calls are bounded", func(s *simScript) string {
		b := s.machine("bob")
		for i := range 2 * maxSeenCalls {
			ttl := MaxRingTime - time.Duration(i)*20*time.Millisecond
			s.step(b, Received{Call: CallID{byte(i), byte(i >> 8), 1}, From: self("eve"), ID: 1, Msg: Ring{Number: uint64(i + 1), SentAt: s.now, TTL: ttl}})
			s.pass(10 * time.Millisecond)
		}
		s.pass(5 * time.Second)
		s.step(b, Tick{})
		if n := len(b.seen); n > maxSeenCalls {
			return fmt.Sprintf("%d calls are remembered, %d may be", n, maxSeenCalls)
		}
		return ""
	}},
	{"a loser's state is not the winner's", func(s *simScript) string {
		a := s.machine("alice")
		id := s.dial(a, "bob")
		for i, n := range []string{"bob/1", "bob/2"} {
			s.step(a, Received{Call: id, From: self(n), ID: 1, Msg: Offer{SDP: "d"}})
			s.step(a, Opened{Conn: ConnID(i + 1)})
		}
		s.step(a, Heard{Conn: 1, ID: 2, Msg: Accept{}})
		s.step(a, Heard{Conn: 2, ID: 2, Msg: State{Seq: 1 << 30, Video: true}})
		if c := a.call(id); c.remote.Video {
			return "the user sees what the loser says, and the winner's words are too old from then on"
		}
		return ""
	}},
}

// TestShortest plays the shortest sequences.
func TestShortest(t *testing.T) {
	for _, x := range simShort {
		t.Run(x.name, func(t *testing.T) {
			if wrong := x.play(&simScript{now: simStart, rings: map[CallID]Ring{}, mailboxes: map[CallID]int{}, views: map[CallID]View{}}); wrong != "" {
				t.Error(wrong)
			}
		})
	}
}

// simScript steps machines by hand.
type simScript struct {
	now       time.Time
	rings     map[CallID]Ring
	last      []Output
	mailboxes map[CallID]int
	views     map[CallID]View
	firsts    []CallID
	next      byte
}

func (s *simScript) machine(name string) *Machine {
	m := New(Config{Self: self(name), RingTime: MaxRingTime})
	s.step(m, BacklogRead{Done: true})
	return m
}

func (s *simScript) step(m *Machine, in Input) []Output {
	s.last = m.Step(s.now, in)
	for _, o := range s.last {
		switch o := o.(type) {
		case OpenMailbox:
			if o.Incoming {
				s.mailboxes[o.Call]++
			}
		case Notify:
			s.views[o.View.Call] = o.View
		case Post:
			if r, ok := o.Msg.(Ring); ok {
				s.rings[o.Call] = r
			}
		}
	}
	return s.last
}

func (s *simScript) pass(d time.Duration) { s.now = s.now.Add(d) }

func (s *simScript) count(f func(Output) bool) (n int) {
	for _, o := range s.last {
		if f(o) {
			n++
		}
	}
	return n
}

func (s *simScript) dial(m *Machine, to string) CallID {
	s.next++
	id := CallID{s.next}
	s.step(m, Dial{Call: id, To: account(to)})
	return id
}

func (s *simScript) ring(to, from *Machine, id CallID) {
	s.step(to, Received{Call: id, From: from.cfg.Self, ID: 1, Msg: s.rings[id]})
}

// connected lets bob ring with an open tine.
func (s *simScript) connected(a, b *Machine) CallID {
	id := s.dial(a, "bob")
	s.ring(b, a, id)
	s.step(b, Described{Conn: 1, SDP: "d"})
	s.pass(100 * time.Millisecond)
	s.step(b, Tick{})
	s.step(a, Received{Call: id, From: self("bob"), ID: 1, Msg: Offer{SDP: "d"}})
	s.step(a, Described{Conn: 1, SDP: "d"})
	s.pass(100 * time.Millisecond)
	s.step(a, Tick{})
	s.step(b, Received{Call: id, From: self("alice"), ID: 2, Msg: Answer{SDP: "d"}})
	s.step(a, Opened{Conn: 1})
	s.step(b, Opened{Conn: 1})
	return id
}

// other returns a new call id that goes first when it meets y, or does not.
func (s *simScript) other(y CallID, first bool) CallID {
	for i := range 256 {
		if x := (CallID{byte(i), 77, byte(len(s.firsts))}); goesFirst(x, y) == first {
			return x
		}
	}
	panic("no such id")
}

// pair hands out two call ids that go first when they meet y.
func (s *simScript) pair(y CallID, ring func(CallID)) {
	for range 2 {
		x := s.other(y, true)
		s.firsts = append(s.firsts, x)
		s.rings[x] = Ring{}
		ring(x)
	}
}

func (s *simScript) inPlaceOf(id CallID) bool {
	for _, v := range s.views {
		if v.Replaces == id {
			return true
		}
	}
	return false
}

func hasNew(out []Output) bool {
	for _, o := range out {
		if n, ok := o.(Notify); ok && n.New {
			return true
		}
	}
	return false
}
