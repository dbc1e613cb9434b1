package signalcore

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"time"

	"ringfork/fork"
)

// simRare lists what may happen, but not more often than once in a thousand calls, and why. All else that the simulation finds
// fails the test.
var simRare = map[string]string{
	"accept-failed": "where connections are bad, the second one can fail too or not be made at all, and then the call fails",
}

// simFound is one thing that may not be.
type simFound struct {
	seed uint64
	rule string
	call CallID
	at   time.Duration
	what string
}

func (w *sim) fail(rule string, id CallID, what string) {
	n := 0
	for _, f := range w.found {
		if f.rule == rule {
			n++
		}
	}
	if n < 5 { // of an episode
		w.found = append(w.found, simFound{seed: w.seed, rule: rule, call: id, at: w.now, what: what})
	}
}

// checker is what is remembered of one endpoint to judge what it puts out.
type checker struct {
	boxes   map[CallID]*simBox
	wires   map[ConnID]*simWire
	conns   map[ConnID]simConn // open ones
	last    ConnID
	views   map[CallID]View
	seen    map[CallID]CallState // by the user, plus one
	dials   map[CallID]int
	pressed map[CallID]bool // the user accepted
	mic     map[CallID]int  // calls with media attached

	detached map[CallID]bool
	replaced map[CallID]bool // the user saw another call in its place
}

type simConn struct{ offers, theirs bool }

// simBox is an open reply mailbox with what was posted.
type simBox struct{ posts []Post }

func newChecker() checker {
	return checker{boxes: map[CallID]*simBox{}, wires: map[ConnID]*simWire{}, conns: map[ConnID]simConn{}, views: map[CallID]View{},
		seen: map[CallID]CallState{}, dials: map[CallID]int{}, pressed: map[CallID]bool{}, mic: map[CallID]int{}, detached: map[CallID]bool{}, replaced: map[CallID]bool{}}
}

func (k *checker) posted(id CallID, msg MessageID) *Post {
	if b := k.boxes[id]; b != nil {
		for i := range b.posts {
			if b.posts[i].ID == msg {
				return &b.posts[i]
			}
		}
	}
	return nil
}

// checkOutput judges one output. It holds for fuzzing too, where there is no world: w.calls is empty then.
func (w *sim) checkOutput(n *simEnd, out Output) {
	switch out := out.(type) {
	case OpenMailbox:
		if n.boxes[out.Call] != nil {
			w.fail("mailbox-opened-twice", out.Call, "OpenMailbox again")
		}
		n.boxes[out.Call] = &simBox{}
	case CloseMailbox:
		if n.boxes[out.Call] == nil {
			w.fail("mailbox-closed-twice", out.Call, "CloseMailbox without OpenMailbox")
		}
		delete(n.boxes, out.Call)
	case Post:
		b := n.boxes[out.Call]
		if b == nil {
			w.fail("post-without-mailbox", out.Call, fmt.Sprintf("post of %T outside OpenMailbox and CloseMailbox", out.Msg))
			return
		}
		if n.posted(out.Call, out.ID) != nil {
			w.fail("post-id-reused", out.Call, fmt.Sprintf("%T with the id of an earlier post", out.Msg))
		}
		b.posts = append(b.posts, out)
	case Repost:
		if n.posted(out.Call, out.ID) == nil {
			w.fail("repost-unknown", out.Call, "repost of what was not posted")
		}
	case Connect:
		w.opens(n, out.Call, out.Conn, simConn{offers: true})
	case Answering:
		w.opens(n, out.Call, out.Conn, simConn{theirs: true})
	case Apply:
		x := w.conn(n, out.Conn, "Apply")
		if !x.offers || x.theirs {
			w.fail("apply-twice", CallID{}, "Apply to a connection that has a description, or did not offer")
		}
		x.theirs = true
		n.conns[out.Conn] = x
	case AddCandidates:
		if x := w.conn(n, out.Conn, "AddCandidates"); !x.theirs {
			w.fail("candidates-before-description", CallID{}, "AddCandidates before the other side's description")
		}
	case Tell:
		w.conn(n, out.Conn, "Tell")
	case Show:
		w.conn(n, out.Conn, "Show")
	case Disconnect:
		w.conn(n, out.Conn, "Disconnect")
		delete(n.conns, out.Conn)
	case Attach:
		w.conn(n, out.Conn, "Attach")
		w.checkAttach(n, out.Call)
	case Detach:
		n.detached[out.Call] = true
		delete(n.mic, out.Call)
	case Notify:
		w.checkView(n, out)
	}
}

func (w *sim) opens(n *simEnd, id CallID, conn ConnID, x simConn) {
	if conn <= n.last {
		w.fail("conn-id-reused", id, "a connection with an old id")
	}
	n.last = conn
	n.conns[conn] = x
}

func (w *sim) conn(n *simEnd, id ConnID, what string) simConn {
	x, ok := n.conns[id]
	if !ok {
		w.fail("closed-connection", CallID{}, what+" on a connection that is closed or never was")
	}
	return x
}

// checkAttach: media flows only where the user wished it: after the accept, or at the caller once the call is won.
func (w *sim) checkAttach(n *simEnd, id CallID) {
	c := n.m.call(id)
	n.mic[id]++
	if n.detached[id] {
		w.fail("microphone", id, "attached in a call that is over")
	}
	if c == nil {
		return // much time passed in one step
	}
	if c.dir == Outgoing {
		if c.fork.Outcome() != fork.Won {
			w.fail("microphone", id, "attached at the caller before it was won")
		}
		return
	}
	if n.pressed[id] {
		return
	}
	for call, to := range n.dials { // glare: the user dialed that account
		if simAccount(to) == c.peer.Account && c.replaces == call {
			return
		}
	}
	w.fail("microphone", id, "attached without the user's accept")
}

func (w *sim) checkView(n *simEnd, out Notify) {
	v := out.View
	old, had := n.views[v.Call]
	if out.New && had {
		w.fail("new-twice", v.Call, "shown as new again")
	}
	if had && old.State == StateEnded && v.State != StateEnded {
		w.fail("ended-is-not-the-end", v.Call, "seen "+v.State.String()+" after its end")
	}
	if out.New && v.State == StateEnded {
		w.fail("new-and-ended", v.Call, "shown as a new call that is over")
	}
	if (v.State == StateEnded) != (v.End != NotEnded) {
		w.fail("end-without-reason", v.Call, "state and reason do not fit")
	}
	n.views[v.Call] = v
	if r := v.Replaces; r != (CallID{}) { // the user's call goes on as this one, with its media
		n.replaced[r] = true
		if k := n.mic[r]; k > 0 {
			delete(n.mic, r)
			n.mic[v.Call] += k
		}
	}
	if v.State == StateEnded && n.detached[v.Call] {
		delete(n.mic, v.Call)
	}
}

// checkStep judges an endpoint after a step.
func (w *sim) checkStep(n *simEnd) {
	m := n.m
	talking := 0
	for _, c := range m.calls {
		if c.talks() {
			talking++
		}
		if len(c.tines) > fork.MaxTines+1 || len(c.retries) > 4*fork.MaxTines+16 {
			w.fail("memory", c.id, fmt.Sprintf("%d tines, %d retries", len(c.tines), len(c.retries)))
		}
		k := w.calls[c.id]
		if k == nil {
			continue
		}
		if c.dir == Outgoing {
			if e, ok := c.fork.Winner(); ok {
				if k.winner != (EndpointID{}) && k.winner != e {
					w.fail("two-winners", c.id, "the caller settled twice")
				}
				k.winner = e
			}
			if c.state == StateEnded && k.end == NotEnded {
				k.end = c.end
			}
			continue
		}
		if c.talks() {
			if k.active != (EndpointID{}) && k.active != n.self.Endpoint {
				w.fail("two-winners", c.id, "two endpoints called are in the call")
			}
			k.active = n.self.Endpoint
		}
		if c.state == StateEnded {
			leg := k.leg(n)
			leg.why, leg.picked = c.end, c.accepted
		} else if c.rings {
			k.leg(n)
		}
	}
	if talking > 1 {
		w.fail("two-active-calls", CallID{}, "an endpoint talks in two calls")
	}
	if len(m.calls) > 200 || len(m.early) > maxEarly || len(m.seen) > maxSeenCalls+len(m.cfg.Seen) || len(m.conns) > 200 {
		w.fail("memory", CallID{}, fmt.Sprintf("%d calls, %d early, %d seen, %d connections", len(m.calls), len(m.early), len(m.seen), len(m.conns)))
	}
}

func (k *simCall) leg(n *simEnd) *simLeg {
	for i := range k.legs {
		if k.legs[i].end == n {
			return &k.legs[i]
		}
	}
	k.legs = append(k.legs, simLeg{end: n})
	return &k.legs[len(k.legs)-1]
}

// checkQuiet judges the world at its end.
func (w *sim) checkQuiet() {
	for _, p := range w.phones {
		n := p.end
		if n == nil {
			continue
		}
		w.checkIdle(n)
	}
	for _, k := range w.order {
		w.checkEnds(k)
	}
}

func (w *sim) checkIdle(n *simEnd) {
	if n.asleep {
		w.fail("harness", CallID{}, "still asleep")
	}
	if !n.m.Idle() {
		c := n.m.calls[0]
		w.fail("not-idle", c.id, fmt.Sprintf("still %v (direction %d, end %v, held %b) with deadline %v", c.state, c.dir, c.end, c.held, n.m.Deadline()))
		return
	}
	if at := n.m.Deadline(); !at.IsZero() {
		w.fail("deadline", CallID{}, "idle with a deadline")
	}
	if len(n.conns) > 0 || len(n.m.conns) > 0 {
		w.fail("connection-left", CallID{}, fmt.Sprintf("%d connections never closed", len(n.conns)))
	}
	if len(n.boxes) > 0 {
		w.fail("mailbox-left", CallID{}, fmt.Sprintf("%d mailboxes never closed", len(n.boxes)))
	}
	for _, id := range sortedCalls(n.views) {
		if v := n.views[id]; v.State != StateEnded {
			if n.replaced[id] {
				continue
			}
			w.fail("seen-for-ever", id, "the user still sees it "+n.views[id].State.String())
		}
	}
	for _, id := range sortedCalls(n.mic) {
		w.fail("microphone-left", id, "media never detached")
	}
}

func sortedCalls[V any](m map[CallID]V) []CallID {
	return slices.SortedFunc(maps.Keys(m), func(a, b CallID) int { return bytes.Compare(a[:], b[:]) })
}

// simAllowed are the pairs of ends, the caller's and the winner's, on which they may disagree, and why. A pair that is allowed
// in clear weather is one of simAllowedClear too.
var simAllowed = map[[2]EndReason]string{
	{EndHangup, EndReplaced}: "the redial was faster than the hangup (rule 9)",
	{EndFailed, EndReplaced}: "as above",
	{EndLost, EndReplaced}:   "as above",
	{EndFailed, EndHangup}:   "the caller gave up, and says so by hangup",
	{EndHangup, EndFailed}:   "the endpoint gave up, and says so by hangup; or the user hung up while it connected, and the word was lost",
	{EndLost, EndHangup}:     "the hangup was lost with the connection, or one side gave up first and says so by hangup",
	{EndHangup, EndLost}:     "as above",
	{EndFailed, EndLost}:     "the endpoint was connected, its peer never was",
	{EndLost, EndFailed}:     "as above, the other way round",
}

var simAllowedClear = map[[2]EndReason]bool{{EndHangup, EndReplaced}: true}

// checkLeg judges how a call ended at one endpoint called, by how it ended at the caller.
func (w *sim) checkLeg(k *simCall, l simLeg) {
	clear := w.name == "clear"
	pair := [2]EndReason{k.end, l.why}
	said := fmt.Sprintf("caller %v, called %v, in weather %s", k.end, l.why, w.name)
	if l.why == NotEnded {
		if !l.end.dead {
			w.fail("no-end", k.id, "at an endpoint called that lives")
		}
		return
	}
	if clear && k.end == EndFailed {
		return // that itself may not be
	}
	if l.end.self.Endpoint == k.winner {
		if k.end != l.why && !(simAllowed[pair] != "" && (!clear || simAllowedClear[pair])) {
			w.fail("winner-disagrees", k.id, said)
		}
		return
	}
	ok := true
	switch l.why {
	case EndDeclined, EndBusy, EndReplaced, EndHangup: // decided there
	case EndAnsweredElsewhere:
		ok = k.winner != EndpointID{}
	case EndDeclinedElsewhere:
		ok = k.end == EndDeclined
	case EndCancelled: // in bad weather also: nothing was heard from the caller, or the tine was lost
		ok = k.end == EndCancelled || !clear
	case EndUnanswered: // in bad weather also: the word that it is settled was lost until the ring's end
		ok = k.end == EndUnanswered || k.end == EndCancelled || !clear
	case EndFailed: // the user accepted, and heard nothing until the end of the time to connect
		ok = l.picked && !clear
	default:
		ok = false
	}
	if !ok {
		w.fail("loser-disagrees", k.id, said)
	}
}

func (w *sim) checkEnds(k *simCall) {
	if k.end == NotEnded {
		if !k.crashed && !k.caller.dead {
			w.fail("no-end", k.id, "the caller never saw an end")
		}
		return
	}
	if w.name == "clear" && (k.end == EndLost || k.end == EndFailed) {
		w.fail("clear-"+k.end.String(), k.id, "at the caller, although nothing was lost")
	}
	if k.glare != nil && w.name == "clear" && k.end == EndUnanswered && k.glare.end == EndUnanswered {
		w.fail("glare-unanswered", k.id, "both called each other, and nobody talked; the other call is "+k.glare.id.String())
	}
	for _, l := range k.legs {
		if w.name == "clear" && (l.why == EndLost || l.why == EndFailed) {
			w.fail("clear-"+l.why.String(), k.id, "at an endpoint called, although nothing was lost")
		}
		w.checkLeg(k, l)
		if w.name == "wires" && l.picked && l.why == EndFailed {
			w.fail("accept-failed", k.id, "connections were bad, the relay was good: the caller ended "+k.end.String())
		}
		who := "other "
		if l.end.self.Endpoint == k.winner {
			who = "winner"
		} else if l.picked {
			who = "picked"
		}
		dead := ""
		if k.crashed {
			dead = " (a crash)"
		}
		why := l.why.String()
		if l.why == NotEnded {
			why = "-"
		}
		w.counts[fmt.Sprintf("%s %-8s caller %-10s  called %-18s%s", who, w.name, k.end, why, dead)]++
	}
}
