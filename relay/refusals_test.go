package relay

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"golang.org/x/time/rate"

	"ringfork/relay/limit"
)

// none is a limiter that lets nothing through for so long, from whenever it is asked: it was emptied in the future.
func none(wait time.Duration) *limit.Clients {
	l := limit.NewClients(limit.Rate{PerSecond: rate.Every(wait), Burst: 1})
	l.Allow(netip.MustParsePrefix("127.0.0.1/32"), time.Now().Add(time.Hour))
	return l
}

// Every refusal of a request: its status, its code, and when it says so how long to wait in seconds, for which "*" is any.
func TestEveryRefusal(t *testing.T) {
	m := newMailbox()
	post := append(m.address[:], frame(1)...)
	slot := "/v1/slot/" + hex.EncodeToString(m.address[:])
	stranger := newMailbox()
	key := bytes.Repeat([]byte{7}, PublishKeySize)
	token := func(key []byte, ahead time.Duration) []byte {
		b, err := base64.RawURLEncoding.DecodeString(NewToken(key, time.Now().Add(ahead)))
		if err != nil {
			t.Fatal(err)
		}
		return append(bytes.Clone(post), b...)
	}
	tokens := func(c *Config) { c.PublishKey = key }
	fill := func(t *testing.T, r *testRelay) {
		if status, code := r.putSlot(t, m.address, m.slotValue(1, "x"), 0); status != 204 {
			t.Fatalf("put: %d %s", status, code)
		}
	}
	upgrade := []string{"Connection", "Upgrade", "Upgrade", "websocket"}
	seen := map[string]bool{}
	for _, test := range []struct {
		want    string // status, code, Retry-After
		ask     string // method and path
		body    []byte
		headers []string
		config  func(*Config)
		before  func(*testing.T, *testRelay)
	}{
		{want: "404 not-found", ask: "GET /v1/none"},
		{want: "405 bad-method", ask: "DELETE " + slot},

		{want: "400 bad-size", ask: "POST /v1/pub", body: post[1:]},
		{want: "401 token-missing", ask: "POST /v1/pub", body: post, config: tokens},
		{want: "401 token-expired", ask: "POST /v1/pub", body: token(key, -time.Minute), config: tokens},
		{want: "401 bad-token", ask: "POST /v1/pub", body: token(make([]byte, PublishKeySize), time.Minute), config: tokens},
		{want: "403 bad-origin", ask: "POST /v1/pub", body: post, headers: []string{"Origin", "https://evil.example"},
			config: func(c *Config) { c.Allow = []string{"https://good.example"} }},
		{want: "429 rate-limited 40", ask: "POST /v1/pub", body: post,
			before: func(_ *testing.T, r *testRelay) { r.limits.posts = none(40 * time.Second) }},
		{want: "429 rate-limited 30", ask: "POST /v1/pub", body: post,
			before: func(_ *testing.T, r *testRelay) { r.limits.keeps = none(30 * time.Second) }},
		{want: "429 rate-limited 40", ask: "POST /v1/pub", body: post,
			config: func(c *Config) { c.tuning.mailbox = limit.Rate{PerSecond: 1.0 / 40, Burst: 1} },
			before: func(t *testing.T, r *testRelay) { r.mustPost(t, m.address, frame(0)) }},
		{want: "503 mailbox-full 1", ask: "POST /v1/pub", body: post,
			config: func(c *Config) { c.MailboxBytes = 6 << 10 },
			before: func(t *testing.T, r *testRelay) { r.mustPost(t, m.address, frame(0)) }},
		{want: "503 unavailable 1", ask: "POST /v1/pub", body: post, before: func(_ *testing.T, r *testRelay) { r.store.Conn().Close() }},
		{want: "503 draining 1", ask: "POST /v1/pub", body: post, before: func(_ *testing.T, r *testRelay) { r.Close() }},

		{want: "400 bad-address", ask: "GET /v1/slot/12"},
		{want: "429 rate-limited 7", ask: "GET " + slot, before: func(_ *testing.T, r *testRelay) { r.limits.reads = none(7 * time.Second) }},
		{want: "503 unavailable 1", ask: "GET " + slot, before: func(_ *testing.T, r *testRelay) { r.store.Conn().Close() }},
		{want: "503 draining 1", ask: "GET " + slot, before: func(_ *testing.T, r *testRelay) { r.Close() }},

		{want: "400 bad-version", ask: "PUT " + slot, body: m.slotValue(1, "x")},
		{want: "400 bad-version", ask: "PUT " + slot + "?replaces=1", body: m.slotValue(1, "x")},
		{want: "400 bad-size", ask: "PUT " + slot + "?replaces=0", body: post},
		{want: "413 too-large", ask: "PUT " + slot + "?replaces=0", body: make([]byte, MaxSlotSize+1)},
		{want: "403 bad-signature", ask: "PUT " + slot + "?replaces=0", body: stranger.slotValue(1, "x")},
		{want: "401 token-missing", ask: "PUT " + slot + "?replaces=0", body: m.slotValue(1, "x"), config: tokens},
		{want: "403 bad-origin", ask: "PUT " + slot + "?replaces=0", body: m.slotValue(1, "x"), headers: []string{"Origin", "null"},
			config: func(c *Config) { c.Allow = []string{"https://good.example"} }},
		{want: "409 slot-conflict", ask: "PUT " + slot + "?replaces=2", body: m.slotValue(3, "x"), before: fill},
		{want: "403 not-the-writer", ask: "PUT " + slot + "?replaces=0", body: stranger.valueFor(m.address, stranger, 1, "x", 4096)},
		{want: "429 rate-limited 3", ask: "PUT " + slot + "?replaces=0", body: m.slotValue(1, "x"),
			before: func(_ *testing.T, r *testRelay) { r.limits.puts = none(3 * time.Second) }},
		{want: "429 rate-limited 9", ask: "PUT " + slot + "?replaces=0", body: m.slotValue(1, "x"),
			before: func(_ *testing.T, r *testRelay) { r.limits.grows = none(9 * time.Second) }},
		{want: "503 slots-full 60", ask: "PUT " + slot + "?replaces=0", body: m.valueFor(m.address, m, 1, "x", MaxSlotSize),
			config: func(c *Config) { c.SlotBytes = 100 << 10 }},
		{want: "503 unavailable 1", ask: "PUT " + slot + "?replaces=0", body: m.slotValue(1, "x"),
			before: func(_ *testing.T, r *testRelay) { r.store.Conn().Close() }},

		{want: "401 token-missing", ask: "GET /v1/ice", config: tokens},
		{want: "401 bad-token", ask: "GET /v1/ice", config: tokens, headers: []string{"Authorization", "Bearer x"}},
		{want: "429 rate-limited 7", ask: "GET /v1/ice", before: func(_ *testing.T, r *testRelay) { r.limits.reads = none(7 * time.Second) }},
		{want: "403 bad-origin", ask: "GET /v1/ice", headers: []string{"Origin", "https://good.example.evil.example"},
			config: func(c *Config) { c.Allow = []string{"https://good.example"} }},

		{want: "426 not-websocket", ask: "GET /v1/sub"},
		{want: "400 bad-handshake", ask: "GET /v1/sub", headers: upgrade},
		{want: "403 bad-origin", ask: "GET /v1/sub", headers: append(upgrade, "Origin", "https://evil.example"),
			config: func(c *Config) { c.Allow = []string{"https://good.example"} }},
		{want: "429 rate-limited 5", ask: "GET /v1/sub", headers: upgrade,
			before: func(_ *testing.T, r *testRelay) { r.limits.conns = none(5 * time.Second) }},
		{want: "429 too-many-connections 10", ask: "GET /v1/sub", headers: upgrade,
			before: func(t *testing.T, r *testRelay) { r.conns.perClient.conns = limit.NewCount(1); r.dial(t) }},
		{want: "503 relay-full 10", ask: "GET /v1/sub", headers: upgrade, config: func(c *Config) { c.MaxConns = 1 },
			before: func(t *testing.T, r *testRelay) { r.dial(t) }},
		{want: "503 draining 1", ask: "GET /v1/sub", headers: upgrade,
			before: func(t *testing.T, r *testRelay) { r.Drain(t.Context(), 0) }},
	} {
		seen[strings.Join(strings.Fields(test.want)[:2], " ")] = true
		t.Run(strings.ReplaceAll(test.want, " ", "-"), func(t *testing.T) {
			r := startRelay(t, test.config)
			if test.before != nil {
				test.before(t, r)
			}
			method, path, _ := strings.Cut(test.ask, " ")
			req, err := http.NewRequest(method, r.origin+path, bytes.NewReader(test.body))
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; i < len(test.headers); i += 2 {
				req.Header.Set(test.headers[i], test.headers[i+1])
			}
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			got, code := describe(t, res)
			if got != test.want {
				t.Errorf("%s: %s, want %s", test.ask, got, test.want)
			}
			if n := testutil.ToFloat64(r.metrics.refusals.WithLabelValues(code)); n != 1 {
				t.Errorf("%v refusals of %s were counted", n, code)
			}
			// What HTTP wants with each status, and what lets a page read the answer.
			for status, header := range map[int]string{401: "WWW-Authenticate", 405: "Allow", 426: "Upgrade"} {
				if (res.Header.Get(header) != "") != (res.StatusCode == status) {
					t.Errorf("%d with %s %q", res.StatusCode, header, res.Header.Get(header))
				}
			}
			if allowed := res.Header.Get("Access-Control-Allow-Origin"); allowed != "*" && allowed != req.Header.Get("Origin") {
				t.Errorf("pages of %q may not read why", req.Header.Get("Origin"))
			}
		})
	}
	t.Run("408-too-slow", func(t *testing.T) {
		r := startRelay(t, func(c *Config) { c.tuning.frameTimeout = 50 * time.Millisecond })
		c, err := net.Dial("tcp", strings.TrimPrefix(r.origin, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprintf(c, "POST /v1/pub HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\nnot all of it", len(post))
		c.SetReadDeadline(time.Now().Add(20 * time.Second))
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if got, _ := describe(t, res); got != "408 too-slow" {
			t.Error(got)
		}
	})
	seen["408 too-slow"] = true
	seen["500 internal"] = true // what nothing should do

	inSource := refusalsInSource(t)
	for _, r := range slices.Sorted(maps.Keys(inSource)) {
		if !seen[r] {
			t.Errorf("no test brings about %s", r)
		}
	}
	inDocs := refusalsInDocs(t)
	for _, r := range slices.Sorted(maps.Keys(inSource)) {
		if !inDocs[r] {
			t.Errorf("docs/RELAY.md does not tell of %s", r)
		}
	}
	for _, r := range slices.Sorted(maps.Keys(inDocs)) {
		if !inSource[r] {
			t.Errorf("docs/RELAY.md tells of %s, which nobody is told", r)
		}
	}
}

// describe returns the answer's status, code and Retry-After, and the code once more.
func describe(t *testing.T, res *http.Response) (all, code string) {
	t.Helper()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var refused struct{ Code, Error string }
	if err := json.Unmarshal(body, &refused); err != nil || refused.Error == "" || res.Header.Get("Content-Type") != "application/json" {
		t.Errorf("the refusal says %q", body)
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s %s", res.StatusCode, refused.Code, res.Header.Get("Retry-After"))), refused.Code
}

var statuses = map[string]int{
	"StatusNotFound": 404, "StatusMethodNotAllowed": 405, "StatusBadRequest": 400, "StatusUnauthorized": 401, "StatusForbidden": 403,
	"StatusTooManyRequests": 429, "StatusServiceUnavailable": 503, "StatusConflict": 409, "StatusRequestEntityTooLarge": 413,
	"StatusUpgradeRequired": 426, "StatusRequestTimeout": 408, "StatusInternalServerError": 500,
}

// refusalsInSource returns status and code of every refusal that is written down in this package.
func refusalsInSource(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	names, err := fs.Glob(os.DirFS("."), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	text := func(e ast.Expr) string {
		s, err := strconv.Unquote(e.(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CompositeLit:
				if kind, ok := n.Type.(*ast.Ident); !ok || kind.Name != "refusal" || len(n.Elts) == 0 {
					return true
				}
				status := statuses[n.Elts[0].(*ast.SelectorExpr).Sel.Name]
				if status == 0 {
					t.Errorf("%s: a status that this test does not know", name)
				}
				if _, ok := n.Elts[1].(*ast.BasicLit); ok { // else it is the helper for those below
					found[fmt.Sprintf("%d %s", status, text(n.Elts[1]))] = true
				}
			case *ast.CallExpr:
				if f, ok := n.Fun.(*ast.Ident); ok && f.Name == "unauthorized" {
					found["401 "+text(n.Args[0])] = true
				}
			}
			return true
		})
	}
	if len(found) < 20 {
		t.Errorf("only %d refusals found in the source", len(found))
	}
	return found
}

var docRow = regexp.MustCompile("(?m)^\\| (\\d{3}) `([a-z-]+)` ")

// refusalsInDocs returns those that the table in the documentation lists.
func refusalsInDocs(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile("../docs/RELAY.md")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, m := range docRow.FindAllStringSubmatch(string(text), -1) {
		found[m[1]+" "+m[2]] = true
	}
	return found
}

// What a reading connection is refused, message by message, and what it is ended with, is told by tests beside this one; that
// pages get to know why a WebSocket failed is told by this.
func TestPlainRequestTellsWhyAWebSocketFails(t *testing.T) {
	r := startRelay(t, func(c *Config) { c.MaxConns = 1 })
	r.dial(t)
	_, res, err := websocket.Dial(t.Context(), r.origin+"/v1/sub", nil)
	if err == nil || res == nil || res.StatusCode != 503 {
		t.Errorf("the second connection: %v, %v", res, err)
	}
	if status, code := r.do(t, "GET", "/v1/sub", nil); status != 503 || code != "relay-full" {
		t.Errorf("a plain request: %d %s", status, code)
	}
}
