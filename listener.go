package main

import (
	"net"
	"net/netip"
	"sync"

	"ringfork/relay"
)

// clientConns is how many TCP connections one client may have open, times -limits: more than reading connections, of which
// the relay counts its own, so that nobody takes all that the system has by connecting and saying nothing.
const clientConns = 2048

// fairListener is a listener that ends connections of clients who have too many. Proxies have as many as they like.
type fairListener struct {
	net.Listener
	most    int
	proxies proxies

	mu   sync.Mutex
	open map[netip.Prefix]int
}

func newFairListener(l net.Listener, most int, proxies proxies) *fairListener {
	return &fairListener{Listener: l, most: max(1, most), proxies: proxies, open: map[netip.Prefix]int{}}
}

func (l *fairListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		at, err := netip.ParseAddrPort(c.RemoteAddr().String())
		if err != nil || l.proxies.contain(at.Addr().Unmap()) {
			return c, nil
		}
		client := relay.ClientPrefix(at.Addr())
		if l.take(client) {
			return &countedConn{Conn: c, ended: sync.OnceFunc(func() { l.give(client) })}, nil
		}
		if tcp, ok := c.(*net.TCPConn); ok {
			tcp.SetLinger(0) // without a trace in the system's table of connections
		}
		c.Close()
	}
}

func (l *fairListener) take(client netip.Prefix) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[client] >= l.most {
		return false
	}
	l.open[client]++
	return true
}

func (l *fairListener) give(client netip.Prefix) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[client]--; l.open[client] == 0 {
		delete(l.open, client)
	}
}

type countedConn struct {
	net.Conn
	ended func()
}

func (c *countedConn) Close() error {
	c.ended()
	return c.Conn.Close()
}
