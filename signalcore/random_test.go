package signalcore

import (
	"container/heap"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
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

// something happens to somebody.
func (s *storm) something() {
	b := s.boats[s.rnd.IntN(len(s.boats))]
	media := Media{Audio: true, Video: s.chance(0.5)}
	call := CallID{0xff} // which nobody knows
	if len(s.calls) > 0 {
		call = s.calls[s.rnd.IntN(len(s.calls))]
	}
	what := s.rnd.IntN(100)
	switch {
	case what < 10:
		s.dial(b)
	case what < 35:
		s.step(b, PickUp{Call: call, Media: media})
	case what < 41:
		s.step(b, Refuse{Call: call, Everywhere: s.chance(0.3)})
	case what < 47:
		s.step(b, HangUp{Call: call})
	case what < 52:
		s.step(b, SetState{Call: call, Audio: s.chance(0.5), Video: s.chance(0.5)})
	case what < 56:
		s.step(b, Tick{})
	case what < 58:
		s.step(b, RelayOnline{})
	case what < 61 && len(s.boats) < 10:
		s.add(fmt.Sprintf("%s/%d", []string{"alice", "bob"}[s.rnd.IntN(2)], 4+len(s.boats)))
	case what < 64:
		s.step(b, Leave{})
	case s.calm:
	case what < 67:
		s.relay(!s.relayDown)
	case what < 70:
		s.crash(b)
	case what < 75:
		if !b.asleep {
			s.printf(b, "sleeps")
			b.asleep = true
			s.after(s.draw(20*time.Second), func() { s.wake(b) })
		}
	case what < 80:
		for _, l := range s.mailbox { // once more, by a relay that forgot what it delivered
			if l.to == b.self.Account && s.chance(0.5) {
				s.deliver(b, l.in, l.sent)
			}
		}
	default:
		s.disturb(b)
	}
}

func (s *storm) dial(b *boat) {
	to := account("bob")
	if b.self.Account == to {
		to = account("alice")
	}
	s.ids++
	s.calls = append(s.calls, CallID{s.ids})
	s.step(b, Dial{Call: CallID{s.ids}, To: to, Media: Media{Audio: true}})
}

func (s *storm) relay(up bool) {
	s.relayDown = !up
	for _, b := range s.boats {
		if up {
			s.step(b, RelayOnline{})
			s.backlog(b)
		} else if s.chance(0.5) {
			s.step(b, BacklogRead{Done: false})
		}
	}
}

func (s *storm) wake(b *boat) {
	if !b.asleep {
		return
	}
	b.asleep = false
	missed := b.missed
	b.missed = nil
	s.step(b, Tick{})
	for _, in := range missed {
		s.step(b, in)
	}
}

// crash ends an endpoint without a word.
func (s *storm) crash(b *boat) {
	s.printf(b, "crashes")
	b.gone = true
	for _, id := range slices.Sorted(maps.Keys(b.conns)) {
		l := b.conns[id]
		i := 1 - l.side(b)
		if other := l.boat[i]; other != nil && l.described[0] && l.described[1] {
			l.cut = true
			s.after(7*time.Second, func() { s.step(other, Changed{Conn: l.conn[i], State: ConnDisconnected}) })
			s.after(17*time.Second, func() { s.step(other, Changed{Conn: l.conn[i], State: ConnFailed}) })
		}
	}
}

// disturb does to one of an endpoint's connections what networks and browsers do.
func (s *storm) disturb(b *boat) {
	ids := slices.Sorted(maps.Keys(b.conns))
	if len(ids) == 0 {
		return
	}
	id := ids[s.rnd.IntN(len(ids))]
	l := b.conns[id]
	switch s.rnd.IntN(6) {
	case 0:
		if i := l.side(b); !l.spoke[i] || i == 0 && l.described[0] { // making a description failed, or applying the answer
			s.step(b, Broken{Conn: id})
		}
	case 1, 2:
		if l.open {
			s.step(b, Changed{Conn: id, State: ConnDisconnected})
			s.after(s.draw(4*time.Second), func() { s.step(b, Changed{Conn: id, State: ConnConnected}) })
		}
	case 3:
		l.open, l.cut = false, true
		for i := range 2 {
			if l.boat[i] != nil && l.described[0] && l.described[1] {
				s.after(s.draw(5*time.Second), func() { s.step(l.boat[i], Changed{Conn: l.conn[i], State: ConnDisconnected}) })
				s.after(5*time.Second+s.draw(20*time.Second), func() { s.step(l.boat[i], Changed{Conn: l.conn[i], State: ConnFailed}) })
			}
		}
	case 4:
		s.step(b, Changed{Conn: id, State: ConnConnected})
	case 5:
		s.step(b, FoundAll{Conn: id})
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

// check holds the machine to what it promises its driver, output by output.
func (s *storm) check(b *boat, out Output) {
	live := func(id ConnID) {
		if b.conns[id] == nil {
			s.fail(b, "%T for a connection that is not there", out)
		}
	}
	box := func(id CallID) {
		if b.boxes[id] == nil {
			s.fail(b, "%T without mailbox", out)
		}
	}
	switch out := out.(type) {
	case OpenMailbox:
		if b.boxes[out.Call] != nil {
			s.fail(b, "mailbox opened twice")
		}
	case Post:
		box(out.Call)
		s.settle(b, out.Call, out.To, out.Msg)
	case Repost:
		box(out.Call)
		if _, ok := b.boxes[out.Call][out.ID]; !ok {
			s.fail(b, "repeats what it never posted")
		}
	case Connect:
		if b.conns[out.Conn] != nil {
			s.fail(b, "connection id used twice")
		}
	case Apply:
		live(out.Conn)
		if l := b.conns[out.Conn]; l != nil && (out.SDP != "answer to "+l.offer || l.boat[0] != b) {
			s.fail(b, "answer applied to another offer")
		}
	case AddCandidates:
		live(out.Conn)
	case Tell:
		live(out.Conn)
		if l := b.conns[out.Conn]; l != nil && l.boat[1-l.side(b)] != nil {
			s.settle(b, b.callOf(out.Conn), l.boat[1-l.side(b)].self.Endpoint, out.Msg)
		}
	case Disconnect:
		live(out.Conn)
	case Attach:
		live(out.Conn)
		if b.over[out.Call] {
			s.fail(b, "opens its media after the end")
		}
	case Show:
		live(out.Conn)
	case Detach:
		if b.over[out.Call] {
			s.fail(b, "call ended twice")
		}
	case Notify:
		s.checkView(b, out)
	}
}

// callOf returns the call of a connection.
func (b *boat) callOf(id ConnID) CallID {
	if t := b.m.conns[id]; t != nil {
		return t.call.id
	}
	return CallID{}
}

// settle holds callers to one decision.
func (s *storm) settle(b *boat, call CallID, to EndpointID, msg Message) {
	if _, incoming := b.caller[call]; incoming {
		return
	}
	before, settled := s.won[call]
	winner := EndpointID{}
	switch msg := msg.(type) {
	case Won:
		winner = to
	case Settled:
		if winner = msg.Winner; msg.Outcome == NoOutcome {
			s.fail(b, "told that the call is settled, as ringing")
		}
	default:
		return
	}
	if settled && before != winner {
		s.fail(b, "settled twice")
	}
	s.won[call] = winner
}

func (s *storm) checkView(b *boat, n Notify) {
	v := n.View
	before, shown := b.views[v.Call]
	switch {
	case n.New != (!shown && v.Direction == IncomingCall && v.Replaces == CallID{}):
		s.fail(b, "a call is new once, if it rings here")
	case before.State == StateEnded && (v.State != StateEnded || v.End != before.End):
		s.fail(b, "a call that ended lives again")
	case (v.State == StateEnded) != (v.End != NotEnded):
		s.fail(b, "state and end differ")
	case v.State == StateEnded && !b.over[v.Call]:
		s.fail(b, "a call ended and its media is open")
	case v.State == StateActive && s.won[v.Call] != b.self.Endpoint && v.Direction == IncomingCall:
		s.fail(b, "talks without having won")
	}
	if s.calm && (v.End == EndFailed || v.End == EndLost) {
		s.fail(b, "a call %s although nothing went wrong", v.End)
	}
}

func (s *storm) do(b *boat, out Output) {
	switch out := out.(type) {
	case OpenMailbox:
		b.boxes[out.Call] = map[MessageID]Post{}
	case CloseMailbox:
		delete(b.boxes, out.Call)
	case Post:
		if b.boxes[out.Call] != nil {
			b.boxes[out.Call][out.ID] = out
		}
		s.post(b, out)
	case Repost:
		s.post(b, b.boxes[out.Call][out.ID])
	case Connect:
		l := &link{offer: fmt.Sprintf("offer %d of %s", out.Conn, b.name), boat: [2]*boat{b}, conn: [2]ConnID{out.Conn},
			never: s.chance(s.unlinked)}
		s.links[l.offer], b.conns[out.Conn] = l, l
		s.gather(b, out.Conn, l.offer)
	case Answering:
		l := s.links[out.SDP]
		if l == nil || l.boat[1] != nil {
			s.fail(b, "answers an offer twice, or one that nobody made")
			return
		}
		l.boat[1], l.conn[1], l.described[1] = b, out.Conn, true
		b.conns[out.Conn] = l
		s.gather(b, out.Conn, "answer to "+out.SDP)
	case Apply:
		l := b.conns[out.Conn]
		l.described[0] = true
		s.connect(l)
	case Tell:
		s.tell(b, out)
	case Disconnect:
		s.disconnect(b, out.Conn)
	case Detach:
		b.over[out.Call] = true
	case ShareOwn:
		for _, r := range s.boats {
			if r != b && r.self.Account == b.self.Account && !s.chance(s.loss) {
				s.after(s.draw(s.slow), func() { s.step(r, Synced{From: b.self.Endpoint, Msg: out.Msg}) })
			}
		}
	case Notify:
		b.views[out.View.Call] = out.View
		delete(b.views, out.View.Replaces) // the user's call goes on as this one
	}
}

func (s *storm) gather(b *boat, id ConnID, sdp string) {
	at := s.draw(100 * time.Millisecond)
	l := b.conns[id]
	s.after(at, func() {
		l.spoke[l.side(b)] = true
		s.step(b, Described{Conn: id, SDP: sdp})
	})
	for range s.rnd.IntN(4) {
		s.after(s.draw(300*time.Millisecond), func() { s.step(b, Found{Conn: id, Candidate: Candidate{Line: "host"}}) })
	}
	if s.chance(0.8) {
		s.after(s.draw(400*time.Millisecond), func() { s.step(b, FoundAll{Conn: id}) })
	}
}

// connect opens a connection whose sides have both descriptions, or lets it fail much later.
func (s *storm) connect(l *link) {
	if l.never || l.cut {
		for i := range 2 {
			s.after(15*time.Second, func() { s.step(l.boat[i], Changed{Conn: l.conn[i], State: ConnFailed}) })
		}
		return
	}
	l.open = true
	for i := range 2 {
		s.after(s.draw(200*time.Millisecond), func() {
			if s.chance(0.9) {
				s.step(l.boat[i], Changed{Conn: l.conn[i], State: ConnConnected})
			}
			s.step(l.boat[i], Opened{Conn: l.conn[i]})
		})
	}
}

func (l *link) side(b *boat) int {
	if l.boat[0] == b {
		return 0
	}
	return 1
}

// linkTime is how long a word takes over a connection: always the same, so that the order is kept, and longer than it takes
// both sides to open.
const linkTime = 200 * time.Millisecond

func (s *storm) tell(b *boat, out Tell) {
	l := b.conns[out.Conn]
	if l == nil || !l.open {
		return
	}
	i := 1 - l.side(b)
	s.after(linkTime, func() { s.step(l.boat[i], Heard{Conn: l.conn[i], ID: out.ID, Msg: out.Msg}) })
}

func (s *storm) disconnect(b *boat, id ConnID) {
	l := b.conns[id]
	delete(b.conns, id)
	if l == nil || l.cut {
		return
	}
	l.cut = true
	if i := 1 - l.side(b); l.boat[i] != nil && l.open {
		s.after(linkTime, func() { s.step(l.boat[i], Closed{Conn: l.conn[i]}) })
	}
	l.open = false
}

// post carries a message as a bad relay does.
func (s *storm) post(b *boat, p Post) {
	if s.relayDown {
		return
	}
	s.after(s.draw(s.slow), func() { s.step(b, Posted{Call: p.Call, ID: p.ID}) })
	in := Received{Call: p.Call, From: b.self, ID: p.ID, Msg: p.Msg}
	caller, incoming := b.caller[p.Call]
	to := p.To
	if incoming {
		to = caller.Endpoint
	}
	var readers []*boat
	for _, r := range s.boats {
		all := !incoming && to == EndpointID{}
		if c := b.m.call(p.Call); r.self.Endpoint == to || all && c != nil && r.self.Account == c.peer.Account {
			readers = append(readers, r)
		}
	}
	if len(readers) > 0 && !incoming && to == (EndpointID{}) && !s.chance(s.loss) {
		s.mailbox = append(s.mailbox, letter{to: readers[0].self.Account, in: in, sent: s.now})
	}
	for _, r := range readers {
		if !s.chance(s.loss) {
			s.deliver(r, in, s.now)
		}
		if s.chance(s.double) {
			s.deliver(r, in, s.now)
		}
	}
}

func (s *storm) deliver(r *boat, in Received, sent time.Time) {
	s.after(s.draw(s.slow), func() {
		in.Age = s.now.Sub(sent)
		if s.believes(r, in) {
			s.step(r, in)
		}
	})
}

// believes is what package frame and the driver make sure of before the machine hears a message.
func (s *storm) believes(r *boat, in Received) bool {
	switch in.Msg.(type) {
	case Ring:
		r.caller[in.Call] = in.From
		return true
	case Settled:
		return true
	}
	if r.boxes[in.Call] == nil {
		return false
	}
	if _, incoming := r.caller[in.Call]; incoming {
		return true
	}
	switch in.Msg.(type) {
	case Offer:
		if r.offered[in.Call] == nil {
			r.offered[in.Call] = map[EndpointID]bool{}
		}
		r.offered[in.Call][in.From.Endpoint] = true
	case Decline:
	default:
		return r.offered[in.Call][in.From.Endpoint]
	}
	return true
}

// settled says what is left a minute after the last thing went wrong: calls that both sides talk in, and nothing else.
func (s *storm) settled() {
	for _, b := range s.boats {
		for id, v := range b.views {
			if b.gone || v.State == StateEnded {
				continue
			}
			others := 0
			for _, o := range s.boats {
				if w := o.views[id]; !o.gone && o != b && w.State == StateActive && w.Direction != v.Direction {
					others++
				}
			}
			if v.State != StateActive || others != 1 {
				s.fail(b, "call %d is %s with %d others", id[0], v.State, others)
			}
		}
	}
}

// quiet says what is left when everybody left: nothing.
func (s *storm) quiet() {
	for _, b := range s.boats {
		switch {
		case b.gone:
		case !b.m.Idle():
			s.fail(b, "does not forget its calls")
		case !b.m.Deadline().IsZero():
			s.fail(b, "waits for nothing")
		case len(b.conns) > 0 || len(b.m.conns) > 0:
			s.fail(b, "leaves connections open")
		case len(b.boxes) > 0:
			s.fail(b, "leaves mailboxes open")
		}
	}
}

// TestGarbage hands a machine well-typed nonsense: nothing panics, nothing is woken for ever, and all of it ends.
func TestGarbage(t *testing.T) {
	seeds := 400
	if testing.Short() {
		seeds = 40
	}
	for seed := range seeds {
		rnd := rand.New(rand.NewPCG(uint64(seed), 2))
		m := New(Config{Self: self("bob/1"), Incoming: FromAnyone, Preconnect: Preconnect(rnd.IntN(3)),
			Busy: WhenBusy(rnd.IntN(2))})
		now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
		var played []string
		step := func(in Input) {
			defer func() {
				if r := recover(); r != nil {
					t.Fatalf("seed %d: %v after\n%s", seed, r, strings.Join(played, "\n"))
				}
			}()
			played = append(played, fmt.Sprintf("%T %+v", in, in))
			m.Step(now, in)
			if at := m.Deadline(); !at.IsZero() && !at.After(m.now) {
				t.Fatalf("seed %d: woken for ever", seed)
			}
		}
		for range 200 {
			now = now.Add(time.Duration(rnd.ExpFloat64()*float64(200*time.Millisecond)) - 20*time.Millisecond)
			if rnd.IntN(20) == 0 {
				now = now.Add(time.Duration(rnd.IntN(20)) * time.Second)
			}
			step(garbage(rnd, now))
		}
		step(Leave{})
		for range 2000 {
			if at := m.Deadline(); !at.IsZero() {
				now = at
				step(Tick{})
			}
		}
		if !m.Idle() || len(m.conns) > 0 {
			t.Fatalf("seed %d: it does not end\n%s", seed, strings.Join(played, "\n"))
		}
	}
}

func garbage(rnd *rand.Rand, now time.Time) Input {
	call := CallID{byte(rnd.IntN(4))}
	conn := ConnID(rnd.IntN(8))
	id := MessageID(rnd.IntN(30))
	from := self([]string{"alice/1", "alice/2", "alice/3", "carol/1", "bob/2"}[rnd.IntN(5)])
	switch rnd.IntN(25) {
	case 24:
		return Synced{From: from.Endpoint, Msg: Sync{What: SyncWhat(rnd.IntN(5)), Call: call, Peer: from.Account,
			Counter: rnd.Uint64N(100)}, Age: time.Duration(rnd.IntN(2)) * time.Second}
	case 0:
		return Dial{Call: call, To: from.Account}
	case 1:
		return PickUp{Call: call, Media: Media{Audio: true}}
	case 2:
		return Refuse{Call: call, Everywhere: rnd.IntN(2) == 0}
	case 3:
		return HangUp{Call: call}
	case 4:
		return SetState{Call: call, Audio: rnd.IntN(2) == 0}
	case 5:
		return BacklogRead{Done: rnd.IntN(2) == 0}
	case 6:
		return RelayOnline{}
	case 7:
		return Posted{Call: call, ID: id}
	case 8:
		return Described{Conn: conn, SDP: "sdp"}
	case 9:
		return Found{Conn: conn}
	case 10:
		return FoundAll{Conn: conn}
	case 11, 12:
		return Opened{Conn: conn}
	case 13:
		return Closed{Conn: conn}
	case 14:
		return Changed{Conn: conn, State: ConnState(rnd.IntN(5))}
	case 15:
		return Broken{Conn: conn}
	case 16, 17, 18:
		return Heard{Conn: conn, ID: id, Msg: garbled(rnd, now)}
	default:
		return Received{Call: call, From: from, ID: id, Msg: garbled(rnd, now), Stranger: rnd.IntN(2) == 0,
			Age: time.Duration(rnd.IntN(3)) * time.Second}
	}
}

func garbled(rnd *rand.Rand, now time.Time) Message {
	sdp := []string{"", "sdp"}[rnd.IntN(2)]
	some := make([]Candidate, rnd.IntN(80))
	switch rnd.IntN(14) {
	case 11:
		return Restart{Generation: rnd.Uint32N(4), SDP: sdp, Candidates: some}
	case 12:
		return Busy{}
	case 0, 1:
		ttl := []time.Duration{-time.Second, 0, 1, time.Second, time.Minute, 1 << 62}[rnd.IntN(6)]
		return Ring{SentAt: now.Add(time.Duration(rnd.IntN(1200)-600) * time.Second), TTL: ttl}
	case 2:
		return Offer{SDP: sdp, Candidates: some}
	case 3:
		return Answer{SDP: sdp, Candidates: some}
	case 4:
		return Candidates{List: some, End: rnd.IntN(2) == 0}
	case 5:
		return Accept{SDP: sdp, Candidates: some}
	case 6:
		return Won{}
	case 7:
		return Settled{Outcome: Outcome(rnd.IntN(7)), Winner: self([]string{"bob/1", "alice/1", ""}[rnd.IntN(3)]).Endpoint}
	case 8:
		return Decline{Everywhere: rnd.IntN(2) == 0}
	case 9:
		return Hangup{Ack: rnd.IntN(3) == 0}
	case 10:
		return State{Seq: rnd.Uint32(), Audio: rnd.IntN(2) == 0}
	}
	return nil
}
