package signalcore

import "time"

// retry is a message that is posted again, byte for byte, until what it asks for happened (rule 16).
type retry struct {
	kind Kind
	to   EndpointID
	id   MessageID
	msg  Message // not posted yet: it was told over the channel, and goes by mailbox if nothing comes back
	due  time.Time
	wait time.Duration
	left int       // how often still; negative: until its own end
	took int       // how often the relay took it
	end  time.Time // the zero time: none
}

// unreachedTime is the longest wait for a retry while the relay cannot be reached.
const unreachedTime = 2 * time.Second

// unlimited is the number of retries of a message that has an end of its own.
const unlimited = -1

func (c *call) newID() MessageID {
	c.lastID++
	return c.lastID
}

// post seals and publishes a message, and again after 1, 2, 4, 8 s ..., at most left times and never after end.
func (m *Machine) post(c *call, to EndpointID, msg Message, left int, end time.Time) MessageID {
	id := c.newID()
	m.postAs(c, to, id, msg, left, end)
	return id
}

func (m *Machine) postAs(c *call, to EndpointID, id MessageID, msg Message, left int, end time.Time) {
	m.emit(Post{Call: c.id, To: to, ID: id, Msg: msg})
	if left != 0 {
		c.retries = append(c.retries, retry{kind: msg.Kind(), to: to, id: id, due: m.now.Add(time.Second), wait: 2 * time.Second,
			left: left, end: end})
	}
}

// say reaches a tine by what is there: over the control channel and, when nothing came back for a second, by mailbox
// too; by mailbox at once where the channel is not open.
func (m *Machine) say(t *tine, msg Message, left int, end time.Time) MessageID {
	if !t.open {
		return m.post(t.call, t.endpoint, msg, left, end)
	}
	id := t.call.newID()
	m.emit(Tell{Conn: t.conn, ID: id, Msg: msg})
	t.call.retries = append(t.call.retries, retry{kind: msg.Kind(), to: t.endpoint, id: id, msg: msg, due: m.now.Add(replyTime),
		wait: time.Second, left: left, end: end})
	return id
}

// retry posts what is due.
func (m *Machine) retry(c *call, i int) {
	r := &c.retries[i]
	if !r.end.IsZero() && !m.now.Before(r.end) {
		c.retries = append(c.retries[:i:i], c.retries[i+1:]...)
		return
	}
	if r.msg != nil {
		m.emit(Post{Call: c.id, To: r.to, ID: r.id, Msg: r.msg})
		r.msg = nil
		if t := c.tine(r.to); t != nil && r.kind == KindWon {
			t.wonPosted = true
		}
	} else {
		m.emit(Repost{Call: c.id, ID: r.id})
		if r.left > 0 {
			r.left--
		}
	}
	if r.left == 0 {
		c.retries = append(c.retries[:i:i], c.retries[i+1:]...)
		return
	}
	r.due = m.now.Add(r.wait)
	r.wait *= 2
}

// unposted notes that the relay could not be reached with a message. The waits grow to spare a relay that is there, and who did
// not answer. Where it is gone, and the message has an end of its own, they stay short: a call is about to connect, and the relay
// may be back in a moment.
func (m *Machine) unposted(c *call, id MessageID) {
	for i := range c.retries {
		if r := &c.retries[i]; r.id == id && r.left == unlimited {
			r.wait = unreachedTime
			if soon := m.now.Add(unreachedTime); soon.Before(r.due) {
				r.due = soon
			}
		}
	}
}

// stop ends the retries of a kind to one endpoint.
func (c *call) stop(k Kind, to EndpointID) {
	kept := c.retries[:0]
	for _, r := range c.retries {
		if r.kind != k || r.to != to {
			kept = append(kept, r)
		}
	}
	clear(c.retries[len(kept):])
	c.retries = kept
}

// postTold makes due what was told over a channel and waits for a reply: there is no time to wait any more.
func (c *call) postTold(now time.Time) {
	for i := range c.retries {
		if c.retries[i].msg != nil {
			c.retries[i].due = now
		}
	}
}

// hurry makes everything due that waits for a retry by mailbox.
func (m *Machine) hurry() {
	for _, c := range m.calls {
		for i := range c.retries {
			if c.retries[i].msg == nil {
				c.retries[i].due, c.retries[i].wait = m.now, time.Second
			}
		}
	}
	m.expire()
}
