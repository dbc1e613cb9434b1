package signalcore

import "ringfork/fork"

// distrusted ends what an endpoint has part in that is not believed any more: while it rings its tine, after its accept the
// call. The others ring on.
func (m *Machine) distrusted(c *call, e EndpointID) {
	t := c.tine(e)
	if t == nil || c.state == StateEnded {
		return
	}
	switch {
	case c.dir == IncomingCall && c.held != 0:
		m.endRinging(c, EndCancelled, "")
	case c.dir == IncomingCall && c.state == StateRinging:
		m.becomeEnded(c, EndCancelled, "")
	case c.dir == Outgoing && c.fork.Outcome() == fork.Ringing:
		c.fork.Lose(e)
		c.stop(KindAnswer, e)
		c.stop(KindCandidates, e)
		t.alarms = alarms{}
		c.dirty = true
	case c.dir == IncomingCall || c.isWinner(t):
		m.becomeEnded(c, EndFailed, "")
	}
	m.disconnect(t)
}

// blocked ends all calls with an account that the user blocked: who rings here is told nothing, who talks is hung up on. Incoming
// ones go first, or the end of the one dialed here would let another ring.
func (m *Machine) blocked(a AccountID) {
	for _, dir := range []Direction{IncomingCall, Outgoing} {
		for _, c := range m.calls {
			switch {
			case c.dir != dir || c.peer.Account != a:
			case dir == IncomingCall && c.state == StateRinging:
				m.distrusted(c, c.peer.Endpoint)
			default:
				m.hangUp(c)
			}
		}
	}
}
