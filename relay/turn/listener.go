package turn

import (
	"net"
	"sync"
	"time"
)

const (
	// maxConns bounds the TCP connections, which cost something even before they authenticate.
	maxConns = 8192
	// idleTimeout ends a connection that says nothing: an allocation is refreshed at least every ten minutes.
	idleTimeout = 11 * time.Minute
	// firstTimeout ends one that says nothing from the start.
	firstTimeout = 30 * time.Second
)

// listener remembers the connections that it accepted, because pion does not: its Close would leave them open.
type listener struct {
	net.Listener

	mu     sync.Mutex
	conns  map[*tcpConn]bool
	closed bool
}

func newListener(l net.Listener) *listener { return &listener{Listener: l, conns: map[*tcpConn]bool{}} }

// Accept implements net.Listener. A connection too many is closed at once.
func (l *listener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &tcpConn{Conn: conn, listener: l}
		l.mu.Lock()
		full := l.closed || len(l.conns) >= maxConns
		if !full {
			l.conns[c] = true
		}
		l.mu.Unlock()
		if full {
			conn.Close()
			continue
		}
		return c, nil
	}
}

// closeConns closes what was accepted and what still will be.
func (l *listener) closeConns() {
	l.mu.Lock()
	l.closed = true
	conns := make([]*tcpConn, 0, len(l.conns))
	for c := range l.conns {
		conns = append(conns, c)
	}
	l.mu.Unlock()
	for _, c := range conns {
		c.Close()
	}
}

// tcpConn is a connection that ends when it is idle. Reads are pion's, one at a time.
type tcpConn struct {
	net.Conn
	listener *listener
	spoke    bool
}

func (c *tcpConn) Read(p []byte) (int, error) {
	timeout := firstTimeout
	if c.spoke {
		timeout = idleTimeout
	}
	if err := c.SetReadDeadline(time.Now().Add(timeout)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(p)
	c.spoke = c.spoke || n > 0
	return n, err
}

// Write does not wait for a client that takes nothing: pion writes from the loop that serves the peer's socket.
func (c *tcpConn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(p)
	if err != nil {
		c.Close() // half a message may be out
	}
	return n, err
}

func (c *tcpConn) Close() error {
	c.listener.mu.Lock()
	delete(c.listener.conns, c)
	c.listener.mu.Unlock()
	return c.Conn.Close()
}
