package client

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// scripted answers requests as a test says, and hands its reading connections to it after the hello.
type scripted struct {
	*httptest.Server
	reading chan *websocket.Conn

	mu     sync.Mutex
	answer func(w http.ResponseWriter, r *http.Request, body []byte) (done bool)
	seen   []string // method and path
	ended  chan struct{}
}

func newScripted(t *testing.T) *scripted {
	f := &scripted{reading: make(chan *websocket.Conn, 100), ended: make(chan struct{})}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		f.mu.Lock()
		f.seen = append(f.seen, r.Method+" "+r.URL.Path)
		answer := f.answer
		f.mu.Unlock()
		if answer != nil && answer(w, r, body) {
			return
		}
		if r.URL.Path != "/v1/sub" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer ws.CloseNow()
		hello := make([]byte, 33)
		rand.Read(hello[1:])
		hello[0] = msgHello
		if ws.Write(r.Context(), websocket.MessageBinary, hello) == nil {
			f.reading <- ws
			<-f.ended
		}
	}))
	t.Cleanup(func() { close(f.ended); f.Close() })
	return f
}

func (f *scripted) answers(a func(w http.ResponseWriter, r *http.Request, body []byte) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = a
}

func (f *scripted) asked(what string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.seen {
		if s == what {
			n++
		}
	}
	return n
}

func refuseWith(status int, code, retryAfter string) func(http.ResponseWriter, *http.Request, []byte) bool {
	return func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"code":%q,"error":"x"}`, code)
		return true
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: in vain", what)
		}
	}
}

func TestMovesWithoutAWord(t *testing.T) {
	f := newScripted(t)
	h := connect(t, f.URL, func(c *Client) { c.timing.backoffMax = time.Hour }) // no connection here is a good one
	h.expect("connecting", "online")
	m := newMailbox()
	h.subscribe("m", m)
	for i := range maxMoves {
		ws := <-f.reading
		kind, p, err := ws.Read(t.Context())
		if err != nil || kind != websocket.MessageBinary || p[0] != msgSubscribe {
			t.Fatalf("connection %d is asked %v, %v", i, p, err)
		}
		ws.Close(websocket.StatusServiceRestart, "moving")
	}
	ws := <-f.reading
	if len(h.lines) > 0 {
		t.Errorf("heard %q", <-h.lines)
	}
	ws.Close(websocket.StatusServiceRestart, "moving") // one too often, in so short a time
	h.expect("connecting", "online")

	// Where the move leads to nothing it is told.
	f = newScripted(t)
	h = connect(t, f.URL, nil)
	h.expect("connecting", "online")
	f.answers(refuseWith(503, "unavailable", ""))
	(<-f.reading).Close(websocket.StatusServiceRestart, "moving")
	h.expect("offline")
}

func TestComesBackLaterWhenTold(t *testing.T) {
	f := newScripted(t)
	h := connect(t, f.URL, func(c *Client) { c.timing.later = 200 * time.Millisecond })
	h.expect("connecting", "online")
	began := time.Now()
	(<-f.reading).Close(websocket.StatusTryAgainLater, "slow-reader")
	h.expect("connecting", "online")
	if took := time.Since(began); took < 200*time.Millisecond {
		t.Errorf("back after %v", took)
	}
	f.answers(refuseWith(503, "draining", "1"))
	began = time.Now()
	(<-f.reading).Close(websocket.StatusGoingAway, "")
	h.expect("connecting", "offline")
	var e *Error
	if err := h.Err(); !errors.As(err, &e) || e.Code != "draining" || e.RetryAfter != time.Second || e.Status != 503 {
		t.Errorf("Err is %v", err)
	}
	f.answers(nil)
	h.expect("online")
	if took := time.Since(began); took < time.Second {
		t.Errorf("back after %v, and was told to wait a second", took)
	}
}

// A relay that does what it is asked for is back, however long the wait for the next attempt would be; one that asked to wait is
// waited for.
func TestComesBackWhenARequestIsAnswered(t *testing.T) {
	f := newScripted(t)
	h := connect(t, f.URL, func(c *Client) { c.timing.backoffMin, c.timing.backoffMax = 2*time.Hour, 2*time.Hour })
	h.expect("connecting", "online")
	f.answers(func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusNoContent)
			return true
		}
		return false
	})
	for range 2 {
		(<-f.reading).Close(websocket.StatusGoingAway, "")
		h.expect("connecting")
		if err := h.Publish(t.Context(), [20]byte{}, make([]byte, FrameSize)); err != nil {
			t.Fatal(err)
		}
		h.expect("online")
	}
	(<-f.reading).Close(websocket.StatusTryAgainLater, "slow-reader")
	h.expect("connecting")
	if err := h.Publish(t.Context(), [20]byte{}, make([]byte, FrameSize)); err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond)
	if len(h.lines) > 0 {
		t.Errorf("it is %s, and was told to come back later", <-h.lines)
	}
}

func TestNobodyWaitsForHours(t *testing.T) {
	f := newScripted(t)
	f.answers(refuseWith(503, "unavailable", "3600"))
	h := connect(t, f.URL, nil)
	h.expect("connecting", "offline")
	var e *Error
	if err := h.Err(); !errors.As(err, &e) || e.RetryAfter != time.Minute {
		t.Errorf("Err is %v", err)
	}
}

func TestHopelessIsNotTriedAgain(t *testing.T) {
	f := newScripted(t)
	f.answers(refuseWith(403, "bad-origin", ""))
	h := connect(t, f.URL, nil)
	h.expect("connecting", "offline")
	time.Sleep(100 * time.Millisecond) // many times the backoff of this test
	if n := f.asked("GET /v1/sub"); n != 1 {
		t.Errorf("asked %d times", n)
	}
	var e *Error
	if !errors.As(h.Err(), &e) || e.Code != "bad-origin" || !e.Final() {
		t.Errorf("Err is %v", h.Err())
	}
}

func TestRefusedMailboxIsAskedForAgain(t *testing.T) {
	f := newScripted(t)
	h := connect(t, f.URL, func(c *Client) { c.timing.refusedRetry = 5 * time.Millisecond })
	h.expect("connecting", "online")
	m := newMailbox()
	h.subscribe("m", m)
	ws, a := <-f.reading, m.Address()
	for range 3 {
		if _, p, err := ws.Read(t.Context()); err != nil || p[0] != msgSubscribe {
			t.Fatal(p, err)
		}
		ws.Write(t.Context(), websocket.MessageBinary, slices.Concat([]byte{msgRefused}, a[:], []byte("rate-limited")))
	}
	ws.Write(t.Context(), websocket.MessageBinary, slices.Concat([]byte{msgEnd}, a[:]))
	h.expect("m end")
}

// A mailbox that is refused is asked for again ever more slowly, and the program hears why, unless it passes at once.
func TestRefusalsInARow(t *testing.T) {
	c, err := New("http://relay.example")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	m := newMailbox()
	a := m.Address()
	c.Subscribe(m, func([]byte, time.Duration) {}, func() {})
	s := newSession(c, nil, make([]byte, nonceSize))
	asked := func() bool { _, add := s.difference(); return len(add) == 1 }
	if !asked() || asked() {
		t.Fatal("the mailbox is not asked for, once")
	}
	for _, test := range []struct {
		code, told string
		wait       time.Duration // zero: for ever
	}{
		{"rate-limited", "", time.Second},
		{"rate-limited", "rate-limited", 2 * time.Second},
		{"too-many-subscriptions", "too-many-subscriptions", 4 * time.Second},
		{"from-a-newer-relay", "from-a-newer-relay", 8 * time.Second},
		{"", "", 0}, // it is read
		{"too-many-subscriptions", "too-many-subscriptions", time.Second},
		{"bad-proof", "bad-proof", 0},
	} {
		began := time.Now()
		s.answered(a, test.code)
		var e *Error
		if errors.As(c.Err(), &e) != (test.told != "") || e != nil && e.Code != test.told {
			t.Errorf("after %q Err is %v", test.code, c.Err())
		}
		r := s.refused[a]
		if test.wait == 0 != r.again.IsZero() || test.wait > 0 && (time.Until(r.again) > test.wait || r.again.Sub(began) < test.wait) {
			t.Errorf("after %q it is asked for again in %v, want %v", test.code, r.again.Sub(began), test.wait)
		}
		if asked() {
			t.Errorf("after %q it is asked for at once", test.code)
		}
		r.again = time.Now()
		s.refused[a] = r
		if !asked() {
			t.Errorf("after %q it is not asked for again", test.code)
		}
	}
	for range 100 {
		s.answered(a, "rate-limited")
	}
	if wait := time.Until(s.refused[a].again); wait > longestRetry {
		t.Errorf("it waits %v", wait)
	}
}

// An answer names the mailbox and not the question: that to who had a mailbox before is nobody's.
func TestAnswerToWhoHadTheMailboxBefore(t *testing.T) {
	f := newScripted(t)
	h := connect(t, f.URL, nil)
	h.expect("connecting", "online")
	m := newMailbox()
	a := m.Address()
	h.subscribe("first", m)
	ws := <-f.reading
	asks := func(kind byte) {
		t.Helper()
		if _, p, err := ws.Read(t.Context()); err != nil || p[0] != kind {
			t.Fatalf("the relay is asked %x, %v", p[:1], err)
		}
	}
	say := func(parts ...[]byte) {
		t.Helper()
		if err := ws.Write(t.Context(), websocket.MessageBinary, slices.Concat(parts...)); err != nil {
			t.Fatal(err)
		}
	}
	for _, answer := range [][]byte{slices.Concat([]byte{msgEnd}, a[:]), slices.Concat([]byte{msgRefused}, a[:], []byte("bad-proof"))} {
		asks(msgSubscribe)
		cancel := h.subscribe("second", m)
		say(answer)
		asks(msgSubscribe)
		say([]byte{msgFrame}, a[:], make([]byte, 4), frame(int(answer[0])))
		say([]byte{msgEnd}, a[:])
		h.expect(fmt.Sprint("second ", answer[0]), "second end")
		cancel()
		asks(msgUnsubscribe)
		h.subscribe("first", m)
	}
	asks(msgSubscribe)
	h.subscribe("second", m)() // given up before the first has its answer
	say([]byte{msgEnd}, a[:])
	asks(msgUnsubscribe)
	if len(h.lines) > 0 {
		t.Errorf("heard %q", <-h.lines)
	}
}

func TestFrameWaitsAsLongAsTheRelaySaid(t *testing.T) {
	f := newScripted(t)
	f.answers(refuseWith(429, "rate-limited", "1"))
	h := connect(t, f.URL, nil)
	m := newMailbox()
	var e *Error
	began := time.Now()
	if err := h.Publish(t.Context(), m.Address(), frame(1)); !errors.As(err, &e) || e.RetryAfter != time.Second {
		t.Fatalf("refused as %v", err)
	}
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := h.Publish(short, m.Address(), frame(1)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a post that may not wait: %v", err)
	}
	f.answers(nil)
	h.publish(newMailbox(), frame(1))
	if n := f.asked("POST /v1/pub"); n != 2 {
		t.Errorf("%d posts, one of them too early", n)
	}
	h.publish(m, frame(1))
	if took := time.Since(began); took < 900*time.Millisecond {
		t.Errorf("it waited %v", took)
	}
	h.publish(m, frame(2))
}

func tokenFor(end time.Time, mark byte) string {
	b := make([]byte, tokenSize)
	b[39] = mark
	binary.BigEndian.PutUint64(b, uint64(end.Unix()))
	return base64.RawURLEncoding.EncodeToString(b)
}

func withToken(t *testing.T, origin string, ask func(context.Context) (string, error)) *Client {
	t.Helper()
	c, err := NewWith(origin, Options{Token: ask})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestTokens(t *testing.T) {
	f := newScripted(t)
	good, old := tokenFor(time.Now().Add(time.Hour), 1), tokenFor(time.Now().Add(time.Hour), 2)
	refused := "token-expired"
	f.answers(func(w http.ResponseWriter, r *http.Request, body []byte) bool {
		given := r.Header.Get("Authorization")
		if r.Method == "POST" {
			given = "Bearer " + base64.RawURLEncoding.EncodeToString(body[20+FrameSize:])
		}
		if given == "Bearer "+good {
			return false
		}
		return refuseWith(401, refused, "")(w, r, body)
	})
	give, asked := old, 0
	c := withToken(t, f.URL, func(context.Context) (string, error) { asked++; return give, nil })
	post := func() error { return c.Publish(t.Context(), newMailbox().Address(), frame(1)) }
	var e *Error

	if err := post(); !errors.As(err, &e) || e.Code != "token-expired" || !e.Final() {
		t.Errorf("an old token: %v", err)
	}
	if n := f.asked("POST /v1/pub"); n != 1 || asked != 2 {
		t.Errorf("%d posts with the same token, %d times asked", n, asked)
	}
	give = good
	for range 3 {
		if err := post(); err != nil {
			t.Errorf("a good token: %v", err)
		}
	}
	if asked != 3 {
		t.Errorf("asked %d times", asked)
	}
	k := newMailbox()
	if err := c.PutSlot(t.Context(), k.Address(), k.slotValue(1, "x"), 0); err != nil {
		t.Errorf("put: %v", err)
	}

	n := byte(10)
	refused = "bad-token"
	c = withToken(t, f.URL, func(context.Context) (string, error) { n++; return tokenFor(time.Now().Add(time.Hour), n), nil })
	before := f.asked("POST /v1/pub")
	if err := post(); !errors.As(err, &e) || e.Code != "bad-token" {
		t.Errorf("a token that was never good: %v", err)
	}
	if n := f.asked("POST /v1/pub") - before; n != 2 {
		t.Errorf("%d attempts", n)
	}

	refused = "token-missing"
	c = withToken(t, f.URL, nil)
	if err := post(); !errors.As(err, &e) || e.Code != "token-missing" || !e.Final() {
		t.Errorf("no token: %v", err)
	}
	c = withToken(t, f.URL, func(context.Context) (string, error) { return "", io.ErrUnexpectedEOF })
	if err := post(); !errors.As(err, &e) || e.Code != "token-failed" || !errors.Is(err, io.ErrUnexpectedEOF) || e.Final() {
		t.Errorf("a token function that fails: %v", err)
	}
	c = withToken(t, f.URL, func(context.Context) (string, error) { return "nonsense", nil })
	if err := post(); !errors.As(err, &e) || e.Code != "bad-token" {
		t.Errorf("nonsense: %v", err)
	}
}

// Many that want a token at once ask once, and a token that seems to have expired when it comes is used all the same.
func TestTokenIsAskedForOnce(t *testing.T) {
	var asked int
	k := &token{ask: func(context.Context) (string, error) {
		asked++
		time.Sleep(10 * time.Millisecond)
		return tokenFor(time.Now().Add(-time.Hour), byte(asked)), nil
	}}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if b, err := k.get(t.Context()); err != nil || len(b) != tokenSize {
				t.Error(b, err)
			}
		})
	}
	wg.Wait()
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	// From half of its life on another is asked for; while that fails it is used on.
	k.stale = time.Now().Add(-time.Second)
	k.ask = func(context.Context) (string, error) { asked++; return "", errors.New("logged out") }
	for range 5 {
		if b, err := k.get(t.Context()); err != nil || b[39] != 1 {
			t.Error(b, err)
		}
	}
	if asked != 2 {
		t.Errorf("asked %d times", asked)
	}
	k.dead = time.Now()
	if _, err := k.get(t.Context()); err == nil {
		t.Error("a dead token was used")
	}
}

// Messages of a type that this client does not know are from a newer relay, or for others.
func TestUnknownMessagesArePassedOver(t *testing.T) {
	f := newScripted(t)
	h := connect(t, f.URL, nil)
	h.expect("connecting", "online")
	m := newMailbox()
	h.subscribe("m", m)
	ws, a := <-f.reading, m.Address()
	if _, _, err := ws.Read(t.Context()); err != nil { // the subscription: nothing comes of a mailbox before it
		t.Fatal(err)
	}
	for _, p := range [][]byte{{0x05}, {0x77, 1, 2, 3}, append([]byte{0x06}, make([]byte, 4000)...), slices.Concat([]byte{msgEnd}, a[:])} {
		if err := ws.Write(t.Context(), websocket.MessageBinary, p); err != nil {
			t.Fatal(err)
		}
	}
	h.expect("m end")
}
