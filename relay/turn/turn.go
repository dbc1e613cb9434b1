// Package turn runs a STUN and TURN server for the endpoints of one relay: UDP and TCP on one address and port, credentials
// that expire after ten minutes, and no way through it into the networks of its host.
//
// Start begins to serve, Server.ICEServers makes what GET /v1/ice of the relay answers with. The server logs nothing.
package turn

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/logging"
	"github.com/pion/turn/v5"

	"ringfork/relay"
)

// CredentialLife is for how long a new allocation may be made with credentials of ICEServers.
const CredentialLife = 10 * time.Minute

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
	// MaxAllocations bounds the open allocations. Zero means 4,096.
	MaxAllocations int

	now func() time.Time
}

// Server is a running server.
type Server struct {
	pion   *turn.Server
	addr   netip.AddrPort // as clients know it
	creds  *credentials
	relays *relays
	tcp    *listener
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
	if cfg.Realm == "" {
		cfg.Realm = "ringfork"
	}
	if cfg.MaxAllocations <= 0 {
		cfg.MaxAllocations = 4096
	}
	if cfg.now == nil {
		cfg.now = time.Now
	}
	udp, tcp, err := listenBoth(listen)
	if err != nil {
		return nil, fmt.Errorf("failed to listen for TURN: %w", err)
	}
	s := &Server{
		addr:   netip.AddrPortFrom(public, udp.LocalAddr().(*net.UDPAddr).AddrPort().Port()),
		creds:  newCredentials(cfg.Realm, cfg.now),
		relays: newRelays(listen.Addr(), public, cfg.MinPort, cfg.MaxPort),
		tcp:    newListener(tcp),
	}
	quota := newQuota(cfg.MaxAllocations)
	s.pion, err = turn.NewServer(turn.ServerConfig{
		Realm:         cfg.Realm,
		AuthHandler:   s.creds.authenticate,
		QuotaHandler:  quota.allow,
		EventHandler:  quota.events(),
		LoggerFactory: silent{},
		PacketConnConfigs: []turn.PacketConnConfig{
			{PacketConn: udp, RelayAddressGenerator: s.relays, PermissionHandler: s.relays.permit},
		},
		ListenerConfigs: []turn.ListenerConfig{
			{Listener: s.tcp, RelayAddressGenerator: s.relays, PermissionHandler: s.relays.permit},
		},
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("failed to start TURN: %w", err), udp.Close(), s.tcp.Close())
	}
	return s, nil
}

// Addr returns the address and port at which clients reach the server, for UDP and TCP.
func (s *Server) Addr() netip.AddrPort { return s.addr }

// ICEServers returns the server as clients are to be told of it, with new credentials and for how long they are good.
// The user name is random: it links a user's allocations of one call, and nothing else.
func (s *Server) ICEServers() ([]relay.ICEServer, time.Duration) {
	name, password := s.creds.issue(CredentialLife)
	at := s.addr.String()
	return []relay.ICEServer{{
		URLs:       []string{"stun:" + at, "turn:" + at + "?transport=udp", "turn:" + at + "?transport=tcp"},
		Username:   name,
		Credential: password,
	}}, CredentialLife
}

// Close ends all allocations and connections. Calling it again returns the same error.
func (s *Server) Close() error {
	s.once.Do(func() {
		s.err = s.pion.Close()
		s.tcp.closeConns()
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

// silent keeps pion from logging: it would write addresses and user names to standard error.
type silent struct{}

func (silent) NewLogger(string) logging.LeveledLogger { return silentLogger{} }

type silentLogger struct{}

func (silentLogger) Trace(string)          {}
func (silentLogger) Tracef(string, ...any) {}
func (silentLogger) Debug(string)          {}
func (silentLogger) Debugf(string, ...any) {}
func (silentLogger) Info(string)           {}
func (silentLogger) Infof(string, ...any)  {}
func (silentLogger) Warn(string)           {}
func (silentLogger) Warnf(string, ...any)  {}
func (silentLogger) Error(string)          {}
func (silentLogger) Errorf(string, ...any) {}
