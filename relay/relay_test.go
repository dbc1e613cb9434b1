package relay

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"ringfork/relay/limit"
	"ringfork/relay/store"
)

// testRelay is a relay that is served, and its origin.
type testRelay struct {
	*Relay
	origin string
	http   *httptest.Server
}

// startRelay serves a relay until the test ends.
func startRelay(t testing.TB, change func(*Config)) *testRelay {
	t.Helper()
	var h http.Handler
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(w, r) }))
	cfg := Config{Origins: []string{srv.URL}}
	// All clients of a test have one address, as a rule. Zero means the limit that relays have.
	cfg.tuning.clientMailbox = limit.Rate{PerSecond: 1e5, Burst: 1e5}
	if change != nil {
		change(&cfg)
	}
	r, err := New(t.Context(), cfg)
	if err != nil {
		srv.Close()
		t.Fatal(err)
	}
	h = r.Handler()
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		srv.Close()
	})
	return &testRelay{r, srv.URL, srv}
}

// post posts a frame and returns the status and the code of a refusal.
func (r *testRelay) post(t *testing.T, to address, frame []byte) (int, string) {
	t.Helper()
	return r.do(t, "POST", "/v1/pub", append(to[:], frame...))
}

func (r *testRelay) do(t *testing.T, method, path string, body []byte) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, r.origin+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got := res.Header.Get("Access-Control-Allow-Origin"); got != "*" {
		t.Errorf("%s %s: Access-Control-Allow-Origin = %q", method, path, got)
	}
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode < 300 {
		return res.StatusCode, string(b)
	}
	var refused struct{ Code, Error string }
	if err := json.Unmarshal(b, &refused); err != nil || refused.Code == "" || refused.Error == "" {
		t.Errorf("%s %s: refusal %d says %q", method, path, res.StatusCode, b)
	}
	return res.StatusCode, refused.Code
}

// mustPost posts a frame until it is stored: see keepPosting.
func (r *testRelay) mustPost(t *testing.T, to address, frame []byte) {
	t.Helper()
	if err := keepPosting(frame, func() error { return r.tryPost(t, to, frame) }); err != nil {
		t.Fatalf("post: %v", err)
	}
}

// mailbox is the key of a mailbox.
type mailbox struct {
	address
	key ed25519.PrivateKey
}

func newMailbox() mailbox {
	pub, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		panic(err)
	}
	return mailbox{store.AddressOf(pub), key}
}

func (m mailbox) subscribe(origin string, nonce []byte) []byte {
	sig := ed25519.Sign(m.key, store.SignedBytes("ringfork/1/mailbox", []byte(origin), nonce, m.address[:]))
	return append(append([]byte{msgSubscribe}, m.key.Public().(ed25519.PublicKey)...), sig...)
}

// reader is a raw reading connection.
type reader struct {
	t     testing.TB
	ws    *websocket.Conn
	ctx   context.Context
	nonce []byte
	got   map[string]bool // the frames that expect has read
}

func (r *testRelay) dial(t testing.TB) *reader {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	ws, res, err := websocket.Dial(ctx, r.origin+"/v1/sub", nil)
	if err != nil {
		t.Fatalf("dial: %v (%v)", err, res)
	}
	t.Cleanup(func() { ws.CloseNow() })
	c := &reader{t: t, ws: ws, ctx: ctx, got: map[string]bool{}}
	hello := c.read()
	if hello.kind != msgHello || len(hello.rest) != nonceSize {
		t.Fatalf("hello is %d with %d bytes", hello.kind, len(hello.rest))
	}
	c.nonce = hello.rest
	ws.SetReadLimit(1 << 14)
	return c
}

// message is what the relay sent.
type message struct {
	kind    byte
	address address
	age     time.Duration
	rest    []byte // nonce, frame, code
}

func (m message) String() string {
	switch m.kind {
	case msgFrame:
		return fmt.Sprintf("frame %d", frameNumber(m.rest))
	case msgEnd:
		return "end"
	case msgRefused:
		return "refused " + string(m.rest)
	}
	return fmt.Sprintf("message %d", m.kind)
}

func (c *reader) read() message {
	c.t.Helper()
	m, err := c.tryRead()
	if err != nil {
		c.t.Fatalf("read: %v", err)
	}
	return m
}

func (c *reader) tryRead() (message, error) {
	kind, p, err := c.ws.Read(c.ctx)
	if err != nil {
		return message{}, err
	}
	if len(p) == 1 && p[0] == msgAlive {
		return c.tryRead()
	}
	if kind != websocket.MessageBinary || len(p) == 0 {
		return message{}, fmt.Errorf("message of type %v with %d bytes", kind, len(p))
	}
	m := message{kind: p[0], rest: p[1:]}
	if m.kind != msgHello {
		m.address, m.rest = address(p[1:21]), p[21:]
	}
	if m.kind == msgFrame {
		m.age = time.Duration(binary.BigEndian.Uint32(m.rest)) * time.Millisecond
		m.rest = m.rest[4:]
		if len(m.rest) != FrameSize {
			return m, fmt.Errorf("frame of %d bytes", len(m.rest))
		}
	}
	return m, nil
}

func (c *reader) write(p []byte) {
	c.t.Helper()
	if err := c.ws.Write(c.ctx, websocket.MessageBinary, p); err != nil {
		c.t.Fatalf("write: %v", err)
	}
}

// expect reads messages and compares them, as their String says. It passes over a frame that comes once more because it had to
// be posted again.
func (c *reader) expect(want ...string) []message {
	c.t.Helper()
	var got []message
	for i, w := range want {
		m := c.read()
		for m.String() != w && m.kind == msgFrame && c.got[string(m.rest)] && postedAgain(m.rest) {
			m = c.read()
		}
		if m.String() != w {
			c.t.Fatalf("message %d is %q, want %q", i, m, w)
		}
		if m.kind == msgFrame {
			c.got[string(m.rest)] = true
		}
		got = append(got, m)
	}
	return got
}

// frame makes a frame that is told by its number.
func frame(n int) []byte {
	f := make([]byte, FrameSize)
	rand.Read(f)
	binary.BigEndian.PutUint32(f, uint32(n))
	return f
}

func frameNumber(f []byte) int { return int(binary.BigEndian.Uint32(f)) }

func TestDefaultMailboxRateStaysBelowOneRead(t *testing.T) {
	cfg := Config{Origins: []string{"http://relay"}}
	if err := cfg.setDefaults(); err != nil {
		t.Fatal(err)
	}
	l := limit.NewBuckets[int](cfg.tuning.mailbox)
	now, n := time.Now(), 0
	for d := time.Duration(0); d <= MaxFrameAge; d += 10 * time.Millisecond {
		for _, ok := l.Allow(1, now.Add(d)); ok; _, ok = l.Allow(1, now.Add(d)) {
			n++
		}
	}
	if n >= 1024 || n < 512 {
		t.Errorf("a mailbox takes %d frames in the life of one", n)
	}
}

func TestHTTPRefusals(t *testing.T) {
	r := startRelay(t, nil)
	a := strings.Repeat("ab", 20)
	for _, c := range []struct {
		method, path string
		body         []byte
		status       int
		code         string
	}{
		{"POST", "/v1/pub", nil, 400, "bad-size"},
		{"POST", "/v1/pub", make([]byte, 4115), 400, "bad-size"},
		{"POST", "/v1/pub", make([]byte, 4117), 400, "bad-size"},
		{"POST", "/v1/pub", make([]byte, 1<<20), 400, "bad-size"},
		{"GET", "/v1/pub", nil, 405, "bad-method"},
		{"GET", "/v1/sub", nil, 426, "not-websocket"},
		{"GET", "/v1/none", nil, 404, "not-found"},
		{"GET", "/v1/slot/" + a, nil, 204, ""},
		{"GET", "/v1/slot/" + strings.ToUpper(a), nil, 400, "bad-address"},
		{"GET", "/v1/slot/" + a[1:], nil, 400, "bad-address"},
		{"DELETE", "/v1/slot/" + a, nil, 405, "bad-method"},
		{"PUT", "/v1/slot/" + a + "?replaces=0", make([]byte, MaxSlotSize+1), 413, "too-large"},
		{"PUT", "/v1/slot/" + a + "?replaces=0", nil, 400, "bad-size"},
		{"PUT", "/v1/slot/" + a + "?replaces=0", make([]byte, store.SlotHeader), 400, "bad-size"},
		{"PUT", "/v1/slot/" + a + "?replaces=0", slices.Concat(make([]byte, 7), []byte{1}, make([]byte, 4088)), 403, "bad-signature"},
		{"PUT", "/v1/slot/" + a + "?replaces=0", make([]byte, 4096), 400, "bad-version"},
		{"PUT", "/v1/slot/" + a + "?replaces=-1", make([]byte, 4096), 400, "bad-version"},
		{"PUT", "/v1/slot/" + a, make([]byte, 4096), 400, "bad-version"},
	} {
		if status, code := r.do(t, c.method, c.path, c.body); status != c.status || code != c.code {
			t.Errorf("%s %s with %d bytes: %d %s, want %d %s", c.method, c.path, len(c.body), status, code, c.status, c.code)
		}
	}
	if status, _ := r.do(t, "OPTIONS", "/v1/slot/"+a+"?replaces=0", nil); status != 204 {
		t.Errorf("preflight: %d", status)
	}
}

func TestICE(t *testing.T) {
	r := startRelay(t, nil)
	if _, body := r.do(t, "GET", "/v1/ice", nil); strings.TrimSpace(body) != `{"iceServers":[],"ttl":600}` {
		t.Errorf("without servers: %s", body)
	}
	r = startRelay(t, func(c *Config) {
		c.ICE = func() ([]ICEServer, time.Duration) {
			return []ICEServer{{URLs: []string{"stun:a", "turn:b"}, Username: "u", Credential: "c"}}, time.Minute
		}
	})
	want := `{"iceServers":[{"urls":["stun:a","turn:b"],"username":"u","credential":"c"}],"ttl":60}`
	if _, body := r.do(t, "GET", "/v1/ice", nil); strings.TrimSpace(body) != want {
		t.Errorf("got %s, want %s", body, want)
	}
}

func TestBadOrigins(t *testing.T) {
	for _, o := range []string{"", "relay.example", "ftp://relay", "http://", "http://relay/path", "http://u@relay", "http://relay?q"} {
		if r, err := New(t.Context(), Config{Origins: []string{o}}); err == nil {
			r.Close()
			t.Errorf("origin %q was taken", o)
		}
	}
	if r, err := New(t.Context(), Config{}); err == nil {
		r.Close()
		t.Error("a relay without origin was made")
	}
}

// A client that takes nothing is cut off and told so, and the others are not held up by it.
func TestSlowReaderIsClosed(t *testing.T) {
	r := startRelay(t, func(c *Config) {
		c.tuning.queueFrames = 128
		c.tuning.writeTimeout = 4 * time.Second // the quick one has no more
		c.tuning.mailbox = limit.Rate{PerSecond: 1e5, Burst: 1e5}
	})
	m := newMailbox()
	slow := r.dial(t)
	slow.write(m.subscribe(r.origin, slow.nonce))
	slow.expect("end")
	slowConn := r.theConn()
	quick := r.dial(t)
	quick.write(m.subscribe(r.origin, quick.nonce))
	quick.expect("end")
	for i := 0; !slowConn.isEnded(); i++ {
		if err := r.store.Post(t.Context(), m.address, frame(i)); err != nil {
			t.Fatal(err)
		}
		quick.expect(fmt.Sprintf("frame %d", i))
	}
	for {
		if _, err := slow.tryRead(); err != nil {
			if websocket.CloseStatus(err) != websocket.StatusTryAgainLater || !strings.Contains(err.Error(), "slow-reader") {
				t.Errorf("closed with %v", err)
			}
			break
		}
	}
	waitFor(t, func() bool { return r.connCount() == 1 })
	r.mustPost(t, m.address, frame(1<<20))
	quick.expect("frame 1048576")
	// It finds what it missed in the backlog.
	again := r.dial(t)
	again.write(m.subscribe(r.origin, again.nonce))
	again.expect("frame 0", "frame 1")
}

func (c *conn) isEnded() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended
}

// theConn returns the only connection.
func (r *testRelay) theConn() *conn {
	r.conns.mu.Lock()
	defer r.conns.mu.Unlock()
	for c := range r.conns.conns {
		return c
	}
	panic("no connection")
}

func (r *testRelay) connCount() int {
	r.conns.mu.Lock()
	defer r.conns.mu.Unlock()
	return len(r.conns.conns)
}

func TestSilentClientIsClosed(t *testing.T) {
	r := startRelay(t, func(c *Config) { c.tuning.pingEvery = 500 * time.Millisecond })
	r.dial(t) // and never reads again, so that no ping is answered
	waitFor(t, func() bool { return r.connCount() == 0 })
}

func TestCloseWithClientsLeavesNoGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	for _, dir := range []string{"", t.TempDir()} {
		r, err := New(t.Context(), Config{Origins: []string{"http://relay"}, DataDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		srv := httptest.NewServer(r.Handler())
		tr := &testRelay{r, "http://relay", srv}
		tr.origin = srv.URL
		m := newMailbox()
		tr.mustPost(t, m.address, frame(1))
		var readers []*reader
		for range 5 {
			c := tr.dial(t)
			c.write(m.subscribe("http://relay", c.nonce))
			c.expect("frame 1", "end")
			readers = append(readers, c)
		}
		closed := make(chan error)
		go func() { closed <- r.Close() }()
		for _, c := range readers {
			if _, err := c.tryRead(); websocket.CloseStatus(err) != websocket.StatusGoingAway {
				t.Errorf("a reader was closed with %v", err)
			}
		}
		if err := <-closed; err != nil {
			t.Error(err)
		}
		if status, code := tr.post(t, m.address, frame(2)); status != 503 || code != "draining" {
			t.Errorf("post after close: %d %s", status, code)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		srv.Close()
	}
	http.DefaultClient.CloseIdleConnections()
	waitFor(t, func() bool { return runtime.NumGoroutine() <= before })
	if n := runtime.NumGoroutine(); n > before {
		buf := make([]byte, 1<<20)
		t.Errorf("%d goroutines, %d before:\n%s", n, before, buf[:runtime.Stack(buf, true)])
	}
}

// waitFor waits until ok holds; it is for what the other side of a connection does in its own time.
func waitFor(t testing.TB, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Error("waited in vain")
			return
		}
	}
}
