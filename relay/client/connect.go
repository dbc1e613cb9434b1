package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/coder/websocket"
)

// connect keeps a connection up until Close.
func (c *Client) connect(onState func(string)) {
	state := ""
	become := func(s string) {
		if s != state {
			state = s
			c.events.add(func() { onState(s) })
		}
	}
	wait := c.timing.backoffMin
	for c.ctx.Err() == nil {
		if state != Offline {
			become(Connecting)
		}
		began := time.Now()
		err := c.session(func() { become(Online) })
		if c.ctx.Err() != nil {
			return
		}
		c.fail(err)
		if state == Online {
			become(Connecting)
			if time.Since(began) > c.timing.backoffMax {
				wait = c.timing.backoffMin // that connection was good
			}
		} else {
			become(Offline)
		}
		// Half of the time is chance, so that the clients of a relay that comes back do not all come at once.
		select {
		case <-time.After(wait/2 + rand.N(wait/2+1)):
		case <-c.ctx.Done():
		}
		wait = min(2*wait, c.timing.backoffMax)
		c.events.drained()
	}
}

// session makes one connection and serves it until it fails. It calls online when the relay has said hello.
func (c *Client) session(online func()) error {
	ctx, cancel := context.WithCancelCause(c.ctx)
	defer cancel(nil)
	dialCtx, dialed := context.WithTimeout(ctx, c.timing.dial)
	defer dialed()
	ws, _, err := websocket.Dial(dialCtx, c.url("/v1/sub"), &websocket.DialOptions{HTTPClient: c.http})
	if err != nil {
		return unreachable(err)
	}
	defer ws.CloseNow()
	ws.SetReadLimit(maxMessage)
	kind, hello, err := ws.Read(dialCtx)
	if err != nil {
		return unreachable(err)
	}
	if kind != websocket.MessageBinary || len(hello) != 1+nonceSize || hello[0] != msgHello {
		return &Error{Code: "bad-answer"}
	}
	dialed()
	online()
	c.fail(nil)

	s := &session{c: c, ws: ws, nonce: hello[1:], sent: map[[20]byte]*subscription{}, refused: map[[20]byte]time.Time{}}
	done := make(chan struct{}, 2)
	part := func(f func(context.Context) error) {
		cancel(f(ctx))
		done <- struct{}{}
	}
	go part(s.read)
	go part(s.write)
	<-ctx.Done()
	ws.CloseNow()
	<-done
	<-done
	return context.Cause(ctx)
}

var errSilent = errors.New("the connection is silent")
