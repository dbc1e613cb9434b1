package relay

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/coder/websocket"
)

// write sends hello, then what the pump queues, and pings, until the connection ends. It alone sends messages.
func (c *conn) write() {
	tuning := c.relay.cfg.tuning
	pings := time.NewTicker(tuning.pingEvery)
	defer pings.Stop()
	buf := append(make([]byte, 0, 1+addressSize+4+FrameSize), msgHello)
	if !c.send(append(buf, c.nonce[:]...)) {
		return
	}
	for {
		select {
		case m := <-c.outgoing:
			if !c.send(m.append(buf[:0])) {
				return
			}
			if m.kind == msgFrame {
				c.relay.metrics.framesDelivered.Inc()
			}
		case <-pings.C:
			c.wg.Go(c.ping)
		case <-c.ctx.Done():
			return
		}
	}
}

func (c *conn) send(p []byte) bool {
	ctx, cancel := context.WithTimeout(c.io, c.relay.cfg.tuning.writeTimeout)
	defer cancel()
	if err := c.ws.Write(ctx, websocket.MessageBinary, p); err != nil {
		c.stop(closeSlow)
		return false
	}
	return true
}

// ping ends the connection when the client does not answer.
func (c *conn) ping() {
	ctx, cancel := context.WithTimeout(c.io, c.relay.cfg.tuning.pingEvery*3/4)
	defer cancel()
	if c.ws.Ping(ctx) != nil {
		c.stop(closeGone)
	}
}

func (m outgoing) append(b []byte) []byte {
	b = append(b, m.kind)
	b = append(b, m.address[:]...)
	if m.kind == msgFrame {
		b = binary.BigEndian.AppendUint32(b, uint32(m.age.Milliseconds()))
	}
	return append(b, m.body...)
}
