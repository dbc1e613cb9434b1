package signalcore

import (
	"time"

	"ringfork/fork"
)

// dial places a call: the ring leaves at once, whoever is online.
func (m *Machine) dial(in Dial) {
	if m.leaving {
		m.emit(Misuse{Call: in.Call, Code: "closed"})
		return
	}
	if in.To == m.cfg.Self.Account {
		m.emit(Misuse{Call: in.Call, Code: "self-call"})
		return
	}
	if _, over := m.seen[in.Call]; over || m.call(in.Call) != nil {
		m.emit(Misuse{Call: in.Call, Code: "wrong-state"})
		return
	}
	if m.engaged(nil) {
		m.emit(Misuse{Call: in.Call, Code: "too-many-calls"})
		return
	}
	m.number++
	c := &call{
		id: in.Call, dir: Outgoing, peer: Sender{Account: in.To}, media: in.Media, dirty: true,
		began: m.now, until: m.now.Add(m.cfg.RingTime),
		local: State{Audio: in.Media.Audio, Video: in.Media.Video},
	}
	m.calls = append(m.calls, c)
	m.openMailbox(c)
	ring := Ring{Number: m.number, Media: in.Media, SentAt: m.now.Truncate(time.Millisecond), TTL: m.cfg.RingTime, Name: m.cfg.Name}
	m.post(c, EndpointID{}, ring, unlimited, c.until)
	m.sayOwn(Sync{What: SyncDialing, Call: c.id, Peer: in.To})
	m.meetRinging(c)
	c.alarms.set(alarmExpiry, c.until)
}

// offered takes an endpoint's offer: a new tine, which is negotiated while it rings (rule 1).
func (m *Machine) offered(c *call, from Sender, o Offer) {
	if c.fork.Outcome() != fork.Ringing {
		m.tellSettled(c, from.Endpoint)
		return
	}
	if c.tine(from.Endpoint) != nil {
		m.drop("second offer of an endpoint")
		return
	}
	if err := c.fork.Join(from.Endpoint, from.Device); err != nil {
		m.drop("too many tines")
		m.post(c, from.Endpoint, Answer{}, 0, time.Time{}) // it rings all the same, and connects if it accepts
		return
	}
	t := &tine{call: c, endpoint: from.Endpoint, label: o.Label}
	c.tines = append(c.tines, t)
	c.dirty = true
	if c.state == StateDialing {
		m.becomeRinging(c)
	}
	if o.SDP == "" {
		t.answerID = m.post(c, t.endpoint, Answer{}, unlimited, c.until)
		return
	}
	m.answering(t, o.SDP)
	m.take(t, o.Candidates, false)
}

// accepted takes an endpoint's accept. The first one processed wins (rule 2).
func (m *Machine) accepted(c *call, from EndpointID, a Accept) {
	t := c.tine(from)
	switch {
	case c.fork.Outcome() == fork.Ringing && c.silent, // the call in whose favour this one is held is not settled yet
		c.fork.Outcome() == fork.Ringing && t == nil && a.SDP == "": // its offer is still under way
		c.unsee(from) // the accept is said again
		return
	case c.fork.Outcome() == fork.Ringing && t != nil && (t.conn == 0 || t.failed) && a.SDP == "":
		m.post(c, from, Answer{Generation: t.generation}, 0, time.Time{}) // there is no connection for it any more: it has to describe one
		c.unsee(from)
		return
	}
	if !c.fork.Accept(from) {
		switch {
		case t == nil || !c.isWinner(t):
			m.tellSettled(c, from)
		case a.SDP != "" && c.state == StateConnecting && a.Generation > t.generation && m.mayBeReplaced(c):
			m.answerAccept(t, a) // another try: the connection before failed
			m.emit(Attach{Call: c.id, Conn: t.conn})
		}
		return
	}
	if t == nil { // there was no room for it while it rang
		t = &tine{call: c, endpoint: from}
		c.tines = append(c.tines, t)
	}
	c.answeredBy = t.label
	c.peer.Endpoint = from
	c.remote = State{Audio: a.Media.Audio, Video: a.Media.Video}
	if c.state == StateDialing {
		m.becomeRinging(c)
	}
	c.wonAt = m.now
	m.becomeConnecting(c)
	m.outrun(c)
	if a.SDP != "" { // also where the tine seems to be open: the other side says that it is not
		m.answerAccept(t, a)
	}
	t.wonID, t.wonPosted = m.say(t, Won{}, unlimited, m.now.Add(connectTime)), !t.open
	m.emit(Attach{Call: c.id, Conn: t.conn})
	if t.open {
		m.becomeActive(c, t)
	}
	m.settled(c)
}

// answerAccept answers the description in an accept.
func (m *Machine) answerAccept(t *tine, a Accept) {
	m.answering(t, a.SDP)
	t.generation = a.Generation
	t.call.generation = max(t.call.generation, a.Generation)
	m.take(t, a.Candidates, false)
}

// settled tells everybody how the ringing ended, and ends the call unless it was won. The ways: over each open channel
// at once, and one message to the account's mailbox for all the rest; what has no channel yet but its own mailbox gets
// it there too, with the label that the account's mailbox does not carry.
func (m *Machine) settled(c *call) {
	c.stop(KindRing, EndpointID{})
	c.alarms.clear(alarmExpiry)
	c.alarms.clear(alarmCount)
	outcome := c.fork.Outcome()
	winner, _ := c.fork.Winner()
	said := Settled{Outcome: outcome, Winner: winner, Label: c.answeredBy}
	if outcome != fork.Won {
		m.becomeEnded(c, endOf(outcome), "")
	}
	at := m.now.Add(closeDelay)
	var rest []*tine
	for _, e := range c.fork.Losers() {
		t := c.tine(e)
		c.stop(KindAnswer, e)
		c.stop(KindCandidates, e)
		if t.open {
			m.emit(Tell{Conn: t.conn, ID: c.newID(), Msg: said})
		} else {
			rest = append(rest, t)
		}
		t.alarms = alarms{}
		t.alarms.set(alarmClose, at)
		at = at.Add(closeSpacing)
	}
	if said.Label != "" {
		for _, t := range rest { // before the account's mailbox, so that they know who answered when they stop
			m.post(c, t.endpoint, said, 0, time.Time{})
		}
	}
	m.post(c, EndpointID{}, Settled{Outcome: outcome, Winner: winner}, unlimited, later(c.until, m.now.Add(windUpTime)))
}

func endOf(o fork.Outcome) EndReason {
	switch o {
	case fork.Declined:
		return EndDeclined
	case fork.Cancelled:
		return EndCancelled
	case fork.Unanswered:
		return EndUnanswered
	case fork.Busy:
		return EndBusy
	}
	panic("internal error: outcome ends no call")
}

// tellSettled answers what came too late with how the ringing ended.
func (m *Machine) tellSettled(c *call, to EndpointID) {
	if c.fork.Outcome() == fork.Ringing {
		return
	}
	winner, _ := c.fork.Winner()
	said := Settled{Outcome: c.fork.Outcome(), Winner: winner, Label: c.answeredBy}
	if t := c.tine(to); t != nil && t.open {
		m.emit(Tell{Conn: t.conn, ID: c.newID(), Msg: said})
		return
	}
	if id, ok := c.told[to]; ok {
		m.emit(Repost{Call: c.id, ID: id})
		return
	}
	if len(c.told) >= fork.MaxTines {
		m.drop("too many late endpoints")
		return
	}
	if c.told == nil {
		c.told = map[EndpointID]MessageID{}
	}
	c.told[to] = m.post(c, to, said, 0, time.Time{})
}

// declined takes an endpoint's decline (rule 5).
func (m *Machine) declined(c *call, from Sender, d Decline) {
	if c.fork.Outcome() != fork.Ringing {
		if t := c.tine(from.Endpoint); t == nil || !c.isWinner(t) {
			m.tellSettled(c, from.Endpoint)
		}
		return
	}
	if err := m.join(c, from); err != nil && !d.Everywhere {
		m.drop("too many tines")
		return
	}
	if c.fork.Decline(from.Endpoint, d.Everywhere) {
		m.settled(c)
		return
	}
	m.refused(c, from.Endpoint)
}

// refused notes that an endpoint rings no more. When all do, the call ends; but not before a device that was asleep had its
// time to wake up.
func (m *Machine) refused(c *call, from EndpointID) {
	c.dirty = true
	t := c.tine(from)
	c.stop(KindAnswer, t.endpoint)
	c.stop(KindCandidates, t.endpoint)
	t.alarms = alarms{}
	t.alarms.set(alarmClose, m.now.Add(closeDelay))
	if at := c.began.Add(countTime); m.now.Before(at) {
		c.alarms.set(alarmCount, at)
	} else if c.fork.Count() {
		m.settled(c)
	}
}

// join makes an endpoint one of the fork's, if it is not yet, because its offer was lost or it made none.
func (m *Machine) join(c *call, from Sender) error {
	if c.tine(from.Endpoint) != nil {
		return nil
	}
	if err := c.fork.Join(from.Endpoint, from.Device); err != nil {
		return err
	}
	c.tines = append(c.tines, &tine{call: c, endpoint: from.Endpoint})
	if c.state == StateDialing {
		m.becomeRinging(c)
	}
	return nil
}

// busy takes an endpoint's word that it is in another call (rule 6).
func (m *Machine) busy(c *call, from Sender) {
	if c.fork.Outcome() != fork.Ringing {
		return
	}
	if err := m.join(c, from); err != nil {
		m.drop("too many tines")
		return
	}
	c.fork.Busy(from.Endpoint)
	m.refused(c, from.Endpoint)
}

// expired ends the ringing at the ring's end: nobody answered.
func (m *Machine) expired(c *call) {
	if c.dir == IncomingCall {
		m.endRinging(c, EndUnanswered, "")
		return
	}
	c.fork.Expire()
	m.settled(c)
}
