package signalcore

// hold says why an incoming call does not ring yet. It is not shown as long as there is a reason.
type hold uint8

const (
	holdBacklog hold = 1 << iota // the mailbox is not read to its end: the call may be over (rule 1)
	holdProof                    // the clocks are far apart: the ring may be old, its caller has to answer first (rule 19)
	holdGlare                    // this endpoint rings that account too, and the other call goes first (rule 8)
	holdSibling                  // another own endpoint does
)

// rung takes a ring: a call begins here, unless it may not.
func (m *Machine) rung(in Received, r Ring) {
	left := min(r.TTL, MaxRingTime) - in.Age
	skew := m.now.Sub(r.SentAt) - in.Age
	switch e, early := m.early[in.Call]; {
	case in.From.Account == m.cfg.Self.Account:
		m.drop("ring from the own account")
		return
	case m.leaving || len(m.calls) >= maxCalls:
		m.drop("too many calls")
		return
	case in.Stranger && m.cfg.Incoming != FromAnyone && !m.dials(in.From.Account):
		m.drop("ring of a stranger")
		return
	case left <= 0:
		m.drop("expired ring")
		return
	case early && e.from == in.From:
		m.drop("ring of a settled call")
		if e.won && skew.Abs() <= clockSkew { // not one from long ago that somebody kept
			m.siblingTalks(in.From.Account, in.Call, e.said)
		}
		return
	}
	if !m.replaceOlder(in.From, r.Number) {
		m.drop("ring older than the call it would replace")
		return
	}
	if !m.roomFor(in.From.Account) {
		m.drop("too many ringing calls")
		return
	}
	c := &call{
		id: in.Call, dir: IncomingCall, peer: in.From, number: r.Number, state: StateRinging, media: r.Media, name: r.Name,
		stranger: in.Stranger, began: m.now, until: m.now.Add(left), dirty: true,
		remote: State{Audio: r.Media.Audio, Video: r.Media.Video},
	}
	c.once(in.From.Endpoint, in.ID)
	c.tines = []*tine{{call: c, endpoint: in.From.Endpoint}}
	m.calls = append(m.calls, c)
	c.alarms.set(alarmExpiry, c.until)
	if !m.backlogRead {
		c.held |= holdBacklog
		c.alarms.set(alarmBacklog, m.now.Add(backlogTime))
	}
	if skew > clockSkew || skew < -clockSkew {
		c.held |= holdProof
	}
	m.meet(c)
	m.siblingDials(c)
	m.proceed(c)
}

// roomFor reports whether one more call of an account may ring here.
func (m *Machine) roomFor(a AccountID) bool {
	ringing, ofAccount := 0, 0
	for _, c := range m.calls {
		if c.dir == IncomingCall && c.state == StateRinging {
			ringing++
			if c.peer.Account == a {
				ofAccount++
			}
		}
	}
	return ringing < maxRinging && ofAccount < maxRingingAccount
}

// replaceOlder ends the older calls of the endpoint that rings, and those of a dead endpoint of its device: whoever rings
// again is not in them any more (rule 9). It reports false where the ring itself is the older one.
func (m *Machine) replaceOlder(from Sender, number uint64) bool {
	for _, c := range m.calls {
		if c.dir == IncomingCall && c.peer == from && c.number >= number {
			return false
		}
	}
	for _, c := range m.calls {
		if c.dir != IncomingCall || c.state == StateEnded || c.peer.Account != from.Account || c.peer.Device != from.Device {
			continue
		}
		if c.peer.Endpoint == from.Endpoint || c.tines[0].dead() {
			m.endRinging(c, EndReplaced, c.answeredBy)
		}
	}
	return true
}

// dead reports whether a tine that was connected is not any more.
func (t *tine) dead() bool { return t.alarms.on(alarmLost) || t.call.state == StateReconnecting }

// release drops a reason to hold a call back.
func (m *Machine) release(c *call, h hold) {
	if c.held&h != 0 && !m.leaving {
		c.held &^= h
		m.proceed(c)
	}
}

// proceed lets a call ring if nothing holds it back. One that waits for its caller's sign of life asks for it.
func (m *Machine) proceed(c *call) {
	switch {
	case c.held == holdProof && !c.mailbox:
		m.answerRing(c)
	case c.held != 0:
	case !m.now.Before(c.until): // a tab that slept too long
		c.held = holdBacklog
		m.endRinging(c, EndUnanswered, "")
	case m.cfg.Busy == BusyRefuse && c.glare == nil && m.engaged(c):
		m.refuseBusy(c)
	default:
		m.becomeRinging(c)
	}
}

// engaged reports whether this endpoint is in another call than c, or places one.
func (m *Machine) engaged(c *call) bool {
	for _, k := range m.calls {
		if k != c && !k.silent && k.state != StateEnded && (k.dir == Outgoing || k.state != StateRinging) {
			return true
		}
	}
	return false
}

// refuseBusy answers a ring with busy, unseen by the user (rule 6).
func (m *Machine) refuseBusy(c *call) {
	if !c.mailbox {
		m.openMailbox(c)
	}
	c.silent, c.here = true, true
	m.becomeEnded(c, EndBusy, "")
	m.post(c, c.peer.Endpoint, Busy{}, 1, c.until)
}
