package relay

import (
	"encoding/binary"
	"time"

	"github.com/gorilla/websocket"
)

// push queues a message for the client. c.mu is held.
func (c *conn) push(m outgoing) {
	if c.ended {
		return
	}
	c.queue = append(c.queue, m)
	if !c.writing {
		c.writing = true
		c.wg.Go(c.write)
	}
}

// write sends what is queued until nothing is. It alone sends messages. A client that does not take one of them in time is
// told that it is closed, if it takes that message after all before the grace is over that every connection ends with.
func (c *conn) write() {
	slow := time.AfterFunc(c.relay.cfg.tuning.writeTimeout, func() { c.stop(closeSlow) })
	defer slow.Stop()
	for {
		m, ok := c.next()
		if !ok {
			return
		}
		slow.Reset(c.relay.cfg.tuning.writeTimeout)
		if c.send(m) != nil {
			c.stop(closeGone)
			return
		}
		if m.kind == msgFrame {
			c.relay.metrics.framesDelivered.Inc()
		}
	}
}

// next takes a message from the queue, and leaves out frames that are older by now than frames may be. If there is none, the
// writer is to end.
func (c *conn) next() (m outgoing, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	for !c.ended && len(c.queue) > 0 {
		m, c.queue[0] = c.queue[0], outgoing{}
		if c.queue = c.queue[1:]; len(c.queue) == 0 {
			c.queue = nil
		}
		c.pump.advance() // a backlog may have waited for room
		if m.kind != msgFrame || m.age+now.Sub(m.at) <= c.relay.cfg.FrameAge {
			m.age = m.ageAt(now)
			return m, true
		}
	}
	if c.ended {
		return outgoing{}, false
	}
	c.writing = false
	if c.moving {
		c.stop(closeMoving)
	}
	return outgoing{}, false
}

// send writes one message, in one piece.
func (c *conn) send(m outgoing) error {
	c.ws.SetWriteDeadline(time.Now().Add(c.relay.cfg.tuning.writeTimeout + closeGrace))
	w, err := c.ws.NextWriter(websocket.BinaryMessage)
	if err != nil {
		return err
	}
	if _, err := w.Write(m.head()); err != nil {
		return err
	}
	if _, err := w.Write(m.body); err != nil {
		return err
	}
	return w.Close()
}

// head returns what comes before the body of a message.
func (m outgoing) head() []byte {
	b := append(make([]byte, 0, 1+addressSize+4), m.kind)
	if m.kind == msgHello || m.kind == msgAlive {
		return b
	}
	b = append(b, m.address[:]...)
	if m.kind == msgFrame {
		b = binary.BigEndian.AppendUint32(b, uint32(m.age.Milliseconds()))
	}
	return b
}

// ageAt returns the age of a frame: that which it had when it was queued, and how long it has waited since. To clients a frame
// of age zero is one that they hear live, and it is that however slowly they read.
func (m outgoing) ageAt(now time.Time) time.Duration {
	if m.age == 0 {
		return 0
	}
	return m.age + max(0, now.Sub(m.at))
}

// ping asks the client for a sign of life (see alive), and gives it one.
func (c *conn) ping() {
	every := c.relay.cfg.tuning.pingEvery
	// One that cannot be written in time waits behind a message that cannot either, and whose time is over sooner.
	_ = c.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(every/2))
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended {
		c.push(outgoing{kind: msgAlive})
		c.pings.Reset(every)
	}
}

// move ends the connection once the client has got all that waits for it.
func (c *conn) move() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.moving = true; c.ws != nil && !c.writing { // otherwise the writer does it, at the latest when it has said hello
		c.stop(closeMoving)
	}
}
