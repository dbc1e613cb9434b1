package signalcore

import (
	"time"

	"ringfork/fork"
)

// call is one call as this endpoint knows it.
type call struct {
	id   CallID
	dir  Direction
	peer Sender // of an outgoing call only the account, until a tine won

	state      CallState
	number     uint64 // incoming: the caller's count of its calls
	held       hold   // incoming: why it does not ring yet
	silent     bool   // not shown to the user, who sees another call in its place, or none
	mailbox    bool   // the call's own mailbox is open
	end        EndReason
	answeredBy string
	media      Media // what the caller means to send
	name       string
	stranger   bool

	glare       *call  // the call that this endpoint and the other side placed in the same moment (rule 8)
	replaces    CallID // the call in whose place the user sees this one
	accepted    bool   // incoming: the user picked up
	won         bool   // incoming: the caller said so
	here        bool   // incoming: it ended for this endpoint only, others may ring on
	rings       bool   // incoming: it is shown, or was
	heardCaller bool   // incoming: it said anything after its ring
	picked      Media

	fork  fork.Fork // outgoing
	tines []*tine   // outgoing: one an endpoint that answered the ring; incoming: one, with the caller

	began   time.Time
	wonAt   time.Time // outgoing
	until   time.Time // the ring's expiry
	lastID  MessageID
	offerID MessageID // incoming: the offer's id, 0 before it is posted
	retries []retry
	alarms  alarms
	seen    []seenMessage

	waiting bool // it rings while the user is in another call

	generation    uint32                   // of the connection, counts replacements
	replaced      time.Time                // when there may be as many of them at once again as at first
	spare         *tine                    // the connection that is to replace the talker's
	asked         bool                     // at the endpoint: the caller wants the connection replaced
	told          map[EndpointID]MessageID // outgoing: the settled posted to those who came too late
	stale         []*tine                  // connections that were replaced, until the other side was heard on the new one
	local, remote State
	dirty, shown  bool
	view          View
}

type seenMessage struct {
	from EndpointID
	id   MessageID
}

// The only places where a call's state changes. An edge that the state diagram does not have is a bug of this package.

func (m *Machine) becomeRinging(c *call) {
	switch {
	case c.dir == Outgoing && c.state == StateDialing:
	case c.dir == IncomingCall && c.state == StateRinging && c.held == 0 && !c.rings:
		c.rings = true
		c.alarms.clear(alarmBacklog)
		c.dirty = true
		if !c.mailbox {
			m.answerRing(c)
		}
		m.yield(c)
		return
	default:
		panic("internal error: call cannot begin to ring")
	}
	c.state = StateRinging
	c.dirty = true
}

// becomeConnecting follows the accept: the caller's decision, or the user's press at a called endpoint.
func (m *Machine) becomeConnecting(c *call) {
	if c.state != StateDialing && c.state != StateRinging {
		panic("internal error: call cannot connect")
	}
	c.state = StateConnecting
	c.dirty = true
	c.alarms.clear(alarmGone)
	c.alarms.set(alarmConnect, m.now.Add(connectTime))
}

// becomeActive follows when the call is won and its tine can talk.
func (m *Machine) becomeActive(c *call, t *tine) {
	if c.state != StateConnecting || !t.open {
		panic("internal error: call cannot be active")
	}
	c.state = StateActive
	c.dirty = true
	c.alarms.clear(alarmConnect)
	m.emit(Show{Call: c.id, Conn: t.conn})
	m.beat(t)
	t.alarms.set(alarmSilence, m.now.Add(silenceTime))
}

// becomeEnded ends a call for its user. What the other side must hear, the caller of becomeEnded says.
func (m *Machine) becomeEnded(c *call, why EndReason, by string) {
	if c.state == StateEnded {
		panic("internal error: call ended twice")
	}
	c.state = StateEnded
	c.end = why
	c.answeredBy = by
	c.dirty = true
	c.held = 0
	c.stop(KindRing, EndpointID{})
	for _, t := range c.tines {
		for _, k := range []Kind{KindOffer, KindAnswer, KindAccept, KindCandidates, KindWon, KindRestart} {
			c.stop(k, t.endpoint)
		}
		t.alarms.clear(alarmBeat)
		t.alarms.clear(alarmSilence)
		t.alarms.clear(alarmFlush)
		t.alarms.clear(alarmHold)
		t.alarms.clear(alarmLost)
	}
	m.dropSpare(c)
	m.retire(c)
	c.alarms = alarms{}
	forget := m.now.Add(windUpTime)
	if c.dir == Outgoing {
		forget = later(c.until, m.now).Add(2 * windUpTime) // late offers and accepts are still answered
	}
	c.alarms.set(alarmForget, forget)
	m.share(c)
	if !m.parted(c) {
		m.emit(Detach{Call: c.id})
	}
}

// share lets endpoints of the profile that start later know of a call that is over for the whole account.
func (m *Machine) share(c *call) {
	if c.dir == IncomingCall && !c.here {
		m.emit(Remember{Call: c.id, Until: c.until.Add(2 * clockSkew)})
	}
}

// forget drops a call that is over, with its mailbox and keys.
func (m *Machine) forget(c *call) {
	for _, t := range c.tines {
		m.disconnect(t)
	}
	m.dropSpare(c)
	if c.mailbox {
		m.emit(CloseMailbox{Call: c.id})
	}
	m.remember(c)
	for i := range m.calls {
		if m.calls[i] == c {
			m.calls = append(m.calls[:i:i], m.calls[i+1:]...)
			return
		}
	}
}

// remember keeps the id of a call that is over for as long as a ring of it could be taken for a new one (rule 10).
func (m *Machine) remember(c *call) {
	id, until := c.id, c.until.Add(2*clockSkew)
	if len(m.seen) >= maxSeenCalls && !m.forgetSeen(until) {
		return
	}
	m.seen[id] = until
}

// forgetSeen makes room for a call to be remembered until then: those that are over go first, then the one that would be
// first. It reports false where that is the new one.
func (m *Machine) forgetSeen(until time.Time) bool {
	var first CallID
	at := until
	for id, u := range m.seen {
		switch {
		case !u.After(m.now):
			delete(m.seen, id)
		case u.Before(at), u.Equal(at) && at.Before(until) && string(id[:]) < string(first[:]):
			first, at = id, u
		}
	}
	if len(m.seen) < maxSeenCalls {
		return true
	}
	delete(m.seen, first)
	return at.Before(until)
}

// tine returns the tine of an endpoint.
func (c *call) tine(e EndpointID) *tine {
	for _, t := range c.tines {
		if t.endpoint == e {
			return t
		}
	}
	return nil
}

// once reports whether a message is new, and notes it: a message is acted on once (rule 10).
func (c *call) once(from EndpointID, id MessageID) bool {
	key := seenMessage{from, id}
	n := 0
	for _, s := range c.seen {
		if s == key {
			return false
		}
		if s.from == from {
			n++
		}
	}
	if n >= maxSeenMessages {
		for i, s := range c.seen {
			if s.from == from {
				c.seen = append(c.seen[:i:i], c.seen[i+1:]...)
				break
			}
		}
	}
	if len(c.seen) >= maxSeenAll {
		c.seen = c.seen[1:]
	}
	c.seen = append(c.seen, key)
	return true
}

// look returns the call as its user sees it.
func (c *call) look() View {
	v := View{
		Call: c.id, Direction: c.dir, Peer: c.peer.Account, ClaimedName: c.name, Stranger: c.stranger,
		State: c.state, End: c.end, AnsweredBy: c.answeredBy, Media: c.media, Remote: c.remote, Waiting: c.waiting,
		Replaces: c.replaces,
	}
	v.Remote.Seq = 0
	if c.dir == IncomingCall {
		return v
	}
	for _, t := range c.tines {
		d := Device{Label: t.label}
		switch s, _ := c.fork.State(t.endpoint); {
		case s == fork.TineWon:
			d.State = DeviceAccepted
		case s == fork.TineDeclined:
			d.State = DeviceDeclined
		case s == fork.TineBusy:
			d.State = DeviceBusy
		case s == fork.TineLost:
			d.State = DeviceGone
		case c.fork.Outcome() != fork.Ringing:
			d.State = DeviceGone
		case t.open:
			d.State = DeviceConnected
		}
		v.Devices = append(v.Devices, d)
	}
	return v
}

// lost reports whether the call was settled without the tine.
func (c *call) lost(t *tine) bool {
	return c.dir == Outgoing && c.fork.Outcome() != fork.Ringing && !c.isWinner(t)
}

func (c *call) isWinner(t *tine) bool {
	w, ok := c.fork.Winner()
	return ok && w == t.endpoint
}

// talker returns the tine over which an accepted call runs.
func (c *call) talker() *tine {
	if c.dir == Outgoing {
		w, _ := c.fork.Winner()
		return c.tine(w)
	}
	return c.tines[0]
}

// talks reports whether a call is active, also while its connection is being replaced.
func (c *call) talks() bool { return c.state == StateActive || c.state == StateReconnecting }
