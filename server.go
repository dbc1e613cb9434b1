package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"sync/atomic"
	"syscall"

	"ringfork/relay"
)

// run serves until ctx ends, then closes everything: see serveHTTP for how it may end.
func (s *server) run(ctx context.Context, stdout, stderr io.Writer, notice func(string)) (err error) {
	log, served := slog.New(slog.NewTextHandler(stderr, nil)), false
	defer func() {
		if served {
			log.Info("ended")
		}
	}()
	defer func() {
		for _, f := range s.cleanUp {
			err = errors.Join(err, f())
		}
	}()
	listener, err := listen(net.JoinHostPort(s.host, strconv.Itoa(int(s.port))), "-addr")
	if err != nil {
		return err
	}
	defer listener.Close()
	opsListener, err := s.listenOps()
	if err != nil {
		return err
	}
	if opsListener != nil {
		defer opsListener.Close()
	}
	cert, err := s.loadTLS(log)
	if err != nil {
		return err
	}
	port := strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
	origins := s.serverOrigins(cert, port)
	publishKey, err := s.readPublishKey()
	if err != nil {
		return err
	}
	natsConfig, err := s.nats.config()
	if err != nil {
		return err
	}

	if s.nats.urls != "" {
		// A cluster may take its time. Until the relay has it the port is closed: a balancer that is refused asks another relay
		// at once, and one whose request nobody answers waits.
		listener.Close()
	}
	registry := newRegistry()
	var relayServer atomic.Pointer[relay.Relay] // once it runs
	o := newOps(registry, func() (code string) {
		if r := relayServer.Load(); r != nil {
			return r.Ready()
		}
		return "engine-lost"
	})
	o.proxies, o.proxied = s.proxies, len(s.origins) > 0 && cert == nil && len(s.proxies) == 0
	if opsListener != nil {
		opsServer := newHTTPServer(o.handler())
		go opsServer.Serve(opsListener)
		defer opsServer.Close()
	}

	// The port is ours before the Wasm is compiled: who typed the wrong one learns it at once.
	pages, err := s.pages(ctx, notice)
	if err != nil {
		return ignoreEnd(ctx, err)
	}
	dataDir, err := s.slotsDir()
	if err != nil {
		return err
	}
	if s.turn.key, err = s.turnKey(dataDir, natsConfig.Key); err != nil {
		return err
	}
	ice, turnServer, err := s.startTURN(listener.Addr().(*net.TCPAddr).AddrPort().Addr().Unmap(), origins, cert)
	if err != nil {
		return err
	}
	if turnServer != nil {
		defer func() { err = errors.Join(err, turnServer.Close()) }()
	}
	registerTURN(registry, turnServer)
	r, err := relay.New(ctx, relay.Config{
		Origins: origins, DataDir: dataDir, NATS: natsConfig, ICE: ice, Allow: s.allow, PublishKey: publishKey,
		ClientAddr: s.proxies.clientAddr, ClientFactor: s.limits, MailboxBytes: int64(s.backlog) << 20,
		SlotBytes: int64(s.slots) << 20, MaxConns: s.conns, Metrics: registry, Log: log,
	})
	if errors.Is(err, relay.ErrDirInUse) {
		return fmt.Errorf("the folder %s is in use by another server: end that one, or choose another folder with -data DIR "+
			"(several servers share slots by -nats only)", dataDir)
	}
	if err != nil {
		return ignoreEnd(ctx, fmt.Errorf("failed to start the relay: %w", err))
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if ctx.Err() != nil {
		return nil // told to end before anybody could connect
	}
	relayServer.Store(r)
	if s.nats.urls != "" {
		if listener, err = listen(net.JoinHostPort(s.host, port), "-addr"); err != nil {
			return err
		}
		defer listener.Close()
	}
	srv := newHTTPServer(site(r.Handler(), o.public(opsListener == nil), pages))
	if cert != nil {
		srv.TLSConfig = cert.config()
		if !s.lan { // whose warning nobody could get past any more
			srv.Handler = strictTransport(srv.Handler)
		}
	}
	ready := func() {
		served = true
		log.Info("serving", "tls", cert != nil, "turn", s.turnPlace(turnServer), "tokens", publishKey != nil, "slots", s.slotsKept(dataDir), "limits", s.limits)
		if turnServer != nil && hidden(turnServer.Addr().Addr(), origins) {
			log.Warn("only this machine or its network reaches TURN: name the address by which all do with -turn IP:PORT")
		}
		fmt.Fprintf(stdout, "Ringfork: %s\n", origins[0])
		if s.lan {
			s.showLAN(stdout, notice, origins)
		}
	}
	drain := func() {
		within, cancel := context.WithTimeout(context.Background(), s.drain)
		defer cancel()
		r.Drain(within, s.drain)
	}
	perClient, most, few := tcpConns(s.limits, cmp.Or(s.conns, relay.DefaultMaxConns), openFiles())
	fair := newFairListener(listener, perClient, most, few, s.proxies)
	return serveHTTP(ctx, fair, srv, ready, drain)
}

// serverOrigins returns the origins by which pages reach this server, the one to show first.
func (s *server) serverOrigins(cert *certificate, port string) []string {
	switch {
	case len(s.origins) > 0:
		return s.origins
	case s.lan:
		return lanOrigins(s.lanAddrs(), port)
	case cert == nil:
		return originsOf("http", s.host, port)
	}
	if named := cert.origins(port); len(named) > 0 {
		return named
	}
	return originsOf("https", s.host, port)
}

func (s *server) slotsKept(dir string) string {
	switch {
	case s.nats.urls != "":
		return "cluster"
	case dir == "":
		return "memory"
	}
	return "disk"
}

// listen listens on an address that a flag says.
func listen(addr, flag string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, listenError(addr, flag, err)
	}
	return l, nil
}

// listenError says what to do about an address that cannot be had.
func listenError(addr, flag string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("address %s is taken by another program: end that one, or choose another address "+
			"with %s HOST:PORT (port 0 takes one that is free)", addr, flag)
	}
	return fmt.Errorf("failed to listen on %s: %w; choose another address with %s HOST:PORT", addr, err, flag)
}

// ignoreEnd returns nil in place of an error that ctx's end caused.
func ignoreEnd(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
