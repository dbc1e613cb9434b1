package main

import (
	"sync"
	"sync/atomic"

	"github.com/gorilla/websocket"
)

// readers reads from connections until close.
type readers struct {
	mu     sync.Mutex
	conns  []*websocket.Conn
	wg     sync.WaitGroup
	closed atomic.Bool
	lost   atomic.Int64
}

// start calls got with each message of ws, which is shorter than buf.
func (r *readers) start(ws *websocket.Conn, buf []byte, got func([]byte)) {
	r.mu.Lock()
	r.conns = append(r.conns, ws)
	r.mu.Unlock()
	r.wg.Go(func() {
		for {
			m, err := readInto(ws, buf)
			if err != nil {
				if !r.closed.Load() {
					r.lost.Add(1)
				}
				return
			}
			got(m)
		}
	})
}

// failed returns how many connections ended by themselves.
func (r *readers) failed() int { return int(r.lost.Load()) }

func (r *readers) close() {
	r.closed.Store(true)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, ws := range r.conns {
		ws.Close()
	}
	r.wg.Wait()
}
