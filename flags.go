package main

import (
	"flag"
	"net"
	"strconv"
	"time"
)

// server is what the command line says about a server to run.
type server struct {
	host    string
	port    uint16
	origins []string // empty: those of the address, or of the certificate
	allow   []string // empty: any
	proxies proxies  // empty: none
	turn    turnOptions
	dataDir string // empty: the default; "none": memory
	module  string // empty: compiled here; noModule: none; else the folder to serve it from

	nats natsOptions

	publishKey      string // a file; empty: anybody may publish
	limits          float64
	backlog         int    // MiB of frames that are kept; zero: the relay's default
	slots           int    // MiB of slots that are kept; zero: the relay's default
	conns           int    // reading connections; zero: the relay's default
	tlsCert, tlsKey string // files; empty: plain HTTP
	lan             bool
	ops             string // HOST:PORT; empty: none
	drain           time.Duration

	cleanUp []func() error // what run made and nobody else ends
}

func parseServe(args []string) (*server, error) {
	f := flag.NewFlagSet("ringfork", flag.ContinueOnError)
	addr := f.String("addr", defaultAddr, "")
	origins := f.String("origin", "", "")
	allow := f.String("allow", "", "")
	proxies := f.String("proxy", "", "")
	turnServer := f.String("turn", "", "")
	turnSecret := f.String("turn-secret", "", "")
	turnTLS := f.String("turn-tls", "", "")
	turnPorts := f.String("turn-ports", "", "")
	turnMbits := f.Int("turn-mbits", 0, "")
	drain := f.Float64("drain", 5, "")
	s := &server{}
	f.StringVar(&s.dataDir, "data", "", "")
	s.nats.define(f)
	f.StringVar(&s.module, "module", "", "")
	f.StringVar(&s.publishKey, "publish-key", "", "")
	f.Float64Var(&s.limits, "limits", 1, "")
	f.IntVar(&s.backlog, "backlog", 0, "")
	f.IntVar(&s.slots, "slots", 0, "")
	f.IntVar(&s.conns, "conns", 0, "")
	f.StringVar(&s.tlsCert, "tls-cert", "", "")
	f.StringVar(&s.tlsKey, "tls-key", "", "")
	f.BoolVar(&s.lan, "lan", false, "")
	f.StringVar(&s.ops, "ops", "", "")
	if err := parseFlags(f, args); err != nil {
		return nil, err
	}
	if s.lan {
		given := false
		f.Visit(func(f *flag.Flag) { given = given || f.Name == "addr" })
		if !given {
			*addr = lanAddr
		}
	}
	var err error
	if s.host, s.port, err = parseAddr("-addr", *addr); err != nil {
		return nil, err
	}
	if err := s.nats.check(s.dataDir); err != nil {
		return nil, err
	}
	if s.ops != "" {
		if _, _, err := parseAddr("-ops", s.ops); err != nil {
			return nil, err
		}
	}
	if s.turn, err = parseTURN(*turnServer, *turnSecret, *turnTLS, *turnPorts); err != nil {
		return nil, err
	}
	if err := s.turn.bound(*turnMbits); err != nil {
		return nil, err
	}
	if *origins != "" {
		if s.origins, err = parseOrigins("-origin", *origins); err != nil {
			return nil, err
		}
	}
	if *allow != "" {
		if s.allow, err = parseOrigins("-allow", *allow); err != nil {
			return nil, err
		}
	}
	if *proxies != "" {
		if s.proxies, err = parseProxies(*proxies); err != nil {
			return nil, err
		}
	}
	switch {
	case !(s.limits >= 0.01 && s.limits <= 1e6):
		return nil, badUsage("-limits %v is not a number from 0.01 to 1000000", s.limits)
	case s.backlog < 0 || s.backlog > 1<<20:
		return nil, badUsage("-backlog %d is not a number of MiB from 1 to 1048576", s.backlog)
	case s.slots < 0 || s.slots > 1<<24:
		return nil, badUsage("-slots %d is not a number of MiB from 1 to 16777216", s.slots)
	case s.conns < 0:
		return nil, badUsage("-conns %d is not a number of connections", s.conns)
	case !(*drain >= 0 && *drain <= 3600):
		return nil, badUsage("-drain %v is not a number of seconds from 0 to 3600", *drain)
	case (s.tlsCert == "") != (s.tlsKey == ""):
		return nil, badUsage("a certificate needs both: -tls-cert FILE and -tls-key FILE")
	}
	s.drain = time.Duration(*drain * float64(time.Second))
	if *turnTLS != "" && s.tlsCert == "" && !s.lan {
		return nil, badUsage("-turn-tls needs -tls-cert FILE and -tls-key FILE: what clients speak TLS with must have a certificate")
	}
	if s.lan {
		if err := s.checkLAN(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// parseAddr reads HOST:PORT, with a number for the port.
func parseAddr(flag, text string) (host string, port uint16, err error) {
	host, digits, err := net.SplitHostPort(text)
	if err != nil {
		return "", 0, badUsage("%s %q is not HOST:PORT", flag, text)
	}
	n, err := strconv.ParseUint(digits, 10, 16)
	if err != nil {
		return "", 0, badUsage("%s %q: the port is not a number from 0 to 65535", flag, text)
	}
	return host, uint16(n), nil
}
