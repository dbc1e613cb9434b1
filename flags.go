package main

import (
	"flag"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// server is what the command line says about a server to run.
type server struct {
	host    string
	port    uint16
	origins []string       // empty: those of the address
	turn    netip.AddrPort // zero: the web server's IP address, any port
	dataDir string         // empty: the default; "none": memory
	module  string         // empty: compiled here; noModule: none; else the folder to serve it from
}

func parseServe(args []string) (*server, error) {
	f := flag.NewFlagSet("ringfork", flag.ContinueOnError)
	addr := f.String("addr", defaultAddr, "")
	origins := f.String("origin", "", "")
	turnAddr := f.String("turn", "", "")
	s := &server{}
	f.StringVar(&s.dataDir, "data", "", "")
	f.StringVar(&s.module, "module", "", "")
	if err := parseFlags(f, args); err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(*addr)
	if err != nil {
		return nil, badUsage("-addr %q is not HOST:PORT", *addr)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, badUsage("-addr %q: the port is not a number from 0 to 65535", *addr)
	}
	s.host, s.port = host, uint16(n)
	if *turnAddr != "" {
		if s.turn, err = parseTurn(*turnAddr); err != nil {
			return nil, err
		}
	}
	if *origins != "" {
		for text := range strings.SplitSeq(*origins, ",") {
			origin, err := parseOrigin(text)
			if err != nil {
				return nil, err
			}
			s.origins = append(s.origins, origin)
		}
	}
	return s, nil
}
