package relay

import (
	"net/http"
	"net/netip"
	"sync"
)

// ClientPrefix returns what stands for one client: an IPv4 address, or the /64 within which an IPv6 host is free to choose.
func ClientPrefix(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // no address: all such clients are one
	}
	return p
}

// RemoteAddr returns the address of a request's connection, none if it cannot be told.
func RemoteAddr(r *http.Request) netip.Addr {
	at, _ := netip.ParseAddrPort(r.RemoteAddr)
	return at.Addr().Unmap()
}

// ClientCount counts what clients have open, or are in the middle of.
type ClientCount struct {
	most int

	mu sync.Mutex
	of map[netip.Prefix]int
}

// NewClientCount makes a count of which each client has most at most, and may have at least one.
func NewClientCount(most int) *ClientCount {
	return &ClientCount{most: max(1, most), of: map[netip.Prefix]int{}}
}

// Add counts one more until Done. It is false if the client has too many, and counts nothing then.
func (c *ClientCount) Add(client netip.Prefix) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of[client] >= c.most {
		return false
	}
	c.of[client]++
	return true
}

// Done takes back one Add.
func (c *ClientCount) Done(client netip.Prefix) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of[client]--; c.of[client] == 0 {
		delete(c.of, client)
	}
}
