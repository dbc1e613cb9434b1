package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"regexp"
	"time"
)

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
