package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestClientAddr(t *testing.T) {
	p, err := parseProxies("10.0.0.0/8, 2001:db8::1")
	if err != nil {
		t.Fatal(err)
	}
	if mapped, err := parseProxies("::ffff:10.0.0.0/104, ::ffff:10.1.2.3"); err != nil || mapped[0] != p[0] || mapped[1].String() != "10.1.2.3/32" {
		t.Errorf("IPv4 written as IPv6: %v, %v", mapped, err)
	}
	if near, err := parseProxies("fe80::1%eth0"); err != nil || !near.contain(netip.MustParseAddr("fe80::1%eth0")) {
		t.Errorf("a proxy on the same link: %v, %v", near, err)
	}
	for _, test := range []struct {
		remote  string
		headers []string
		want    string
	}{
		{"192.0.2.1:5", nil, "192.0.2.1"},
		{"192.0.2.1:5", []string{"198.51.100.1"}, "192.0.2.1"}, // no proxy: its word does not count
		{"10.0.0.1:5", []string{"198.51.100.1"}, "198.51.100.1"},
		{"[::ffff:10.0.0.1]:5", []string{"198.51.100.1"}, "198.51.100.1"},
		{"10.0.0.1:5", []string{"203.0.113.9, 198.51.100.1"}, "198.51.100.1"}, // the left one is the client's own word
		{"10.0.0.1:5", []string{"203.0.113.9", "198.51.100.1"}, "198.51.100.1"},
		{"10.0.0.1:5", []string{"198.51.100.1, 10.2.3.4,2001:db8::1"}, "198.51.100.1"},
		{"10.0.0.1:5", []string{"198.51.100.1:1234"}, "198.51.100.1"},
		{"10.0.0.1:5", []string{"[2001:db8::2]:1234"}, "2001:db8::2"},
		{"10.0.0.1:5", []string{"[2001:db8::2]"}, "2001:db8::2"},
		{"10.0.0.1:5", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		{"10.0.0.1:5", nil, "10.0.0.1"},
		{"10.0.0.1:5", []string{""}, "10.0.0.1"},
		{"10.0.0.1:5", []string{"198.51.100.1, unknown"}, "10.0.0.1"},
		{"10.0.0.1:5", []string{"unknown, 10.9.9.9"}, "10.9.9.9"},
		{"10.0.0.1:5", []string{"10.5.5.5"}, "10.5.5.5"}, // all are proxies: the farthest
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = test.remote
		for _, h := range test.headers {
			r.Header.Add("X-Forwarded-For", h)
		}
		if got := p.clientAddr(r).String(); got != test.want {
			t.Errorf("%s, %q: %s, want %s", test.remote, test.headers, got, test.want)
		}
	}
}

// Two clients behind a proxy have limits of their own if the proxy is named, and otherwise share.
func TestLimitsBehindAProxy(t *testing.T) {
	spend := func(s *running, client string) (refused int) {
		for range 40 {
			req, err := http.NewRequestWithContext(t.Context(), "POST", s.url+"/v1/pub", bytes.NewReader(nil))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("X-Forwarded-For", client)
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
			if res.StatusCode == http.StatusTooManyRequests {
				refused++
			}
		}
		return refused
	}
	for _, test := range []struct {
		args        []string
		first, then bool // whether anything is refused
	}{
		{[]string{"-limits", "0.01"}, true, true}, // 20 at once, then one a second
		{[]string{"-limits", "0.01", "-proxy", "127.0.0.1"}, true, true},
		{[]string{"-limits", "1", "-proxy", "127.0.0.0/8"}, false, false},
	} {
		s := launch(t, test.args...)
		if got := spend(s, "198.51.100.1") > 0; got != test.first {
			t.Errorf("%v: the first client is refused: %v", test.args, got)
		}
		if got := spend(s, "198.51.100.2") > 0; got != test.then {
			t.Errorf("%v: the second client is refused: %v", test.args, got)
		}
	}
	s := launch(t, "-limits", "0.01", "-proxy", "127.0.0.1")
	spend(s, "198.51.100.1")
	if status, _, _ := s.ask(http.DefaultClient, "/v1/ice", "X-Forwarded-For", "198.51.100.1"); status != 200 {
		t.Errorf("another limit of the first client: %d", status)
	}
	req, _ := http.NewRequestWithContext(t.Context(), "POST", s.url+"/v1/pub", nil)
	req.Header.Set("X-Forwarded-For", "198.51.100.2")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 400 {
		t.Errorf("a client whose neighbour is refused: %d", res.StatusCode)
	}
}
