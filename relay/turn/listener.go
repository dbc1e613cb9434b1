package turn

import (
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"ringfork/relay/limit"
)

const (
	// maxClientConns bounds the connections of one client address, times Config.Limits: one for each allocation, and some that
	// wait. One has an eighth of Config.MaxConns at most, times Config.Limits, and so a /48 half.
	maxClientConns = clientShare*maxUserAllocations + 64
	// idleTimeout ends a connection that says nothing: an allocation is refreshed at least every ten minutes.
	idleTimeout = 11 * time.Minute
	// minPause and maxPause are how long to accept no connection after that failed: first, and at most.
	minPause, maxPause = 5 * time.Millisecond, time.Second
	// firstTimeout ends one that has no allocation, however much it says.
	firstTimeout = 30 * time.Second
)

// connSet remembers the connections of several listeners, because pion does not: its Close would leave them open.
type connSet struct {
	most    int
	clients *limit.Count
	starts  *starts

	mu     sync.Mutex
	conns  map[source]*tcpConn
	closed bool
}

func newConnSet(most int, limits float64, starts *starts) *connSet {
	perClient := min(int(maxClientConns*limits), limit.Part(most, 0.125, limits))
	return &connSet{most: most, clients: limit.NewCount(perClient), starts: starts, conns: map[source]*tcpConn{}}
}

// listener puts what it accepts into a connSet. With tls the connections are encrypted; the handshake is part of the first
// read, so that it is under the same timeout.
type listener struct {
	net.Listener
	set *connSet
	way way
	tls *tls.Config
}

// Accept implements net.Listener. A connection too many is closed at once. pion accepts no more after an error, and most are
// none for good, such as that there are no files left: the only one returned is net.ErrClosed.
func (l *listener) Accept() (net.Conn, error) {
	pause := minPause
	for {
		conn, err := l.Listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil, err
		} else if err != nil {
			time.Sleep(pause)
			pause = min(2*pause, maxPause)
			continue
		}
		pause = minPause
		c := &tcpConn{Conn: conn, raw: conn, set: l.set, client: sourceOf(l.way, conn.RemoteAddr())}
		c.since.Store(time.Now().UnixNano())
		if l.tls != nil {
			c.Conn = tls.Server(conn, l.tls)
		}
		if l.set.add(c) {
			return c, nil
		}
		conn.Close()
	}
}

func (s *connSet) add(c *tcpConn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns[c.client] != nil || s.closed || len(s.conns) >= s.most || !s.clients.Add(prefixOf(c.raw.RemoteAddr())) {
		return false
	}
	s.conns[c.client] = c
	return true
}

func (s *connSet) remove(c *tcpConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns[c.client] != c {
		return
	}
	delete(s.conns, c.client)
	s.clients.Done(prefixOf(c.raw.RemoteAddr()))
}

// allocated notes that a connection has an allocation, or has none any more.
func (s *connSet) allocated(client source, has bool) {
	s.mu.Lock()
	c := s.conns[client]
	s.mu.Unlock()
	if c == nil {
		return
	}
	if has {
		c.since.Store(0)
		return
	}
	now := time.Now()
	c.since.Store(now.UnixNano())
	c.SetReadDeadline(now.Add(firstTimeout)) // it may be reading
}

// close closes what was accepted and what still will be.
func (s *connSet) close() {
	s.mu.Lock()
	s.closed = true
	conns := make([]*tcpConn, 0, len(s.conns))
	for _, c := range s.conns {
		conns = append(conns, c)
	}
	s.mu.Unlock()
	for _, c := range conns {
		c.Close()
	}
}

// tcpConn is a connection that ends when it is of no use. Reads are pion's, one at a time.
type tcpConn struct {
	net.Conn
	raw    net.Conn // without encryption
	set    *connSet
	client source
	in     frames
	since  atomic.Int64 // since when it has no allocation, in ns since 1970; 0: it has one
}

func (c *tcpConn) Read(p []byte) (int, error) {
	c.set.starts.end(c.client)
	deadline := time.Now().Add(idleTimeout)
	if since := c.since.Load(); since != 0 {
		deadline = time.Unix(0, since).Add(firstTimeout)
	}
	if err := c.SetReadDeadline(deadline); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(p)
	if bad := c.in.check(p[:n]); bad != nil {
		return 0, bad
	}
	return n, err
}

// Write does not wait for a client that takes nothing: pion writes from the loop that serves the peer's socket.
func (c *tcpConn) Write(p []byte) (int, error) {
	if isResponse(p) {
		c.set.starts.end(c.client)
	}
	if err := c.SetWriteDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(p)
	if err != nil {
		c.Close() // half a message may be out
	}
	return n, err
}

// Close does not say goodbye in TLS, which could wait: messages have their own lengths, so nothing can be cut off unseen.
func (c *tcpConn) Close() error {
	c.set.remove(c)
	return c.raw.Close()
}
