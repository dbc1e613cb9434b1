package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func TestHealthAndMetrics(t *testing.T) {
	s := launch(t)
	for _, path := range []string{"/healthz", "/readyz"} {
		if status, body, h := s.ask(http.DefaultClient, path); status != 200 || body != "{\"code\":\"ok\"}\n" || h.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %q %v", path, status, body, h)
		}
	}
	s.ask(http.DefaultClient, "/v1/none")
	status, body, _ := s.ask(http.DefaultClient, "/metrics")
	for _, want := range []string{
		"ringfork_connections 0\n", "ringfork_engine_connected 1\n", `ringfork_refusals_total{code="not-found"} 1` + "\n", "go_goroutines ",
		"process_resident_memory_bytes ",
	} {
		if status != 200 || !strings.Contains(body, want) {
			t.Errorf("/metrics: %d, lacks %q", status, want)
		}
	}
	// A page elsewhere that has its name resolve to this machine, and a proxy.
	for _, headers := range [][]string{{"Host", "evil.example"}, {"X-Forwarded-For", "192.0.2.1"}, {"Via", "1.1 proxy"}} {
		if status, body, _ := s.ask(http.DefaultClient, "/metrics", headers...); status != 403 || !strings.Contains(body, "not-local") {
			t.Errorf("/metrics with %v: %d %q", headers, status, body)
		}
	}
	// Behind a proxy that may not tell: nobody.
	s = launch(t, "-origin", "https://calls.example")
	s.url = "http://" + s.addr
	if status, _, _ := s.ask(http.DefaultClient, "/metrics"); status != 403 {
		t.Errorf("/metrics behind a proxy: %d", status)
	}
}

func TestOpsAddress(t *testing.T) {
	addr := freeAddr(t)
	s := launch(t, "-ops", addr)
	if status, _, _ := s.ask(http.DefaultClient, "/metrics"); status != 404 {
		t.Errorf("/metrics for everybody: %d", status)
	}
	if status, _, _ := s.ask(http.DefaultClient, "/readyz"); status != 200 {
		t.Errorf("/readyz for everybody: %d", status)
	}
	operator := &running{t: t, url: "http://" + addr}
	for _, path := range []string{"/metrics", "/healthz", "/readyz"} {
		if status, _, _ := operator.ask(http.DefaultClient, path, "Host", "ops.example"); status != 200 {
			t.Errorf("%s for the operator: %d", path, status)
		}
	}
	if status, _, _ := operator.ask(http.DefaultClient, "/v1/ice"); status != 404 {
		t.Errorf("the relay at the operator's address: %d", status)
	}
	if err := s.stop(nil); err != nil {
		t.Fatal(err)
	}
	if c, err := net.Dial("tcp", addr); err == nil {
		c.Close()
		t.Error("the operator's address is still open")
	}
}

func TestIsLocal(t *testing.T) {
	o := &ops{proxies: proxies{netip.MustParsePrefix("127.0.0.2/32")}}
	for _, test := range []struct {
		remote, host, header string
		want                 bool
	}{
		{"127.0.0.1:5", "127.0.0.1:8787", "", true},
		{"[::1]:5", "[::1]:8787", "", true},
		{"[::ffff:127.0.0.1]:5", "localhost", "", true},
		{"127.0.0.1:5", "calls.example", "", false},
		{"127.0.0.1:5", "localhost.evil.example", "", false},
		{"127.0.0.2:5", "127.0.0.1", "", false}, // a proxy
		{"192.0.2.1:5", "127.0.0.1", "", false},
		{"", "127.0.0.1", "", false},
		{"127.0.0.1:5", "127.0.0.1", "Forwarded", false},
		{"127.0.0.1:5", "127.0.0.1", "X-Real-IP", false},
		{"127.0.0.1:5", "127.0.0.1", "X-Forwarded-Proto", false},
	} {
		r := httptest.NewRequest("GET", "/metrics", nil)
		r.RemoteAddr, r.Host = test.remote, test.host
		if test.header != "" {
			r.Header.Set(test.header, "x")
		}
		if got := o.isLocal(r); got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
	o.proxied = true
	r := httptest.NewRequest("GET", "/metrics", nil)
	r.RemoteAddr, r.Host = "127.0.0.1:5", "127.0.0.1"
	if o.isLocal(r) {
		t.Error("a request is local though a proxy may be in front")
	}
}

func TestReadyTellsWhyNot(t *testing.T) {
	code := ""
	o := newOps(newRegistry(), func() string { return code })
	for _, test := range []struct {
		code   string
		status int
	}{{"", 200}, {"draining", 503}, {"engine-lost", 503}} {
		code = test.code
		for _, h := range []http.Handler{o.handler(), o.public(false)} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil))
			if w.Code != test.status || !strings.Contains(w.Body.String(), test.code) {
				t.Errorf("%q: %d %s", code, w.Code, w.Body)
			}
			w = httptest.NewRecorder()
			if h.ServeHTTP(w, httptest.NewRequest("GET", "/healthz", nil)); w.Code != 200 {
				t.Errorf("the process is said to be dead: %d", w.Code)
			}
		}
	}
}
