package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// heartbeat is how often a connection says that it is alive. PeerJS's clients do so every 5 seconds; this is as seldom as
// Ringfork's relay pings.
const heartbeat = 20 * time.Second

// peerJS is PeerJS's server: JSON messages go in and out over one WebSocket each.
type peerJS struct {
	url     string
	readers readers
	conns   []*peerConn
	next    atomic.Int64
	quit    chan struct{}
	beats   sync.WaitGroup
	buffers sync.Pool
}

// peerConn is a connection that sends, which one may do at a time.
type peerConn struct {
	ws *websocket.Conn
	mu sync.Mutex
}

func (c *peerConn) write(p []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ws.SetWriteDeadline(time.Now().Add(20 * time.Second))
	return c.ws.WriteMessage(websocket.TextMessage, p)
}

func newPeerJS(o options) *peerJS {
	return &peerJS{
		url: o.url, conns: make([]*peerConn, o.conns), quit: make(chan struct{}), buffers: sync.Pool{New: func() any { return new([]byte) }},
	}
}

func (t *peerJS) open(ctx context.Context, i int, got func([]byte)) error {
	ws, err := dialWebSocket(ctx, fmt.Sprintf("%s/peerjs?key=peerjs&id=load-%d&token=t%d&version=1.5.5", t.url, i, i), i)
	if err != nil {
		return err
	}
	buf := make([]byte, 2*frameSize)
	hello, err := readInto(ws, buf)
	if err == nil && !bytes.Contains(hello, []byte(`"OPEN"`)) {
		err = errors.New("the server said: " + string(hello))
	}
	if err != nil {
		ws.Close()
		return fmt.Errorf("failed to register: %w", err)
	}
	t.conns[i] = &peerConn{ws: ws}
	t.readers.start(ws, buf, func(m []byte) {
		if _, payload, ok := bytes.Cut(m, []byte(`"payload":"`)); ok {
			got(payload)
		}
	})
	t.beats.Go(func() { t.beat(i) })
	return nil
}

// beat sends heartbeats, each connection at another time.
func (t *peerJS) beat(i int) {
	wait := heartbeat * time.Duration(i) / time.Duration(len(t.conns))
	for {
		select {
		case <-time.After(wait):
		case <-t.quit:
			return
		}
		if t.conns[i].write([]byte(`{"type":"HEARTBEAT"}`)) != nil {
			return
		}
		wait = heartbeat
	}
}

func (t *peerJS) send(_ context.Context, _, to int, payload []byte) error {
	// From all connections in turn: a prime step, so that who sends to whom varies.
	from := int(t.next.Add(1)*7919) % len(t.conns)
	b := t.buffers.Get().(*[]byte)
	defer t.buffers.Put(b)
	*b = fmt.Appendf((*b)[:0], `{"type":"OFFER","dst":"load-%d","payload":"`, to)
	*b = append(append(*b, payload...), `"}`...)
	return t.conns[from].write(*b)
}

func (t *peerJS) failed() int { return t.readers.failed() }

func (t *peerJS) close() {
	close(t.quit)
	t.beats.Wait()
	t.readers.close()
}
