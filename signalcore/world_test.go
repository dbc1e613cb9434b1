package signalcore

import (
	"container/heap"
	"fmt"
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
	delay      map[string]time.Duration // what is posted of a kind is under way for so much longer
	lateID     MessageID                // of the last message that a scenario made up
	mailbox    []letter                 // what the accounts' mailboxes hold
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

func (e *events) Push(x any) { *e = append(*e, x.(event)) }

func (e *events) Pop() any {
	old := *e
	x := old[len(old)-1]
	*e = old[:len(old)-1]
	return x
}

func newWorld() *world {
	start := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	return &world{now: start, start: start, conns: map[string]*wire{}, lose: map[string]int{},
		delay: map[string]time.Duration{}, lateID: 98,
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
		if w.lose["sync"] > 0 {
			w.lose["sync"]--
			return
		}
		for _, r := range w.nodes {
			if r != n && r.self.Account == n.self.Account {
				w.after(5*time.Millisecond+w.delay["sync"], func() { w.step(r, Synced{From: n.self.Endpoint, Msg: out.Msg}) })
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
