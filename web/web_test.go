package web

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"testing"

	"ringfork/wasm/build"
)

var fake = &build.Output{
	Wasm:   []byte("\x00asm plain"),
	Brotli: []byte("in brotli"),
	Gzip:   []byte("in gzip"),
	Exec:   []byte("globalThis.Go = class {}"),
}

func newHandler(t *testing.T) http.Handler {
	t.Helper()
	h, err := Handler(fake)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// ask sends a request with headers given as name, value, name, value ...
func ask(t *testing.T, h http.Handler, method, url string, headers ...string) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequest(method, url, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Result(), string(body)
}

func TestPaths(t *testing.T) {
	h := newHandler(t)
	for url, want := range map[string]struct {
		status   int
		mime     string
		contains string
	}{
		"/":                       {200, "text/html; charset=utf-8", "<title>Ringfork"},
		"/?x=1":                   {200, "text/html; charset=utf-8", "<title>Ringfork"},
		"/demo/":                  {200, "text/html; charset=utf-8", "<title>Ringfork"},
		"/demo/index.html":        {200, "text/html; charset=utf-8", "<title>Ringfork"},
		"/demo/demo.js":           {200, "text/javascript; charset=utf-8", "import"},
		"/demo/demo.css":          {200, "text/css; charset=utf-8", "{"},
		"/demo/icon.svg":          {200, "image/svg+xml", "<svg"},
		"/ringfork.js":            {200, "text/javascript; charset=utf-8", "openPhone"},
		"/ringfork/errors.js":     {200, "text/javascript; charset=utf-8", "RingforkError"},
		"/ringfork.wasm":          {200, "application/wasm", "\x00asm plain"},
		"/wasm_exec.js":           {200, "text/javascript; charset=utf-8", "globalThis.Go"},
		"/demo":                   {404, "text/plain; charset=utf-8", "not found"},
		"/ringfork":               {404, "text/plain; charset=utf-8", "not found"},
		"/ringfork/":              {404, "text/plain; charset=utf-8", "not found"},
		"/ringfork.wasm.br":       {404, "text/plain; charset=utf-8", "not found"},
		"/web.go":                 {404, "text/plain; charset=utf-8", "not found"},
		"/types/ringfork.d.ts":    {404, "text/plain; charset=utf-8", "not found"},
		"/demo/../web.go":         {404, "text/plain; charset=utf-8", "not found"},
		"/demo/%2e%2e/web.go":     {404, "text/plain; charset=utf-8", "not found"},
		"/ringfork/errors.js%00x": {404, "text/plain; charset=utf-8", "not found"},
	} {
		r, body := ask(t, h, "GET", url)
		if r.StatusCode != want.status || r.Header.Get("Content-Type") != want.mime || !strings.Contains(body, want.contains) {
			t.Errorf("GET %s: %d %s %.40q, want %d %s with %q", url, r.StatusCode, r.Header.Get("Content-Type"), body,
				want.status, want.mime, want.contains)
		}
		if r.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("GET %s: may be sniffed", url)
		}
		head, nothing := ask(t, h, "HEAD", url)
		if head.StatusCode != want.status || head.Header.Get("ETag") != r.Header.Get("ETag") ||
			head.Header.Get("Content-Length") != r.Header.Get("Content-Length") || want.status == 200 && nothing != "" {
			t.Errorf("HEAD %s: %d %v %q, want the headers of GET and no body", url, head.StatusCode, head.Header, nothing)
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		if r, _ := ask(t, h, method, "/ringfork.js"); r.StatusCode != 405 || r.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d, Allow %q", method, r.StatusCode, r.Header.Get("Allow"))
		}
	}
}

// Every file that is embedded has a known type, and every file a page loads is served.
func TestEveryFileIsServed(t *testing.T) {
	h := newHandler(t)
	all, err := read("ringfork.js", "ringfork", "demo")
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range all {
		r, body := ask(t, h, "GET", "/"+name)
		if r.StatusCode != 200 || body != string(content) {
			t.Errorf("%s: %d, or not its content", name, r.StatusCode)
		}
		if mimeTypes[path.Ext(name)] == "" {
			t.Errorf("%s: no MIME type for %q", name, path.Ext(name))
		}
	}
}

func TestHeaders(t *testing.T) {
	h := newHandler(t)
	page, _ := ask(t, h, "GET", "/")
	csp := page.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "'wasm-unsafe-eval'", "frame-ancestors 'none'"} {
		if !strings.Contains(csp, want) {
			t.Errorf("the page's policy lacks %s: %s", want, csp)
		}
	}
	if strings.Contains(csp, "unsafe-inline") || strings.Contains(csp, "'unsafe-eval'") {
		t.Errorf("the page's policy lets scripts in: %s", csp)
	}
	for name, want := range map[string]string{
		"Referrer-Policy":             "no-referrer",
		"Cross-Origin-Opener-Policy":  "same-origin",
		"Cache-Control":               "no-cache",
		"Access-Control-Allow-Origin": "",
	} {
		if got := page.Header.Get(name); got != want {
			t.Errorf("the page's %s is %q, want %q", name, got, want)
		}
	}
	for _, url := range []string{"/ringfork.js", "/ringfork/errors.js", "/ringfork.wasm", "/wasm_exec.js"} {
		r, _ := ask(t, h, "GET", url, "Origin", "https://elsewhere.example")
		if r.Header.Get("Access-Control-Allow-Origin") != "*" || r.Header.Get("Cross-Origin-Resource-Policy") != "cross-origin" {
			t.Errorf("%s cannot be loaded by pages of other origins: %v", url, r.Header)
		}
	}
}

func TestWasmEncodings(t *testing.T) {
	h := newHandler(t)
	etags := map[string]string{}
	for _, test := range []struct{ accept, coding, body string }{
		{"gzip, deflate, br, zstd", "br", "in brotli"},
		{"gzip", "gzip", "in gzip"},
		{"", "", "\x00asm plain"},
	} {
		r, body := ask(t, h, "GET", "/ringfork.wasm", "Accept-Encoding", test.accept)
		if r.Header.Get("Content-Encoding") != test.coding || body != test.body {
			t.Errorf("%q: %q %q, want %q %q", test.accept, r.Header.Get("Content-Encoding"), body, test.coding, test.body)
		}
		if r.Header.Get("Content-Type") != "application/wasm" || r.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%q: %v", test.accept, r.Header)
		}
		etag := r.Header.Get("ETag")
		if other, ok := etags[etag]; ok || etag == "" {
			t.Errorf("%q has the ETag %q of %q", test.accept, etag, other)
		}
		etags[etag] = test.accept

		again, body := ask(t, h, "GET", "/ringfork.wasm", "Accept-Encoding", test.accept, "If-None-Match", `"x", W/`+etag)
		if again.StatusCode != 304 || body != "" || again.Header.Get("ETag") != etag || again.Header.Get("Vary") == "" {
			t.Errorf("%q asked again: %d %v", test.accept, again.StatusCode, again.Header)
		}
	}
	if r, _ := ask(t, h, "GET", "/ringfork.wasm", "If-None-Match", `"x"`); r.StatusCode != 200 {
		t.Errorf("another ETag: %d", r.StatusCode)
	}
}

func TestNegotiate(t *testing.T) {
	all := map[string][]byte{"br": nil, "gzip": nil, identity: nil}
	for accept, want := range map[string]string{
		"":                                  identity,
		"identity":                          identity,
		"br":                                "br",
		"BR":                                "br",
		"gzip":                              "gzip",
		"gzip, br":                          "br",
		"gzip;q=1.0, br;q=0.5":              "gzip",
		"br;q=0, gzip":                      "gzip",
		"br;q=0.000, gzip;q=0":              identity,
		"deflate, zstd":                     identity,
		"*":                                 "br",
		"*;q=0":                             identity,
		"*, br;q=0":                         "gzip",
		"gzip;q=0.5, *;q=0.1":               "gzip",
		"identity, gzip;q=0.5":              identity,
		"identity;q=0.5, gzip;q=0.5":        "gzip",
		"identity;q=0":                      identity, // better than an error
		"br; q = 1":                         "br",
		"br;Q=1":                            "br",
		"br;q=high":                         identity,
		"br;q=NaN":                          identity,
		"br;q=-1":                           identity,
		"br;q=2":                            identity,
		"br;level=3":                        identity,
		",, ;, br ,":                        "br",
		"gzip;q=0.001":                      "gzip",
		strings.Repeat("x,", 5000) + "gzip": "gzip",
	} {
		if got := negotiate([]string{accept}, all); got != want {
			t.Errorf("%.60q: %s, want %s", accept, got, want)
		}
	}
	if got := negotiate([]string{"gzip;q=0.5", "br;q=0.4"}, all); got != "gzip" {
		t.Errorf("two headers: %s, want gzip", got)
	}
	if got := negotiate([]string{"br"}, map[string][]byte{"gzip": nil, identity: nil}); got != identity {
		t.Errorf("br where there is none: %s, want identity", got)
	}
}

func TestPackage(t *testing.T) {
	files, err := Package(fake)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"ringfork.js":              "openPhone",
		"ringfork/errors.js":       "RingforkError",
		"types/ringfork.d.ts":      "openPhone",
		"types/ringfork/call.d.ts": "class Call",
		"ringfork.wasm":            string(fake.Wasm),
		"ringfork.wasm.br":         string(fake.Brotli),
		"ringfork.wasm.gz":         string(fake.Gzip),
		"wasm_exec.js":             string(fake.Exec),
	} {
		if !strings.Contains(string(files[name]), want) {
			t.Errorf("%s lacks %q: %.40q", name, want, files[name])
		}
	}
	for name := range files {
		if strings.HasPrefix(name, "demo") || strings.HasSuffix(name, ".go") {
			t.Errorf("%s does not belong into the package", name)
		}
		if part, ok := strings.CutSuffix(name, ".js"); ok && strings.HasPrefix(name, "ringfork") && files["types/"+part+".d.ts"] == nil {
			t.Errorf("%s has no types", name)
		}
	}

	var m struct {
		Name, Type, Version, License, Types string
		Exports                             map[string]any
		SideEffects                         []string
	}
	if err := json.Unmarshal(files["package.json"], &m); err != nil {
		t.Fatal(err)
	}
	if m.Name != "ringfork" || m.Type != "module" || m.License != "MIT" || m.Version == "" {
		t.Errorf("package.json: %+v", m)
	}
	var named []string
	for _, target := range m.Exports {
		switch target := target.(type) {
		case string:
			named = append(named, target)
		case map[string]any:
			named = append(named, target["types"].(string), target["default"].(string))
		}
	}
	named = append(named, m.Types)
	named = append(named, m.SideEffects...)
	for _, target := range named {
		if name := strings.TrimPrefix(target, "./"); files[name] == nil {
			t.Errorf("package.json names %s, which is not there", target)
		}
	}
	if !slices.Contains(named, "./ringfork.js") || !slices.Contains(named, "./types/ringfork.d.ts") {
		t.Errorf("package.json does not export the module and its types: %v", named)
	}
}
