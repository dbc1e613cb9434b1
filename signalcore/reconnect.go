package signalcore

import "time"

// A call whose connection breaks gets another one beside it, negotiated over the control channel and the mailboxes at once
// (rule 15). When the new one can talk, the call moves to it and the old one is closed, but not before the other side was
// heard there: to it, a closed channel is a hangup. Only the endpoint offers, as it did first; the caller asks it to.

// recover begins to replace the connection of an active call.
func (m *Machine) recover(c *call) {
	if c.state == StateActive {
		c.state = StateReconnecting
		c.dirty = true
		c.alarms.set(alarmConnect, m.now.Add(reconnectTime))
	}
	t := c.talker()
	t.alarms.clear(alarmSilence)
	t.alarms.clear(alarmLost)
	if c.dir == IncomingCall {
		m.offerSpare(c)
		return
	}
	c.stop(KindRestart, t.endpoint)
	m.reach(c, Restart{Generation: c.generation + 1})
}

// offerSpare makes the endpoint's next connection, unless one is under way.
func (m *Machine) offerSpare(c *call) {
	if c.spare != nil || !m.mayReplace(c) {
		return
	}
	c.generation++
	m.newSpare(c)
	m.connect(c.spare)
	c.spare.alarms.set(alarmLost, m.now.Add(spareTime))
}

// mayReplace reports whether the endpoint may replace the connection now, and if not has it done when it may: one that fails as
// soon as it is made, which the other side can bring about, is not made again and again (rule 20).
func (m *Machine) mayReplace(c *call) bool {
	at := c.replace(m.now, maxReplaced)
	if m.now.Before(at) {
		c.alarms.set(alarmAgain, at)
		return false
	}
	return true
}

// replace counts a replacement of the connection, of which there may be so many at once. If that is one too many it is not
// counted, and the time returned, when there may be one, is later than now.
func (c *call) replace(now time.Time, burst time.Duration) time.Time {
	at := c.replaced.Add(-(burst - 1) * againTime)
	if !now.Before(at) {
		c.replaced = later(c.replaced, now).Add(againTime)
	}
	return at
}

// replaceAgain does what mayReplace put off, if there still is a reason. A connection that was answered meanwhile is none, unless it
// failed: it may be open at the caller, to whom it would be a hangup if it were closed now.
func (m *Machine) replaceAgain(c *call) {
	switch {
	case c.state == StateConnecting:
		if t := c.tines[0]; t.failed || !t.theirs {
			m.connectAgain(c)
		}
	case c.state == StateReconnecting, c.asked && c.talks():
		m.offerSpare(c)
	}
}

// mayBeReplaced reports whether the caller goes along with another connection that the endpoint offers. One who waits as long
// as it is to, and whose words come all at once for that, is never told no.
func (m *Machine) mayBeReplaced(c *call) bool {
	if m.now.Before(c.replace(m.now, 2*maxReplaced)) {
		c.unsee(c.peer.Endpoint) // it is said again
		m.drop("connection replaced too often")
		return false
	}
	return true
}

func (m *Machine) newSpare(c *call) {
	m.dropSpare(c)
	t := c.talker()
	c.spare = &tine{call: c, endpoint: t.endpoint, label: t.label, generation: c.generation, stateSeq: t.stateSeq}
}

func (m *Machine) dropSpare(c *call) {
	if c.spare != nil {
		c.stop(KindRestart, c.spare.endpoint)
		c.stop(KindCandidates, c.spare.endpoint)
		m.disconnect(c.spare)
		c.spare = nil
	}
}

// reach says something about a connection that is being replaced: over the channel that may be gone, and by mailbox.
func (m *Machine) reach(c *call, msg Message) {
	t := c.talker()
	id := c.newID()
	if t.open {
		m.emit(Tell{Conn: t.conn, ID: id, Msg: msg})
	}
	m.postAs(c, t.endpoint, id, msg, unlimited, m.now.Add(reconnectTime))
}

// restarted takes the other side's word about a replacement.
func (m *Machine) restarted(c *call, r Restart) {
	switch {
	case c.state == StateEnded && !c.mailbox:
	case c.state == StateEnded:
		m.post(c, c.talkerEndpoint(), Hangup{Reason: whyEnded(c)}, 0, time.Time{}) // it does not know
	case c.state != StateActive && c.state != StateReconnecting:
		c.unsee(c.peer.Endpoint) // it is said again, and may find the call active
		m.drop("restart of a call that is not active")
	case c.dir == IncomingCall && r.SDP == "":
		c.asked = true
		m.offerSpare(c) // whether the call looks broken here too, this side finds out by itself
	case c.dir == IncomingCall:
		if c.spare != nil && r.Generation == c.generation {
			c.stop(KindRestart, c.spare.endpoint)
			m.apply(c.spare, Answer{SDP: r.SDP, Candidates: r.Candidates, Generation: r.Generation})
		}
	case r.SDP != "" && r.Generation > c.generation && m.mayBeReplaced(c):
		c.generation = r.Generation
		c.stop(KindRestart, c.talker().endpoint)
		m.newSpare(c)
		m.answering(c.spare, r.SDP)
		m.take(c.spare, r.Candidates, false)
	}
}

func (c *call) talkerEndpoint() EndpointID {
	if t := c.talker(); t != nil {
		return t.endpoint
	}
	return EndpointID{}
}

// moved makes the spare connection, which can talk now, the call's own.
func (m *Machine) moved(t *tine) {
	c := t.call
	for i := range c.tines {
		if c.tines[i].endpoint == t.endpoint {
			old := c.tines[i]
			old.alarms = alarms{}
			c.stale = append(c.stale, old) // beside older ones: to who never moved, a closed one is a hangup
			c.tines[i] = t
		}
	}
	c.spare, c.asked = nil, false
	t.open = true
	t.alarms.clear(alarmLost)
	c.stop(KindRestart, t.endpoint)
	c.stop(KindCandidates, t.endpoint)
	c.state = StateActive
	c.dirty = true
	c.alarms.clear(alarmConnect)
	m.emit(Attach{Call: c.id, Conn: t.conn}, Show{Call: c.id, Conn: t.conn})
	m.beat(t)
	t.alarms.set(alarmSilence, m.now.Add(silenceTime))
}

// retire closes the connections that the call moved away from.
func (m *Machine) retire(c *call) {
	for _, t := range c.stale {
		m.disconnect(t)
	}
	c.stale = nil
}

// back notes that a call's old connection was heard again while it is being replaced.
func (m *Machine) back(c *call, t *tine) {
	if c.state == StateReconnecting && t.open {
		c.state = StateActive
		c.dirty = true
		c.alarms.clear(alarmConnect)
		c.stop(KindRestart, t.endpoint)
	}
}

// spareFailed drops a replacement that did not work; the endpoint tries another one.
func (m *Machine) spareFailed(c *call) {
	m.dropSpare(c)
	if c.dir == IncomingCall && (c.state == StateReconnecting || c.asked && c.talks()) {
		m.offerSpare(c)
	}
}
