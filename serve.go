// Ringfork lets a web page place and take private calls: every open tab and device of the person called rings, and the
// first answer wins. This program serves all that a page needs for it; see usage.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"ringfork/phone/echo"
	"ringfork/relay"
	"ringfork/relay/turn"
	"ringfork/wasm/build"
	"ringfork/web"
)

const usage = `Ringfork: private calls between web pages.

  go run . [flags]            serve the demo page, the JavaScript module, a relay and a TURN server,
                              print one line with the URL, and go on until Ctrl-C
  go run . build [-o DIR]     write what a static host or an npm package needs into DIR (default: dist)
  go run . echo [flags]       answer every call and send back what is heard and seen, for trying calls out alone;
                              print one line with the link to add it by, and go on until Ctrl-C

Flags of the server:
  -addr HOST:PORT     address of the web server and the relay (default 127.0.0.1:8787; port 0: one that is free)
  -origin URL[,URL]   how pages and clients reach this server, if not by its address: for use behind
                      a proxy, as https://calls.example. Browsers allow calls over https or on localhost only
  -turn IP[:PORT]     how clients reach the TURN server, over UDP and TCP, if not at the web server's IP address
                      and a port that is free
  -data DIR           where the relay keeps slots, sealed values by which contacts find each other's
                      devices; "none" keeps them in memory (default: ringfork/relay-PORT in the user's
                      configuration folder, so that card links survive a restart; with port 0: none)

Flags of echo:
  -relay URL          the server whose pages may call it (default http://127.0.0.1:8787)
  -data DIR           where its account is kept (default: ringfork/echo in the user's configuration folder)
`

const defaultAddr = "127.0.0.1:8787"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
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
		case "help":
			return flag.ErrHelp
		}
		return badUsage("unknown command %q", args[0])
	}
	s, err := parseServe(args)
	if err != nil {
		return err
	}
	return s.run(ctx, stdout, notice)
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

// server is what the command line says about a server to run.
type server struct {
	host    string
	port    uint16
	origins []string       // empty: those of the address
	turn    netip.AddrPort // zero: the web server's IP address, any port
	dataDir string         // empty: the default; "none": memory
}

func parseServe(args []string) (*server, error) {
	f := flag.NewFlagSet("ringfork", flag.ContinueOnError)
	addr := f.String("addr", defaultAddr, "")
	origins := f.String("origin", "", "")
	turnAddr := f.String("turn", "", "")
	s := &server{}
	f.StringVar(&s.dataDir, "data", "", "")
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

// parseOrigin returns text in the form that browsers give an origin.
func parseOrigin(text string) (string, error) {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return "", badUsage("-origin %q is not http(s)://HOST[:PORT]", text)
	}
	return originOf(u.Scheme, u.Hostname(), u.Port()), nil
}

// originOf returns an origin; a port that goes without saying is not part of it.
func originOf(scheme, host, port string) string {
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port == "" || scheme == "http" && port == "80" || scheme == "https" && port == "443" {
		return strings.ToLower(scheme + "://" + host)
	}
	return strings.ToLower(scheme + "://" + host + ":" + port)
}

// originsOf returns the origins by which pages reach a server that listens on host and port, the one to show first.
func originsOf(host, port string) []string {
	names := []string{host}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		names = []string{"127.0.0.1", "localhost"}
	} else if host == "localhost" {
		names = []string{"localhost", "127.0.0.1"}
	} else if err == nil && ip.IsLoopback() {
		names = append(names, "localhost")
	}
	var origins []string
	for _, name := range names {
		origins = append(origins, originOf("http", name, port))
	}
	return origins
}

// run serves until ctx ends, then closes everything.
func (s *server) run(ctx context.Context, stdout io.Writer, notice func(string)) (err error) {
	addr := net.JoinHostPort(s.host, strconv.Itoa(int(s.port)))
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return listenError(addr, err)
	}
	defer listener.Close()
	port := strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
	origins := s.origins
	if len(origins) == 0 {
		origins = originsOf(s.host, port)
	}

	// The port is ours before the Wasm is compiled: who typed the wrong one learns it at once.
	out, err := build.Build(ctx, build.Options{Notice: notice})
	if err != nil {
		return ignoreEnd(ctx, err)
	}
	pages, err := web.Handler(out)
	if err != nil {
		return err
	}
	turnServer, err := turn.Start(turnConfig(s.turn, listener.Addr().(*net.TCPAddr).AddrPort().Addr().Unmap()))
	if err != nil {
		return fmt.Errorf("failed to start the TURN server: %w", err)
	}
	defer func() { err = errors.Join(err, turnServer.Close()) }()
	dataDir, err := s.slotsDir()
	if err != nil {
		return err
	}
	relayServer, err := relay.New(relay.Config{Origins: origins, DataDir: dataDir, ICE: turnServer.ICEServers})
	if err != nil {
		return fmt.Errorf("failed to start the relay: %w", err)
	}
	defer func() { err = errors.Join(err, relayServer.Close()) }()

	mux := http.NewServeMux()
	mux.Handle("/v1/", relayServer.Handler())
	mux.Handle("/", pages)
	return serveHTTP(ctx, listener, mux, func() { fmt.Fprintf(stdout, "Ringfork: %s\n", origins[0]) })
}

// serveHTTP serves h until ctx ends. It calls ready once requests are taken.
func serveHTTP(ctx context.Context, l net.Listener, h http.Handler, ready func()) error {
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second, // the relay gives itself more for a large slot; a WebSocket ends this and the next
		WriteTimeout:      5 * time.Minute,  // for the Wasm over a slow line
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          log.New(panicsOnly{os.Stderr}, "", 0),
	}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l) }()
	ready()
	select {
	case err := <-failed:
		return fmt.Errorf("failed to serve: %w", err)
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if srv.Shutdown(end) != nil {
		srv.Close() // somebody reads slowly, or has connected and asks nothing
	}
	return nil
}

// panicsOnly writes what net/http logs about a bug here, without the address of who met it, and nothing else: most of its
// messages are about clients, and clients are nobody's business.
type panicsOnly struct{ w io.Writer }

func (p panicsOnly) Write(line []byte) (int, error) {
	if rest, ok := bytes.CutPrefix(line, []byte("http: panic serving ")); ok {
		_, rest, _ = bytes.Cut(rest, []byte(": "))
		fmt.Fprintf(p.w, "ringfork: internal error: %s", arguments.ReplaceAll(rest, []byte("(...)\n")))
	}
	return len(line), nil
}

// arguments are those of a function in a trace: an address of a mailbox may be among them.
var arguments = regexp.MustCompile(`\([0-9a-fx, {}.?_]*\)\n`)

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

// slotsDir returns the folder for slots, empty for memory.
func (s *server) slotsDir() (string, error) {
	dir := s.dataDir
	if dir == "none" || dir == "" && s.port == 0 {
		return "", nil
	}
	if dir == "" {
		user, err := os.UserConfigDir()
		if err != nil {
			return "", fmt.Errorf("failed to find a folder for slots: %w; say where with -data DIR, or -data none", err)
		}
		// One folder per port: only one relay may use a folder, and only one has the port.
		dir = filepath.Join(user, "ringfork", fmt.Sprintf("relay-%d", s.port))
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("failed to make the folder for slots: %w; choose another with -data DIR", err)
	}
	return dir, nil
}

// listenError says what to do about an address that cannot be had.
func listenError(addr string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("address %s is taken by another program: end that one, or choose another address "+
			"with -addr HOST:PORT (port 0 takes one that is free)", addr)
	}
	return fmt.Errorf("failed to listen on %s: %w; choose another address with -addr HOST:PORT", addr, err)
}

// ignoreEnd returns nil in place of an error that ctx's end caused.
func ignoreEnd(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// runBuild writes the JavaScript module, its types and its Wasm into a folder.
func runBuild(ctx context.Context, args []string, stdout io.Writer, notice func(string)) error {
	f := flag.NewFlagSet("ringfork build", flag.ContinueOnError)
	dir := f.String("o", "dist", "")
	if err := parseFlags(f, args); err != nil {
		return err
	}
	if *dir == "" {
		return badUsage("-o needs the name of a folder")
	}
	out, err := build.Build(ctx, build.Options{Quality: build.Small, Notice: notice})
	if err != nil {
		return ignoreEnd(ctx, err)
	}
	files, err := web.Package(out)
	if err != nil {
		return err
	}
	for name, content := range files {
		path := filepath.Join(*dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("failed to make a folder: %w", err)
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return fmt.Errorf("failed to write the module: %w", err)
		}
	}
	fmt.Fprintf(stdout, "%s: %d files; the Wasm has %d kB, %d kB in brotli, %d kB in gzip\n", *dir, len(files),
		len(out.Wasm)/1000, len(out.Brotli)/1000, len(out.Gzip)/1000)
	return nil
}

// runEcho answers calls and sends back what it hears and sees, until ctx ends.
func runEcho(ctx context.Context, args []string, stdout io.Writer) error {
	f := flag.NewFlagSet("ringfork echo", flag.ContinueOnError)
	relay := f.String("relay", "http://"+defaultAddr, "")
	dir := f.String("data", "", "")
	if err := parseFlags(f, args); err != nil {
		return err
	}
	origin, err := parseOrigin(*relay)
	if err != nil {
		return badUsage("-relay %q is not http(s)://HOST[:PORT]", *relay)
	}
	if *dir == "" {
		user, err := os.UserConfigDir()
		if err != nil {
			return fmt.Errorf("failed to find a folder for the account: %w; say where with -data DIR", err)
		}
		*dir = filepath.Join(user, "ringfork", "echo")
	}
	err = echo.Run(ctx, echo.Options{Relay: origin, Dir: *dir, Name: "Echo"}, func(link string) {
		fmt.Fprintf(stdout, "Echo: %s\n", link)
	})
	if errors.Is(err, echo.ErrRelay) {
		return fmt.Errorf("%w; start it first, with go run . in another terminal, or say where it is with -relay URL", err)
	}
	return err
}
