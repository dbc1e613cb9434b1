//go:build linux

package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"ringfork/relay"
)

// testOptions are for a short run against a server in this process.
func testOptions(kind, url string) options {
	return options{
		kind: kind, url: url, pid: os.Getpid(), conns: 20, senders: 10, size: frameSize, length: time.Second, limit: time.Minute,
	}
}

// load opens the connections and runs one step.
func load(t *testing.T, o options, rate int) outcome {
	t.Helper()
	target, err := newTarget(o)
	if err != nil {
		t.Fatal(err)
	}
	defer target.close()
	r := newReceiver()
	if _, err := openAll(t.Context(), o, target, r); err != nil {
		t.Fatal(err)
	}
	out, err := runStep(t.Context(), o, target, r, rate)
	if err != nil {
		t.Fatal(err)
	}
	if out.Sent != rate || out.Delivered != rate || out.Refused != 0 || out.Error != "" || out.P50 <= 0 || out.Max < out.P99 {
		t.Errorf("%+v", out)
	}
	return out
}

func TestRingfork(t *testing.T) {
	mux := http.NewServeMux()
	srv := httptest.NewServer(mux)
	defer srv.Close()
	r, err := relay.New(t.Context(), relay.Config{Origins: []string{srv.URL}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	mux.Handle("/v1/", r.Handler())
	load(t, testOptions("ringfork", srv.URL), 100)
}

// peerServer does what PeerJS's server does with what the generator sends.
type peerServer struct {
	t     *testing.T
	mu    sync.Mutex
	conns map[string]*websocket.Conn
}

func (s *peerServer) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	q := req.URL.Query()
	if req.URL.Path != "/peerjs" || q.Get("key") != "peerjs" || q.Get("token") == "" {
		s.t.Errorf("opened %s", req.URL)
	}
	ws, err := new(websocket.Upgrader).Upgrade(w, req, nil)
	if err != nil {
		s.t.Error(err)
		return
	}
	defer ws.Close()
	src := q.Get("id")
	s.mu.Lock()
	s.conns[src] = ws
	err = ws.WriteJSON(map[string]string{"type": "OPEN"})
	s.mu.Unlock()
	for err == nil {
		var m map[string]string
		if err = ws.ReadJSON(&m); err != nil || m["type"] == "HEARTBEAT" {
			continue
		}
		s.mu.Lock()
		// In the order of that server.
		err = s.conns[m["dst"]].WriteMessage(websocket.TextMessage,
			fmt.Appendf(nil, `{"type":%q,"src":%q,"dst":%q,"payload":%q}`, m["type"], src, m["dst"], m["payload"]))
		s.mu.Unlock()
	}
}

func TestPeerJS(t *testing.T) {
	srv := httptest.NewServer(&peerServer{t: t, conns: map[string]*websocket.Conn{}})
	defer srv.Close()
	load(t, testOptions("peerjs", srv.URL), 100)
}

// stalling is a target that delivers at once, but for one message that holds everything up.
type stalling struct {
	stall  time.Duration
	sent   int
	got    func([]byte)
	events *loop
}

func newStalling(t *testing.T, stall time.Duration) *stalling {
	l, err := newLoop(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.close)
	return &stalling{stall: stall, events: l}
}

func (s *stalling) open(_ context.Context, _ int, got func([]byte)) error { s.got = got; return nil }
func (s *stalling) loop() *loop                                           { return s.events }
func (s *stalling) close()                                                {}

func (s *stalling) send(m message) {
	m.begins()
	if s.sent++; s.sent == 1 {
		time.Sleep(s.stall)
	}
	s.got(m.payload())
	m.done(nil)
}

// A stall is charged to all messages that were due meanwhile, not only to the one that met it.
func TestNoCoordinatedOmission(t *testing.T) {
	o := options{pid: os.Getpid(), conns: 2, senders: 1, size: 100, length: time.Second}
	target, r := newStalling(t, 500*time.Millisecond), newReceiver()
	if _, err := openAll(t.Context(), o, target, r); err != nil {
		t.Fatal(err)
	}
	out, err := runStep(t.Context(), o, target, r, 100)
	if err != nil {
		t.Fatal(err)
	}
	// Half of them were due in that half second: they waited for what was left of it.
	if out.Delivered != 100 || out.P90 < 300 {
		t.Errorf("the stall is hidden: %+v", out)
	}
}

// A message that does not come is not left out of the quantiles.
func TestLostIsLate(t *testing.T) {
	o := options{pid: os.Getpid(), conns: 2, senders: 1, size: 100, length: 100 * time.Millisecond}
	target, r := newStalling(t, 0), newReceiver()
	target.got = func([]byte) {}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second) // it waits no longer than this for the rest
	defer cancel()
	out, err := runStep(ctx, o, target, r, 100)
	if err != nil {
		t.Fatal(err)
	}
	if out.Delivered != 0 || out.P50 != never || out.share() != 0 {
		t.Errorf("%+v", out)
	}
}

func TestQuantile(t *testing.T) {
	hundred := make([]float64, 100)
	for i := range hundred {
		hundred[i] = float64(i + 1)
	}
	for _, test := range []struct{ share, want float64 }{{0, 1}, {0.5, 50}, {0.99, 99}, {0.999, 100}, {1, 100}} {
		if got := quantile(hundred, test.share); got != test.want {
			t.Errorf("quantile %v is %v, want %v", test.share, got, test.want)
		}
	}
}

func TestProcess(t *testing.T) {
	took, err := parseStat("7 (a ) b) S " + strings.Repeat("1 ", 10) + "150 75 0 0")
	if err != nil || took != 2250*time.Millisecond {
		t.Errorf("CPU time %v, %v", took, err)
	}
	bytes, err := parseStatus("Name:\tx\nVmRSS:\t    2048 kB\nThreads:\t3\n")
	if err != nil || bytes != 2<<20 {
		t.Errorf("resident %d, %v", bytes, err)
	}
	took, err = parseMachine("cpu  100 20 30 4000 500 6 7 8 0 0\ncpu0 1 1 1 1\n")
	if err != nil || took != 1630*time.Millisecond {
		t.Errorf("all CPU time %v, %v", took, err)
	}
	if _, err := parseStat("7 (x) S 1"); err == nil {
		t.Error("a short line was read")
	}
	if _, err := parseStatus("Name: x"); err == nil {
		t.Error("no memory was read")
	}
}
