package signalcore

import "slices"

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

// closed notes that the other side closed the channel: in a call a hangup, while it rings a lost tine (rule 13).
func (m *Machine) closed(t *tine) {
	c := t.call
	switch {
	case slices.Contains(c.stale, t):
		c.stale = slices.DeleteFunc(c.stale, func(s *tine) bool { return s == t })
		m.disconnect(t)
		return
	case t == c.spare:
		m.spareFailed(c)
		return
	}
	t.open = false
	c.dirty = true
	switch {
	case c.state == StateEnded:
		m.knowsEnd(t)
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
	case slices.Contains(c.stale, t):
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
	switch {
	case t == c.spare:
		m.spareFailed(c)
		return
	case slices.Contains(c.stale, t):
		m.closed(t)
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
