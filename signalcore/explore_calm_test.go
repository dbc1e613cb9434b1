package signalcore

import (
	"fmt"
	"slices"
	"time"
)

// eachCall runs f on every call that was placed, with its caller's side and those of the endpoints called that know of it.
func (e *explorer) eachCall(s *xState, f func(caller *xCall, ends map[int]*xCall)) {
	for _, n := range e.sc.nodes {
		node := e.nodeAt(s, n)
		for i := range node.calls {
			if c := &node.calls[i]; !c.incoming && xCaller(c.id) == n {
				ends := map[int]*xCall{}
				for _, r := range e.endpoints(e.sc.called(n)) {
					other := e.nodeAt(s, r)
					for j := range other.calls {
						if o := &other.calls[j]; o.id == c.id {
							ends[r] = o
						}
					}
				}
				f(c, ends)
			}
		}
	}
}

func (e *explorer) goneNode(s *xState, n int) bool { return s.isGone(e.sc.index(n)) }

func (e *explorer) nodeAt(s *xState, n int) *xNode { return e.nodes[s.node[e.sc.index(n)]] }

// did returns what the users of all nodes did.
func (e *explorer) did(s *xState) (acts uint8) {
	for _, n := range e.sc.nodes {
		acts |= e.nodeAt(s, n).acts
	}
	return acts
}

const xEndedByNobody = "a call that was won ended, though no connection failed and neither side hung up"

// together checks what holds between nodes after every move.
func (e *explorer) together(s *xState) (bad string) {
	e.eachCall(s, func(caller *xCall, ends map[int]*xCall) {
		talked, sure := 0, 0
		for n, c := range ends {
			if c.talked {
				talked++
				if caller.wonTo != n+1 {
					bad = "an endpoint talks that did not win"
				}
			}
			if c.mic && c.settled && !e.goneNode(s, n) {
				sure++
			}
		}
		here := e.nodeAt(s, xCaller(caller.id)).acts
		if w := caller.wonTo - 1; w >= 0 {
			here |= e.nodeAt(s, w).acts &^ didAccept
		}
		switch {
		case talked > 1:
			bad = "two endpoints were active in one call"
		case sure > 1:
			bad = "two endpoints have their microphones on and know how the call was settled"
		case caller.wonTo > 0 && caller.ended() && s.relayOnly() && here&(didHangUp|didRedial|didAccept) == 0 && !e.outrun(s, caller):
			// Who accepts another call leaves this one.
			bad = xEndedByNobody
		}
	})
	return bad
}

const (
	stableTime = 6 * time.Second // so long after both sides are active everybody else was told
	calmTime   = 5 * time.Minute // then everything must be over
)

// calmDown lets all arrive that is in flight and all timers run, without any further trouble. When two talk they hang up
// after a while. It returns the rule that was broken.
func (e *explorer) calmDown(s *xState, trace *[]string) string {
	var path []fingerprint
	var buf []byte
	for end := s.now + int64(calmTime); ; {
		buf = s.print(buf[:0])
		f := fingerprintOf(buf)
		if _, calm := e.calm[f]; calm {
			break
		}
		path = append(path, f)
		m, ok := e.arriving(s)
		if !ok {
			if e.idle(s) {
				if bad := e.final(s); bad != "" {
					return bad
				}
				break
			}
			if s.now > end {
				return "not everything is over after five minutes"
			}
			var bad string
			if m, bad = e.next(s); bad != "" {
				return bad
			}
		}
		if trace != nil && !e.dull(s, m) {
			*trace = append(*trace, e.describe(s, m))
		}
		if bad := e.apply(s, m); bad != "" {
			return bad
		}
	}
	for _, f := range path {
		e.calm[f] = struct{}{}
	}
	return ""
}

// drain lets all arrive that is in flight to these nodes and the caller, without time going on.
func (e *explorer) drain(s *xState, nodes ...int) {
	for {
		held := s.copy()
		held.mail = slices.DeleteFunc(held.mail, func(m int64) bool { return !slices.Contains(nodes, int(m>>32)) })
		m, ok := e.arriving(held)
		if !ok {
			return
		}
		if bad := e.apply(s, m); bad != "" {
			panic("internal error: " + bad)
		}
	}
}

// wait lets time pass, and what comes of it arrive.
func (e *explorer) wait(s *xState, until time.Duration) {
	for at := e.nextDeadline(s); at > 0 && at <= int64(until); at = e.nextDeadline(s) {
		for _, n := range e.sc.nodes {
			if e.deadline(s, n) == at {
				if bad := e.apply(s, xMove{what: moveTick, node: int8(n)}); bad != "" {
					panic("internal error: " + bad)
				}
				break
			}
		}
		e.drain(s, e.sc.nodes...)
	}
	s.now = max(s.now, int64(until))
}

// dull reports whether a move is only a heartbeat, which a trace need not show.
func (e *explorer) dull(s *xState, m xMove) bool {
	if m.what != moveHear {
		return false
	}
	w, side := s.wire(int(m.node), m.conn)
	return e.beats[w.queue[side][0]]
}

// arriving returns the next message or event that is in flight.
func (e *explorer) arriving(s *xState) (xMove, bool) {
	if s.down {
		return xMove{what: moveReturn, node: int8(e.sc.nodes[0])}, true
	}
	for i := range s.wires {
		w := &s.wires[i]
		for j := range 2 {
			at := xMove{node: w.node[j], conn: w.conn[j]}
			switch {
			case len(w.queue[j]) > 0:
				at.what = moveHear
				return at, true
			case !w.gathered(j):
				at.what = moveGather
				return at, true
			}
		}
	}
	if len(s.mail) > 0 {
		return xMove{what: moveDeliver, node: int8(s.mail[0] >> 32), ev: int32(s.mail[0])}, true
	}
	return xMove{}, false
}

// next returns what happens when nothing is in flight: two that talk have said all, or time goes on.
func (e *explorer) next(s *xState) (m xMove, bad string) {
	e.eachCall(s, func(caller *xCall, ends map[int]*xCall) {
		w := caller.wonTo - 1
		if w >= 0 && (e.goneNode(s, w) || e.goneNode(s, xCaller(caller.id))) {
			return // who is left finds out
		}
		if caller.view.State != StateActive || ends[w] == nil || ends[w].view.State != StateActive ||
			s.now < max(caller.since, ends[w].since)+int64(stableTime) {
			return
		}
		me := xCaller(caller.id)
		m = xMove{what: moveAct, node: int8(me), ev: e.event(HangUp{Call: caller.id})}
		if s.used[loss]+s.used[outage] < 2 { // settled is said twice
			bad = e.restless(s, caller.id)
		}
	})
	if bad != "" || m != (xMove{}) {
		return m, bad
	}
	first := e.nextDeadline(s)
	for _, n := range e.sc.nodes {
		if at := e.deadline(s, n); at > 0 && at == first {
			return xMove{what: moveTick, node: int8(n)}, ""
		}
	}
	return m, "somebody waits, and nobody has a deadline"
}

// restless says who still rings or waits although a call is going on: of that call, or of one that met it.
func (e *explorer) restless(s *xState, talks CallID) string {
	talking := 0
	for _, n := range e.sc.nodes {
		if e.goneNode(s, n) {
			continue
		}
		node := e.nodeAt(s, n)
		mine := 0
		for i := range node.calls {
			switch c := &node.calls[i]; {
			case !c.shown || c.hidden || c.ended() || c.id != talks && !xMet(c.id, talks):
			case e.goneNode(s, xCaller(c.id)) || c.wonTo > 0 && e.goneNode(s, c.wonTo-1): // until it finds that the other is gone
			case c.rings():
				return fmt.Sprintf("somebody talks, and %s rings on", e.role(n))
			case c.view.State == StateActive:
				mine++
				talking++
			default:
				return fmt.Sprintf("somebody talks, and %s is still %v", e.role(n), c.view.State)
			}
		}
		if mine > 1 {
			return "an endpoint is active in two calls"
		}
	}
	if talking > 2 {
		return "more than two endpoints talk"
	}
	return ""
}

// role names a node by what it is in the scenario, so that the same rule broken by another endpoint is the same finding.
func (e *explorer) role(n int) string {
	for _, d := range slices.Concat(e.sc.dials, e.sc.mayDial) {
		if d.from == n {
			return "an endpoint that dialed"
		}
	}
	return "an endpoint that did not dial"
}

func (e *explorer) idle(s *xState) bool {
	for _, n := range e.sc.nodes {
		if !e.goneNode(s, n) && !e.nodeAt(s, n).m.Idle() {
			return false
		}
	}
	return true
}

// final checks what holds when all is over.
func (e *explorer) final(s *xState) (bad string) {
	for _, n := range e.sc.nodes {
		if e.goneNode(s, n) {
			continue
		}
		node := e.nodeAt(s, n)
		if len(node.conns) > 0 {
			return "all is over, and a connection was not closed"
		}
		for i := range node.calls {
			switch c := &node.calls[i]; {
			case c.mic:
				return "all is over, and a microphone is on"
			case c.mailbox == mailboxOpen:
				return "all is over, and a mailbox was not closed"
			case c.shown && !c.hidden && !c.ended():
				return fmt.Sprintf("all is over, and a user sees a call that is %v", c.view.State)
			}
		}
	}
	talked := false
	did := e.did(s)
	e.eachCall(s, func(caller *xCall, ends map[int]*xCall) {
		talked = talked || caller.talked
		if b := e.because(s, caller, ends, did); b != "" {
			bad = b
		}
		for n, c := range ends {
			if !c.shown || !c.ended() && !c.hidden || !caller.ended() && !caller.hidden { // it crashed before the end
				continue
			}
			if b := e.agree(s, caller, c, n); b != "" {
				bad = b
			}
		}
	})
	wanted := did&didAccept != 0 || did&didDial != 0 && e.metInGlare(s)
	if bad == "" && s.faultless() && wanted && !talked && did&(didHangUp|didDecline|didDeclineHere) == 0 && !e.sc.expiring {
		bad = "somebody picked up, nothing failed, and nobody talked"
	}
	return bad
}

// metInGlare reports whether calls were placed in both directions.
func (e *explorer) metInGlare(s *xState) bool {
	met := false
	e.eachCall(s, func(a *xCall, _ map[int]*xCall) {
		e.eachCall(s, func(b *xCall, _ map[int]*xCall) { met = met || xMet(a.id, b.id) })
	})
	return met
}

// outrun reports whether a call met another one that goes first, and that was won: it is withdrawn, also if it was won too.
func (e *explorer) outrun(s *xState, c *xCall) (yes bool) {
	e.eachCall(s, func(o *xCall, _ map[int]*xCall) {
		yes = yes || o.wonTo > 0 && xMet(o.id, c.id) && goesFirst(o.id, c.id)
	})
	return yes
}

// xMet reports whether two calls were placed in opposite directions.
func xMet(a, b CallID) bool { return account(xName(xCaller(a))) != account(xName(xCaller(b))) }

// because checks that the way a caller's call ended has a cause.
func (e *explorer) because(s *xState, c *xCall, ends map[int]*xCall, did uint8) string {
	if c.hidden || !c.ended() {
		return ""
	}
	ok := true
	switch c.view.End {
	case EndCancelled:
		// Who accepts another call leaves this one, and so does who hears that a sibling talks with the one it dials.
		ok = e.nodeAt(s, xCaller(c.id)).acts&(didHangUp|didAccept) != 0 || did&didAccept != 0 && e.metInGlare(s) || s.used[leave] > 0
	case EndDeclined:
		ok = did&(didDecline|didDeclineHere|didHangUp) != 0 || s.used[leave] > 0
	case EndHangup:
		ok = did&didHangUp != 0 || e.nodeAt(s, xCaller(c.id)).acts&didAccept != 0 || s.used[fault]+s.used[leave] > 0 || e.outrun(s, c)
		if o := ends[c.wonTo-1]; o != nil && o.view.End == EndFailed { // the winner gave up, for reasons of its own
			ok = ok || !s.faultless()
		}
	case EndBusy:
		ok = e.sc.busy
	case EndFailed, EndLost:
		ok = !s.faultless() && did&(didAccept|didDial) != 0
	}
	if !ok {
		return fmt.Sprintf("a caller's call ended %v without a cause", c.view.End)
	}
	return ""
}
