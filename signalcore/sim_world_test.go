package signalcore

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime/debug"
	"strings"
	"time"
)

// weather is what the network does in an episode.
type weather struct {
	name       string
	loss, dup  float64 // of a frame at the relay
	slow       float64 // of a frame to be late by seconds
	wires      float64 // of a connection to be bad, in one way or another
	trouble    bool    // crashes, sleeping tabs, outages, partitions
	ackLoss    float64 // of the relay's word that it took a frame
	hoursSkew  float64
	twoMinutes float64
}

var weathers = []weather{
	{name: "clear", hoursSkew: 0.2, twoMinutes: 0.3},
	{name: "lossy", loss: 0.3, dup: 0.2, slow: 0.1, ackLoss: 0.2, hoursSkew: 0.2, twoMinutes: 0.3},
	{name: "wires", wires: 0.4, hoursSkew: 0.1},
	{name: "storm", loss: 0.3, dup: 0.2, slow: 0.1, wires: 0.4, ackLoss: 0.3, trouble: true, hoursSkew: 0.2, twoMinutes: 0.3},
}

// sim is one world.
type sim struct {
	weather
	seed     uint64
	rng      *rand.Rand
	now      time.Duration
	queue    simQueue
	phones   []*simPhone   // every device profile
	accounts [][]*simPhone // by account
	ends     map[EndpointID]*simEnd
	mail     map[AccountID][]simLetter
	wires    []*simWire
	calls    map[CallID]*simCall
	order    []*simCall
	dialed   int
	steps    int
	starts   int
	quiet    bool // no user acts any more
	outage   bool
	split    bool // accounts of even and of odd number do not reach each other directly

	found  []simFound
	counts map[string]int
	drops  map[string]int
	traced CallID
	trace  strings.Builder
}

// simPhone is one browser profile, which runs at most one endpoint at a time here; an account has one to three.
type simPhone struct {
	account int
	cfg     Config
	skew    time.Duration
	seen    map[CallID]time.Time
	end     *simEnd // nil: off
}

// simEnd is one endpoint.
type simEnd struct {
	phone   *simPhone
	self    Sender
	m       *Machine
	dead    bool
	offline bool
	asleep  bool
	missed  []Input
	pending []simLetter // while offline
	wake    time.Duration
	checker
}

type simLetter struct {
	in   Received
	sent time.Duration
}

// simCall is what is known of a call from outside.
type simCall struct {
	id      CallID
	caller  *simEnd
	to      int
	media   Media
	end     EndReason // as the caller sees it
	winner  EndpointID
	active  EndpointID // the endpoint called that was seen active
	crashed bool       // an endpoint in it crashed
	users   bool       // the caller's user ended it
	legs    []simLeg
	glare   *simCall
}

// simLeg is how a call ended at one endpoint called.
type simLeg struct {
	end    *simEnd
	why    EndReason
	picked bool
}

// simWire is a peer connection between two endpoints.
type simWire struct {
	end             [2]*simEnd
	conn            [2]ConnID
	described, cand [2]bool
	open, gone      [2]bool
	opens           [2]time.Duration
	last            [2]time.Duration // of what is under way to a side
	cut             [2]bool          // what is under way to a side is lost
	started, broken bool
}

var simStart = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// simEpisode plays one world to its end: users act until enough calls were placed, then the network heals, they hang up
// what they have, and four minutes later nothing may be left.
func simEpisode(seed uint64, size simSize, trace CallID) (w *sim) {
	w = &sim{weather: weathers[seed%uint64(len(weathers))], seed: seed, rng: rand.New(rand.NewPCG(seed, 7)), ends: map[EndpointID]*simEnd{},
		mail: map[AccountID][]simLetter{}, calls: map[CallID]*simCall{}, counts: map[string]int{}, drops: map[string]int{}, traced: trace}
	defer func() {
		if r := recover(); r != nil {
			w.fail("panic", CallID{}, fmt.Sprintf("%v\n%s", r, debug.Stack()))
		}
	}()
	for a := range size.accounts {
		var list []*simPhone
		for range 1 + w.rng.IntN(3) {
			p := w.newPhone(a, len(list))
			list = append(list, p)
			w.phones = append(w.phones, p)
		}
		w.accounts = append(w.accounts, list)
	}
	for _, p := range w.phones {
		w.start(p)
	}
	every := 60 * time.Second / time.Duration(size.accounts)
	for w.dialed < size.calls {
		w.someoneDials()
		if w.trouble {
			if w.chance(0.1) {
				w.mishap()
			}
			if w.chance(4 / float64(size.calls)) {
				w.disaster()
			}
		}
		w.run(w.now + time.Duration(w.rng.ExpFloat64()*float64(every)))
	}
	w.quiet, w.outage, w.split = true, false, false
	for _, p := range w.phones {
		if p.end != nil && p.end.offline {
			w.online(p.end)
		}
	}
	w.run(w.now + 90*time.Second) // users hang up what they have
	w.run(w.now + 4*time.Minute)
	w.checkQuiet()
	return w
}

func (w *sim) chance(p float64) bool { return p > 0 && w.rng.Float64() < p }

// between draws a time.
func (w *sim) between(a, b time.Duration) time.Duration {
	return a + time.Duration(w.rng.Int64N(int64(b-a)+1))
}

func (w *sim) newPhone(a, i int) *simPhone {
	p := &simPhone{account: a, seen: map[CallID]time.Time{}}
	p.cfg = Config{Name: "n", Label: "l", RingTime: w.between(10*time.Second, 30*time.Second).Truncate(time.Second)}
	p.cfg.Self.Account = simAccount(a)
	binary.BigEndian.PutUint32(p.cfg.Self.Device[:], uint32(a+1))
	p.cfg.Self.Device[4] = byte(i + 1)
	if w.chance(0.5) {
		p.cfg.Incoming = FromAnyone
	}
	if w.chance(0.2) {
		p.cfg.Preconnect = PreconnectNever
	} else if w.chance(0.2) {
		p.cfg.Preconnect = PreconnectAlways
	}
	if w.chance(0.3) {
		p.cfg.Busy = BusyRefuse
	}
	if w.chance(w.hoursSkew) {
		p.skew = w.between(-6*time.Hour, 6*time.Hour)
	} else if w.chance(w.twoMinutes) {
		p.skew = w.between(-2*time.Minute, 2*time.Minute)
	}
	return p
}

func simAccount(a int) (id AccountID) {
	binary.BigEndian.PutUint32(id[:], uint32(a+1))
	return id
}

func (w *sim) accountOf(id AccountID) int { return int(binary.BigEndian.Uint32(id[:])) - 1 }

// start runs a new endpoint of a phone: it reads what waits in the account's mailbox, to its end.
func (w *sim) start(p *simPhone) {
	w.starts++
	cfg := p.cfg
	binary.BigEndian.PutUint64(cfg.Self.Endpoint[:], uint64(w.starts))
	cfg.Seen = maps.Clone(p.seen)
	n := &simEnd{phone: p, self: cfg.Self, m: New(cfg), checker: newChecker()}
	p.end = n
	w.ends[n.self.Endpoint] = n
	w.online(n)
}

// online lets an endpoint read its mailboxes: the backlog, its end, then what comes.
func (w *sim) online(n *simEnd) {
	n.offline = false
	letters := n.pending
	n.pending = nil
	if letters == nil {
		letters = w.mail[n.self.Account]
	}
	at := w.now + w.between(20*time.Millisecond, 200*time.Millisecond)
	w.queue.push(simEvent{at: w.now, end: n, in: BacklogRead{}})
	for _, l := range letters {
		if age := at - l.sent; age < 120*time.Second {
			in := l.in
			in.Age = age
			w.queue.push(simEvent{at: at, end: n, in: in})
		}
	}
	if !w.chance(w.loss / 5) { // the word that the backlog is read may never come
		w.queue.push(simEvent{at: at, end: n, in: BacklogRead{Done: true}})
	}
	w.queue.push(simEvent{at: at, end: n, in: RelayOnline{}})
}

func (w *sim) after(d time.Duration, do func()) { w.queue.push(simEvent{at: w.now + d, do: do}) }

func (w *sim) input(d time.Duration, n *simEnd, in Input) {
	w.queue.push(simEvent{at: w.now + d, end: n, in: in})
}

// run lets time pass.
func (w *sim) run(until time.Duration) {
	for len(w.queue.e) > 0 && w.queue.e[0].at <= until {
		e := w.queue.pop()
		w.now = e.at
		switch {
		case e.do != nil:
			e.do()
		case e.in == nil:
			if e.end.wake == e.at && !e.end.asleep {
				e.end.wake = 0
				w.step(e.end, Tick{})
			}
		case e.wire != nil:
			x := e.wire
			if x.gone[e.side] || x.broken || x.cut[e.side] {
				continue
			}
			w.step(e.end, e.in)
		default:
			w.step(e.end, e.in)
		}
	}
	w.now = until
}

// step hands an input to an endpoint and does what it says.
func (w *sim) step(n *simEnd, in Input) {
	if n.dead {
		return
	}
	if n.asleep {
		n.missed = append(n.missed, in)
		return
	}
	if _, ok := in.(Received); ok && n.offline {
		return
	}
	w.steps++
	if w.traced != (CallID{}) {
		w.traceInput(n, in)
	}
	for _, out := range n.m.Step(simStart.Add(w.now+n.phone.skew), in) {
		w.checkOutput(n, out)
		w.do(n, out)
	}
	w.checkStep(n)
	if at := n.m.Deadline(); !at.IsZero() {
		wake := max(at.Sub(simStart)-n.phone.skew, w.now+1)
		if wake != n.wake {
			n.wake = wake
			w.queue.push(simEvent{at: wake, end: n})
		}
	} else {
		n.wake = 0
	}
}

func (w *sim) do(n *simEnd, out Output) {
	if w.traced != (CallID{}) {
		w.traceOutput(n, out)
	}
	switch out := out.(type) {
	case Post:
		w.post(n, out)
	case Repost:
		if p := n.posted(out.Call, out.ID); p != nil {
			w.post(n, *p)
		}
	case Tell:
		w.tell(n, out)
	case Connect:
		x := &simWire{}
		x.end[0], x.conn[0] = n, out.Conn
		w.wires = append(w.wires, x)
		n.wires[out.Conn] = x
		w.gather(n, out.Conn, x, 0, fmt.Sprint(len(w.wires)-1))
	case Answering:
		var id int
		if _, err := fmt.Sscan(out.SDP, &id); err != nil || id >= len(w.wires) || w.wires[id].end[1] != nil {
			w.input(time.Millisecond, n, Broken{Conn: out.Conn})
			return
		}
		x := w.wires[id]
		x.end[1], x.conn[1], x.described[1] = n, out.Conn, true
		n.wires[out.Conn] = x
		w.gather(n, out.Conn, x, 1, out.SDP)
	case Apply:
		if x := n.wires[out.Conn]; x != nil {
			x.described[0] = true
			w.check(x)
		}
	case AddCandidates:
		if x := n.wires[out.Conn]; x != nil {
			x.cand[x.side(n)] = true
			w.check(x)
		}
	case Disconnect:
		if x := n.wires[out.Conn]; x != nil {
			delete(n.wires, out.Conn)
			w.hangWire(x, x.side(n))
		}
	case Notify:
		w.userSees(n, out.View)
	case Remember:
		n.phone.seen[out.Call] = out.Until
	case Drop:
		w.drops[out.Reason]++
	}
}
