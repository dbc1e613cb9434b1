package signalcore

import (
	"fmt"
	"slices"
	"strings"
)

// xMove is one thing that can happen next.
type xMove struct {
	what xMoveKind
	node int8
	ev   int32 // of deliver, lose, repeat and act
	conn ConnID
}

type xMoveKind uint8

const (
	moveAct     xMoveKind = iota // a user does something
	moveDeliver                  // a message comes out of a mailbox
	moveLose
	moveRepeat // it comes, and will come once more
	moveHear   // a connection's next word to one of its sides
	moveCut    // what was told before the channel closed is lost
	moveFail   // a connection fails, at both sides
	moveGather
	moveTick // time goes on to a node's deadline
	moveFade
	moveCrash
	moveLeave
	moveRoam
	moveOutage
	moveReturn // the relay comes back
)

// moves lists what can happen in a state, in a fixed order.
func (e *explorer) moves(s *xState) []xMove {
	var list []xMove
	for _, n := range e.sc.nodes {
		if !s.isGone(e.sc.index(n)) && !e.twin(s, n) {
			for _, ev := range e.acts(e.nodes[s.node[e.sc.index(n)]], n) {
				list = append(list, xMove{what: moveAct, node: int8(n), ev: ev})
			}
		}
	}
	for _, m := range s.mail {
		n, ev := int8(m>>32), int32(m)
		if e.twin(s, int(n)) {
			continue
		}
		list = append(list, xMove{what: moveDeliver, node: n, ev: ev})
		if e.may(s, loss) {
			list = append(list, xMove{what: moveLose, node: n, ev: ev})
		}
		if e.may(s, double) {
			list = append(list, xMove{what: moveRepeat, node: n, ev: ev})
		}
	}
	for i := range s.wires {
		w := &s.wires[i]
		for j := range 2 {
			if w.node[j] < 0 {
				continue
			}
			at := xMove{node: w.node[j], conn: w.conn[j]}
			if q := w.queue[j]; len(q) > 0 {
				at.what = moveHear
				list = append(list, at)
				if q[len(q)-1] == e.closed && len(q) > 1 && e.may(s, loss) {
					at.what = moveCut
					list = append(list, at)
				}
			}
			if e.sc.lazy && !w.gathered(j) {
				at.what = moveGather
				list = append(list, at)
			}
		}
	}
	list = append(list, e.troubles(s)...)
	first := e.nextDeadline(s)
	for _, n := range e.sc.nodes {
		at := e.deadline(s, n)
		if at > 0 && (at <= first || e.may(s, nap)) {
			list = append(list, xMove{what: moveTick, node: int8(n)})
		}
	}
	return list
}

// may reports whether one more thing of a kind may go wrong.
func (e *explorer) may(s *xState, what int) bool {
	sum := uint8(0)
	for _, n := range s.used {
		sum += n
	}
	return s.used[what] < e.sc.limit[what] && sum < e.sc.trouble
}

// twin reports whether nothing happened yet to a node nor to one before it of the same account, and both have the same
// mail: what happens to it may as well happen to that one. So endpoints that differ in nothing but their name are tried
// in one order only, which leaves out nothing but renamed states.
func (e *explorer) twin(s *xState, n int) bool {
	if s.node[e.sc.index(n)] != e.fresh[n] {
		return false
	}
	for _, o := range e.endpoints(xName(n)) {
		if o >= n {
			break
		}
		if s.node[e.sc.index(o)] == e.fresh[o] && slices.Equal(s.mailOf(o), s.mailOf(n)) {
			return true
		}
	}
	return false
}

func (s *xState) mailOf(n int) []int32 {
	var list []int32
	for _, m := range s.mail {
		if int(m>>32) == n {
			list = append(list, int32(m))
		}
	}
	return list
}

// acts lists what a node's user can do, as far as the user sees.
func (e *explorer) acts(n *xNode, me int) []int32 {
	var list []int32
	busy := false
	for i := range n.calls {
		c := &n.calls[i]
		if !c.shown || c.hidden || c.ended() {
			continue
		}
		if c.rings() {
			list = append(list, e.event(PickUp{Call: c.id, Media: Media{Audio: true}}), e.event(Refuse{Call: c.id, Everywhere: true}))
			if e.sc.declineHere {
				list = append(list, e.event(Refuse{Call: c.id}))
			}
			continue
		}
		busy = true
		list = append(list, e.event(HangUp{Call: c.id}))
	}
	for _, d := range e.sc.mayDial {
		done := didDial
		if d.again {
			done = didRedial
		}
		if d.from == me && !busy && n.acts&done == 0 {
			list = append(list, e.event(d.input()))
		}
	}
	return list
}

// deadline returns when a node must be stepped next, since the beginning; 0 if never.
func (e *explorer) deadline(s *xState, n int) int64 {
	i := e.sc.index(n)
	if s.isGone(i) {
		return 0
	}
	return e.deadlines[s.node[i]]
}

func (e *explorer) nextDeadline(s *xState) int64 {
	first := int64(0)
	for _, n := range e.sc.nodes {
		if at := e.deadline(s, n); at > 0 && (first == 0 || at < first) {
			first = at
		}
	}
	return first
}

// apply makes a move in s. It returns the rule that was broken by it.
func (e *explorer) apply(s *xState, m xMove) string {
	n := int(m.node)
	mail := int64(n)<<32 | int64(m.ev)
	remove := func() {
		i, _ := slices.BinarySearch(s.mail, mail)
		s.mail = slices.Delete(s.mail, i, i+1)
	}
	var bad string
	switch m.what {
	case moveAct:
		bad = e.step(s, n, m.ev, 0)
	case moveDeliver:
		remove()
		bad = e.step(s, n, m.ev, 0)
	case moveLose:
		remove()
		s.used[loss]++
	case moveRepeat:
		s.used[double]++
		bad = e.step(s, n, m.ev, 0)
	case moveHear:
		w, side := s.wire(n, m.conn)
		ev := w.queue[side][0]
		w.queue[side] = w.queue[side][1:]
		bad = e.step(s, n, ev, m.conn)
	case moveCut:
		w, side := s.wire(n, m.conn)
		w.queue[side] = []int32{e.closed}
		s.used[loss]++
	case moveFail:
		w, _ := s.wire(n, m.conn)
		e.breakWire(w, e.failed)
		s.used[fault]++
	case moveFade:
		w, _ := s.wire(n, m.conn)
		e.breakWire(w, e.disconnected)
		s.used[fade]++
	case moveCrash:
		e.crash(s, n)
		s.used[crash]++
	case moveLeave:
		s.used[leave]++
		bad = e.step(s, n, e.left, 0)
		e.close(s, n)
	case moveRoam:
		s.used[roam]++
		bad = e.step(s, n, e.roamed, 0)
	case moveOutage:
		s.used[outage]++
		s.down, s.mail = true, nil
		bad = e.all(s, e.unread)
	case moveReturn:
		s.down = false
		if bad = e.all(s, e.online); bad == "" {
			bad = e.all(s, e.read)
		}
	case moveGather:
		for _, t := range e.gather(s, n, m.conn) {
			if bad = e.step(s, t.node, t.ev, t.conn); bad != "" {
				break
			}
		}
	case moveTick:
		at := e.deadline(s, n)
		if at > e.nextDeadline(s) {
			s.used[nap]++
		}
		s.slow = s.slow || !s.quiet()
		s.now = max(s.now, at)
		bad = e.step(s, n, e.tick, 0)
	}
	if bad == "" {
		bad = e.together(s)
	}
	return bad
}

// describe says what a move is, for a trace. It is that of the state before the move.
func (e *explorer) describe(s *xState, m xMove) string {
	n, text := xName(int(m.node)), ""
	switch m.what {
	case moveAct:
		text = n + " " + xWord(e.events[m.ev])
	case moveDeliver:
		text = n + " gets " + xWord(e.events[m.ev])
	case moveLose:
		text = "lost: " + xWord(e.events[m.ev]) + " to " + n
	case moveRepeat:
		text = n + " gets " + xWord(e.events[m.ev]) + ", which will come again"
	case moveHear:
		w, side := s.wire(int(m.node), m.conn)
		text = fmt.Sprintf("%s's connection %d: %s", n, m.conn, xWord(e.events[w.queue[side][0]]))
	case moveCut:
		text = fmt.Sprintf("lost: what was told on %s's connection %d before it closed", n, m.conn)
	case moveFail:
		text = fmt.Sprintf("%s's connection %d fails", n, m.conn)
	case moveFade:
		text = fmt.Sprintf("%s's connection %d carries nothing any more", n, m.conn)
	case moveCrash:
		text = n + " crashes"
	case moveLeave:
		text = n + " leaves: its page is closed"
	case moveRoam:
		text = n + " is on another network"
	case moveOutage:
		text = "the relay is gone, and what was in flight"
	case moveReturn:
		text = "the relay is back"
	case moveGather:
		text = fmt.Sprintf("%s's connection %d gathers", n, m.conn)
	case moveTick:
		text = fmt.Sprintf("time comes for %s", n)
		if e.deadline(s, int(m.node)) > e.nextDeadline(s) {
			text += ", before others that sleep"
		}
	}
	return fmt.Sprintf("%7.3f %s", float64(s.now)/1e9, text)
}

func xWord(in Input) string {
	switch in := in.(type) {
	case Received:
		return fmt.Sprintf("%s (call %d, from %s)", kindOf(in.Msg), in.Call[0], nameOf(in.From.Endpoint[:]))
	case Heard:
		return kindOf(in.Msg)
	case Synced:
		return fmt.Sprintf("sync %d (call %d, from %s)", in.Msg.What, in.Msg.Call[0], nameOf(in.From[:]))
	case PickUp:
		return fmt.Sprintf("accepts call %d", in.Call[0])
	case Refuse:
		if in.Everywhere {
			return fmt.Sprintf("declines call %d", in.Call[0])
		}
		return fmt.Sprintf("declines call %d here", in.Call[0])
	case HangUp:
		return fmt.Sprintf("hangs up call %d", in.Call[0])
	case Dial:
		return "dials " + nameOf(in.To[:])
	case Changed:
		return [...]string{"connecting", "connected", "disconnected", "failed"}[in.State]
	}
	return strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", in), "signalcore."))
}
