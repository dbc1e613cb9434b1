package turn

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// forbiddenPrefixes are the special-purpose ranges (RFC 6890 and the IANA registries) that netip.Addr has no method for. No
// peer of a call that needs a relay lives there; what does live there is often reachable by this host alone.
var forbiddenPrefixes = func() (ps []netip.Prefix) {
	for _, s := range []string{
		"0.0.0.0/8",       // this network: Linux takes all of it for the host itself
		"100.64.0.0/10",   // carrier-grade NAT
		"192.0.0.0/24",    // protocol assignments
		"192.0.2.0/24",    // documentation
		"192.88.99.0/24",  // 6to4 relays
		"198.18.0.0/15",   // benchmarks
		"198.51.100.0/24", // documentation
		"203.0.113.0/24",  // documentation
		"240.0.0.0/4",     // reserved, broadcast
		"::/96",           // IPv4-compatible
		"64:ff9b::/96",    // NAT64: an IPv4 address inside
		"64:ff9b:1::/48",  // NAT64, local use
		"100::/64",        // discard
		"2001::/23",       // protocol assignments, Teredo
		"2001:db8::/32",   // documentation
		"2002::/16",       // 6to4: an IPv4 address inside
		"fec0::/10",       // site-local
	} {
		ps = append(ps, netip.MustParsePrefix(s))
	}
	return ps
}()

// forbidden reports whether ip is of a range that no peer may be in.
func forbidden(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	if !ip.IsValid() || ip.IsUnspecified() || ip.IsLoopback() || ip.IsPrivate() || ip.IsMulticast() ||
		ip.IsLinkLocalUnicast() || ip.IsInterfaceLocalMulticast() {
		return true
	}
	for _, p := range forbiddenPrefixes {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// hostAddrs knows the host's own addresses. They may change, so it looks again when what it knows is old.
type hostAddrs struct {
	mu    sync.Mutex
	at    time.Time
	addrs map[netip.Addr]bool
}

func (h *hostAddrs) has(ip netip.Addr) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.addrs == nil || time.Since(h.at) > 10*time.Second {
		h.addrs, h.at = map[netip.Addr]bool{}, time.Now()
		list, _ := net.InterfaceAddrs() // on an error the forbidden ranges and the relayed address still hold
		for _, a := range list {
			if n, ok := a.(*net.IPNet); ok {
				if ip, ok := netip.AddrFromSlice(n.IP); ok {
					h.addrs[ip.Unmap()] = true
				}
			}
		}
	}
	return h.addrs[ip]
}
