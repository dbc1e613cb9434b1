//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// heartbeat is how often a connection says that it is alive. PeerJS's clients do so every 5 seconds; this is as seldom as
// Ringfork's relay pings.
const heartbeat = 20 * time.Second

// peerJS is PeerJS's server: JSON messages go in and out over one WebSocket each.
type peerJS struct {
	url    string
	events *loop
	conns  []atomic.Pointer[socket]
	opened time.Time

	// All of the following is the loop's alone.
	next  int // counts what was sent
	beats int // counts heartbeats
	text  []byte
	frame []byte
}

func newPeerJS(o options) (*peerJS, error) {
	t := &peerJS{url: o.url, conns: make([]atomic.Pointer[socket], o.conns), opened: time.Now()}
	var err error
	t.events, err = newLoop(t.beat)
	return t, err
}

func (t *peerJS) loop() *loop { return t.events }

func (t *peerJS) open(ctx context.Context, i int, got func([]byte)) error {
	ws, err := dialWebSocket(ctx, fmt.Sprintf("%s/peerjs?key=peerjs&id=load-%d&token=t%d&version=1.5.5", t.url, i, i), i)
	if err != nil {
		return err
	}
	hello, err := ws.read()
	if err == nil && !bytes.Contains(hello, []byte(`"OPEN"`)) {
		err = fmt.Errorf("the server said: %s", hello)
	}
	if err != nil {
		ws.Close()
		return fmt.Errorf("failed to register: %w", err)
	}
	s, err := t.events.listen(ws, func(m []byte) {
		if _, payload, ok := bytes.Cut(m, []byte(`"payload":"`)); ok {
			got(payload)
		}
	})
	t.conns[i].Store(s)
	return err
}

// beat sends the heartbeats that are due, each connection's at another time.
func (t *peerJS) beat(now time.Time) {
	due := int(now.Sub(t.opened) * time.Duration(len(t.conns)) / heartbeat)
	for ; t.beats < due; t.beats++ {
		if s := t.conns[t.beats%len(t.conns)].Load(); s != nil {
			_ = s.write(appendFrame(nil, opText, []byte(`{"type":"HEARTBEAT"}`))) // what is lost shows when it is read from
		}
	}
}

func (t *peerJS) send(m message) {
	m.begins()
	// From all connections in turn: a prime step, so that who sends to whom varies.
	t.next++
	from := t.conns[t.next*7919%len(t.conns)].Load()
	t.text = fmt.Appendf(t.text[:0], `{"type":"OFFER","dst":"load-%d","payload":"`, m.to)
	t.text = append(append(t.text, m.payload()...), `"}`...)
	t.frame = appendFrame(t.frame[:0], opText, t.text)
	m.done(from.write(t.frame))
}

func (t *peerJS) close() { t.events.close() }
