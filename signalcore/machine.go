package signalcore

import "time"

// Machine holds every call of one endpoint. It is not safe for concurrent use: one goroutine steps it.
type Machine struct {
	cfg    Config
	now    time.Time // of the Step that runs
	out    []Output  // of the Step that runs
	calls  []*call   // in order of beginning
	conns  map[ConnID]*tine
	lastID ConnID
	number uint64 // of the last call placed

	backlogRead bool
	leaving     bool
	seen        map[CallID]time.Time // calls that are over, until when a ring of theirs is ignored
	early       map[CallID]early     // settled calls whose ring has not come

	syncs    uint64                  // own words told
	heardOwn map[EndpointID]uint64   // the last word of each other own endpoint
	dialing  map[AccountID]time.Time // whom own endpoints are dialing, until when that holds rings back
}

type early struct {
	from  Sender
	won   bool
	said  time.Time
	until time.Time
}

// New returns a machine without calls.
func New(cfg Config) *Machine {
	if cfg.RingTime == 0 {
		cfg.RingTime = DefaultRingTime
	}
	cfg.RingTime = min(max(cfg.RingTime, MinRingTime), MaxRingTime)
	m := &Machine{
		cfg:   cfg,
		conns: map[ConnID]*tine{},
		seen:  map[CallID]time.Time{},
		early: map[CallID]early{},

		heardOwn: map[EndpointID]uint64{},
		dialing:  map[AccountID]time.Time{},
	}
	for id, until := range cfg.Seen {
		m.seen[id] = until
	}
	return m
}

// Step takes what happened and returns what must be done, in order. Time never runs back: an earlier now counts as the
// latest one seen. The slice is the caller's to keep.
func (m *Machine) Step(now time.Time, in Input) []Output {
	if now.After(m.now) {
		m.now = now
	}
	m.out = nil
	m.expire()
	m.handle(in)
	m.notify()
	return m.out
}

// Deadline returns when Step must be called next if nothing else happens, the zero time if never.
func (m *Machine) Deadline() time.Time {
	_, _, _, at := m.nextAlarm()
	return at
}

// Idle reports whether no call is left, not even one that is being wound up.
func (m *Machine) Idle() bool { return len(m.calls) == 0 }

func (m *Machine) handle(in Input) {
	switch in := in.(type) {
	case Tick:
	case Dial:
		m.dial(in)
	case PickUp:
		m.withCall(in.Call, func(c *call) { m.pickUp(c, in.Media) })
	case Refuse:
		m.withCall(in.Call, func(c *call) { m.refuse(c, in.Everywhere) })
	case HangUp:
		m.withCall(in.Call, func(c *call) {
			if first := m.yieldedTo(c); first != nil {
				c = first // the user does not know yet that the call goes on as another
			}
			m.hangUp(c)
		})
	case SetState:
		m.withCall(in.Call, func(c *call) { m.setState(c, in) })
	case Leave:
		m.leave()
	case BacklogRead:
		m.backlog(in.Done)
	case RelayOnline:
		m.hurry()
	case NetworkChanged:
		m.networkChanged()
	case Posted:
		if c := m.call(in.Call); c != nil {
			m.posted(c, in.ID)
		}
	case Unposted:
		if c := m.call(in.Call); c != nil {
			m.unposted(c, in.ID)
		}
	case Received:
		m.received(in)
	case Distrusted:
		if c := m.call(in.Call); c != nil {
			m.distrusted(c, in.Endpoint)
		}
	case Blocked:
		m.blocked(in.Account)
	case Synced:
		m.synced(in)
	case Heard:
		m.withConn(in.Conn, func(t *tine) { m.heard(t, in) })
	case Described:
		m.withConn(in.Conn, func(t *tine) { m.described(t, in.SDP) })
	case Found:
		m.withConn(in.Conn, func(t *tine) { m.found(t, in.Candidate) })
	case FoundAll:
		m.withConn(in.Conn, m.foundAll)
	case Opened:
		m.withConn(in.Conn, m.opened)
	case Closed:
		m.withConn(in.Conn, m.closed)
	case Changed:
		m.withConn(in.Conn, func(t *tine) { m.changed(t, in.State) })
	case Broken:
		m.withConn(in.Conn, m.broken)
	default:
		panic("internal error: unknown input")
	}
}

func (m *Machine) emit(out ...Output) { m.out = append(m.out, out...) }

func (m *Machine) drop(reason string) { m.emit(Drop{Reason: reason}) }

func (m *Machine) call(id CallID) *call {
	for _, c := range m.calls {
		if c.id == id {
			return c
		}
	}
	return nil
}

// withCall runs f on a call the user named. A call that is over is no misuse: the user's word crossed its end.
func (m *Machine) withCall(id CallID, f func(*call)) {
	c := m.call(id)
	if c == nil || c.held != 0 {
		if _, over := m.seen[id]; !over {
			m.emit(Misuse{Call: id, Code: "unknown-call"})
		}
		return
	}
	f(c)
}

// withConn runs f on the tine of a connection, unless it was closed meanwhile: late words are ignored.
func (m *Machine) withConn(id ConnID, f func(*tine)) {
	if t := m.conns[id]; t != nil {
		f(t)
	}
}

// leave ends every call of this endpoint. Rings it did not answer go on elsewhere.
func (m *Machine) leave() {
	m.leaving = true
	for _, c := range m.calls {
		if c.state == StateEnded {
			c.postTold(m.now)
			continue
		}
		if c.held != 0 {
			c.here = true
			m.endRinging(c, EndHangup, "")
			continue
		}
		if c.dir == IncomingCall && c.state == StateRinging {
			c.here = true
			m.becomeEnded(c, EndHangup, "")
			for _, t := range c.tines {
				m.disconnect(t)
			}
			continue
		}
		m.hangUp(c)
	}
	m.expire()
}

// backlog notes whether the account's mailbox is read to its end, and lets the rings that waited for that ring (rule 1).
func (m *Machine) backlog(done bool) {
	m.backlogRead = done
	if !done {
		return
	}
	for _, c := range m.calls {
		m.release(c, holdBacklog)
	}
}

// notify tells what changed in the view of each call.
func (m *Machine) notify() {
	for _, c := range m.calls {
		if w := c.dir == IncomingCall && c.state == StateRinging && m.engaged(c); w != c.waiting {
			c.waiting, c.dirty = w, true
		}
		if c.held != 0 || c.silent || !c.dirty {
			continue
		}
		if !c.shown && c.dir == IncomingCall && c.state == StateEnded && c.replaces == (CallID{}) {
			c.silent = true // over in the step in which it began to ring: nobody has to see it
			continue
		}
		c.dirty = false
		v := c.look()
		if c.shown && v.equal(c.view) {
			continue
		}
		m.emit(Notify{View: v, New: !c.shown && c.dir == IncomingCall && c.replaces == CallID{}})
		c.view, c.shown = v, true
	}
}

// Live reports whether a call with this id is here, also one that is being wound up.
func (m *Machine) Live(id CallID) bool { return m.call(id) != nil }

// Ringing reports whether a call placed here rings, or is about to.
func (m *Machine) Ringing(id CallID) bool {
	c := m.call(id)
	return c != nil && c.dir == Outgoing && !c.over()
}

// Knows reports whether a call with this id is here, or was and is remembered.
func (m *Machine) Knows(id CallID) bool {
	_, over := m.seen[id]
	return over || m.call(id) != nil
}
