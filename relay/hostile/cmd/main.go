// This program serves a hostile relay for tests that cannot call Go: it passes on everything but mailboxes and slots to a
// server of Ringfork's, so that pages can come from it, and is told what to do by POST /control. See package hostile.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/signal"
	"syscall"

	"ringfork/relay/hostile"
)

const usage = `A relay for tests that does what no honest relay does.

  go run ./relay/hostile/cmd [flags]    print one line with the URL, and go on until Ctrl-C

Flags:
  -addr HOST:PORT  address to serve at, of this machine (default 127.0.0.1:0: a port that is free)
  -front URL       a server of Ringfork's, for pages, the module and the list of ICE servers (default: none)

POST /control and GET /control/record: see the documentation of package hostile.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); errors.Is(err, flag.ErrHelp) {
		fmt.Print(usage)
	} else if err != nil {
		fmt.Fprintf(os.Stderr, "hostile: %v\n", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, which is no error.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	f := flag.NewFlagSet("hostile", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	addr := f.String("addr", "127.0.0.1:0", "")
	frontURL := f.String("front", "", "")
	if err := f.Parse(args); err != nil {
		return err
	}
	var front http.Handler
	if *frontURL != "" {
		to, err := url.Parse(*frontURL)
		if err != nil || to.Scheme != "http" && to.Scheme != "https" || to.Host == "" {
			return fmt.Errorf("-front %q is not a URL", *frontURL)
		}
		quiet := log.New(io.Discard, "", 0)
		front = &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(to) }, ErrorLog: quiet}
	}
	l, err := net.Listen("tcp", *addr)
	if err != nil {
		return fmt.Errorf("failed to listen: %w", err)
	}
	relay := hostile.New(front)
	server := &http.Server{Handler: relay, ErrorLog: log.New(io.Discard, "", 0)}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	fmt.Fprintf(stdout, "Hostile: http://%s\n", l.Addr())
	select {
	case err = <-failed:
		err = fmt.Errorf("failed to serve: %w", err)
	case <-ctx.Done():
	}
	relay.Close()
	server.Close()
	return err
}
