package signalcore

import "ringfork/fork"

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
		said := Hangup{}
		if m.leaving {
			said.Reason = HangupLeft
		}
		sure := t.open && c.state == StateActive && !m.leaving // who leaves does not hear what comes back
		end := m.now.Add(reconnectTime)                        // then the other side gave up by itself
		if c.dir == IncomingCall && !c.won {
			end = later(end, c.until) // until the caller knows: it may still take the accept for the first
		}
		m.becomeEnded(c, EndHangup, c.answeredBy)
		c.alarms.set(alarmForget, later(c.alarms[alarmForget], end))
		if sure {
			m.say(t, said, unlimited, end)
		} else { // a channel that is being replaced may carry nothing any more
			id := c.newID()
			if t.open {
				m.emit(Tell{Conn: t.conn, ID: id, Msg: said})
			}
			m.postAs(c, t.endpoint, id, said, unlimited, end)
		}
		t.alarms.set(alarmClose, m.now.Add(ackTime))
	}
}

// hungUp takes the other side's hangup, and acknowledges it.
func (m *Machine) hungUp(t *tine, h Hangup) {
	c := t.call
	if c.held != 0 {
		m.endRinging(c, EndCancelled, "")
		return
	}
	if c.state == StateEnded {
		m.knowsEnd(t)
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
		m.becomeEnded(c, h.Reason.end(), c.answeredBy)
	}
	t.alarms.set(alarmClose, m.now.Add(closeDelay))
}

// knowsEnd notes that the other side heard of the end too: there is nothing to say any more.
func (m *Machine) knowsEnd(t *tine) {
	c := t.call
	if c.retrying(KindHangup) {
		c.stop(KindHangup, t.endpoint)
		if c.dir == IncomingCall {
			c.alarms.set(alarmForget, m.now.Add(windUpTime))
		}
	}
	m.disconnect(t)
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
		m.post(c, t.endpoint, Hangup{Reason: whyEnded(c)}, 1, m.now.Add(windUpTime))
	}
	m.disconnect(t)
}

// whyEnded is the reason to say of a call that ended here.
func whyEnded(c *call) HangupReason {
	if c.end == EndLost {
		return HangupLost
	}
	return HungUp
}

// end returns how the call ends for who hears of it.
func (r HangupReason) end() EndReason {
	if r == HangupLost {
		return EndLost
	}
	return EndHangup
}
