// Ringfork lets a web page place and take private calls: every open tab and device of the person called rings, and the
// first answer wins. This program serves all that a page needs for it; see usage.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

const usage = `Ringfork: private calls between web pages.

  go run . [flags]            serve the demo page, the JavaScript module, a relay and a TURN server,
                              print one line with the URL, and go on until Ctrl-C
  go run . build [-o DIR]     write what a static host or an npm package needs into DIR (default: dist)
  go run . echo [flags]       answer every call and send back what is heard and seen, for trying calls out alone;
                              print one line with the link to add it by, and go on until Ctrl-C
  go run . token -publish-key FILE
                              print a publish token, which is good for ten to fifteen minutes

Flags of the server:
  -addr HOST:PORT     address of the web server and the relay (default 127.0.0.1:8787; port 0: one that is free)
  -origin URL[,URL]   how pages and clients reach this server, if not by its address: for use behind
                      a proxy, as https://calls.example. Browsers allow calls over https or on localhost only
                      (default with -tls-cert: the names in the certificate)
  -allow URL[,URL]    origins whose pages may use this relay (default: any); its own always may
  -proxy CIDR[,CIDR]  reverse proxies in front: what they say of a client's address (X-Forwarded-For) is believed.
                      Without it all that comes through a proxy counts as one client
  -turn IP[:PORT]     how clients reach the TURN server, over UDP and TCP, if not at the web server's IP address
                      and a port that is free
  -turn-tls PORT      its port for TLS, with -tls-cert only (default 5349; 0: one that is free)
  -turn-ports LOW-HIGH
                      the UDP ports of relayed addresses, for a firewall (default: any that are free)
  -turn-mbits N       Mbit/s that all who use it together may relay; the rest is dropped (default 0: no bound)
  -turn URL[,URL]     use a TURN server elsewhere, such as coturn: turn:HOST:PORT?transport=udp,
                      turn:HOST:PORT?transport=tcp, turns:HOST:PORT, stun:HOST:PORT
  -turn-secret FILE   the secret shared with that server, one line (coturn's static-auth-secret)
  -data DIR           where the relay keeps slots, sealed values by which contacts find each other's
                      devices; "none" keeps them in memory (default: ringfork/relay-PORT in the user's
                      configuration folder, so that card links survive a restart; with port 0: none)
  -nats URL[,URL]     use this NATS cluster with JetStream instead of the embedded engine: then any number of servers with
                      the same cluster and key are one relay. user:password@ may stand before the host
  -nats-creds FILE    NATS credentials file, or one line USER:PASSWORD
  -nats-ca FILE       who vouches for the servers' certificates (PEM), where these have TLS (default: the system's)
  -nats-replicas N    copies that the cluster keeps of frames and slots (default 3, which outlives the loss of one server)
  -nats-key FILE      32 random bytes in hex that all relays of the cluster share, and NATS does not get; with -nats only
  -module DIR         serve the JavaScript module from a folder that "build" wrote instead of compiling it: for machines
                      without Go or the source; "none" serves no pages, only the relay
  -publish-key FILE   only who has a token made with this key may post, write slots, and have TURN credentials.
                      The file holds 32 random bytes in hex: openssl rand -hex 32
  -limits N           multiplies what one client address may do (default 1)
  -backlog MIB        memory for frames, which are kept for two minutes (default 256, enough for 450 posts a second;
                      when it is full, posts are refused)
  -slots MIB          room for slots (default 1024 on disk, 256 in memory; an account takes 8 kB or more)
  -conns N            reading connections at most (default 16384)
  -tls-cert FILE, -tls-key FILE
                      serve https; the files are read again when they change
  -lan                for trying on a phone in the same network: serve https on all interfaces with a certificate that
                      is made on first use, and print a QR code of the URL too
  -ops HOST:PORT      where /metrics, /healthz and /readyz are served for the operator. Without it /metrics answers only
                      requests from this machine that came through no proxy; the other two are always at -addr too
  -drain SECONDS      how long SIGTERM waits for clients to move to another relay (default 5); Ctrl-C ends at once

Flags of echo:
  -relay URL          the server whose pages may call it (default http://127.0.0.1:8787)
  -data DIR           where its account is kept (default: ringfork/echo in the user's configuration folder)
`

const (
	defaultAddr = "127.0.0.1:8787"
	lanAddr     = ":8787" // with -lan
)

func main() {
	err := run(untilSignal(), os.Args[1:], os.Stdout, os.Stderr)
	var bad *usageError
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Print(usage)
	case errors.As(err, &bad):
		fmt.Fprintf(os.Stderr, "ringfork: %v\n\n%s", err, usage)
		os.Exit(2)
	case err != nil:
		fmt.Fprintf(os.Stderr, "ringfork: %v\n", err)
		os.Exit(1)
	}
}

// usageError is a command line that cannot be understood.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func badUsage(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// run does what args ask for, until it is done or ctx ends, which is no error. Results go to stdout, notices to stderr.
// The error is flag.ErrHelp if args ask for help, and a *usageError if they are wrong.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	notice := func(text string) { fmt.Fprintf(stderr, "ringfork: %s\n", text) }
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		switch args[0] {
		case "build":
			return runBuild(ctx, args[1:], stdout, notice)
		case "echo":
			return runEcho(ctx, args[1:], stdout)
		case "token":
			return runToken(args[1:], stdout)
		case "help":
			return flag.ErrHelp
		}
		return badUsage("unknown command %q", args[0])
	}
	s, err := parseServe(args)
	if err != nil {
		return err
	}
	tuneMemory(ctx)
	return s.run(ctx, stdout, stderr, notice)
}

// parseFlags parses args, which hold flags only.
func parseFlags(f *flag.FlagSet, args []string) error {
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
		return err
	} else if err != nil {
		return &usageError{err.Error()}
	}
	if f.NArg() > 0 {
		return badUsage("unexpected argument %q", f.Arg(0))
	}
	return nil
}
