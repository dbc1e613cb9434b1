package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"syscall"

	"ringfork/relay"
	"ringfork/relay/turn"
)

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
	pages, err := s.pages(ctx, notice)
	if err != nil {
		return ignoreEnd(ctx, err)
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
