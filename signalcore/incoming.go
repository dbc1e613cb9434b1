package signalcore

import (
	"time"

	"ringfork/fork"
)

// answerRing replies to a ring that rings: with a description where it may connect before accept (rule 12).
func (m *Machine) answerRing(c *call) {
	m.openMailbox(c)
	t := c.tines[0]
	switch {
	case m.cfg.Preconnect == PreconnectAlways, m.cfg.Preconnect == PreconnectContacts && !c.stranger:
		m.connect(t)
	default:
		m.postOffer(c, t, Offer{Label: m.labelFor(c)})
	}
}

func (m *Machine) openMailbox(c *call) {
	c.mailbox = true
	m.emit(OpenMailbox{Call: c.id, To: c.peer.Account, Incoming: c.dir == IncomingCall})
}

func (m *Machine) postOffer(c *call, t *tine, o Offer) {
	c.offerID = m.post(c, t.endpoint, o, unlimited, c.until)
}

// posted notes that the relay took a message. A settled has to be taken twice (rule 16). From the offer on the caller has to
// show that it lives (rule 1).
func (m *Machine) posted(c *call, id MessageID) {
	for i := range c.retries {
		if r := &c.retries[i]; r.id == id && r.kind == KindSettled {
			if r.took++; r.took == 2 {
				c.retries = append(c.retries[:i:i], c.retries[i+1:]...)
			}
			return
		}
	}
	if c.dir == IncomingCall && id == c.offerID && c.state == StateRinging && !c.heardCaller && !c.alarms.on(alarmGone) {
		c.alarms.set(alarmGone, m.now.Add(callerGone))
	}
}

// answered takes the caller's answer: its proof of life, and the description if there was one to answer.
func (m *Machine) answered(c *call, a Answer) {
	t := c.tines[0]
	c.stop(KindOffer, t.endpoint)
	if c.state != StateEnded {
		if a.SDP == "" && c.state == StateConnecting && a.Generation == t.generation && t.sent {
			t.failed = true // at the caller
			m.connectAgain(c)
			return
		}
		m.apply(t, a)
		m.release(c, holdProof)
	}
}

// connectAgain makes another connection for a call that was accepted: the one before failed, here or at the caller. Its
// description goes with another accept.
func (m *Machine) connectAgain(c *call) {
	if !m.mayReplace(c) {
		return
	}
	t := c.tines[0]
	c.stop(KindAccept, t.endpoint)
	m.connectAnew(t)
	m.emit(Attach{Call: c.id, Conn: t.conn})
}

// connectAnew begins the next connection of a tine, whose description goes with an accept.
func (m *Machine) connectAnew(t *tine) {
	m.connect(t)
	t.call.generation++
	t.generation = t.call.generation
}

// pickUp is the user's accept (rule 3).
func (m *Machine) pickUp(c *call, media Media) {
	if c.dir != IncomingCall || c.state != StateRinging {
		m.emit(Misuse{Call: c.id, Code: "wrong-state"})
		return
	}
	for _, k := range m.calls { // one active call: accepting the second ends the first (rule 17)
		if k != c && (k != c.glare || c.replaces != k.id) && k.state != StateEnded && (k.dir == Outgoing || k.state != StateRinging) {
			m.hangUp(k)
		}
	}
	c.accepted = true
	c.picked = media
	c.local = State{Audio: media.Audio, Video: media.Video}
	m.becomeConnecting(c)
	c.alarms.clear(alarmExpiry)
	t := c.tines[0]
	t.alarms.clear(alarmLost)
	switch {
	case t.conn == 0 || t.failed:
		m.connectAnew(t)
	case t.sdp == "" && !t.sent:
		// not described yet: offer and accept follow each other as soon as it is
	default:
		m.sendDescription(t) // a held offer goes first, and says accept after it
		if !c.retrying(KindAccept) {
			m.say(t, Accept{Media: media}, unlimited, c.alarms[alarmConnect])
		}
	}
	if c.replaces != (CallID{}) {
		m.notify() // first of all the user's call has to become this one
	}
	m.emit(Attach{Call: c.id, Conn: t.conn})
}

// retrying reports whether a message of a kind is under way.
func (c *call) retrying(k Kind) bool {
	for _, r := range c.retries {
		if r.kind == k {
			return true
		}
	}
	return false
}

// wonHere takes the caller's word that this endpoint has the call.
func (m *Machine) wonHere(c *call) {
	t := c.tines[0]
	c.stop(KindOffer, t.endpoint)
	if t.open || t.theirs || t.generation == 0 {
		c.stop(KindAccept, t.endpoint)
	} // else it describes a connection: until that is answered
	if c.state == StateEnded && c.end == EndHangup && !c.won {
		m.post(c, t.endpoint, Hangup{}, 1, c.alarms[alarmForget]) // the accept crossed it
	}
	if c.state != StateConnecting || c.won {
		return
	}
	c.won = true
	c.answeredBy = m.cfg.Label
	m.withdraw(c)
	m.sayOwn(Sync{What: SyncAnswered, Call: c.id, Peer: c.peer.Account, Label: m.cfg.Label})
	if t.open {
		m.becomeActive(c, t)
	}
}

// settledBy takes the caller's word, said at that time, that the ringing is over (rule 4).
func (m *Machine) settledBy(c *call, s Settled, said time.Time) {
	t := c.tines[0]
	c.stop(KindDecline, t.endpoint)
	if s.Winner != m.cfg.Self.Endpoint {
		c.stop(KindHangup, t.endpoint)
	}
	if s.Outcome == fork.Won && s.Winner == m.cfg.Self.Endpoint {
		m.wonHere(c) // the won itself is late
		return
	}
	if c.state == StateEnded {
		m.nameWinner(c, s.Label)
		return
	}
	if c.state == StateActive || c.won {
		m.drop("settled after won")
		return
	}
	switch s.Outcome {
	case fork.Won:
		peer, id := c.peer.Account, c.id
		m.endRinging(c, EndAnsweredElsewhere, s.Label)
		m.siblingTalks(peer, id, said) // it says so itself, but only once
	case fork.Declined:
		m.endRinging(c, EndDeclinedElsewhere, "")
	case fork.Unanswered:
		m.endRinging(c, EndUnanswered, "")
	default:
		m.endRinging(c, EndCancelled, "")
	}
}

// endRinging ends a call at a called endpoint without a word to the caller, who knows or is gone. A held one was never seen
// and just goes.
func (m *Machine) endRinging(c *call, why EndReason, by string) {
	if c.held != 0 {
		c.held = 0
		c.state = StateEnded
		m.share(c)
		m.forget(c)
		return
	}
	m.becomeEnded(c, why, by)
	c.tines[0].alarms.set(alarmClose, m.now.Add(closeDelay))
}

// refuse is the user's decline (rule 5).
func (m *Machine) refuse(c *call, everywhere bool) {
	if c.dir != IncomingCall || c.state != StateRinging {
		m.emit(Misuse{Call: c.id, Code: "wrong-state"})
		return
	}
	t := c.tines[0]
	m.becomeEnded(c, EndDeclined, "")
	left := 1
	c.here = !everywhere
	if everywhere {
		left = unlimited
		m.sayOwn(Sync{What: SyncDeclined, Call: c.id})
		c.alarms.set(alarmForget, later(c.until, m.now.Add(windUpTime)))
	}
	m.say(t, Decline{Everywhere: everywhere}, left, c.until)
	t.alarms.set(alarmClose, m.now.Add(closeDelay))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// labelFor returns this device's label for the other side of a call: a stranger learns none.
func (m *Machine) labelFor(c *call) string {
	if c.stranger {
		return ""
	}
	return m.cfg.Label
}
