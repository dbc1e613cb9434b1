package limit

import (
	"net/netip"
	"sync"
)

// Count counts what clients have open, or are in the middle of. All of one IPv6 /48 may have four times what one may.
type Count struct {
	most int

	mu sync.Mutex
	of map[netip.Prefix]int
}

// NewCount makes a count of which each client has most at most, and may have at least one.
func NewCount(most int) *Count {
	return &Count{most: max(1, most), of: map[netip.Prefix]int{}}
}

// Add counts one more until Done. It is false if the client has too many, or its network, and counts nothing then.
func (c *Count) Add(client netip.Prefix) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hasLocked(client, c.most) {
		return false
	}
	c.of[client]++
	if site, is := Site(client); is {
		c.of[site]++
	}
	return true
}

// Has reports whether a client has as many, or its network four times as many.
func (c *Count) Has(client netip.Prefix, many int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hasLocked(client, many)
}

func (c *Count) hasLocked(client netip.Prefix, many int) bool {
	site, is := Site(client)
	return c.of[client] >= many || is && c.of[site] >= siteFactor*many
}

// Done takes back one Add.
func (c *Count) Done(client netip.Prefix) {
	c.mu.Lock()
	defer c.mu.Unlock()
	done := func(p netip.Prefix) {
		if c.of[p]--; c.of[p] == 0 {
			delete(c.of, p)
		}
	}
	done(client)
	if site, is := Site(client); is {
		done(site)
	}
}

// Most is how many a client may have.
func (c *Count) Most() int { return c.most }

// Len is how many clients and networks have something.
func (c *Count) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.of)
}
