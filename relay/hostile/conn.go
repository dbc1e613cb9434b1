package hostile

import (
	"context"
	"crypto/rand"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// conn is one reading connection.
type conn struct {
	number int // in the record
	origin string
	nonce  []byte
	cancel context.CancelFunc

	mu    sync.Mutex
	queue [][]byte
	wake  chan struct{} // has an element when queue grew; capacity 1

	subs map[address]bool // guarded by the relay's mu
}

func (r *Relay) serveSub(w http.ResponseWriter, req *http.Request, request int) {
	ws, err := websocket.Accept(w, req, &websocket.AcceptOptions{InsecureSkipVerify: true, CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		return
	}
	defer ws.CloseNow()
	ws.SetReadLimit(maxMessage)
	ctx, cancel := context.WithCancel(r.ctx)
	defer cancel()
	c := &conn{origin: originOf(req), nonce: make([]byte, 32), cancel: cancel, wake: make(chan struct{}, 1), subs: map[address]bool{}}
	rand.Read(c.nonce)
	if !r.open(c, request) {
		return
	}
	defer r.gone(c)
	c.send(msgHello, c.nonce)
	done := make(chan struct{})
	defer func() { cancel(); <-done }()
	go func() {
		defer close(done)
		c.write(ctx, ws)
		cancel()
	}()
	for {
		kind, p, err := ws.Read(ctx)
		if err != nil {
			return
		}
		if kind != websocket.MessageBinary || !r.message(c, p) {
			ws.Close(websocket.StatusPolicyViolation, "bad-message")
			return
		}
	}
}

// originOf returns the origin by which a request came.
func originOf(req *http.Request) string {
	scheme := "http://"
	if req.TLS != nil {
		scheme = "https://"
	}
	return scheme + strings.ToLower(req.Host)
}

// open and gone begin and end a connection.
func (r *Relay) open(c *conn, request int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.enter() {
		return false
	}
	c.number = len(r.record.Connections)
	r.record.Connections = append(r.record.Connections, Connection{Request: request, Opened: time.Now()})
	r.conns[c] = struct{}{}
	return true
}

func (r *Relay) gone(c *conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.conns, c)
	r.record.Connections[c.number].Closed = time.Now()
	r.running.Done()
}

// send queues a message.
func (c *conn) send(kind byte, parts ...[]byte) {
	p := []byte{kind}
	for _, part := range parts {
		p = append(p, part...)
	}
	c.mu.Lock()
	c.queue = append(c.queue, p)
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// write sends what is queued until the connection ends, and pings now and then, so that a dead one is noticed.
func (c *conn) write(ctx context.Context, ws *websocket.Conn) {
	pings := time.NewTicker(20 * time.Second)
	defer pings.Stop()
	for {
		c.mu.Lock()
		queue := c.queue
		c.queue = nil
		c.mu.Unlock()
		for _, p := range queue {
			if ws.Write(ctx, websocket.MessageBinary, p) != nil {
				return
			}
		}
		select {
		case <-c.wake:
		case <-pings.C:
			if ws.Ping(ctx) != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}
