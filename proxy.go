package main

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"ringfork/relay"
)

// parseProxies reads a list of CIDR prefixes and single IP addresses.
func parseProxies(text string) (proxies, error) {
	var list proxies
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		prefix, err := netip.ParsePrefix(part)
		if err != nil {
			addr, err := netip.ParseAddr(part)
			if err != nil {
				return nil, badUsage("-proxy %q is neither an IP address nor a CIDR prefix such as 10.0.0.0/8", part)
			}
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		// Clients' addresses are compared as IPv4 where they are.
		if addr := prefix.Addr(); addr.Is4In6() {
			if prefix = netip.PrefixFrom(addr.Unmap(), prefix.Bits()-96); !prefix.IsValid() {
				return nil, badUsage("-proxy %q is more than all of IPv4: write 0.0.0.0/0", part)
			}
		}
		list = append(list, prefix.Masked())
	}
	return list, nil
}

// proxies are the reverse proxies whose word counts.
type proxies []netip.Prefix

func (p proxies) contain(a netip.Addr) bool {
	return slices.ContainsFunc(p, func(prefix netip.Prefix) bool { return prefix.Contains(a.WithZone("")) })
}

// clientAddr returns the address of a request's client: the connection's, or when that is a proxy's, the one that the nearest
// proxies vouch for. Each proxy appends to X-Forwarded-For the address that it was asked from, so that is the rightmost entry
// that is no proxy: what stands left of it is the client's own word.
func (p proxies) clientAddr(r *http.Request) netip.Addr {
	addr := relay.RemoteAddr(r)
	entries := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(entries) - 1; i >= 0 && p.contain(addr); i-- {
		next, ok := parseForwarded(entries[i])
		if !ok {
			break // not what a proxy writes: the proxy itself is all that is known
		}
		addr = next
	}
	return addr
}

// parseForwarded reads one entry of X-Forwarded-For. Some proxies write the port too.
func parseForwarded(text string) (netip.Addr, bool) {
	text = strings.TrimSpace(text)
	if at, err := netip.ParseAddrPort(text); err == nil {
		return at.Addr().Unmap(), true
	}
	addr, err := netip.ParseAddr(strings.Trim(text, "[]"))
	return addr.Unmap(), err == nil
}
