package signalcore

import (
	"time"

	"ringfork/fork"
)

// received takes a message that came by mailbox.
func (m *Machine) received(in Received) {
	c := m.call(in.Call)
	if r, ok := in.Msg.(Ring); ok {
		if c != nil || m.over(in.Call) {
			m.drop("known call")
			return
		}
		m.rung(in, r)
		return
	}
	if c == nil {
		if s, ok := in.Msg.(Settled); ok && s.Outcome != fork.Ringing && !m.over(in.Call) {
			m.settledEarly(in)
			return
		}
		m.drop("unknown call")
		return
	}
	if c.dir == IncomingCall && in.From != c.peer {
		m.drop("not the caller")
		return
	}
	if _, ok := in.Msg.(Settled); ok && c.dir == Outgoing {
		m.drop("settled of an own call") // the inbox takes it from anybody who knows the call
		return
	}
	if !c.once(in.From.Endpoint, in.ID) {
		m.repeated(c, in)
		return
	}
	if t := c.tine(in.From.Endpoint); t != nil {
		m.lives(t, !answersMoot(in.Msg))
	}
	if c.dir == Outgoing {
		m.fromEndpoint(c, in.From, in.Msg)
	} else {
		m.fromCaller(c, in.Msg, m.now.Add(-in.Age))
	}
}

// heard takes a message that came over a control channel. Its sender is the tine's: the DTLS fingerprint that binds the
// channel came inside a signed description.
func (m *Machine) heard(t *tine, in Heard) {
	c := t.call
	if s, ok := in.Msg.(State); ok {
		m.lives(t, false)
		if t != c.talker() {
			return // only the one who has the call says what it sends
		}
		m.back(c, t)
		if c.state == StateActive {
			t.alarms.set(alarmSilence, m.now.Add(silenceTime))
		}
		m.retire(c)
		m.hear(t, s)
		return
	}
	if !c.once(t.endpoint, in.ID) {
		return
	}
	m.lives(t, false)
	if c.dir == Outgoing {
		device := DeviceID{} // decline needs none: the tine stands
		m.fromEndpoint(c, Sender{Account: c.peer.Account, Device: device, Endpoint: t.endpoint}, in.Msg)
	} else {
		m.fromCaller(c, in.Msg, m.now)
	}
}

// answersMoot reports whether a message that came by mailbox says that the answer to its endpoint is not needed any more.
// Others may have been sent before that answer came.
func answersMoot(msg Message) bool {
	switch msg := msg.(type) {
	case Decline, Busy, Hangup, Restart:
		return true
	case Accept:
		return msg.SDP != "" // another answer follows
	}
	return false
}

// lives notes a word of the other side's: what waited for one ends. The answer is said on where it may not have come.
func (m *Machine) lives(t *tine, unanswered bool) {
	c := t.call
	t.alarms.clear(alarmLost)
	if !unanswered {
		c.stop(KindAnswer, t.endpoint)
	}
	if c.dir == Outgoing {
		if c.isWinner(t) {
			c.stop(KindWon, t.endpoint)
		}
	} else {
		c.heardCaller = true
		c.alarms.clear(alarmGone)
	}
}

// takeFor gives candidates to the connection they belong to. Those of one that is still to come are said again.
func (m *Machine) takeFor(c *call, t *tine, from EndpointID, msg Candidates) {
	if t = c.generationOf(t, msg.Generation); t == nil {
		c.unsee(from)
	} else if c.state != StateEnded {
		m.take(t, msg.List, msg.End)
	}
}

// generationOf returns the connection of a generation: the tine's own, or the one that is to replace it.
func (c *call) generationOf(t *tine, generation uint32) *tine {
	switch {
	case c.spare != nil && c.spare.generation == generation:
		return c.spare
	case t != nil && t.generation == generation:
		return t
	}
	return nil
}

// fromEndpoint is what a caller hears from a called endpoint.
func (m *Machine) fromEndpoint(c *call, from Sender, msg Message) {
	t := c.tine(from.Endpoint)
	switch msg := msg.(type) {
	case Offer:
		m.offered(c, from, msg)
	case Accept:
		m.accepted(c, from.Endpoint, msg)
	case Decline:
		m.declined(c, from, msg)
	case Busy:
		m.busy(c, from)
	case Candidates:
		m.takeFor(c, t, from.Endpoint, msg)
	case Hangup:
		switch {
		case t != nil:
			m.hungUp(t, msg)
		case msg.Ack:
			m.drop("acknowledged what was not said")
		default: // picked up and hung up again, without an offer that came, or one there was room for
			m.declined(c, from, Decline{Everywhere: true})
		}
	case Restart:
		if t != nil && c.isWinner(t) {
			m.restarted(c, msg)
		}
	default:
		m.drop("kind that a called endpoint does not send")
	}
}

// fromCaller is what a called endpoint hears from the caller, who said it at that time.
func (m *Machine) fromCaller(c *call, msg Message, said time.Time) {
	switch msg := msg.(type) {
	case Answer:
		m.answered(c, msg)
	case Won:
		m.wonHere(c)
	case Settled:
		m.settledBy(c, msg, said)
	case Candidates:
		m.takeFor(c, c.tines[0], c.peer.Endpoint, msg)
	case Hangup:
		m.hungUp(c.tines[0], msg)
	case Restart:
		m.restarted(c, msg)
	default:
		m.drop("kind that a caller does not send")
	}
}

// repeated takes a retry of a message that was acted on: it says that the reply to it was lost.
func (m *Machine) repeated(c *call, in Received) {
	if c.dir == IncomingCall {
		return
	}
	t := c.tine(in.From.Endpoint)
	switch in.Msg.(type) {
	case Offer, Decline:
		_, offer := in.Msg.(Offer)
		if c.fork.Outcome() != fork.Ringing && (t == nil || !c.isWinner(t)) {
			m.tellSettled(c, in.From.Endpoint)
		} else if offer && t == nil {
			m.post(c, in.From.Endpoint, Answer{}, 0, time.Time{})
		} else if offer && t.answerID != 0 && !t.open {
			m.emit(Repost{Call: c.id, ID: t.answerID})
		}
	case Accept:
		if t != nil && c.isWinner(t) {
			if c.state != StateEnded {
				m.wonAgain(c, t)
				if t.answerID != 0 && !t.open {
					m.emit(Repost{Call: c.id, ID: t.answerID})
				}
			}
		} else if c.fork.Outcome() != fork.Ringing {
			m.tellSettled(c, in.From.Endpoint)
		}
	}
}

// wonAgain posts the won once more. One that was only told so far is posted as it is.
func (m *Machine) wonAgain(c *call, t *tine) {
	for i := range c.retries {
		if c.retries[i].id == t.wonID && c.retries[i].msg != nil {
			m.retry(c, i)
			return
		}
	}
	if t.wonPosted {
		m.emit(Repost{Call: c.id, ID: t.wonID})
	}
}

// settledEarly keeps the end of a call whose ring is still to come, or never will.
func (m *Machine) settledEarly(in Received) {
	for k, e := range m.early {
		if !e.until.After(m.now) {
			delete(m.early, k)
		}
	}
	if len(m.early) >= maxEarly {
		m.drop("too many unknown calls")
		return
	}
	s, ok := in.Msg.(Settled)
	said := m.now.Add(-in.Age)
	if e, ok := m.early[in.Call]; ok && e.said.Before(said) {
		said = e.said // it is said twice
	}
	m.early[in.Call] = early{from: in.From, won: ok && s.Outcome == fork.Won, said: said, until: m.now.Add(2 * MaxRingTime)}
}

// over reports whether a call with this id was here and is over.
func (m *Machine) over(id CallID) bool {
	until, ok := m.seen[id]
	if ok && !until.After(m.now) {
		delete(m.seen, id)
		return false
	}
	return ok
}
