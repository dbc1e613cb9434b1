package main

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"ringfork/relay/limit"
)

// clientConns is how many TCP connections one client may have open, times -limits: more than reading connections, of which
// the relay counts its own, so that nobody takes all that the system has by connecting and saying nothing.
const clientConns = 2048

// connsFactor is how many TCP connections all together may be open for each reading connection of -conns: browsers keep some
// for requests, and systems let a program have a certain number of files only, of which TURN wants some, too.
const connsFactor = 3

// fewConns is how many one client may have open, times -limits, to get one more of the last eighth that all together may have.
const fewConns = 8

// tcpConns returns how many connections one client may have, how many all together, and how many one may have to get one of the
// last eighth, where the system lets this program have so many files open: a quarter of those is for TURN (see turnFiles) and what
// is no connection. One client has a quarter of the rest at most.
func tcpConns(limits float64, reading, files int) (perClient, most, few int) {
	most = min(connsFactor*reading, files/4*3)
	return min(int(clientConns*limits), limit.Part(most, 0.25, limits)), most, max(1, int(fewConns*limits))
}

// fairListener is a listener that ends connections that are too many, and those of clients who have too many. Proxies have as
// many as they like.
type fairListener struct {
	net.Listener
	most    int
	few     int // what one client may have of the last eighth
	open    atomic.Int64
	clients *limit.Count
	proxies proxies
}

// newFairListener lets each client have perClient connections, and all together most, of which the last eighth is for clients
// that have few.
func newFairListener(l net.Listener, perClient, most, few int, proxies proxies) *fairListener {
	return &fairListener{Listener: l, most: most, few: few, clients: limit.NewCount(perClient), proxies: proxies}
}

func (l *fairListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if ended, ok := l.take(c.RemoteAddr()); ok {
			return &countedConn{Conn: c, ended: sync.OnceFunc(ended)}, nil
		}
		if tcp, ok := c.(*net.TCPConn); ok {
			tcp.SetLinger(0) // without a trace in the system's table of connections
		}
		c.Close()
	}
}

// take counts a connection until ended is called. It is false if that is one too many.
func (l *fairListener) take(remote net.Addr) (ended func(), ok bool) {
	before := int(l.open.Add(1)) - 1
	if before >= l.most {
		l.open.Add(-1)
		return nil, false
	}
	at, err := netip.ParseAddrPort(remote.String())
	if err != nil || l.proxies.contain(at.Addr().Unmap()) {
		return func() { l.open.Add(-1) }, true
	}
	client := limit.Client(at.Addr())
	if !limit.Room(before, l.most, !l.clients.Has(client, l.few)) || !l.clients.Add(client) {
		l.open.Add(-1)
		return nil, false
	}
	return func() { l.clients.Done(client); l.open.Add(-1) }, true
}

type countedConn struct {
	net.Conn
	ended func()
}

func (c *countedConn) Close() error {
	c.ended()
	return c.Conn.Close()
}
