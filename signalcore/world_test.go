package signalcore

import (
	"bytes"
	"container/heap"
	"fmt"
	"slices"
	"strings"
	"time"
)

// world runs machines against each other on a virtual clock, over a relay and connections that it makes up. It writes
// down what every machine puts out.
type world struct {
	now   time.Time
	seq   int
	queue events
	nodes []*node
	conns map[string]*wire // by the description that began it
	log   strings.Builder
	start time.Time

	mail, link time.Duration // one way
	relayDown  bool
	mute       bool // control channels lose everything
	blocked    bool // connections never open
	lose       map[string]int
	mailbox    []letter // what the accounts' mailboxes hold
	calls      int
}

// node is one endpoint.
type node struct {
	name   string
	self   Sender
	m      *Machine
	dead   bool
	skew   time.Duration // of its clock
	asleep bool
	missed []Input // while asleep
	last   map[CallID]View
	ends   map[ConnID]*wire
	sent   map[CallID]map[MessageID]Post
	call   map[CallID]Sender // incoming: the caller
}

// wire is one peer connection between two nodes.
type wire struct {
	node        [2]*node
	conn        [2]ConnID
	described   [2]bool // has the other side's description
	candidates  [2]bool
	open, ended bool
	broken      bool // carries nothing any more, and nobody was told
}

type letter struct {
	to   AccountID
	in   Received
	sent time.Time
}

type event struct {
	at  time.Time
	seq int
	do  func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at.Before(e[j].at) || e[i].at.Equal(e[j].at) && e[i].seq < e[j].seq
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	old := *e
	x := old[len(old)-1]
	*e = old[:len(old)-1]
	return x
}

func newWorld() *world {
	start := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	return &world{now: start, start: start, conns: map[string]*wire{}, lose: map[string]int{},
		mail: 30 * time.Millisecond, link: 10 * time.Millisecond}
}

func account(name string) (id AccountID) {
	name, _, _ = strings.Cut(name, "/")
	copy(id[:], name)
	return id
}

func self(name string) Sender {
	s := Sender{Account: account(name)}
	copy(s.Device[:], name)
	copy(s.Endpoint[:], name)
	return s
}

func (w *world) add(name string, cfg Config, backlog bool) *node {
	cfg.Self = self(name)
	cfg.Name, cfg.Label = strings.ToUpper(name[:1])+name[1:], name+"'s device"
	n := &node{name: name, self: cfg.Self, m: New(cfg), last: map[CallID]View{}, ends: map[ConnID]*wire{},
		sent: map[CallID]map[MessageID]Post{}, call: map[CallID]Sender{}}
	w.nodes = append(w.nodes, n)
	for _, l := range w.mailbox {
		if l.to == n.self.Account {
			in := l.in
			in.Age = w.now.Sub(l.sent)
			w.after(w.mail, func() { w.step(n, in) })
		}
	}
	if backlog {
		w.after(w.mail, func() { w.step(n, BacklogRead{Done: true}) })
	}
	return n
}

func (w *world) node(name string) *node {
	for _, n := range w.nodes {
		if n.name == name {
			return n
		}
	}
	return nil
}

func (w *world) after(d time.Duration, do func()) {
	w.seq++
	heap.Push(&w.queue, event{w.now.Add(d), w.seq, do})
}

// run lets time pass.
func (w *world) run(d time.Duration) {
	end := w.now.Add(d)
	for {
		next := end
		var wake *node
		for _, n := range w.nodes {
			if at := n.m.Deadline(); !n.dead && !n.asleep && !at.IsZero() && at.Add(-n.skew).Before(next) {
				next, wake = at.Add(-n.skew), n
			}
		}
		if len(w.queue) > 0 && !w.queue[0].at.After(next) {
			e := heap.Pop(&w.queue).(event)
			w.now = e.at
			e.do()
			continue
		}
		if next.After(w.now) {
			w.now = next
		}
		if wake == nil {
			return
		}
		w.step(wake, Tick{})
	}
}

func (w *world) printf(n *node, format string, args ...any) {
	fmt.Fprintf(&w.log, "%7.3f %-8s %s\n", w.now.Sub(w.start).Seconds(), n.name, fmt.Sprintf(format, args...))
}

func (w *world) step(n *node, in Input) {
	if n.dead {
		return
	}
	if n.asleep {
		n.missed = append(n.missed, in)
		return
	}
	for _, out := range n.m.Step(w.now.Add(n.skew), in) {
		w.do(n, out)
	}
}

// nameOf turns an endpoint's or account's id back into its name.
func nameOf(id []byte) string { return string(bytes.TrimRight(id, "\x00")) }

func kindOf(m Message) string {
	s := strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", m), "signalcore."))
	switch m := m.(type) {
	case Offer:
		if m.SDP == "" {
			return s + " (no description)"
		}
		return fmt.Sprintf("%s (%d candidates)", s, len(m.Candidates))
	case Answer:
		if m.SDP == "" {
			return s + " (no description)"
		}
		return fmt.Sprintf("%s (%d candidates)", s, len(m.Candidates))
	case Accept:
		if m.SDP != "" {
			return s + " (description)"
		}
	case Candidates:
		return fmt.Sprintf("%s (%d)", s, len(m.List))
	case Settled:
		if m.Label != "" {
			return fmt.Sprintf("%s %s by %s", s, m.Outcome, m.Label)
		}
		return s + " " + m.Outcome.String()
	case Decline:
		if m.Everywhere {
			return s + " everywhere"
		}
		return s + " here"
	case Restart:
		if m.SDP == "" {
			return fmt.Sprintf("%s %d (no description)", s, m.Generation)
		}
		return fmt.Sprintf("%s %d (%d candidates)", s, m.Generation, len(m.Candidates))
	case Hangup:
		if m.Ack {
			return s + " acknowledged"
		}
	}
	return s
}

func (w *world) do(n *node, out Output) {
	switch out := out.(type) {
	case OpenMailbox:
		n.sent[out.Call] = map[MessageID]Post{}
	case CloseMailbox:
		w.printf(n, "forgets the call")
		delete(n.sent, out.Call)
	case Post:
		w.printf(n, "posts %s to %s", kindOf(out.Msg), w.addressee(n, out))
		n.sent[out.Call][out.ID] = out
		w.post(n, out)
	case Repost:
		p := n.sent[out.Call][out.ID]
		w.printf(n, "posts %s to %s again", kindOf(p.Msg), w.addressee(n, p))
		w.post(n, p)
	case Tell:
		if _, beat := out.Msg.(State); !beat {
			w.printf(n, "tells %s %s", w.other(n, out.Conn), kindOf(out.Msg))
		}
		w.tell(n, out)
	case Connect:
		sdp := fmt.Sprintf("%s.%d", n.name, out.Conn)
		x := &wire{node: [2]*node{n}, conn: [2]ConnID{out.Conn}}
		w.conns[sdp], n.ends[out.Conn] = x, x
		w.gather(n, out.Conn, sdp)
	case Answering:
		x := w.conns[out.SDP]
		if x == nil {
			w.after(0, func() { w.step(n, Broken{Conn: out.Conn}) })
			return
		}
		x.node[1], x.conn[1], x.described[1] = n, out.Conn, true
		n.ends[out.Conn] = x
		w.gather(n, out.Conn, out.SDP)
	case Apply:
		n.ends[out.Conn].described[0] = true
		w.check(n.ends[out.Conn])
	case AddCandidates:
		x := n.ends[out.Conn]
		x.candidates[x.side(n)] = true
		w.check(x)
	case Disconnect:
		w.disconnect(n, out.Conn)
	case Attach:
		w.printf(n, "sends its media to %s", w.other(n, out.Conn))
	case Show:
		w.printf(n, "shows the media of %s", w.other(n, out.Conn))
	case Detach:
		if n.last[out.Call].State != StateEnded {
			w.printf(n, "closes its media")
		}
	case Notify:
		w.printf(n, "sees %s", w.view(out.View, out.New))
		n.last[out.View.Call] = out.View
	case ShareOwn:
		for _, r := range w.nodes {
			if r != n && r.self.Account == n.self.Account {
				w.after(5*time.Millisecond, func() { w.step(r, Synced{From: n.self.Endpoint, Msg: out.Msg}) })
			}
		}
	case Remember:
		// Kept by the profile's store: see the driver's tests.
	case Misuse:
		w.printf(n, "is told: %s", out.Code)
	case Drop:
		w.printf(n, "drops: %s", out.Reason)
	}
}

func (w *world) view(v View, fresh bool) string {
	var b strings.Builder
	if fresh {
		fmt.Fprintf(&b, "a call from %s", v.ClaimedName)
		if v.Stranger {
			b.WriteString(", a stranger")
		}
		b.WriteString(": ")
	}
	b.WriteString(v.State.String())
	if v.End != NotEnded {
		fmt.Fprintf(&b, " %s", v.End)
	}
	if v.AnsweredBy != "" {
		fmt.Fprintf(&b, ", answered by %s", v.AnsweredBy)
	}
	for i, d := range v.Devices {
		sep := ", "
		if i == 0 {
			sep = " ["
		}
		fmt.Fprintf(&b, "%s%s %s", sep, d.Label, d.State)
	}
	if len(v.Devices) > 0 {
		b.WriteString("]")
	}
	if v.Waiting {
		b.WriteString(" (waiting)")
	}
	if v.Replaces != (CallID{}) {
		fmt.Fprintf(&b, " in place of call %d", v.Replaces[0])
	}
	if v.Remote.Video {
		b.WriteString(" +video")
	}
	return b.String()
}

func (w *world) addressee(n *node, p Post) string {
	if c, ok := n.call[p.Call]; ok {
		return nameOf(c.Endpoint[:])
	}
	if p.To == (EndpointID{}) {
		return "all"
	}
	return nameOf(p.To[:])
}

func (w *world) other(n *node, id ConnID) string {
	x := n.ends[id]
	if x == nil || x.node[1-x.side(n)] == nil {
		return "nobody yet"
	}
	return x.node[1-x.side(n)].name
}

func (x *wire) side(n *node) int {
	if x.node[0] == n {
		return 0
	}
	return 1
}

// post carries a message to everybody who reads the mailbox.
func (w *world) post(n *node, p Post) {
	kind, _, _ := strings.Cut(kindOf(p.Msg), " ")
	if w.relayDown {
		return
	}
	w.after(w.mail, func() { w.step(n, Posted{Call: p.Call, ID: p.ID}) })
	if w.lose[kind] > 0 {
		w.lose[kind]--
		w.printf(n, "  (lost)")
		return
	}
	in := Received{Call: p.Call, From: n.self, ID: p.ID, Msg: p.Msg}
	caller, incoming := n.call[p.Call]
	if !incoming && p.To == (EndpointID{}) {
		to := w.callee(n, p.Call)
		w.mailbox = append(w.mailbox, letter{to: to, in: in, sent: w.now})
		for _, r := range w.nodes {
			if r.self.Account == to {
				w.deliver(r, in)
			}
		}
		return
	}
	to := p.To
	if incoming {
		to = caller.Endpoint
	}
	for _, r := range w.nodes {
		if r.self.Endpoint == to {
			w.deliver(r, in)
		}
	}
}

func (w *world) callee(n *node, id CallID) AccountID {
	for _, c := range n.m.calls {
		if c.id == id {
			return c.peer.Account
		}
	}
	return AccountID{}
}

func (w *world) deliver(r *node, in Received) {
	if _, ok := in.Msg.(Ring); ok {
		r.call[in.Call] = in.From
		in.Stranger = strings.HasPrefix(nameOf(in.From.Account[:]), "mallory")
	}
	w.after(w.mail, func() { w.step(r, in) })
}

func (w *world) tell(n *node, out Tell) {
	x := n.ends[out.Conn]
	if x == nil || !x.open || x.broken || w.mute {
		return
	}
	i := 1 - x.side(n)
	w.after(w.link, func() { w.step(x.node[i], Heard{Conn: x.conn[i], ID: out.ID, Msg: out.Msg}) })
}

func (w *world) gather(n *node, id ConnID, sdp string) {
	w.after(10*time.Millisecond, func() { w.step(n, Described{Conn: id, SDP: sdp}) })
	w.after(25*time.Millisecond, func() { w.step(n, Found{Conn: id, Candidate: Candidate{Line: "host"}}) })
	w.after(90*time.Millisecond, func() { w.step(n, Found{Conn: id, Candidate: Candidate{Line: "relay"}}) })
	w.after(100*time.Millisecond, func() { w.step(n, FoundAll{Conn: id}) })
}

// check opens a connection when both sides have descriptions and one has a candidate to try.
func (w *world) check(x *wire) {
	if w.blocked || x.open || x.ended || !x.described[0] || !x.described[1] || !x.candidates[0] && !x.candidates[1] {
		return
	}
	x.open = true
	for i := range 2 {
		w.after(2*w.link, func() {
			w.step(x.node[i], Changed{Conn: x.conn[i], State: ConnConnected})
			w.step(x.node[i], Opened{Conn: x.conn[i]})
		})
	}
}

func (w *world) disconnect(n *node, id ConnID) {
	x := n.ends[id]
	delete(n.ends, id)
	if x == nil || x.ended {
		return
	}
	x.ended = true
	if i := 1 - x.side(n); x.node[i] != nil && x.open && !x.broken {
		w.after(w.link, func() { w.step(x.node[i], Closed{Conn: x.conn[i]}) })
	}
	x.open = false
}

// breakWires cuts all connections of a node, as a change of its network does. Both sides notice after a second.
func (w *world) breakWires(n *node) {
	for _, id := range n.wires() {
		x := n.ends[id]
		if !x.open || x.broken {
			continue
		}
		x.broken = true
		for i := range 2 {
			w.after(time.Second, func() { w.step(x.node[i], Changed{Conn: x.conn[i], State: ConnDisconnected}) })
			w.after(11*time.Second, func() { w.step(x.node[i], Changed{Conn: x.conn[i], State: ConnFailed}) })
		}
	}
}

// wires returns the connections of a node, oldest first.
func (n *node) wires() []ConnID {
	ids := make([]ConnID, 0, len(n.ends))
	for id := range n.ends {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// crash ends a node without a word. Its peers notice as browsers do: disconnected after 7 s, failed after 17 s.
func (w *world) crash(n *node) {
	n.dead = true
	for _, id := range n.wires() {
		x := n.ends[id]
		i := 1 - x.side(n)
		if x.node[i] == nil || !x.open {
			continue
		}
		x.ended = true
		w.after(7*time.Second, func() { w.step(x.node[i], Changed{Conn: x.conn[i], State: ConnDisconnected}) })
		w.after(17*time.Second, func() { w.step(x.node[i], Changed{Conn: x.conn[i], State: ConnFailed}) })
	}
}
