package signalcore

import (
	"slices"
	"time"
)

// xEffect is what a Step does to the world around its machine.
type xEffect struct {
	what xWhat
	conn ConnID
	ev   int32 // of mail and of what is told
	to   int   // of mail
	sdp  string
}

type xWhat uint8

const (
	effectMail xWhat = iota
	effectTell
	effectConnect
	effectAnswering
	effectApply
	effectCandidates
	effectDisconnect
	effectPosted
)

// effects turns outputs into effects.
func (e *explorer) effects(n *xNode, me int, outs []Output) []xEffect {
	var list []xEffect
	mail := func(c *xCall, p Post) {
		in := Received{Call: c.id, From: n.m.cfg.Self, ID: p.ID, Msg: p.Msg}
		to := []int{xCaller(c.id)}
		switch {
		case c.incoming:
		case p.To != (EndpointID{}):
			to[0] = xNodeOf(p.To)
		default:
			to = e.endpoints(e.sc.called(me))
		}
		ev := e.event(in)
		for _, r := range to {
			list = append(list, xEffect{what: effectMail, ev: ev, to: r})
		}
		list = append(list, xEffect{what: effectPosted, ev: e.event(Posted{Call: c.id, ID: p.ID})})
	}
	for _, out := range outs {
		switch out := out.(type) {
		case Post:
			mail(n.call(out.Call), out)
		case Repost:
			c := n.call(out.Call)
			for _, p := range c.posts {
				if p.ID == out.ID {
					mail(c, p)
				}
			}
		case ShareOwn:
			for _, r := range e.endpoints(xName(me)) {
				if r != me {
					list = append(list, xEffect{what: effectMail, to: r, ev: e.event(Synced{From: n.m.cfg.Self.Endpoint, Msg: out.Msg})})
				}
			}
		case Tell:
			list = append(list, xEffect{what: effectTell, conn: out.Conn, ev: e.event(Heard{ID: out.ID, Msg: out.Msg})})
		case Connect:
			list = append(list, xEffect{what: effectConnect, conn: out.Conn})
		case Answering:
			list = append(list, xEffect{what: effectAnswering, conn: out.Conn, sdp: out.SDP})
		case Apply:
			list = append(list, xEffect{what: effectApply, conn: out.Conn})
		case AddCandidates:
			list = append(list, xEffect{what: effectCandidates, conn: out.Conn})
		case Disconnect:
			list = append(list, xEffect{what: effectDisconnect, conn: out.Conn})
		}
	}
	return list
}

// endpoints returns the nodes of the account of a name.
func (e *explorer) endpoints(name string) []int {
	list, ok := e.accounts[name]
	if !ok {
		for _, n := range e.sc.nodes {
			if account(xName(n)) == account(name) {
				list = append(list, n)
			}
		}
		e.accounts[name] = list
	}
	return list
}

type xTask struct {
	node int
	ev   int32
	conn ConnID
}

// step hands an input to a node, and does what comes out, to the world s.
func (e *explorer) step(s *xState, n int, ev int32, conn ConnID) string {
	tasks := []xTask{{n, ev, conn}}
	for len(tasks) > 0 {
		t := tasks[0]
		tasks = tasks[1:]
		if s.isGone(e.sc.index(t.node)) {
			continue
		}
		r := e.transition(s.node[e.sc.index(t.node)], t, s.now)
		if r.bad != "" {
			return r.bad
		}
		s.node[e.sc.index(t.node)] = r.node
		for _, f := range r.effects {
			tasks = append(tasks, e.effect(s, t.node, f)...)
		}
	}
	return ""
}

// effect changes the world and returns what its node hears of that at once.
func (e *explorer) effect(s *xState, n int, f xEffect) []xTask {
	switch f.what {
	case effectMail:
		// A retry of what is still in flight adds nothing: that a message comes twice is a move of its own.
		m := int64(f.to)<<32 | int64(f.ev)
		if s.down || s.isGone(e.sc.index(f.to)) {
			break
		}
		if i, found := slices.BinarySearch(s.mail, m); !found {
			s.mail = slices.Insert(s.mail, i, m)
		}
	case effectPosted:
		if s.down {
			break
		}
		return []xTask{{n, f.ev, 0}}
	case effectConnect:
		s.wires = append(s.wires, xWire{node: [2]int8{int8(n), -1}, conn: [2]ConnID{f.conn, 0}})
		return e.eager(s, n, f.conn)
	case effectAnswering:
		from, id := xSide(f.sdp)
		w, _ := s.wire(from, id)
		if w == nil || w.node[1] >= 0 || w.conn[1] != 0 { // closed over there: it never connects
			s.wires = append(s.wires, xWire{node: [2]int8{-1, int8(n)}, conn: [2]ConnID{id, f.conn}})
		} else {
			w.node[1], w.conn[1] = int8(n), f.conn
		}
		return e.eager(s, n, f.conn)
	case effectDisconnect:
		e.disconnect(s, n, f.conn)
	default:
		w, side := s.wire(n, f.conn)
		if w == nil {
			return nil
		}
		switch f.what {
		case effectApply:
			w.applied = true
			e.check(w)
		case effectCandidates:
			w.candidate = true
			e.check(w)
		case effectTell:
			e.tell(w, 1-side, f.ev)
		}
	}
	return nil
}

func (e *explorer) tell(w *xWire, to int, ev int32) {
	if w.state != wireOpen || w.node[to] < 0 {
		return
	}
	q := w.queue[to]
	if last := len(q) - 1; e.beats[ev] && last >= 0 && e.beats[q[last]] {
		q[last] = ev // of two heartbeats that nobody heard yet the later says all
		return
	}
	w.queue[to] = append(q, ev)
}

// eager lets a connection gather all at once, where the scenario does not make moves of that.
func (e *explorer) eager(s *xState, n int, conn ConnID) []xTask {
	if e.sc.lazy {
		return nil
	}
	return append(e.gather(s, n, conn), e.gather(s, n, conn)...)
}

// gather is a connection's next word about itself: description and a candidate, then another one, the last.
func (e *explorer) gather(s *xState, n int, conn ConnID) []xTask {
	w, side := s.wire(n, conn)
	w.stage[side]++
	if w.stage[side] == described {
		e.check(w)
		return []xTask{{n, e.event(Described{SDP: xSDP(e.offerer(w, n), w.conn[0])}), conn},
			{n, e.event(Found{Candidate: Candidate{Line: "host"}}), conn}}
	}
	if !e.sc.lazy {
		return []xTask{{n, e.event(FoundAll{}), conn}}
	}
	return []xTask{{n, e.event(Found{Candidate: Candidate{Line: "relay"}}), conn}, {n, e.event(FoundAll{}), conn}}
}

func (e *explorer) offerer(w *xWire, n int) int {
	if w.node[0] >= 0 {
		return int(w.node[0])
	}
	return n
}

// check opens a connection when both sides have descriptions and one has a candidate to try.
func (e *explorer) check(w *xWire) {
	if w.state == wireNew && w.node[0] >= 0 && w.node[1] >= 0 && w.applied && w.candidate && w.stage[0] > 0 && w.stage[1] > 0 {
		w.state = wireOpen
		for i := range 2 {
			w.queue[i] = append(w.queue[i], e.opened)
		}
	}
}

func (e *explorer) disconnect(s *xState, n int, conn ConnID) {
	w, side := s.wire(n, conn)
	if w == nil {
		return
	}
	if other := 1 - side; w.state == wireOpen && w.node[other] >= 0 {
		w.queue[other] = append(w.queue[other], e.closed)
	}
	w.node[side], w.queue[side] = -1, nil
	if w.state == wireOpen || w.state == wireNew {
		w.state = wireBroken
	}
	s.dropWires()
}

func (s *xState) dropWires() {
	s.wires = slices.DeleteFunc(s.wires, func(w xWire) bool { return w.node[0] < 0 && w.node[1] < 0 })
}

func (e *explorer) at(ns int64) time.Time { return e.start.Add(time.Duration(ns)) }
