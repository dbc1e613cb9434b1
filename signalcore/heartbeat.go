package signalcore

// beat tells this side's state, and again every second.
func (m *Machine) beat(t *tine) {
	t.alarms.set(alarmBeat, m.now.Add(beatTime))
	if !t.open {
		return
	}
	t.stateSeq++
	s := t.call.local
	s.Seq = t.stateSeq
	m.emit(Tell{Conn: t.conn, ID: t.call.newID(), Msg: s})
}

// hear takes a state of the other side's; an older one than the last is late and ignored.
func (m *Machine) hear(t *tine, s State) {
	c := t.call
	if !c.talks() || s.Seq <= c.remote.Seq {
		return
	}
	if s.Audio != c.remote.Audio || s.Video != c.remote.Video || s.Screen != c.remote.Screen || s.Hold != c.remote.Hold {
		c.dirty = true
	}
	c.remote = s
}

// setState changes what this side says it sends.
func (m *Machine) setState(c *call, in SetState) {
	c.local = State{Audio: in.Audio, Video: in.Video, Screen: in.Screen, Hold: in.Hold}
	if c.state == StateActive {
		m.beat(c.talker())
	}
}
