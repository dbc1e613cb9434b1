package turn

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"

	"github.com/pion/turn/v5"
)

// relays makes the relayed addresses, and decides who may be reached from them. Peers in forbidden ranges and the host's own
// addresses are refused, with one exception: another relayed address of this server, so that two endpoints which both need
// it can talk. TURN grants permissions by IP address alone, so for the server's own address the port is checked with each
// packet: only ports of open allocations are reached, and heard.
type relays struct {
	listen   netip.Addr // where the sockets are bound
	public   netip.Addr // what clients are told
	inside   netip.Addr // where one relayed socket reaches another
	min, max uint16
	quota    *quota
	host     hostAddrs

	mu     sync.RWMutex
	open   map[uint16]*relayConn // by port
	closed bool
}

func newRelays(listen, public netip.Addr, min, max uint16, q *quota) *relays {
	r := &relays{listen: listen, public: public, inside: listen, min: min, max: max, quota: q, open: map[uint16]*relayConn{}}
	if listen.IsUnspecified() {
		r.inside = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		if listen.Is6() {
			r.inside = netip.IPv6Loopback()
		}
	}
	return r
}

// permit is pion's permission handler.
func (r *relays) permit(_ net.Addr, peer net.IP) bool {
	ip, ok := netip.AddrFromSlice(peer)
	return ok && r.permits(ip.Unmap())
}

func (r *relays) permits(ip netip.Addr) bool {
	return ip == r.public || !forbidden(ip) && !r.host.has(ip)
}

var (
	errNoTCP  = errors.New("relayed TCP is not offered")
	errFamily = errors.New("address family is not offered")
	errClosed = errors.New("server is closed")
)

// Validate implements turn.RelayAddressGenerator.
func (r *relays) Validate() error { return nil }

// AllocateListener and AllocateConn implement turn.RelayAddressGenerator: peers are reached over UDP only.
func (r *relays) AllocateListener(turn.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	return nil, nil, errNoTCP
}

func (r *relays) AllocateConn(turn.AllocateConnConfig) (net.Conn, error) { return nil, errNoTCP }

// AllocatePacketConn implements turn.RelayAddressGenerator.
func (r *relays) AllocatePacketConn(cfg turn.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	if cfg.Network != "udp4" && r.listen.Is4() || cfg.Network != "udp6" && !r.listen.Is4() {
		return nil, nil, errFamily
	}
	lease, err := r.quota.take(cfg.UserID) // of no user is who asks for an even port, before pion asks for the quota: refused
	if err != nil {
		return nil, nil, err
	}
	udp, err := r.socket(cfg.Network, cfg.RequestedPort)
	if err != nil {
		lease.release()
		return nil, nil, err
	}
	c := &relayConn{UDPConn: udp, relays: r, lease: lease, userID: cfg.UserID, port: udp.LocalAddr().(*net.UDPAddr).AddrPort().Port()}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		lease.release()
		udp.Close()
		return nil, nil, errClosed
	}
	r.open[c.port] = c
	return c, net.UDPAddrFromAddrPort(netip.AddrPortFrom(r.public, c.port)), nil
}

// socket binds a port: the one asked for, or one of the range, or one that the system gives.
func (r *relays) socket(network string, port int) (*net.UDPConn, error) {
	bind := func(port int) (*net.UDPConn, error) {
		return net.ListenUDP(network, net.UDPAddrFromAddrPort(netip.AddrPortFrom(r.listen, uint16(port))))
	}
	if r.min == 0 {
		return bind(port)
	}
	if port != 0 && (port < int(r.min) || port > int(r.max)) {
		return nil, errors.New("port is outside the range")
	}
	if port != 0 {
		return bind(port)
	}
	var err error
	for range 32 {
		var c *net.UDPConn
		if c, err = bind(int(r.min) + rand.IntN(int(r.max)-int(r.min)+1)); err == nil {
			return c, nil
		}
	}
	return nil, err
}

func (r *relays) isOpen(port uint16) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.open[port] != nil
}

// close closes the sockets that pion has not closed yet.
func (r *relays) close() {
	r.mu.Lock()
	r.closed = true
	conns := make([]*relayConn, 0, len(r.open))
	for _, c := range r.open {
		conns = append(conns, c)
	}
	r.mu.Unlock()
	for _, c := range conns {
		c.Close()
	}
}

// relayConn is the socket of one relayed address.
type relayConn struct {
	*net.UDPConn
	relays *relays
	lease  *lease
	userID string
	port   uint16
	peers  peers
}

// WriteTo sends to a peer. That permit has let it through is pion's to see to; it is looked at again here, so that a mistake
// there, or an address that became the host's own since, opens nothing. A packet for the server's own address goes to the open allocation of
// that port, by the way inside (the public address may not be reachable from here), or nowhere.
func (c *relayConn) WriteTo(p []byte, addr net.Addr) (int, error) {
	udp, ok := addr.(*net.UDPAddr)
	if !ok {
		return 0, net.InvalidAddrError("not a UDP address")
	}
	to := udp.AddrPort()
	to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	if to.Addr() == c.relays.public {
		if !c.relays.isOpen(to.Port()) {
			return len(p), nil // as lost as any datagram to a closed port
		}
		to = netip.AddrPortFrom(c.relays.inside, to.Port())
	} else if !c.relays.permits(to.Addr()) {
		return len(p), nil
	}
	if !c.lease.spend(len(p)) {
		return len(p), nil
	}
	return c.UDPConn.WriteToUDPAddrPort(p, to)
}

// ReadFrom hears peers. Another allocation is heard under its public address; nothing else of the host is heard.
func (c *relayConn) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		n, from, err := c.UDPConn.ReadFromUDPAddrPort(p)
		if err != nil {
			return n, nil, err
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		if from.Addr() == c.relays.inside || from.Addr() == c.relays.public {
			if !c.relays.isOpen(from.Port()) {
				continue
			}
			from = netip.AddrPortFrom(c.relays.public, from.Port())
		}
		// Who has no permission is not heard by pion either, but must not use up what the client may hear.
		if !c.relays.permits(from.Addr()) || !c.peers.has(from.Addr()) || !c.lease.spend(n) {
			continue
		}
		return n, net.UDPAddrFromAddrPort(from), nil
	}
}

// Close frees the port. Closing again is no error: pion would leave its other allocations open because of it.
func (c *relayConn) Close() error {
	c.relays.mu.Lock()
	mine := c.relays.open[c.port] == c
	if mine {
		delete(c.relays.open, c.port)
	}
	c.relays.mu.Unlock()
	if !mine {
		return nil
	}
	c.lease.release()
	return c.UDPConn.Close()
}
