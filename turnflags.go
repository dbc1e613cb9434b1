package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ringfork/relay"
	"ringfork/relay/turn"
)

// turnOptions says which TURN server clients use: one in this process, or with urls another one.
type turnOptions struct {
	at         netip.AddrPort // how clients reach ours; zero: at the web server's IP address, any port
	tlsPort    uint16         // of ours; 0: defaultTURNTLS, or if the web server's is any, any
	anyTLSPort bool           // instead: one that is free
	minPort    uint16         // of relayed addresses at ours; 0: any
	maxPort    uint16
	mbits      int      // Mbit/s that all clients of ours together may relay; 0: any
	urls       []string // of another server
	secretFile string   // the secret that we share with it
	key        []byte   // what credentials of ours are made from; empty: a new one
}

const defaultTURNTLS = 5349

// minTURNSecret is shorter than anything that a generator of secrets makes.
const minTURNSecret = 16

// parseTURN reads the flags -turn, -turn-secret, -turn-tls and -turn-ports. Empty ones were not given.
func parseTURN(server, secretFile, tlsPort, ports string) (turnOptions, error) {
	o := turnOptions{secretFile: secretFile}
	var err error
	switch {
	case turnURL.MatchString(server):
		if o.urls, err = parseTURNURLs(server); err != nil {
			return turnOptions{}, err
		}
		if secretFile == "" {
			return turnOptions{}, badUsage("-turn %s needs -turn-secret FILE, with the secret that is static-auth-secret there", server)
		}
		if ports != "" {
			return turnOptions{}, badUsage("-turn-ports is for the TURN server of this program: coturn has min-port and max-port")
		}
		if tlsPort != "" {
			return turnOptions{}, badUsage("-turn-tls is for the TURN server of this program: name the other one's TLS port as turns:HOST:PORT")
		}
	case secretFile != "":
		return turnOptions{}, badUsage("-turn-secret is for another TURN server: name it with -turn turn:HOST:PORT")
	case server != "":
		if o.at, err = parseTURNAddr(server); err != nil {
			return turnOptions{}, err
		}
	}
	if tlsPort != "" {
		n, err := strconv.ParseUint(tlsPort, 10, 16)
		if err != nil {
			return turnOptions{}, badUsage("-turn-tls %q is not a number from 0 to 65535", tlsPort)
		}
		o.tlsPort, o.anyTLSPort = uint16(n), n == 0
	}
	if ports != "" {
		if o.minPort, o.maxPort, err = parsePortRange(ports); err != nil {
			return turnOptions{}, err
		}
	}
	return o, nil
}

// bound reads the flag -turn-mbits.
func (o *turnOptions) bound(mbits int) error {
	switch {
	case mbits < 0 || mbits > 1e6:
		return badUsage("-turn-mbits %d is not a number of Mbit/s from 1 to 1000000, or 0", mbits)
	case mbits > 0 && len(o.urls) > 0:
		return badUsage("-turn-mbits is for the TURN server of this program: coturn bounds each allocation with max-bps " +
			"and their number with total-quota, and what its line carries is the system's to bound (tc)")
	}
	o.mbits = mbits
	return nil
}

// parsePortRange reads a range such as 50000-50999.
func parsePortRange(text string) (low, high uint16, err error) {
	from, to, _ := strings.Cut(text, "-")
	a, err1 := strconv.ParseUint(from, 10, 16)
	b, err2 := strconv.ParseUint(to, 10, 16)
	if err1 != nil || err2 != nil || a == 0 || a > b {
		return 0, 0, badUsage("-turn-ports %q is not a range of ports such as 50000-50999", text)
	}
	return uint16(a), uint16(b), nil
}

// parseTURNAddr reads an IP address with or without a port.
func parseTURNAddr(text string) (netip.AddrPort, error) {
	at, err := netip.ParseAddrPort(text)
	if err != nil {
		var ip netip.Addr
		ip, err = netip.ParseAddr(text)
		at = netip.AddrPortFrom(ip, 0)
	}
	if err != nil || at.Addr().IsUnspecified() {
		return netip.AddrPort{}, badUsage("-turn %q is not an IP address, IP:PORT, or turn:HOST:PORT", text)
	}
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port()), nil
}

var (
	turnURL  = regexp.MustCompile(`^(?i:turns?|stuns?):`)
	hostName = regexp.MustCompile(`^(?i)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*\.?$`)
)

// parseTURNURLs reads the URLs of another server (RFC 7064, RFC 7065), as strictly as browsers do: they refuse to make a
// connection at all when one is malformed.
func parseTURNURLs(text string) ([]string, error) {
	var urls []string
	relays := false
	for u := range strings.SplitSeq(text, ",") {
		u = strings.TrimSpace(u)
		if err := checkTURNURL(u); err != nil {
			return nil, badUsage("-turn: %q is no URL of a TURN server: %v", u, err)
		}
		relays = relays || strings.HasPrefix(strings.ToLower(u), "turn")
		urls = append(urls, u)
	}
	if !relays {
		return nil, badUsage("-turn %q names no TURN server: add turn:HOST:PORT", text)
	}
	return urls, nil
}

func checkTURNURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || !turnURL.MatchString(text) || u.Opaque == "" || u.Fragment != "" {
		return errors.New("write turn:HOST:PORT, turns:HOST:PORT or stun:HOST:PORT")
	}
	host, port := u.Opaque, ""
	if h, p, err := net.SplitHostPort(host); err == nil {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			return fmt.Errorf("%q is no port", p)
		}
		host, port = h, p
	} else {
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	ip, err := netip.ParseAddr(host)
	if bracketed := strings.HasPrefix(u.Opaque, "["); err == nil && (ip.Is6() != bracketed || ip.Zone() != "" || ip.IsUnspecified()) ||
		err != nil && (bracketed || !hostName.MatchString(host)) {
		return fmt.Errorf("%q is no host", strings.TrimSuffix(u.Opaque, ":"+port))
	}
	switch scheme := strings.ToLower(u.Scheme); {
	case u.RawQuery == "" && !u.ForceQuery:
		return nil
	case strings.HasPrefix(scheme, "stun"):
		return errors.New("a STUN server has no transport to choose")
	case u.RawQuery == "transport=tcp", u.RawQuery == "transport=udp" && scheme == "turn":
		return nil
	case u.RawQuery == "transport=udp":
		return errors.New("browsers speak TLS over TCP only")
	}
	return errors.New("the only parameter is transport=udp or transport=tcp")
}

// iceServers is what a relay's configuration takes.
type iceServers = func() ([]relay.ICEServer, time.Duration)

// startTURN has clients use the server that the flags name. Ours is returned, and to be closed; there is none when it is another's.
// web is the web server's IP address, origins how clients reach that, cert what it shows them (nil: TURN has no TLS either).
func (s *server) startTURN(web netip.Addr, origins []string, cert *certificate) (iceServers, *turn.Server, error) {
	o := s.turn
	if len(o.urls) > 0 {
		secret, err := os.ReadFile(o.secretFile)
		if err != nil {
			return nil, nil, fmt.Errorf("failed to read the TURN server's secret: %w", err)
		}
		if secret = bytes.TrimSpace(secret); len(secret) < minTURNSecret || bytes.ContainsAny(secret, "\r\n") {
			return nil, nil, fmt.Errorf("-turn-secret %s has no secret: it must be one line of at least %d characters, the same as "+
				"static-auth-secret of the TURN server", o.secretFile, minTURNSecret)
		}
		return turn.External{URLs: o.urls, Secret: secret}.ICEServers, nil, nil
	}
	if s.lan {
		o.at, cert = s.lanTURN(), nil // who gets past a browser's warning does so for pages, not for TURN
	}
	cfg := turnConfig(o.at, web)
	cfg.Limits, cfg.MinPort, cfg.MaxPort = s.limits, o.minPort, o.maxPort
	cfg.TotalBytes, cfg.Secret = o.mbits*1e6/8, o.key
	cfg.MaxConns, cfg.MaxAllocations = turnFiles(openFiles())
	if cert != nil {
		cfg.TLS, cfg.TLSPort = cert.config(), o.tlsPort
		if o.tlsPort == 0 && !o.anyTLSPort && s.port != 0 {
			cfg.TLSPort = defaultTURNTLS
		}
	}
	for _, origin := range origins {
		if u, err := url.Parse(origin); err == nil && u.Scheme == "https" {
			cfg.TLSHost = u.Hostname() // whose name the certificate has
			break
		}
	}
	server, err := turn.Start(cfg)
	if err != nil {
		return nil, nil, fmt.Errorf("failed to start the TURN server: %w; choose its address with -turn IP:PORT, and its port for "+
			"TLS with -turn-tls PORT", err)
	}
	return server.ICEServers, server, nil
}

// turnPlace says where clients are sent for TURN: ours is server, which is nil when it is another's.
func (s *server) turnPlace(server *turn.Server) string {
	if server == nil {
		return strings.Join(s.turn.urls, ",")
	}
	return server.Addr().String()
}

// localName is the name of a host that only its own network knows.
var localName = regexp.MustCompile(`^[^.]*$|\.(localhost|local|internal|home\.arpa)$`)

// hidden reports whether somebody who reaches a server at one of its origins does not reach TURN at this address.
func hidden(at netip.Addr, origins []string) bool {
	local := func(ip netip.Addr) bool { return ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() }
	return local(at) && slices.ContainsFunc(origins, func(origin string) bool {
		u, err := url.Parse(origin)
		if err != nil {
			return false
		}
		if ip, err := netip.ParseAddr(u.Hostname()); err == nil {
			return !local(ip)
		}
		return !localName.MatchString(u.Hostname())
	})
}

// registerTURN has the operator see what the TURN server does, if it is ours.
func registerTURN(registry prometheus.Registerer, server *turn.Server) {
	if server == nil {
		return
	}
	registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "ringfork_turn_allocations", Help: "Open allocations of the TURN server.",
		}, func() float64 { return float64(server.Allocations()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "ringfork_turn_relayed_bytes_total", Help: "Bytes relayed by the TURN server, both directions together.",
		}, func() float64 { return float64(server.RelayedBytes()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "ringfork_turn_dropped_packets_total", Help: "Packets dropped because somebody, or all together, had used up what they may relay.",
		}, func() float64 { return float64(server.DroppedPackets()) }),
	)
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

// turnFiles returns how many connections and allocations TURN may have open, where the system lets this program have so many files
// open: some of the quarter that is left by tcpConns.
func turnFiles(files int) (conns, allocations int) {
	return min(turn.DefaultMaxConns, files/8), min(turn.DefaultMaxAllocations, files/16)
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
