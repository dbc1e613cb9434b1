package signalcore

import (
	"time"

	"ringfork/fork"
)

// rung takes a ring: a call begins here, unless it may not.
func (m *Machine) rung(in Received, r Ring) {
	left := min(r.TTL, MaxRingTime) - in.Age
	skew := m.now.Sub(r.SentAt)
	switch e, early := m.early[in.Call]; {
	case in.From.Account == m.cfg.Self.Account:
		m.drop("ring from the own account")
		return
	case in.Stranger && m.cfg.Incoming != FromAnyone:
		m.drop("ring of a stranger")
		return
	case left <= 0 || skew-in.Age > clockSkew || skew < -clockSkew:
		m.drop("expired ring")
		return
	case early && e.from == in.From:
		m.drop("ring of a settled call")
		return
	}
	ringing, ofAccount := 0, 0
	for _, c := range m.calls {
		if c.dir == IncomingCall && c.state == StateRinging {
			ringing++
			if c.peer.Account == in.From.Account {
				ofAccount++
			}
		}
	}
	if ringing >= maxRinging || ofAccount >= maxRingingAccount {
		m.drop("too many ringing calls")
		return
	}
	c := &call{
		id: in.Call, dir: IncomingCall, peer: in.From, state: StateRinging, held: true, media: r.Media, name: r.Name,
		stranger: in.Stranger, began: m.now, until: m.now.Add(left), dirty: true,
		remote: State{Audio: r.Media.Audio, Video: r.Media.Video},
	}
	c.once(in.From.Endpoint, in.ID)
	c.tines = []*tine{{call: c, endpoint: in.From.Endpoint}}
	m.calls = append(m.calls, c)
	c.alarms.set(alarmExpiry, c.until)
	if m.backlogRead {
		m.becomeRinging(c)
	} else {
		c.alarms.set(alarmBacklog, m.now.Add(backlogTime))
	}
}

// answerRing replies to a ring that rings: with a description where it may connect before accept (rule 12).
func (m *Machine) answerRing(c *call) {
	m.emit(OpenMailbox{Call: c.id, To: c.peer.Account, Incoming: true})
	t := c.tines[0]
	switch {
	case m.cfg.Preconnect == PreconnectAlways, m.cfg.Preconnect == PreconnectContacts && !c.stranger:
		m.connect(t)
	default:
		m.postOffer(c, t, Offer{Label: m.labelFor(c)})
	}
}

func (m *Machine) postOffer(c *call, t *tine, o Offer) {
	c.offerID = m.post(c, t.endpoint, o, unlimited, c.until)
}

// posted notes that the offer is on its way: from now on the caller has to show that it lives (rule 1).
func (m *Machine) posted(c *call, id MessageID) {
	if c.dir == IncomingCall && id == c.offerID && c.state == StateRinging && !c.heardCaller && !c.alarms.on(alarmGone) {
		c.alarms.set(alarmGone, m.now.Add(callerGone))
	}
}

// answered takes the caller's answer: its proof of life, and the description if there was one to answer.
func (m *Machine) answered(c *call, a Answer) {
	t := c.tines[0]
	c.stop(KindOffer, t.endpoint)
	if c.state != StateEnded {
		m.apply(t, a)
	}
}

// pickUp is the user's accept (rule 3).
func (m *Machine) pickUp(c *call, media Media) {
	if c.dir != IncomingCall || c.state != StateRinging {
		m.emit(Misuse{Call: c.id, Code: "wrong-state"})
		return
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
		m.connect(t) // the description goes with the accept
	case t.sdp == "":
		// not described yet: offer and accept follow each other as soon as it is
	default:
		m.sendDescription(t) // a held offer goes first, and says accept after it
		if !c.retrying(KindAccept) {
			m.say(t, Accept{Media: media}, unlimited, c.alarms[alarmConnect])
		}
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
	c.stop(KindAccept, t.endpoint)
	if c.state != StateConnecting || c.won {
		return
	}
	c.won = true
	c.answeredBy = m.cfg.Label
	if t.open {
		m.becomeActive(c, t)
	}
}

// settledBy takes the caller's word that the ringing is over (rule 4).
func (m *Machine) settledBy(c *call, s Settled) {
	t := c.tines[0]
	c.stop(KindDecline, t.endpoint)
	if s.Outcome == fork.Won && s.Winner == m.cfg.Self.Endpoint {
		m.wonHere(c) // the won itself is late
		return
	}
	if c.state == StateEnded {
		if c.end == EndAnsweredElsewhere && c.answeredBy == "" && s.Label != "" {
			c.answeredBy = s.Label // the account's mailbox was faster, and names nobody
			c.dirty = true
		}
		return
	}
	if c.state == StateActive || c.won {
		m.drop("settled after won")
		return
	}
	switch s.Outcome {
	case fork.Won:
		m.endRinging(c, EndAnsweredElsewhere, s.Label)
	case fork.Declined:
		m.endRinging(c, EndDeclinedElsewhere, "")
	case fork.Unanswered:
		m.endRinging(c, EndUnanswered, "")
	default:
		m.endRinging(c, EndCancelled, "")
	}
}

// endRinging ends a call at a called endpoint that is not talking. A held one was never seen and just goes.
func (m *Machine) endRinging(c *call, why EndReason, by string) {
	if c.held {
		c.held = false
		c.state = StateEnded
		m.remember(c.id, c.until)
		for i := range m.calls {
			if m.calls[i] == c {
				m.calls = append(m.calls[:i:i], m.calls[i+1:]...)
				return
			}
		}
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
	if everywhere {
		left = unlimited
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
