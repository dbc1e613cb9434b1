package main

import (
	"net"
	"net/netip"
	"slices"

	"ringfork/relay/turn"
)

// parseTurn reads an IP address with or without a port.
func parseTurn(text string) (netip.AddrPort, error) {
	at, err := netip.ParseAddrPort(text)
	if err != nil {
		var ip netip.Addr
		ip, err = netip.ParseAddr(text)
		at = netip.AddrPortFrom(ip, 0)
	}
	if err != nil || at.Addr().IsUnspecified() {
		return netip.AddrPort{}, badUsage("-turn %q is not an IP address, or IP:PORT", text)
	}
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port()), nil
}

// turnConfig says where TURN is to listen so that clients reach it at public. Without one that is the IP address of the web
// server, or if it has none in particular, one of this machine.
func turnConfig(public netip.AddrPort, web netip.Addr) turn.Config {
	own := ownAddrs()
	if !public.IsValid() {
		ip := web
		if ip.IsUnspecified() {
			ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
			if i := slices.IndexFunc(own, func(a netip.Addr) bool { return a.Is4() && a.IsGlobalUnicast() }); i >= 0 {
				ip = own[i]
			}
		}
		public = netip.AddrPortFrom(ip, 0)
	}
	listen := public.Addr()
	if !listen.IsLoopback() && !slices.Contains(own, listen) {
		if listen = netip.IPv4Unspecified(); public.Addr().Is6() { // behind address translation
			listen = netip.IPv6Unspecified()
		}
	}
	return turn.Config{Listen: netip.AddrPortFrom(listen, public.Port()).String(), PublicIP: public.Addr()}
}

// ownAddrs returns the IP addresses of this machine.
func ownAddrs() []netip.Addr {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var own []netip.Addr
	for _, a := range list {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil {
			own = append(own, prefix.Addr().Unmap())
		}
	}
	return own
}
