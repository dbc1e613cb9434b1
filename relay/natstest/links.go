package natstest

import (
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// links are the connections between the servers of a cluster: each server reaches each other one by a TCP proxy, which can
// stop to pass anything on.
type links struct {
	mu     sync.Mutex
	change *sync.Cond
	ways   map[[2]int]Break // what is broken, by who sends and who is to receive
	conns  map[*linked]struct{}
	opened []net.Listener
	closed bool
	wg     sync.WaitGroup
}

// Break is how a link is broken.
type Break int

const (
	// Whole is a link that works.
	Whole Break = iota
	// Silent is one over which nothing comes, as if somebody had pulled the cable: neither end is told.
	Silent
	// Reset is one whose connections are refused, and those that are open ended, at both ends.
	Reset
)

// linked is one connection of a link, and its two ends.
type linked struct {
	from, to   int // from opened it
	near, far  net.Conn
	closedOnce sync.Once
}

func newLinks() *links {
	l := &links{ways: map[[2]int]Break{}, conns: map[*linked]struct{}{}}
	l.change = sync.NewCond(&l.mu)
	return l
}

// open starts a proxy by which server from reaches server to, which listens on a port of this machine.
func (l *links) open(from, to, port int) (proxy int, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("failed to open a link: %w", err)
	}
	l.opened = append(l.opened, listener)
	l.wg.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			l.wg.Go(func() { l.carry(&linked{from: from, to: to, near: c}, port) })
		}
	})
	return listener.Addr().(*net.TCPAddr).Port, nil
}

func (l *links) carry(c *linked, port int) {
	var err error
	if c.far, err = net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), time.Second); err != nil {
		c.near.Close()
		return
	}
	l.mu.Lock()
	refused := l.closed || l.ways[[2]int{c.from, c.to}] == Reset
	if !refused {
		l.conns[c] = struct{}{}
	}
	l.mu.Unlock()
	if refused {
		c.reset()
		return
	}
	var both sync.WaitGroup
	both.Go(func() { l.pass(c, c.from, c.to, c.far, c.near) })
	both.Go(func() { l.pass(c, c.to, c.from, c.near, c.far) })
	both.Wait()
	l.mu.Lock()
	delete(l.conns, c)
	l.mu.Unlock()
}

// pass passes on what one end sends, until either is closed. What comes while the way is silent waits.
func (l *links) pass(c *linked, from, to int, dst io.Writer, src io.Reader) {
	defer c.reset()
	p := make([]byte, 64<<10)
	for {
		n, err := src.Read(p)
		l.mu.Lock()
		for l.ways[[2]int{from, to}] == Silent && !l.closed {
			l.change.Wait()
		}
		l.mu.Unlock()
		if _, failed := dst.Write(p[:n]); failed != nil || err != nil {
			return
		}
	}
}

// reset closes both ends without sending what waits in them.
func (c *linked) reset() {
	c.closedOnce.Do(func() {
		for _, end := range []net.Conn{c.near, c.far} {
			end.(*net.TCPConn).SetLinger(0)
			end.Close()
		}
	})
}

// set makes the way from one server to another what it is to be.
func (l *links) set(from, to int, how Break) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ways[[2]int{from, to}] = how
	l.change.Broadcast()
	for c := range l.conns {
		if how == Reset && (c.from == from && c.to == to || c.from == to && c.to == from) {
			c.reset()
		}
	}
}

func (l *links) close() {
	l.mu.Lock()
	l.closed = true
	l.change.Broadcast()
	for c := range l.conns {
		c.reset()
	}
	l.mu.Unlock()
	for _, listener := range l.opened {
		listener.Close()
	}
	l.wg.Wait()
}
