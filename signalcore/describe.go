package signalcore

// described takes the connection's own description. It waits a moment for the first candidates, so that one message
// carries both: those of the own addresses come in one burst. An accept does not wait.
func (m *Machine) described(t *tine, sdp string) {
	if t.sdp != "" || t.sent {
		return
	}
	t.sdp = sdp
	if t.mineAll || t.call.accepted || t.call.state >= StateConnecting {
		m.sendDescription(t)
		return
	}
	t.alarms.set(alarmHold, m.now.Add(holdTime))
	if len(t.mine) > 0 {
		t.alarms.set(alarmHold, m.now.Add(burstTime))
	}
}

func (m *Machine) found(t *tine, cand Candidate) {
	if len(t.mine) >= maxCandidates || t.mineAll {
		return
	}
	t.mine = append(t.mine, cand)
	if len(t.mine) == 1 && t.alarms.on(alarmHold) {
		t.alarms.set(alarmHold, m.now.Add(burstTime))
	}
	if t.sent && !t.alarms.on(alarmFlush) && !t.call.lost(t) {
		t.alarms.set(alarmFlush, m.now.Add(batchTime))
	}
}

func (m *Machine) foundAll(t *tine) {
	t.mineAll = true
	switch {
	case t.sent && len(t.mine) > 0:
		m.sendCandidates(t)
	case t.sdp != "" && !t.sent:
		m.sendDescription(t)
	}
}

// sendDescription sends the own description in the message that is its turn: offer or accept at an endpoint, answer at
// the caller.
func (m *Machine) sendDescription(t *tine) {
	c := t.call
	t.alarms.clear(alarmHold)
	if t.sent || t.sdp == "" || c.state == StateEnded {
		return
	}
	sdp, list := t.sdp, t.mine
	t.sdp, t.mine, t.sent = "", nil, true // 9 kB a tine
	switch {
	case t == c.spare:
		m.reach(c, Restart{Generation: t.generation, SDP: sdp, Candidates: list})
	case c.dir == Outgoing:
		t.answerID = m.post(c, t.endpoint, Answer{SDP: sdp, Candidates: list, Generation: t.generation}, unlimited, later(c.until, m.now.Add(connectTime)))
	case c.offerID == 0:
		m.postOffer(c, t, Offer{Label: m.labelFor(c), SDP: sdp, Candidates: list})
		if c.accepted {
			m.say(t, Accept{Media: c.picked}, unlimited, c.alarms[alarmConnect])
		}
	default:
		m.post(c, t.endpoint, Accept{Media: c.picked, SDP: sdp, Candidates: list, Generation: t.generation}, unlimited, c.alarms[alarmConnect])
	}
}

// sendCandidates sends what was found since the description went.
func (m *Machine) sendCandidates(t *tine) {
	t.alarms.clear(alarmFlush)
	if len(t.mine) == 0 || t.call.state == StateEnded {
		return
	}
	msg := Candidates{List: t.mine, End: t.mineAll, Generation: t.generation}
	t.mine = nil
	if t == t.call.spare {
		m.reach(t.call, msg)
		return
	}
	if t.open {
		m.emit(Tell{Conn: t.conn, ID: t.call.newID(), Msg: msg})
		return
	}
	m.post(t.call, t.endpoint, msg, unlimited, m.now.Add(connectTime))
}

// take holds the other side's candidates until their description is there, then gives them to the connection.
func (m *Machine) take(t *tine, list []Candidate, end bool) {
	room := maxCandidates - len(t.held)
	if len(list) > room {
		m.drop("too many candidates")
		list = list[:room]
	}
	t.held = append(t.held, list...)
	t.heldAll = t.heldAll || end
	if t.theirs {
		m.giveHeld(t)
	}
}

func (m *Machine) giveHeld(t *tine) {
	if len(t.held) > 0 || t.heldAll {
		m.emit(AddCandidates{Conn: t.conn, List: t.held, End: t.heldAll})
	}
	t.held, t.heldAll = nil, false
}

// apply gives the connection the answer to its offer, once. An answer without description says that the caller has no
// connection for this endpoint now, or no more: it connects anew with the accept.
func (m *Machine) apply(t *tine, a Answer) {
	if t.conn == 0 || !t.offers || a.Generation != t.generation {
		return
	}
	if a.SDP == "" && t.theirs && t.call.state == StateRinging {
		m.disconnect(t)
	}
	if t.theirs {
		return
	}
	if a.SDP == "" {
		t.failed = true
		return
	}
	t.theirs = true
	if t.call.won {
		t.call.stop(KindAccept, t.endpoint)
	}
	m.emit(Apply{Conn: t.conn, SDP: a.SDP})
	m.giveHeld(t)
	m.take(t, a.Candidates, false)
}
