package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ringfork/relay"
)

// slow are ways to hold a connection without saying much.
var slow = map[string]string{
	"half-open":     "",
	"half a line":   "GET /v1/ice HT",
	"half a header": "GET /v1/ice HTTP/1.1\r\nHost: a\r\nX-Slow: ",
	"half a post":   "POST /v1/pub HTTP/1.1\r\nHost: a\r\nContent-Length: 4116\r\n\r\nabc",
	"half a slot":   "PUT /v1/slot/" + "abababababababababababababababababababab" + "?replaces=0 HTTP/1.1\r\nHost: a\r\nContent-Length: 4096\r\n\r\nabc",
	"idle":          "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", // and then nothing
}

// Slowloris: 200 connections that say little, some of it a byte now and then, are ended, and meanwhile hold nobody up.
func TestSlowClients(t *testing.T) {
	relayServer, err := relay.New(t.Context(), relay.Config{Origins: []string{"https://calls.example"}})
	if err != nil {
		t.Fatal(err)
	}
	defer relayServer.Close()
	mux := http.NewServeMux()
	mux.Handle("/v1/", relayServer.Handler())
	mux.HandleFunc("/healthz", func(http.ResponseWriter, *http.Request) {})
	srv := newHTTPServer(mux)
	if srv.ReadHeaderTimeout <= 0 || srv.ReadTimeout <= 0 || srv.WriteTimeout <= 0 || srv.IdleTimeout <= 0 {
		t.Fatalf("something may take for ever: %+v", srv)
	}
	// The relay's own times for bodies come on top: of those a test of package relay tells.
	srv.ReadHeaderTimeout, srv.IdleTimeout = 2*time.Second, 2*time.Second
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- serveHTTP(ctx, newFairListener(l, 1000, 1000, 8, nil), srv, func() {}, func() {}) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()

	client := &http.Client{Transport: &http.Transport{}, Timeout: time.Minute}
	defer client.CloseIdleConnections()
	quick := func(what string) {
		t.Helper()
		for {
			began := time.Now()
			res, err := client.Get("http://" + l.Addr().String() + "/v1/ice")
			if err != nil && time.Since(began) > srv.ReadHeaderTimeout && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)) {
				continue // the machine stood still while it connected, so that it was slow itself
			}
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			res.Body.Close()
			if res.StatusCode != 200 {
				t.Errorf("%s: %d", what, res.StatusCode)
			}
			return
		}
	}
	quick("a request that is alone") // its connection is there before the slow ones
	var wg sync.WaitGroup
	closed := make(chan string, 200)
	for what, text := range slow {
		if strings.HasPrefix(what, "half a post") || strings.HasPrefix(what, "half a slot") {
			continue
		}
		for i := range 50 {
			c, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			fmt.Fprint(c, text)
			wg.Go(func() {
				c.SetReadDeadline(time.Now().Add(time.Minute))
				if strings.Contains(text, "X-Slow") && i%2 == 0 { // the classic: a byte now and then
					go func() {
						pace := time.NewTicker(20 * time.Millisecond)
						defer pace.Stop()
						for range 300 {
							if _, err := io.WriteString(c, "a"); err != nil {
								return
							}
							<-pace.C
						}
					}()
				}
				if _, err := io.Copy(io.Discard, c); err == nil || !isTimeout(err) {
					closed <- what
				}
			})
		}
	}
	for i := range 20 {
		quick(fmt.Sprintf("quick request %d", i))
	}
	wg.Wait()
	if n := len(closed); n != 200 {
		t.Errorf("%d of 200 slow connections were ended", n)
	}
}

func isTimeout(err error) bool {
	timeout, ok := err.(net.Error)
	return ok && timeout.Timeout()
}

// A client that takes its answers slowly, or not at all, ends with the server, which waits for it a second and no more.
func TestEndDoesNotWaitForSlowClients(t *testing.T) {
	s := launch(t)
	var conns []net.Conn
	for _, text := range slow {
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprint(c, text)
		conns = append(conns, c)
	}
	if err := s.stop(nil); err != nil {
		t.Error(err)
	}
	for _, c := range conns {
		c.SetReadDeadline(time.Now().Add(20 * time.Second))
		if _, err := io.Copy(io.Discard, c); isTimeout(err) {
			t.Error("a connection is still open")
		}
	}
}

// Where the system lets a program have few files, nobody takes them all.
func TestTCPConns(t *testing.T) {
	for _, c := range []struct {
		limits                               float64
		reading, files, perClient, most, few int
	}{
		{1, 16384, 65536, 2048, 49152, 8},
		{1, 16384, 1 << 30, 2048, 49152, 8},
		{1, 500, 65536, 375, 1500, 8},
		{2, 100, 1 << 30, 150, 300, 16},
		{100, 500, 65536, 1500, 1500, 800},
		{1, 16384, 1024, 192, 768, 8},
		{0.1, 16384, 1024, 192, 768, 1},
	} {
		if perClient, most, few := tcpConns(c.limits, c.reading, c.files); perClient != c.perClient || most != c.most || few != c.few {
			t.Errorf("%+v: %d of %d, %d of the last", c, perClient, most, few)
		}
		conns, allocations := turnFiles(c.files)
		if want := min(12288, c.files/16*3); conns+allocations != want {
			t.Errorf("%+v: %d and %d for TURN, want %d together", c, conns, allocations, want)
		}
	}
}

// Whoever takes all that they can get, from one address or all of a /48, leaves connections for others.
func TestFewConnectionsAreShared(t *testing.T) {
	greedy := map[string]func(i int) string{
		"address": func(int) string { return "192.0.2.1" },
		"network": func(i int) string { return fmt.Sprintf("2001:db8:1:%x::1", i%200) },
	}
	for name, from := range greedy {
		for _, files := range []int{1024, 65536} {
			perClient, most, few := tcpConns(1, 500, files)
			l := newFairListener(nil, perClient, most, few, nil)
			take := func(ip string) bool {
				_, ok := l.take(&net.TCPAddr{IP: net.ParseIP(ip), Port: 1})
				return ok
			}
			taken := 0
			for i := range 2 * most {
				if take(from(i)) {
					taken++
				}
			}
			if taken < perClient || taken > most-most/8 {
				t.Errorf("one %s has %d of %d connections", name, taken, most)
			}
			for i := range fewConns {
				if !take("198.51.100.1") {
					t.Errorf("beside one %s, connection %d of another client is refused", name, i+1)
				}
			}
		}
	}
}

// One client has so many connections and no more; others have theirs, and proxies as many as they like, up to what all
// together may have.
func TestFairListener(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := newHTTPServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "here") }))
	go srv.Serve(newFairListener(l, 2, 8, 2, proxies{netip.MustParsePrefix("127.0.0.3/32")}))
	defer srv.Close()
	// serves reports whether a new connection from an address gets an answer. It stays open.
	serves := func(from string) (net.Conn, bool) {
		t.Helper()
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		c, err := d.Dial("tcp", l.Addr().String())
		if err != nil {
			return nil, false // it may be ended as early as that
		}
		t.Cleanup(func() { c.Close() })
		fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		c.SetReadDeadline(time.Now().Add(20 * time.Second))
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if isTimeout(err) {
			t.Fatal("neither an answer nor an end")
		}
		if err == nil {
			res.Body.Close()
		}
		return c, err == nil
	}
	first, ok := serves("127.0.0.1")
	if _, second := serves("127.0.0.1"); !ok || !second {
		t.Fatal("what is allowed is not served")
	}
	if _, ok := serves("127.0.0.1"); ok {
		t.Error("a third connection is served")
	}
	if _, ok := serves("127.0.0.2"); !ok {
		t.Error("another client is not served")
	}
	for i := range 5 {
		if _, ok := serves("127.0.0.3"); !ok {
			t.Errorf("connection %d of a proxy is not served", i)
		}
	}
	first.Close()
	waitFor(t, "there is room again", func() bool { _, ok := serves("127.0.0.1"); return ok })
	for _, from := range []string{"127.0.0.3", "127.0.0.4"} {
		if _, ok := serves(from); ok {
			t.Errorf("one connection more than all may have is served to %s", from)
		}
	}
}
