package signalcore

import "time"

// alarm names a point in time at which a call or a tine wants to act.
type alarm uint8

const (
	// of a call
	alarmBacklog alarm = iota // stop waiting for the end of the backlog
	alarmExpiry               // the ring is over
	alarmGone                 // no answer to the offer: the caller is gone
	alarmConnect              // accepted, but not connected in time
	alarmCount                // those that joined count as all
	alarmForget               // drop what is left of the call
	alarmSibling              // hold the call back no longer
	alarmAgain                // the connection may be replaced again
	// of a tine
	alarmHold    // send the description
	alarmFlush   // send the candidates found
	alarmLost    // the connection did not come back
	alarmBeat    // repeat the state
	alarmSilence // the peer vanished
	alarmClose   // close the connection
	// of a retry
	alarmRetry

	noAlarm
)

// alarms holds at most one time for each alarm.
type alarms [alarmRetry]time.Time

func (a *alarms) set(w alarm, at time.Time) { a[w] = at }
func (a *alarms) clear(w alarm)             { a[w] = time.Time{} }
func (a *alarms) on(w alarm) bool           { return !a[w].IsZero() }

// first returns the earliest alarm, the zero time if none is set.
func (a *alarms) first() (what alarm, at time.Time) {
	for w, t := range a {
		if !t.IsZero() && (at.IsZero() || t.Before(at)) {
			what, at = alarm(w), t
		}
	}
	return what, at
}

// nextAlarm finds the earliest alarm of all calls. The index is the retry's, or the tine's; one past the tines is the spare
// connection.
func (m *Machine) nextAlarm() (what alarm, c *call, i int, at time.Time) {
	what = noAlarm
	earlier := func(t time.Time) bool { return !t.IsZero() && (at.IsZero() || t.Before(at)) }
	for _, k := range m.calls {
		if w, t := k.alarms.first(); earlier(t) {
			what, c, i, at = w, k, 0, t
		}
		for j, tn := range k.tines {
			if w, t := tn.alarms.first(); earlier(t) {
				what, c, i, at = w, k, j, t
			}
		}
		if k.spare != nil {
			if w, t := k.spare.alarms.first(); earlier(t) {
				what, c, i, at = w, k, len(k.tines), t
			}
		}
		for j := range k.retries {
			if t := k.retries[j].due; earlier(t) {
				what, c, i, at = alarmRetry, k, j, t
			}
		}
	}
	return what, c, i, at
}

// expire acts on all that is due, in order of time. A throttled tab wakes late and finds several.
func (m *Machine) expire() {
	for {
		what, c, i, at := m.nextAlarm()
		if at.IsZero() || at.After(m.now) {
			return
		}
		m.ring(what, c, i)
	}
}

func (m *Machine) ring(what alarm, c *call, i int) {
	if what == alarmRetry {
		m.retry(c, i)
		return
	}
	if what >= alarmHold {
		t := c.spare
		if i < len(c.tines) {
			t = c.tines[i]
		}
		t.alarms.clear(what)
		switch what {
		case alarmHold:
			m.sendDescription(t)
		case alarmFlush:
			m.sendCandidates(t)
		case alarmLost:
			m.lost(t)
		case alarmBeat:
			m.beat(t)
		case alarmSilence:
			m.recover(c)
		case alarmClose:
			m.disconnect(t)
		}
		return
	}
	c.alarms.clear(what)
	switch what {
	case alarmBacklog:
		m.release(c, holdBacklog)
	case alarmExpiry:
		m.expired(c)
	case alarmGone:
		m.endRinging(c, EndCancelled, "")
	case alarmConnect:
		m.giveUp(c)
	case alarmCount:
		if c.fork.Count() {
			m.settled(c)
		}
	case alarmForget:
		m.forget(c)
	case alarmSibling:
		m.release(c, holdSibling)
	case alarmAgain:
		m.replaceAgain(c)
	}
}
