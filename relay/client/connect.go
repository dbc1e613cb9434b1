package client

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
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
	wait, moves := c.timing.backoffMin, 0
	for c.ctx.Err() == nil {
		if state == "" {
			become(Connecting)
		}
		began, greeted := time.Now(), false
		err := c.session(func() { greeted = true; become(Online) })
		select {
		case <-c.reached: // before the connection was lost
		default:
		}
		if c.ctx.Err() != nil {
			return
		}
		c.fail(err)
		asked := false                     // whether the relay wants it to wait
		pause := wait/2 + rand.N(wait/2+1) // half of it is chance: the clients of a relay that comes back do not all come at once
		switch {
		case !greeted:
			become(Offline)
		case websocket.CloseStatus(err) == websocket.StatusServiceRestart && moves < maxMoves:
			// Nobody hears of it, unless the other relay, or this one's next life, is not there.
			pause = rand.N(c.timing.moving + 1)
			moves++
		case websocket.CloseStatus(err) == websocket.StatusTryAgainLater:
			pause += c.timing.later
			asked = true
			fallthrough
		default:
			become(Connecting)
		}
		if time.Since(began) > c.timing.backoffMax {
			wait, moves = c.timing.backoffMin, 0 // that connection was good
		} else {
			wait = min(2*wait, c.timing.backoffMax)
		}
		var e *Error
		if errors.As(err, &e) {
			asked = asked || e.RetryAfter > 0 || e.Final()
			if e.RetryAfter > 0 {
				pause = max(pause, e.RetryAfter+rand.N(e.RetryAfter/2+1))
			}
			if e.Final() {
				pause = c.timing.hopeless
			}
		}
		c.pause(pause, asked)
		c.events.drained()
	}
}

// pause waits before the next attempt; where the relay did not ask for that, only until it does something that it was asked for: it
// is back then. What is asked of it comes seldom, mostly for a call, whose answers are wanted now.
func (c *Client) pause(d time.Duration, asked bool) {
	reached := c.reached
	if asked {
		reached = nil
	}
	select {
	case <-time.After(d):
	case <-reached:
	case <-c.ctx.Done():
	}
}

// maxMoves is how often in a row a client follows at once, soon after the time before.
const maxMoves = 4

// session makes one connection and serves it until it fails. It calls online when the relay has said hello.
func (c *Client) session(online func()) error {
	ctx, cancel := context.WithCancelCause(c.ctx)
	defer cancel(nil)
	dialCtx, dialed := context.WithTimeout(ctx, c.timing.dial)
	defer dialed()
	ws, res, err := websocket.Dial(dialCtx, c.url("/v1/sub"), &websocket.DialOptions{HTTPClient: c.http})
	if err != nil {
		return refusedDial(res, err)
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

	s := newSession(c, ws, hello[1:])
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

// refusedDial returns why there is no WebSocket: what the relay said, if it did.
func refusedDial(res *http.Response, err error) *Error {
	if res == nil || res.StatusCode < 300 || res.Body == nil {
		return unreachable(err)
	}
	body, _ := io.ReadAll(io.LimitReader(res.Body, maxAnswer)) // what of it came
	return refusal(res, body)
}

var errSilent = errors.New("the connection is silent")
