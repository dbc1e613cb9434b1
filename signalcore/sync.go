package signalcore

import "time"

// The endpoints of one account tell each other what would make the others ring for nothing. It only ever silences endpoints
// that ring, never one at which somebody picked up: only the caller decides that (rule 4).

// sayOwn tells the account's other endpoints.
func (m *Machine) sayOwn(s Sync) {
	m.syncs++
	s.Counter = m.syncs
	m.emit(ShareOwn{Msg: s})
}

// synced takes another own endpoint's word.
func (m *Machine) synced(in Synced) {
	if in.From == m.cfg.Self.Endpoint || in.Msg.Counter <= m.heardOwn[in.From] {
		return
	}
	if len(m.heardOwn) >= maxOwnEndpoints {
		clear(m.heardOwn) // an old word that comes again then silences a ring for siblingTime at most
	}
	m.heardOwn[in.From] = in.Msg.Counter
	switch in.Msg.What {
	case SyncDialing:
		if in.Age == 0 { // an older one is of a dial from before this endpoint listened, maybe by its own tab before a reload
			m.dialing[in.Msg.Peer] = m.now.Add(siblingTime)
		}
		for a, until := range m.dialing {
			if !until.After(m.now) {
				delete(m.dialing, a)
			}
		}
	case SyncAnswered:
		m.silence(in.Msg, EndAnsweredElsewhere)
		m.siblingTalks(in.Msg.Peer, in.Msg.Call, m.now.Add(-in.Age))
	case SyncDeclined:
		m.silence(in.Msg, EndDeclinedElsewhere)
	}
}

func (m *Machine) silence(s Sync, why EndReason) {
	c := m.call(s.Call)
	switch {
	case c == nil || c.dir != IncomingCall:
	case c.state == StateRinging:
		m.endRinging(c, why, s.Label)
	case why == EndAnsweredElsewhere:
		m.nameWinner(c, s.Label)
	}
}

// nameWinner takes the label of the device that answered elsewhere, where the account's mailbox, which names nobody, was faster.
func (m *Machine) nameWinner(c *call, label string) {
	if c.state == StateEnded && c.end == EndAnsweredElsewhere && c.answeredBy == "" && label != "" {
		c.answeredBy = label
		c.dirty = true
	}
}

// siblingDials holds a call back for a moment if another own endpoint is dialing its caller: the two calls meet there, and
// that endpoint takes part in one of them (rule 8).
func (m *Machine) siblingDials(c *call) {
	if until := m.dialing[c.peer.Account]; until.After(m.now) && c.glare == nil {
		c.held |= holdSibling
		c.alarms.set(alarmSibling, until)
	}
}

// siblingTalks ends what this endpoint dials to an account that a sibling talks to, in that call. What was dialed after that
// was said is another call: what waits at the relay for an endpoint that has just begun may tell of one that is over.
func (m *Machine) siblingTalks(peer AccountID, id CallID, said time.Time) {
	for _, o := range m.calls {
		if o.dir == Outgoing && !o.began.After(said) && o.peer.Account == peer && (!o.over() || m.doubled(o, id)) {
			m.hangUp(o)
		}
	}
}

const (
	// siblingTime is how long a ring is held back for a sibling that dials its caller.
	siblingTime = 3 * time.Second

	// maxOwnEndpoints bounds the endpoints whose last word is remembered.
	maxOwnEndpoints = 256
)
