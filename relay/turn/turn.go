// Package turn runs a STUN and TURN server for the endpoints of one relay: UDP and TCP on one address and port, TLS beside
// them, credentials that expire after ten minutes, bounds on what one client may use, and no way through it into the networks
// of its host.
//
// Start begins to serve, Server.ICEServers makes what GET /v1/ice of the relay answers with. External is a TURN server
// elsewhere that takes credentials of the same kind. The server logs nothing.
package turn

import (
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/pion/turn/v5"

	"ringfork/relay"
)

// CredentialLife is for how long a new allocation may be made with credentials of ICEServers.
const CredentialLife = 10 * time.Minute

// What may be open where Config does not say: allocations, and TCP and TLS connections.
const (
	DefaultMaxAllocations = 4096
	DefaultMaxConns       = 8192
)

// Config says how a server is run. Only Listen must be set.
type Config struct {
	// Listen is the address for UDP and TCP, "ip:port". Port 0 lets the system choose one, the same for both.
	Listen string
	// PublicIP is the address by which clients reach the server, if it is not that of Listen: behind a one-to-one NAT, or
	// when Listen is an unspecified address such as 0.0.0.0.
	PublicIP netip.Addr
	// Realm is what clients are asked to authenticate for. Empty means "ringfork".
	Realm string
	// MinPort and MaxPort bound the ports of relayed addresses, for a firewall. Zero: any that the system gives.
	MinPort, MaxPort uint16
	// MaxAllocations bounds the open allocations. Zero means DefaultMaxAllocations.
	MaxAllocations int
	// MaxConns bounds the open TCP and TLS connections, which cost something even before they authenticate. Zero means
	// DefaultMaxConns.
	MaxConns int
	// Limits multiplies what one client address may use: 512 allocations and 100 Mbit/s of relayed traffic in both directions
	// together, whatever credentials it has. Zero means 1. One set of credentials may use a quarter of what one address may. And
	// neither has more than a quarter of MaxAllocations, nor a /48 more than half, where Limits is 1.
	Limits float64
	// TotalBytes bounds what all together may relay in a second, each byte counted once, though it comes in and goes out.
	// Zero: anything.
	TotalBytes int
	// Secret is what credentials are made from, at least 16 bytes: with the same one those of a former server are good for this
	// one. Empty: a new one.
	Secret []byte
	// TLS has the certificate by which the server is reached as turns:. Nil: it is not.
	TLS *tls.Config
	// TLSPort is where it listens for TLS, at the IP address of Listen; 0 lets the system choose one.
	TLSPort uint16
	// TLSHost is the name in the certificate, by which clients are told to reach it. Empty: the public IP address.
	TLSHost string

	now         func() time.Time
	permissions time.Duration // how long permissions last; zero: five minutes
}

// Server is a running server.
type Server struct {
	pion   *turn.Server
	addr   netip.AddrPort // as clients know it
	tlsAt  string         // "host:port" as clients know it; empty: no TLS
	creds  *credentials
	quota  *quota
	relays *relays
	conns  *connSet
	once   sync.Once
	err    error
}

// Start serves until Close.
func Start(cfg Config) (*Server, error) {
	listen, err := netip.ParseAddrPort(cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("failed to read the TURN address: %w", err)
	}
	listen = netip.AddrPortFrom(listen.Addr().Unmap(), listen.Port())
	public := cfg.PublicIP.Unmap()
	if !public.IsValid() {
		public = listen.Addr()
	}
	if public.IsUnspecified() || public.Is4() != listen.Addr().Is4() {
		return nil, errors.New("TURN needs the public IP address, of the same family as the one to listen on")
	}
	if cfg.MinPort > cfg.MaxPort || cfg.MinPort == 0 && cfg.MaxPort != 0 {
		return nil, fmt.Errorf("TURN port range %d to %d is empty", cfg.MinPort, cfg.MaxPort)
	}
	if len(cfg.Secret) > 0 && len(cfg.Secret) < 16 {
		return nil, errors.New("the secret of TURN is shorter than 16 bytes")
	}
	if cfg.Realm == "" {
		cfg.Realm = "ringfork"
	}
	if cfg.MaxAllocations <= 0 {
		cfg.MaxAllocations = DefaultMaxAllocations
	}
	if cfg.MaxConns <= 0 {
		cfg.MaxConns = DefaultMaxConns
	}
	if cfg.Limits <= 0 {
		cfg.Limits = 1
	}
	if cfg.now == nil {
		cfg.now = time.Now
	}
	udp, tcp, err := listenBoth(listen)
	if err != nil {
		return nil, fmt.Errorf("failed to listen for TURN: %w", err)
	}
	ports := []net.Listener{tcp}
	if cfg.TLS != nil {
		at := netip.AddrPortFrom(listen.Addr(), cfg.TLSPort).String()
		encrypted, err := net.Listen("tcp", at)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("failed to listen for TURN over TLS: %w", err), udp.Close(), tcp.Close())
		}
		ports = append(ports, encrypted)
	}
	s, err := serve(cfg, listen.Addr(), public, udp, ports...)
	if err != nil {
		err = errors.Join(fmt.Errorf("failed to start TURN: %w", err), udp.Close())
		for _, l := range ports {
			err = errors.Join(err, l.Close())
		}
		return nil, err
	}
	return s, nil
}

// serve serves UDP, TCP and, if there is a third socket, TLS.
func serve(cfg Config, listen, public netip.Addr, udp net.PacketConn, ports ...net.Listener) (*Server, error) {
	starts := newStarts()
	s := &Server{
		addr:  netip.AddrPortFrom(public, addrPortOf(udp.LocalAddr()).Port()),
		creds: &credentials{secret: cfg.Secret, now: cfg.now},
		quota: newQuota(cfg.MaxAllocations, cfg.Limits, cfg.now),
		conns: newConnSet(cfg.MaxConns, cfg.Limits, starts),
	}
	if len(s.creds.secret) == 0 {
		s.creds.secret = make([]byte, 32)
		rand.Read(s.creds.secret)
	}
	if cfg.TotalBytes > 0 {
		s.quota.bound(cfg.TotalBytes)
	}
	s.relays = newRelays(listen, public, cfg.MinPort, cfg.MaxPort, s.quota)
	guard := newGuard(udp, cfg.Limits, cfg.now, starts)
	listeners := []*listener{{Listener: ports[0], set: s.conns, way: byTCP}}
	tlsPort := uint16(0)
	if len(ports) > 1 {
		config := cfg.TLS.Clone()
		config.NextProtos = nil // it is no web server
		listeners = append(listeners, &listener{Listener: ports[1], set: s.conns, way: byTLS, tls: config})
		host := cfg.TLSHost
		if host == "" {
			host = public.String()
		}
		tlsPort = addrPortOf(ports[1].Addr()).Port()
		s.tlsAt = net.JoinHostPort(host, strconv.Itoa(int(tlsPort)))
	}

	from := func(client, local net.Addr) source {
		if _, ok := client.(*net.UDPAddr); ok {
			return sourceOf(byUDP, client)
		} else if addrPortOf(local).Port() == tlsPort {
			return sourceOf(byTLS, client)
		}
		return sourceOf(byTCP, client)
	}
	allocated := func(client source, has bool) {
		if client.way == byUDP {
			guard.allocated(client, has)
		} else {
			s.conns.allocated(client, has)
		}
	}
	events := turn.EventHandler{
		OnAllocationCreated: func(client, local net.Addr, _, _, _ string, _ net.Addr, _ int) {
			allocated(from(client, local), true)
		},
		OnAllocationDeleted: func(client, local net.Addr, _, _, _ string) { allocated(from(client, local), false) },
	}
	s.relays.watchPeers(&events, starts, from)
	permit := func(by way) turn.PermissionHandler {
		return func(client net.Addr, peer net.IP) bool {
			starts.end(sourceOf(by, client))
			if !s.relays.permit(client, peer) {
				return false
			}
			starts.check(sourceOf(by, client), peer)
			return true
		}
	}
	config := turn.ServerConfig{
		Realm: cfg.Realm,
		AuthHandler: func(req *turn.RequestAttributes) (string, []byte, bool) {
			return s.creds.authenticate(cfg.Realm, req)
		},
		QuotaHandler:  s.quota.allow,
		EventHandler:  events,
		LoggerFactory: silent{},

		PermissionTimeout: cfg.permissions,
		PacketConnConfigs: []turn.PacketConnConfig{
			{PacketConn: guard, RelayAddressGenerator: s.relays, PermissionHandler: permit(byUDP)},
		},
	}
	for _, l := range listeners {
		config.ListenerConfigs = append(config.ListenerConfigs,
			turn.ListenerConfig{Listener: l, RelayAddressGenerator: s.relays, PermissionHandler: permit(l.way)})
	}
	var err error
	s.pion, err = turn.NewServer(config)
	return s, err
}

// Addr returns the address and port at which clients reach the server, for UDP and TCP.
func (s *Server) Addr() netip.AddrPort { return s.addr }

// ICEServers returns the server as clients are to be told of it, with new credentials and for how long they are good.
func (s *Server) ICEServers() ([]relay.ICEServer, time.Duration) {
	at := s.addr.String()
	urls := []string{"stun:" + at, "turn:" + at + "?transport=udp", "turn:" + at + "?transport=tcp"}
	if s.tlsAt != "" {
		urls = append(urls, "turns:"+s.tlsAt+"?transport=tcp")
	}
	return s.creds.iceServers(urls)
}

// Allocations returns how many allocations are open.
func (s *Server) Allocations() int { return s.quota.allocations() }

// RelayedBytes returns how many bytes were relayed so far, both directions together.
func (s *Server) RelayedBytes() uint64 { return s.quota.relayed.Load() }

// DroppedPackets returns how many packets were dropped so far because their user or client, or all together, had used
// up what they may relay.
func (s *Server) DroppedPackets() uint64 { return s.quota.dropped.Load() }

// Close ends all allocations and connections. Calling it again returns the same error.
func (s *Server) Close() error {
	s.once.Do(func() {
		s.err = s.pion.Close()
		s.conns.close()
		s.relays.close()
	})
	return s.err
}

// listenBoth listens for UDP and TCP on one port. A port that the system gives for one may be taken for the other: then it
// asks for another.
func listenBoth(at netip.AddrPort) (net.PacketConn, net.Listener, error) {
	family := "6"
	if at.Addr().Is4() {
		family = "4"
	}
	for try := 0; ; try++ {
		udp, err := net.ListenPacket("udp"+family, at.String())
		if err != nil {
			return nil, nil, err
		}
		port := udp.LocalAddr().(*net.UDPAddr).AddrPort().Port()
		tcp, err := net.Listen("tcp"+family, netip.AddrPortFrom(at.Addr(), port).String())
		if err == nil {
			return udp, tcp, nil
		}
		udp.Close()
		if at.Port() != 0 || try == 16 {
			return nil, nil, err
		}
	}
}
