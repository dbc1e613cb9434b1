//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// target is a server under load, as its clients speak to it.
type target interface {
	// open opens connection i, which from then on receives what is sent to it, and calls got with each payload. A payload is
	// not to be used after got returned. It returns when the connection is ready.
	open(ctx context.Context, i int, got func(payload []byte)) error
	// send sends a message as soon as that is possible, without waiting for it. Its done is called when the server has it, as
	// far as its protocol tells. It is called in the thread of loop.
	send(m message)
	loop() *loop
	close()
}

// message is one to be sent.
type message struct {
	to      int // connection
	payload func() []byte
	begins  func() // is called when its sending begins
	done    func(error)
}

func newTarget(o options) (target, error) {
	switch o.kind {
	case "ringfork":
		if o.size != frameSize {
			return nil, fmt.Errorf("a frame has %d bytes, -size cannot be %d", frameSize, o.size)
		}
		return newRingfork(o)
	case "peerjs":
		return newPeerJS(o)
	}
	return nil, fmt.Errorf("-kind is ringfork or peerjs, not %q", o.kind)
}

// openAll opens all connections, some at a time, and returns how the server's memory grew: ten times how many there were, and
// its bytes.
func openAll(ctx context.Context, o options, t target, r *receiver) ([][2]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	var growth [][2]int64
	for part := range 10 {
		from, to := o.conns*part/10, o.conns*(part+1)/10
		if err := openSome(ctx, t, from, to, r); err != nil {
			return nil, err
		}
		bytes, err := resident(o.pid)
		if err != nil {
			return nil, err
		}
		growth = append(growth, [2]int64{int64(to), bytes})
	}
	return growth, nil
}

// openSome opens the connections from one number up to another.
func openSome(ctx context.Context, t target, from, to int, r *receiver) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan int, to-from)
	for i := from; i < to; i++ {
		next <- i
	}
	close(next)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			for i := range next {
				if ctx.Err() != nil {
					return
				}
				if err := t.open(ctx, i, r.got); err != nil {
					cancel(fmt.Errorf("connection %d: %w", i, err))
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// source returns the local address of client i. All of 127.0.0.0/8 is this machine: a thousand clients have a thousand
// addresses, as they do outside, so that what a server allows one client is not what is measured.
func source(i int) *net.TCPAddr {
	i %= 1000
	return &net.TCPAddr{IP: net.IPv4(127, 1, byte(i/250), byte(1+i%250))}
}

// webSocket is an open WebSocket, until the loop has it.
type webSocket struct{ *websocket.Conn }

// dialWebSocket opens the WebSocket of client i.
func dialWebSocket(ctx context.Context, url string, i int) (*webSocket, error) {
	dialer := websocket.Dialer{NetDialContext: (&net.Dialer{LocalAddr: source(i)}).DialContext, WriteBufferPool: &writeBuffers}
	ws, res, err := dialer.DialContext(ctx, "ws"+strings.TrimPrefix(url, "http"), nil)
	if err != nil {
		if res != nil {
			err = fmt.Errorf("%w: %s", err, res.Status)
		}
		return nil, err
	}
	return &webSocket{ws}, nil
}

var writeBuffers sync.Pool

// read reads the next message.
func (ws *webSocket) read() ([]byte, error) {
	_, r, err := ws.NextReader()
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}
