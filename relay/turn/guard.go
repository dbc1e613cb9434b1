package turn

import (
	"hash/maphash"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"ringfork/relay/limit"
)

// What one client address may ask over UDP beside its allocations, in packets: room for a full fork at once. An answer to who
// is not authenticated is up to four times as long as the question, and the question's sender may be forged: so the server is
// not to be had as a gun.
const (
	unknownRate  = 200
	unknownBurst = 2000
)

// guard is the server's UDP socket. Packets from who has no allocation pass at a bounded rate for each client.
type guard struct {
	net.PacketConn
	limits float64
	now    func() time.Time
	starts *starts
	asking source // who sent what was read last
	seed   maphash.Seed

	mu    sync.RWMutex
	known map[netip.AddrPort]bool

	clients, sites buckets // only ReadFrom uses them, and pion calls it from one goroutine
}

// buckets are shared by chance, which keeps the memory fixed whatever addresses are forged.
type buckets [1 << 14]*rate.Limiter

func newGuard(conn net.PacketConn, limits float64, now func() time.Time, starts *starts) *guard {
	return &guard{PacketConn: conn, limits: limits, now: now, starts: starts, seed: maphash.MakeSeed(), known: map[netip.AddrPort]bool{}}
}

// ReadFrom implements net.PacketConn.
func (g *guard) ReadFrom(p []byte) (int, net.Addr, error) {
	g.starts.end(g.asking)
	for {
		n, from, err := g.PacketConn.ReadFrom(p)
		if err != nil || g.pass(from) {
			g.asking = sourceOf(byUDP, from)
			return n, from, err
		}
	}
}

// WriteTo implements net.PacketConn.
func (g *guard) WriteTo(p []byte, to net.Addr) (int, error) {
	if isResponse(p) {
		g.starts.end(sourceOf(byUDP, to))
	}
	return g.PacketConn.WriteTo(p, to)
}

func (g *guard) pass(from net.Addr) bool {
	g.mu.RLock()
	known := g.known[addrPortOf(from)]
	g.mu.RUnlock()
	if known {
		return true
	}
	client := prefixOf(from)
	if !g.take(&g.clients, client, g.limits) {
		return false
	}
	site, is := limit.Site(client)
	return !is || g.take(&g.sites, site, siteShare*g.limits)
}

// take takes a token of a client, or of an IPv6 network.
func (g *guard) take(of *buckets, who netip.Prefix, limits float64) bool {
	b := &of[maphash.Comparable(g.seed, who)%uint64(len(of))]
	if *b == nil {
		*b = rate.NewLimiter(rate.Limit(unknownRate*limits), int(unknownBurst*limits))
	}
	return (*b).AllowN(g.now(), 1)
}

// allocated notes that a client has an allocation, or has none any more.
func (g *guard) allocated(client source, has bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if has {
		g.known[client.addr] = true
	} else {
		delete(g.known, client.addr)
	}
}
