package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// heartbeat is how often a connection says that it is alive. PeerJS's clients do so every 5 seconds; this is as seldom as
// Ringfork's relay pings.
const heartbeat = 20 * time.Second

// peerJS is PeerJS's server: JSON messages go in and out over one WebSocket each.
type peerJS struct {
	url     string
	dialer  *http.Client
	ctx     context.Context
	cancel  context.CancelFunc
	wg      sync.WaitGroup
	lost    atomic.Int64
	conns   []*websocket.Conn
	next    atomic.Int64
	buffers sync.Pool
}

func newPeerJS(o options) *peerJS {
	t := &peerJS{url: o.url, dialer: newDialer(), conns: make([]*websocket.Conn, o.conns)}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	t.buffers.New = func() any { return new([]byte) }
	return t
}

func (t *peerJS) open(ctx context.Context, i int, got func([]byte)) error {
	url := fmt.Sprintf("%s/peerjs?key=peerjs&id=load-%d&token=t%d&version=1.5.5", t.url, i, i)
	ws, err := dialWebSocket(ctx, t.dialer, url, i)
	if err != nil {
		return err
	}
	buf := make([]byte, 2*frameSize)
	hello, err := readInto(ctx, ws, buf)
	if err == nil && !bytes.Contains(hello, []byte(`"OPEN"`)) {
		err = errors.New("the server said: " + string(hello))
	}
	if err != nil {
		ws.CloseNow()
		return fmt.Errorf("failed to register: %w", err)
	}
	t.conns[i] = ws
	t.wg.Go(func() {
		defer ws.CloseNow()
		for {
			m, err := readInto(t.ctx, ws, buf)
			if err != nil {
				if t.ctx.Err() == nil {
					t.lost.Add(1)
				}
				return
			}
			if _, payload, ok := bytes.Cut(m, []byte(`"payload":"`)); ok {
				got(payload)
			}
		}
	})
	t.wg.Go(func() { t.beat(ws, i) })
	return nil
}

// beat sends heartbeats, each connection at another time.
func (t *peerJS) beat(ws *websocket.Conn, i int) {
	wait := heartbeat * time.Duration(i) / time.Duration(len(t.conns))
	for {
		select {
		case <-time.After(wait):
		case <-t.ctx.Done():
			return
		}
		if ws.Write(t.ctx, websocket.MessageText, []byte(`{"type":"HEARTBEAT"}`)) != nil {
			return
		}
		wait = heartbeat
	}
}

func (t *peerJS) send(ctx context.Context, _, to int, payload []byte) error {
	// From all connections in turn: a prime step, so that who sends to whom varies.
	from := int(t.next.Add(1)*7919) % len(t.conns)
	b := t.buffers.Get().(*[]byte)
	defer t.buffers.Put(b)
	*b = fmt.Appendf((*b)[:0], `{"type":"OFFER","dst":"load-%d","payload":"`, to)
	*b = append(append(*b, payload...), `"}`...)
	return t.conns[from].Write(ctx, websocket.MessageText, *b)
}

func (t *peerJS) failed() int { return int(t.lost.Load()) }

func (t *peerJS) close() {
	t.cancel()
	t.wg.Wait()
}
