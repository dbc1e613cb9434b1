package signalcore

import (
	"slices"
	"strings"
	"time"
)

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
		w.after(w.mail, func() { w.step(n, Unposted{Call: p.Call, ID: p.ID}) })
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
	kind, _, _ := strings.Cut(kindOf(in.Msg), " ")
	w.after(w.mail+w.delay[kind]+w.delay[kind+" "+r.name], func() { w.step(r, in) })
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
	if w.blocked || x.open || x.ended || x.broken || !x.described[0] || !x.described[1] || !x.candidates[0] && !x.candidates[1] {
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

// failWires lets the connections of a node fail, whether they were open or not. The other side need not notice.
func (w *world) failWires(n *node, here bool) {
	for _, id := range n.wires() {
		x := n.ends[id]
		x.broken, x.ended = true, true
		for i := range 2 {
			if x.node[i] != nil && (!here || x.node[i] == n) {
				w.after(0, func() { w.step(x.node[i], Changed{Conn: x.conn[i], State: ConnFailed}) })
			}
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
		open := x.open
		x.ended = true
		if x.node[i] == nil || !open {
			continue
		}
		w.after(7*time.Second, func() { w.step(x.node[i], Changed{Conn: x.conn[i], State: ConnDisconnected}) })
		w.after(17*time.Second, func() { w.step(x.node[i], Changed{Conn: x.conn[i], State: ConnFailed}) })
	}
}
