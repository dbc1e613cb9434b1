package signalcore

import (
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// xScenario is one world to explore, from one state on.
type xScenario struct {
	name        string
	nodes       []int
	dials       []xDial // done at the beginning
	mayDial     []xDial // a user may do
	begin       func(e *explorer, s *xState)
	limit       [budgets]uint8 // how often each thing may go wrong
	trouble     uint8          // and all of them together
	lazy        bool           // gathering is a move of its own
	declineHere bool
	busy        bool   // who is in a call refuses another one
	expiring    bool   // the ring may be over while somebody picks up
	depth       [2]int // explored with -short, and without
}

type xDial struct {
	from, to int
	rank     int  // of the call's id in glare
	again    bool // after an earlier one
}

func (d xDial) input() Dial {
	return Dial{Call: xCallID(d.from, d.rank), To: account(xName(d.to)), Media: Media{Audio: true}}
}

func (sc *xScenario) index(n int) int { return slices.Index(sc.nodes, n) }

// called returns a name of the account that a node calls.
func (sc *xScenario) called(n int) string {
	for _, d := range append(sc.dials, sc.mayDial...) {
		if d.from == n {
			return xName(d.to)
		}
	}
	panic("internal error: who called nobody posts to all")
}

const xRingTime = 12 * time.Second

// explorer visits every state that can be reached from a scenario's beginning, the nearest first.
type explorer struct {
	sc     *xScenario
	start  time.Time
	stopAt []string // rules at which exploring ends early
	mutant func(n *xNode, in Input, step func(Input) []Output) []Output

	nodes     []*xNode
	deadlines []int64
	nodeIDs   map[fingerprint]int32
	fresh     [len(xNames)]int32
	events    []Input
	eventIDs  map[string]int32
	beats     []bool
	steps     map[xStepKey]xStep

	opened, closed, failed, disconnected, tick int32
	left, roamed, unread, read, online         int32
	accounts                                   map[string][]int

	visited, calm map[fingerprint]struct{}
	trace         []xLink
	moved         int
	found         []xFinding
	pairs         map[xPair]int
}

type xStepKey struct {
	node, ev int32
	conn     ConnID
	now      int64
}

type xStep struct {
	node    int32
	effects []xEffect
	bad     string
}

type xLink struct {
	before int32
	move   xMove
}

// xFinding is a broken rule, with the shortest way to it.
type xFinding struct {
	rule  string
	depth int
	trace []string
}

func newExplorer(sc *xScenario) *explorer {
	e := &explorer{sc: sc, start: newWorld().start, nodeIDs: map[fingerprint]int32{}, eventIDs: map[string]int32{},
		steps: map[xStepKey]xStep{}, visited: map[fingerprint]struct{}{}, calm: map[fingerprint]struct{}{}, pairs: map[xPair]int{}, accounts: map[string][]int{}}
	e.opened, e.closed, e.tick = e.event(Opened{}), e.event(Closed{}), e.event(Tick{})
	e.failed, e.disconnected = e.event(Changed{State: ConnFailed}), e.event(Changed{State: ConnDisconnected})
	e.left, e.roamed, e.online = e.event(Leave{}), e.event(NetworkChanged{}), e.event(RelayOnline{})
	e.unread, e.read = e.event(BacklogRead{}), e.event(BacklogRead{Done: true})
	return e
}

// event numbers an input. Those that belong to a connection are the same for all connections.
func (e *explorer) event(in Input) int32 {
	key := string(printOf([]Input{in}))
	id, ok := e.eventIDs[key]
	if !ok {
		id = int32(len(e.events))
		e.eventIDs[key] = id
		h, heard := in.(Heard)
		beat := false
		if heard {
			_, beat = h.Msg.(State)
		}
		e.events, e.beats = append(e.events, in), append(e.beats, beat)
	}
	return id
}

// input completes an event with what belongs to its moment.
func (e *explorer) input(ev int32, conn ConnID, now int64) Input {
	switch in := e.events[ev].(type) {
	case Heard:
		in.Conn = conn
		return in
	case Opened:
		return Opened{conn}
	case Closed:
		return Closed{conn}
	case Changed:
		in.Conn = conn
		return in
	case Described:
		in.Conn = conn
		return in
	case Found:
		in.Conn = conn
		return in
	case FoundAll:
		return FoundAll{conn}
	case Received:
		if r, ok := in.Msg.(Ring); ok {
			in.Age = e.at(now).Sub(r.SentAt) // the relay held it all the time
		}
		return in
	default:
		return in
	}
}

// keep numbers a node.
func (e *explorer) keep(n *xNode) int32 {
	f := fingerprintOf(printOf(n))
	id, ok := e.nodeIDs[f]
	if !ok {
		id = int32(len(e.nodes))
		e.nodeIDs[f] = id
		e.nodes = append(e.nodes, n)
		at := int64(0)
		if d := n.m.Deadline(); !d.IsZero() {
			at = int64(d.Sub(e.start))
		}
		e.deadlines = append(e.deadlines, at)
	}
	return id
}

// transition is what an input makes of a node. It is computed once.
func (e *explorer) transition(node int32, t xTask, now int64) xStep {
	key := xStepKey{node, t.ev, t.conn, now}
	if r, ok := e.steps[key]; ok {
		return r
	}
	n := deepCopy(e.nodes[node])
	w := watcher{n: n, me: t.node, now: now, in: e.input(t.ev, t.conn, now)}
	outs := e.run(&w)
	w.watch(outs)
	n.note(w.in)
	r := xStep{bad: w.bad}
	if r.bad == "" {
		r.effects = e.effects(n, t.node, outs)
		n.m.out = nil
		r.node = e.keep(n)
	}
	e.steps[key] = r
	return r
}

func (e *explorer) run(w *watcher) (outs []Output) {
	defer func() {
		if r := recover(); r != nil {
			w.fail("panic: %v", r)
			if e.mutant == nil {
				w.bad += "\n" + string(debug.Stack())
			}
		}
	}()
	step := func(in Input) []Output { return w.n.m.Step(e.at(w.now), in) }
	if e.mutant != nil {
		return e.mutant(w.n, w.in, step)
	}
	return step(w.in)
}

// note keeps what the user did.
func (n *xNode) note(in Input) {
	switch in := in.(type) {
	case Dial:
		if n.acts&didDial != 0 {
			n.acts |= didRedial
		}
		n.acts |= didDial
	case PickUp:
		n.acts |= didAccept
	case HangUp:
		n.acts |= didHangUp
	case Refuse:
		if in.Everywhere {
			n.acts |= didDecline
		} else {
			n.acts |= didDeclineHere
		}
	}
}

// root returns the state in which a scenario begins.
func (e *explorer) root() *xState {
	s := &xState{now: 1}
	for _, n := range e.sc.nodes {
		self := self(xName(n))
		cfg := Config{Self: self, Name: xName(n), Label: xName(n), RingTime: xRingTime}
		if e.sc.busy {
			cfg.Busy = BusyRefuse
		}
		m := New(cfg)
		m.Step(e.at(s.now), BacklogRead{Done: true})
		m.out = nil
		s.node = append(s.node, e.keep(&xNode{me: n, m: m}))
		e.fresh[n] = s.node[len(s.node)-1]
	}
	for _, d := range e.sc.dials {
		e.must(s, d.from, d.input())
	}
	if e.sc.begin != nil {
		e.sc.begin(e, s)
	}
	s.slow, s.used = false, [budgets]uint8{}
	return s
}

func (e *explorer) must(s *xState, n int, in Input) {
	if bad := e.step(s, n, e.event(in), 0); bad != "" {
		panic("internal error: " + bad)
	}
}

// explore visits the states up to a depth. It goes on behind no state in which a rule is broken, but behind one that only ends
// badly. If asked to it ends early, at a rule in stopAt.
func (e *explorer) explore(depth int, first bool) {
	root := e.root()
	e.trace = append(e.trace, xLink{before: -1})
	e.visited[fingerprintOf(root.print(nil))] = struct{}{}
	type item struct {
		s  *xState
		at int32
	}
	layer := []item{{root, 0}}
	if bad := e.calmDown(root.copy(), nil); bad != "" {
		e.report(bad, 0, root)
		if first && slices.Contains(e.stopAt, bad) {
			return
		}
	}
	var buf []byte
	for d := 1; d <= depth; d++ {
		var next []item
		for i, it := range layer {
			layer[i] = item{}
			for _, m := range e.moves(it.s) {
				s := it.s.copy()
				e.moved++
				bad := e.apply(s, m)
				at := int32(len(e.trace))
				if bad == "" {
					buf = s.print(buf[:0])
					f := fingerprintOf(buf)
					if _, seen := e.visited[f]; seen {
						continue
					}
					e.visited[f] = struct{}{}
				}
				e.trace = append(e.trace, xLink{it.at, m})
				later := ""
				if bad == "" {
					later = e.calmDown(s.copy(), nil)
					bad = later
				}
				if bad != "" {
					e.report(bad, at, root)
					if first && slices.Contains(e.stopAt, bad) {
						return
					}
				}
				if d < depth && bad == later {
					next = append(next, item{s, at})
				}
			}
		}
		layer = next
	}
}

// report keeps a broken rule, if it is the first of its kind, with the moves that lead there.
func (e *explorer) report(rule string, at int32, root *xState) {
	if slices.ContainsFunc(e.found, func(f xFinding) bool { return f.rule == rule }) {
		return
	}
	var path []xMove
	for ; e.trace[at].before >= 0; at = e.trace[at].before {
		path = append(path, e.trace[at].move)
	}
	slices.Reverse(path)
	f := xFinding{rule: rule, depth: len(path)}
	s := root.copy()
	bad := ""
	for _, m := range path {
		f.trace = append(f.trace, e.describe(s, m))
		bad = e.apply(s, m)
	}
	if bad == "" {
		f.trace = append(f.trace, "        then all that is in flight arrives, and time passes:")
		e.calm = map[fingerprint]struct{}{}
		e.calmDown(s, &f.trace)
	}
	e.found = append(e.found, f)
}

func (f xFinding) String() string {
	rule, stack, _ := strings.Cut(f.rule, "\n")
	return fmt.Sprintf("%s, after %d moves:\n  %s\n%s", rule, f.depth, strings.Join(f.trace, "\n  "), stack)
}
