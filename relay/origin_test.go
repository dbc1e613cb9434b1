package relay

import (
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

func TestParseOrigin(t *testing.T) {
	for text, want := range map[string]string{
		"https://Calls.example": "https://calls.example", "https://calls.example:443": "https://calls.example",
		"http://calls.example:80/": "http://calls.example", " http://calls.example:443": "http://calls.example:443",
		"https://[2001:DB8::1]:443": "https://[2001:db8::1]", "http://[::1]:8787": "http://[::1]:8787",
		"calls.example": "", "wss://calls.example": "", "https://a@calls.example": "", "https://calls.example/x": "", "https://": "",
		"https://calls.example?": "https://calls.example", "https://calls.example?a": "", "https://calls.example#a": "",
		"https://calls.example:": "https://calls.example", "https://calls.example:0443": "https://calls.example", "http://a_b:9": "http://a_b:9",
		"https://[2001:db8:0:0::1]": "https://[2001:db8::1]", "https://xn--bcher-kva.example": "https://xn--bcher-kva.example",
		// No browser says of itself to be at one of these.
		"https://*.calls.example": "", "https://*": "", "https://bücher.example": "", "https://calls example": "", "https://calls..example": "",
		"https://.example": "", "https://calls,example": "", "https://10.0.0.256": "", "https://10.1": "", "https://[fe80::1%25eth0]": "",
		"https://calls.example:0": "", "https://calls.example:65536": "",
	} {
		if got, err := ParseOrigin(text); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v; want %q", text, got, err, want)
		}
	}
}

// Who writes a name that is none learns how it is written.
func TestParseOriginTellsWhy(t *testing.T) {
	for text, want := range map[string]string{
		"calls.example": "http(s)://HOST[:PORT]", "https://*.calls.example": "each origin", "https://bücher.example": "xn--",
	} {
		if _, err := ParseOrigin(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestAllow(t *testing.T) {
	const allowed, other = "https://app.example", "https://other.example"
	r := startRelay(t, func(c *Config) { c.Allow = []string{"https://App.example:443/"} })
	for _, test := range []struct {
		method, path, origin string
		status               int
	}{
		{"GET", "/v1/ice", allowed, 200},
		{"GET", "/v1/ice", r.origin, 200}, // its own
		{"GET", "/v1/ice", "", 200},       // no page
		{"GET", "/v1/ice", other, 403},
		{"GET", "/v1/ice", "null", 403},
		{"GET", "/v1/ice", "http://app.example", 403},
		{"GET", "/v1/ice", "https://app.example.other.example", 403},
		{"GET", "/v1/ice", "https://app.example:444", 403},
		{"OPTIONS", "/v1/ice", other, 204}, // so that the page may read the answer to what follows
	} {
		req, err := http.NewRequest(test.method, r.origin+test.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if test.origin != "" {
			req.Header.Set("Origin", test.origin)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != test.status || res.Header.Get("Access-Control-Allow-Origin") != test.origin || res.Header.Get("Vary") != "Origin" {
			t.Errorf("%s of %q: %d %v, want %d", test.method, test.origin, res.StatusCode, res.Header, test.status)
		}
	}
	for origin, want := range map[string]int{allowed: 101, other: 403, "": 101} {
		h := http.Header{}
		if origin != "" {
			h.Set("Origin", origin)
		}
		ws, res, err := websocket.Dial(t.Context(), r.origin+"/v1/sub", &websocket.DialOptions{HTTPHeader: h})
		if res == nil || res.StatusCode != want {
			t.Errorf("a WebSocket of %q: %v, %v; want %d", origin, res, err, want)
		}
		if ws != nil {
			ws.CloseNow()
		}
	}
	if _, err := New(t.Context(), Config{Origins: []string{"https://a.example"}, Allow: []string{"a.example"}}); err == nil {
		t.Error("an origin without a scheme was taken")
	}
}
