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

// siteFactor is how many times what one client may do an IPv6 network may do, which is the /48 that clients are in: who has a
// /56 at home is 256 clients.
const siteFactor = 4

// ClientSite returns the IPv6 network that a client is in. It is false for others.
func ClientSite(client netip.Prefix) (netip.Prefix, bool) {
	if !client.Addr().Is6() {
		return netip.Prefix{}, false
	}
	site, err := client.Addr().Prefix(48)
	return site, err == nil
}

// clientNetwork returns the network that a client is in: its site, or an IPv4 /24. Who can have many addresses has most of
// them in one network; but those of an IPv4 network may be many people's, who have nothing to do with each other.
func clientNetwork(client netip.Prefix) netip.Prefix {
	if site, is := ClientSite(client); is {
		return site
	}
	network, _ := client.Addr().Prefix(24)
	return network // of no address there is none: all such clients are one
}

// RemoteAddr returns the address of a request's connection, none if it cannot be told.
func RemoteAddr(r *http.Request) netip.Addr {
	at, _ := netip.ParseAddrPort(r.RemoteAddr)
	return at.Addr().Unmap()
}

// ClientCount counts what clients have open, or are in the middle of. All of one IPv6 /48 may have four times what one may.
type ClientCount struct {
	most int

	mu sync.Mutex
	of map[netip.Prefix]int
}

// NewClientCount makes a count of which each client has most at most, and may have at least one.
func NewClientCount(most int) *ClientCount {
	return &ClientCount{most: max(1, most), of: map[netip.Prefix]int{}}
}

// Add counts one more until Done. It is false if the client has too many, or its network, and counts nothing then.
func (c *ClientCount) Add(client netip.Prefix) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hasLocked(client, c.most) {
		return false
	}
	c.of[client]++
	if site, is := ClientSite(client); is {
		c.of[site]++
	}
	return true
}

// has reports whether a client has as many, or its network four times as many.
func (c *ClientCount) has(client netip.Prefix, many int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hasLocked(client, many)
}

func (c *ClientCount) hasLocked(client netip.Prefix, many int) bool {
	site, is := ClientSite(client)
	return c.of[client] >= many || is && c.of[site] >= siteFactor*many
}

// Done takes back one Add.
func (c *ClientCount) Done(client netip.Prefix) {
	c.mu.Lock()
	defer c.mu.Unlock()
	done := func(p netip.Prefix) {
		if c.of[p]--; c.of[p] == 0 {
			delete(c.of, p)
		}
	}
	done(client)
	if site, is := ClientSite(client); is {
		done(site)
	}
}
