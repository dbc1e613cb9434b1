package signalcore

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
