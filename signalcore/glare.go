package signalcore

import (
	"bytes"
	"crypto/sha256"

	"ringfork/fork"
)

// meet finds out whether this endpoint rings the account that rings it: both dialed in the same moment (rule 8). Of the two
// calls the one whose id has the smaller hash goes first. Whom one is dialing counts as a contact.
func (m *Machine) meet(c *call) {
	for _, o := range m.calls {
		if o.dir != Outgoing || o.state == StateEnded || o.peer.Account != c.peer.Account {
			continue
		}
		if o.fork.Outcome() == fork.Won && o.peer.Endpoint == c.peer.Endpoint && goesFirst(o.id, c.id) {
			c.held |= holdGlare // it is late: its endpoint took our call in its place
			return
		}
		if o.fork.Outcome() == fork.Won && m.now.Sub(o.wonAt) < siblingTime {
			c.held |= holdSibling // its endpoint's sibling took our call: it hears of that, and withdraws its own
			c.alarms.set(alarmSibling, o.wonAt.Add(siblingTime))
			return
		}
		if o.over() {
			continue
		}
		c.stranger = false
		c.glare = o
		if o.silent || goesFirst(o.id, c.id) { // silent: another call took its place already
			c.held |= holdGlare // the other side accepts our call, and withdraws its own
		}
		return
	}
}

// meetRinging is the same seen from the other end: the ring was here when this endpoint dialed its account.
func (m *Machine) meetRinging(o *call) {
	for _, c := range m.calls {
		if c.dir != IncomingCall || c.state != StateRinging || c.peer.Account != o.peer.Account {
			continue
		}
		c.glare = o
		switch {
		case goesFirst(o.id, c.id):
			if !c.rings { // one that is shown ends when the other side withdraws it
				c.held |= holdGlare
			}
		case c.rings:
			m.yield(c)
		}
		return
	}
}

// dials reports whether this endpoint rings an account.
func (m *Machine) dials(a AccountID) bool {
	for _, o := range m.calls {
		if o.dir == Outgoing && o.peer.Account == a && !o.over() {
			return true
		}
	}
	return false
}

// goesFirst reports whether call a goes on when a and b meet.
func goesFirst(a, b CallID) bool {
	x, y := sha256.Sum256(a[:]), sha256.Sum256(b[:])
	return bytes.Compare(x[:], y[:]) < 0
}

// yield accepts a call that goes first without ringing, in the place of the one dialed here, which is held silent.
func (m *Machine) yield(c *call) {
	if c.glare == nil || c.glare.over() {
		c.glare = nil
		return
	}
	c.glare.silent = true
	c.replaces, c.glare.replaces = c.glare.id, CallID{}
	m.pickUp(c, c.glare.media)
}

// over reports whether an outgoing call does not ring any more.
func (c *call) over() bool { return c.state == StateEnded || c.fork.Outcome() != fork.Ringing }

// yieldedTo returns the call that was accepted in the place of one dialed here, nil if none was.
func (m *Machine) yieldedTo(o *call) *call {
	for _, c := range m.calls {
		if c.glare == o && c.dir == IncomingCall && c.replaces == o.id && c.state != StateEnded {
			return c
		}
	}
	return nil
}

// withdraw ends the call dialed here: the one that went first in its place is won.
func (m *Machine) withdraw(c *call) {
	if c.glare != nil && c.replaces == c.glare.id && !c.glare.over() {
		c.glare.fork.Cancel()
		m.settled(c.glare)
	}
}

// outrun ends the other side's call that rings here although the one dialed here went first, now that this one is won: it is
// withdrawn over there, and who accepted it in the last moment would end both.
func (m *Machine) outrun(o *call) {
	for _, c := range m.calls {
		if c.dir == IncomingCall && c.glare == o && c.held == 0 && c.state == StateRinging && goesFirst(o.id, c.id) {
			m.endRinging(c, EndCancelled, "")
		}
	}
}

// doubled reports whether the account of this endpoint and the other side's talk in two calls that met, and this one is the
// greater: both were picked up by siblings before these knew of each other.
func (m *Machine) doubled(o *call, other CallID) bool {
	return o.fork.Outcome() == fork.Won && o.state != StateEnded && m.now.Sub(o.wonAt) < siblingTime && goesFirst(other, o.id)
}

// parted settles what becomes of the other of two calls that met, now that c has ended. It reports whether the user's call
// goes on as the other one.
func (m *Machine) parted(c *call) bool {
	if c.dir == Outgoing {
		for _, k := range m.calls {
			if k.glare == c && c.fork.Outcome() != fork.Won {
				m.release(k, holdGlare)
			}
		}
		return false
	}
	o := c.glare
	if o == nil || c.replaces != o.id || o.over() {
		return false
	}
	if c.won || c.end == EndAnsweredElsewhere || c.end == EndHangup {
		m.withdraw(c)
		return false
	}
	c.silent, o.silent = true, false
	o.replaces, o.dirty = c.id, true
	m.notify() // now: another ring may take its place in this very step
	return true
}

// unsee forgets the last message of an endpoint, so that it is acted on when it is said again.
func (c *call) unsee(from EndpointID) {
	for i := len(c.seen) - 1; i >= 0; i-- {
		if c.seen[i].from == from {
			c.seen = append(c.seen[:i:i], c.seen[i+1:]...)
			return
		}
	}
}
