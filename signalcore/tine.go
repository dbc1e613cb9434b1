package signalcore

import "ringfork/fork"

// tine is one leg of a call: this endpoint and one other, with at most one peer connection.
type tine struct {
	call     *call
	endpoint EndpointID // the other side's
	label    string     // the other side's, as it told it

	conn   ConnID // 0: none
	offers bool   // this side made the connection's offer
	sdp    string // own description, from Described on
	sent   bool   // own description was sent
	theirs bool   // the other side's description was given to the connection
	open   bool   // the control channel is open
	failed bool   // the connection failed before it opened

	mine    []Candidate // found, not sent yet
	mineAll bool
	held    []Candidate // received, but their description was not yet
	heldAll bool
	alarms  alarms

	answerID   MessageID // at the caller: of the answer
	generation uint32    // of the connection, see Restart
	wonID      MessageID // at the caller: of the won
	wonPosted  bool      // at the caller: by mailbox, not only told
	stateSeq   uint32    // of the last state told
}

// connect begins a connection in which this side offers.
func (m *Machine) connect(t *tine) {
	m.newConn(t)
	t.offers = true
	m.emit(Connect{Conn: t.conn, Call: t.call.id})
}

// answering begins a connection in which this side answers an offer.
func (m *Machine) answering(t *tine, sdp string) {
	m.newConn(t)
	t.theirs = true
	m.emit(Answering{Conn: t.conn, Call: t.call.id, SDP: sdp})
	m.giveHeld(t)
}

func (m *Machine) newConn(t *tine) {
	m.disconnect(t)
	m.lastID++
	t.conn = m.lastID
	m.conns[t.conn] = t
}

// disconnect closes a tine's connection, if it has one, and forgets what belonged to it.
func (m *Machine) disconnect(t *tine) {
	t.alarms = alarms{}
	if t.conn == 0 {
		return
	}
	m.emit(Disconnect{Conn: t.conn})
	delete(m.conns, t.conn)
	*t = tine{call: t.call, endpoint: t.endpoint, label: t.label, held: t.held, heldAll: t.heldAll,
		answerID: t.answerID, wonID: t.wonID, wonPosted: t.wonPosted, stateSeq: t.stateSeq}
	t.call.dirty = true
}

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
// connection for this endpoint now: it connects anew with the accept.
func (m *Machine) apply(t *tine, a Answer) {
	if t.conn == 0 || t.theirs || !t.offers || a.Generation != t.generation {
		return
	}
	if a.SDP == "" {
		t.failed = true
		return
	}
	t.theirs = true
	m.emit(Apply{Conn: t.conn, SDP: a.SDP})
	m.giveHeld(t)
	m.take(t, a.Candidates, false)
}

// opened notes that a tine can talk.
func (m *Machine) opened(t *tine) {
	c := t.call
	if t.open {
		return
	}
	if t == c.spare {
		m.moved(t)
		return
	}
	t.open, t.failed = true, false
	t.alarms.clear(alarmLost)
	c.dirty = true
	for _, k := range []Kind{KindAnswer, KindCandidates} {
		c.stop(k, t.endpoint)
	}
	if c.state != StateConnecting {
		return
	}
	switch {
	case c.dir == Outgoing && c.isWinner(t):
		m.emit(Tell{Conn: t.conn, ID: c.newID(), Msg: Won{}})
		m.becomeActive(c, t)
	case c.dir == IncomingCall && c.won:
		m.becomeActive(c, t)
	case c.dir == IncomingCall:
		m.emit(Tell{Conn: t.conn, ID: c.newID(), Msg: Accept{Media: c.picked}})
	}
}

// lost reports whether the call was settled without the tine.
func (c *call) lost(t *tine) bool {
	return c.dir == Outgoing && c.fork.Outcome() != fork.Ringing && !c.isWinner(t)
}

func (c *call) isWinner(t *tine) bool {
	w, ok := c.fork.Winner()
	return ok && w == t.endpoint
}

// closed notes that the other side closed the channel: in a call a hangup, while it rings a lost tine (rule 13).
func (m *Machine) closed(t *tine) {
	c := t.call
	switch t {
	case c.stale:
		m.retire(c)
		return
	case c.spare:
		m.spareFailed(c)
		return
	}
	t.open = false
	c.dirty = true
	switch {
	case c.state == StateEnded:
		m.disconnect(t)
	case c.talks() && (c.dir == IncomingCall || c.isWinner(t)):
		m.becomeEnded(c, EndHangup, c.answeredBy)
		m.disconnect(t)
	case c.talks():
		m.disconnect(t) // a loser that closed by itself
	case c.state == StateRinging:
		t.failed = true // an accept makes a new connection
		m.losing(t)
	}
}

// changed follows the connection's state.
func (m *Machine) changed(t *tine, s ConnState) {
	c := t.call
	switch {
	case t == c.spare:
		if s == ConnFailed {
			m.spareFailed(c)
		}
		return
	case t == c.stale:
		return
	}
	switch s {
	case ConnConnected:
		if t.open {
			t.alarms.clear(alarmLost)
		}
	case ConnDisconnected:
		switch {
		case c.state == StateRinging && t.open:
			m.losing(t)
		case c.state == StateActive && t == c.talker():
			t.alarms.set(alarmLost, m.now.Add(flapTime))
		}
	case ConnFailed:
		m.failed(t)
	}
}

// failed: a tine that never connected keeps ringing, and negotiates anew with the accept.
func (m *Machine) failed(t *tine) {
	c := t.call
	was := t.open
	t.failed = true
	t.open = false
	c.dirty = true
	if c.dir == Outgoing && c.state >= StateConnecting && !c.isWinner(t) {
		return
	}
	switch c.state {
	case StateRinging:
		if was {
			m.losing(t)
		}
	case StateConnecting: // slower, never broken: only the time ends it
		if c.dir == IncomingCall {
			m.connectAgain(c)
		} else {
			m.post(c, t.endpoint, Answer{Generation: t.generation}, 1, c.alarms[alarmConnect])
		}
	case StateActive:
		m.recover(c)
	}
}

// broken: this side cannot have that connection. The ring is answered all the same.
func (m *Machine) broken(t *tine) {
	c := t.call
	if t == c.spare {
		m.spareFailed(c)
		return
	}
	described := t.sent
	m.disconnect(t)
	t.failed = true
	switch {
	case c.state == StateEnded:
	case c.dir == Outgoing && c.isWinner(t), c.dir == IncomingCall && c.state >= StateConnecting:
		m.giveUp(c)
	case c.dir == Outgoing && !described && !c.lost(t):
		t.answerID = m.post(c, t.endpoint, Answer{}, unlimited, c.until)
	case c.dir == IncomingCall && c.offerID == 0:
		m.postOffer(c, t, Offer{Label: m.labelFor(c)})
	}
}

// losing begins the wait for a connection to come back.
func (m *Machine) losing(t *tine) {
	if !t.alarms.on(alarmLost) {
		t.alarms.set(alarmLost, m.now.Add(lostTime))
	}
}

// lost: a tine that was connected and did not come back.
func (m *Machine) lost(t *tine) {
	c := t.call
	switch {
	case t == c.spare:
		m.spareFailed(c)
		return
	case c.state == StateActive:
		m.recover(c)
		return
	case c.dir == IncomingCall:
		m.endRinging(c, EndCancelled, "")
		return
	}
	c.fork.Lose(t.endpoint)
	c.dirty = true
	m.disconnect(t)
}

// beat tells this side's state, and again every second.
func (m *Machine) beat(t *tine) {
	t.alarms.set(alarmBeat, m.now.Add(beatTime))
	if !t.open {
		return
	}
	t.stateSeq++
	s := t.call.local
	s.Seq = t.stateSeq
	m.emit(Tell{Conn: t.conn, ID: t.call.newID(), Msg: s})
}

// hear takes a state of the other side's; an older one than the last is late and ignored.
func (m *Machine) hear(t *tine, s State) {
	c := t.call
	if !c.talks() || s.Seq <= c.remote.Seq {
		return
	}
	if s.Audio != c.remote.Audio || s.Video != c.remote.Video || s.Screen != c.remote.Screen || s.Hold != c.remote.Hold {
		c.dirty = true
	}
	c.remote = s
}

// labelFor returns this device's label for the other side of a call: a stranger learns none.
func (m *Machine) labelFor(c *call) string {
	if c.stranger {
		return ""
	}
	return m.cfg.Label
}

// hangUp is the user's word to end a call in whatever state it is.
func (m *Machine) hangUp(c *call) {
	switch {
	case c.state == StateEnded:
	case c.dir == Outgoing && c.fork.Outcome() == fork.Ringing:
		c.fork.Cancel()
		m.settled(c)
	case c.dir == IncomingCall && c.state == StateRinging:
		m.refuse(c, true)
	default:
		t := c.talker()
		sure := t.open && c.state == StateActive
		unsettled := c.dir == IncomingCall && !c.won
		m.becomeEnded(c, EndHangup, c.answeredBy)
		id := c.newID()
		if t.open {
			m.emit(Tell{Conn: t.conn, ID: id, Msg: Hangup{}})
		}
		if !sure { // a channel that is being replaced may carry nothing any more
			left := 2
			if unsettled { // until the caller knows: it may still take the accept for the first
				left = unlimited
				c.alarms.set(alarmForget, later(c.until, m.now.Add(windUpTime)))
			}
			m.postAs(c, t.endpoint, id, Hangup{}, left, c.alarms[alarmForget])
		}
		t.alarms.set(alarmClose, m.now.Add(ackTime))
	}
}

// talker returns the tine over which an accepted call runs.
func (c *call) talker() *tine {
	if c.dir == Outgoing {
		w, _ := c.fork.Winner()
		return c.tine(w)
	}
	return c.tines[0]
}

// hungUp takes the other side's hangup, and acknowledges it.
func (m *Machine) hungUp(t *tine, h Hangup) {
	c := t.call
	if c.held != 0 {
		m.endRinging(c, EndCancelled, "")
		return
	}
	if c.state == StateEnded {
		m.disconnect(t)
		return
	}
	if h.Ack {
		m.drop("acknowledged what was not said")
		return
	}
	if t.open {
		m.emit(Tell{Conn: t.conn, ID: c.newID(), Msg: Hangup{Ack: true}})
	}
	if c.dir == Outgoing && !c.isWinner(t) {
		if c.fork.Outcome() == fork.Ringing && c.fork.Decline(t.endpoint, true) {
			m.settled(c) // picked up and hung up again before the caller knew
		}
		return
	}
	if c.dir == IncomingCall && c.state == StateRinging {
		m.becomeEnded(c, EndCancelled, "")
	} else {
		m.becomeEnded(c, EndHangup, c.answeredBy)
	}
	t.alarms.set(alarmClose, m.now.Add(closeDelay))
}

// giveUp ends a call that was accepted and did not connect, or did not come back.
func (m *Machine) giveUp(c *call) {
	t := c.talker()
	why := EndFailed
	if c.talks() {
		why = EndLost
	}
	mine := c.dir == IncomingCall && !c.won
	c.here = mine
	m.becomeEnded(c, why, c.answeredBy)
	if mine { // it cannot have the call; the others may
		m.post(c, t.endpoint, Decline{}, 1, m.now.Add(windUpTime))
	} else {
		m.post(c, t.endpoint, Hangup{}, 1, m.now.Add(windUpTime))
	}
	m.disconnect(t)
}

// spareFailed drops a replacement that did not work; the endpoint tries another one.
func (m *Machine) spareFailed(c *call) {
	m.dropSpare(c)
	if c.dir == IncomingCall && (c.state == StateReconnecting || c.asked && c.talks()) {
		m.offerSpare(c)
	}
}

// talks reports whether a call is active, also while its connection is being replaced.
func (c *call) talks() bool { return c.state == StateActive || c.state == StateReconnecting }

// setState changes what this side says it sends.
func (m *Machine) setState(c *call, in SetState) {
	c.local = State{Audio: in.Audio, Video: in.Video, Screen: in.Screen, Hold: in.Hold}
	if c.state == StateActive {
		m.beat(c.talker())
	}
}
