package limit

import "net/netip"

// Client returns what stands for one client: an IPv4 address, or the /64 within which an IPv6 host is free to choose.
func Client(a netip.Addr) netip.Prefix {
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

// Site returns the IPv6 network that a client is in. It is false for others.
func Site(client netip.Prefix) (netip.Prefix, bool) {
	if !client.Addr().Is6() {
		return netip.Prefix{}, false
	}
	site, err := client.Addr().Prefix(48)
	return site, err == nil
}

// Network returns the network that a client is in: its site, or an IPv4 /24. Who can have many addresses has most of
// them in one network; but those of an IPv4 network may be many people's, who have nothing to do with each other.
func Network(client netip.Prefix) netip.Prefix {
	if site, is := Site(client); is {
		return site
	}
	network, _ := client.Addr().Prefix(24)
	return network // of no address there is none: all such clients are one
}
