package signalcore

import "ringfork/fork"

// networkChanged begins at once what would begin when the connections were found to be gone (rule 15).
func (m *Machine) networkChanged() {
	for _, c := range m.calls {
		switch c.state {
		case StateDialing, StateRinging:
			for _, t := range c.tines {
				m.uproot(t)
			}
		case StateConnecting:
			// One that was answered may be open at the caller, to whom it would be a hangup if it were closed now: it opens, or fails
			// as any other.
			if t := c.talker(); c.dir == IncomingCall && t.conn != 0 && t.sent && !t.theirs {
				m.connectAgain(c)
			}
		case StateActive:
			if c.spare == nil {
				m.recover(c)
			}
		case StateReconnecting, StateEnded:
		}
	}
}

// uproot gives up the connection of a tine that rings. Nobody notices: it rings on, and connects with the accept. To connect
// again at once would cost each of them a gathering for a call that may never be accepted.
func (m *Machine) uproot(t *tine) {
	c := t.call
	if t.conn == 0 {
		return
	}
	if c.dir == IncomingCall {
		m.broken(t)
		return
	}
	if s, _ := c.fork.State(t.endpoint); s != fork.TineRinging {
		return
	}
	c.stop(KindAnswer, t.endpoint)
	c.stop(KindCandidates, t.endpoint)
	m.disconnect(t)
	t.answerID = m.post(c, t.endpoint, Answer{}, unlimited, c.until)
}
