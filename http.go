package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"
)

// site returns what is served at -addr.
func site(relay, ops, pages http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/v1/", relay)
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		mux.Handle(path, ops)
	}
	mux.Handle("/", pages)
	return mux
}

// newHTTPServer returns a server that no slow client holds up: whoever takes longer than this for a request is cut off.
func newHTTPServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second, // also for the handshake of TLS
		ReadTimeout:       30 * time.Second, // the relay gives itself more for a large slot; a WebSocket ends this and the next
		WriteTimeout:      5 * time.Minute,  // for the Wasm over a slow line
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          log.New(panicsOnly{os.Stderr}, "", 0),
	}
}

// serveHTTP serves until ctx ends, with TLS if the server has a configuration for it. It calls ready once requests are taken.
// When ctx ended without haste it calls drain before it takes no more of them, and lets those under way finish.
func serveHTTP(ctx context.Context, l net.Listener, srv *http.Server, ready, drain func()) error {
	failed := make(chan error, 1)
	go func() {
		if srv.TLSConfig != nil {
			failed <- srv.ServeTLS(l, "", "")
		} else {
			failed <- srv.Serve(l)
		}
	}()
	ready()
	select {
	case err := <-failed:
		return fmt.Errorf("failed to serve: %w", err)
	case <-ctx.Done():
	}
	grace := time.Second
	if errors.Is(context.Cause(ctx), errTerminated) {
		drain()
		grace = finishGrace
	}
	end, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if srv.Shutdown(end) != nil {
		srv.Close() // somebody reads slowly, or has connected and asks nothing
	}
	return nil
}

// finishGrace is how long requests under way may take to finish after a drain.
const finishGrace = 5 * time.Second

// strictTransport tells browsers to come back over https only (RFC 6797). Not to localhost: that holds for all ports of a
// name, and would take every other server of a developer's machine out of their reach.
func strictTransport(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if host, _, _ := strings.Cut(r.Host, ":"); !strings.EqualFold(host, "localhost") {
			w.Header().Set("Strict-Transport-Security", "max-age=31536000")
		}
		h.ServeHTTP(w, r)
	})
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
