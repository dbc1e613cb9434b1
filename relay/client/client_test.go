package client

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"ringfork/relay"
)

// mailbox is a Mailbox as package keys has them.
type mailbox struct{ key ed25519.PrivateKey }

func newMailbox() mailbox {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		panic(err)
	}
	return mailbox{key}
}

func (m mailbox) public() ed25519.PublicKey { return m.key.Public().(ed25519.PublicKey) }

func (m mailbox) Address() [20]byte {
	sum := sha256.Sum256(m.public())
	return [20]byte(sum[:20])
}

func (m mailbox) Prove(origin string, nonce []byte) (publicKey, signature []byte) {
	a := m.Address()
	return m.public(), ed25519.Sign(m.key, signedBytes("ringfork/1/mailbox", []byte(origin), nonce, a[:]))
}

// slotValue is a value of m's own slot, of 4,096 bytes.
func (m mailbox) slotValue(version uint64, content string) []byte {
	return m.slotValueFor(m, version, content)
}

// slotValueFor is a value of owner's slot that m writes, now and the next time.
func (m mailbox) slotValueFor(owner mailbox, version uint64, content string) []byte {
	a, v := owner.Address(), binary.BigEndian.AppendUint64(nil, version)
	sealed := make([]byte, 4096-8-32-32-64)
	copy(sealed, content)
	sig := ed25519.Sign(m.key, signedBytes("ringfork/1/slot", a[:], v, m.public(), sealed))
	return slices.Concat(v, m.public(), m.public(), sig, sealed)
}

func signedBytes(context string, fields ...[]byte) (b []byte) {
	for _, f := range append([][]byte{[]byte(context)}, fields...) {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(f))), f...)
	}
	return b
}

// startRelay serves a relay and returns its origin and what stops it.
func startRelay(t *testing.T, origins ...string) (origin string, stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	origin = "http://" + l.Addr().String()
	r, err := relay.New(t.Context(), relay.Config{
		Origins: append(origins, origin),
		ICE: func() ([]relay.ICEServer, time.Duration) {
			return []relay.ICEServer{{URLs: []string{"turn:x"}, Username: "u", Credential: "c"}}, 10 * time.Minute
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: r.Handler()}
	go srv.Serve(l)
	var stopped atomic.Bool
	stop = func() {
		if !stopped.Swap(true) {
			if err := errors.Join(r.Close(), srv.Close()); err != nil {
				t.Error(err)
			}
		}
	}
	t.Cleanup(stop)
	return origin, stop
}

// heard is a client whose callbacks are written down as lines.
type heard struct {
	*Client
	t     *testing.T
	lines chan string
}

func connect(t *testing.T, origin string, change func(*Client)) *heard {
	t.Helper()
	c, err := New(origin)
	if err != nil {
		t.Fatal(err)
	}
	c.timing.backoffMin, c.timing.backoffMax = 5*time.Millisecond, 100*time.Millisecond
	if change != nil {
		change(c)
	}
	h := &heard{c, t, make(chan string, 10000)}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	c.Start(func(s string) { h.lines <- s })
	return h
}

func (h *heard) subscribe(name string, m Mailbox) (cancel func()) {
	return h.Subscribe(m,
		func(f []byte, age time.Duration) { h.lines <- fmt.Sprint(name, " ", binary.BigEndian.Uint32(f)) },
		func() { h.lines <- name + " end" })
}

// patience bounds what takes milliseconds on a machine that does nothing else.
const patience = time.Minute

func (h *heard) next() string {
	h.t.Helper()
	select {
	case l := <-h.lines:
		return l
	case <-time.After(patience):
		h.t.Fatalf("heard nothing more (%v)", h.Err())
		return ""
	}
}

func (h *heard) expect(want ...string) {
	h.t.Helper()
	for _, w := range want {
		if got := h.next(); got != w {
			h.t.Fatalf("heard %q, want %q (%v)", got, w, h.Err())
		}
	}
}

func (h *heard) publish(m mailbox, f []byte) {
	h.t.Helper()
	if err := h.Publish(h.t.Context(), m.Address(), f); err != nil {
		h.t.Fatal(err)
	}
}

func frame(n int) []byte {
	f := make([]byte, FrameSize)
	rand.Read(f)
	binary.BigEndian.PutUint32(f, uint32(n))
	return f
}

func TestBacklogEndLive(t *testing.T) {
	origin, _ := startRelay(t)
	h := connect(t, strings.ToUpper(origin[:4])+origin[4:]+"/", nil)
	if h.Origin() != origin {
		t.Errorf("origin %q, want %q", h.Origin(), origin)
	}
	h.expect("connecting", "online")
	a, b := newMailbox(), newMailbox()
	h.publish(a, frame(1))
	h.publish(a, frame(2))
	cancel := h.subscribe("a", a)
	h.expect("a 1", "a 2", "a end")
	retry := frame(3)
	for range 3 {
		h.publish(a, retry)
		h.expect("a 3")
	}
	h.subscribe("b", b)
	h.expect("b end")
	cancel()
	h.publish(a, frame(4))
	h.publish(b, frame(5))
	h.expect("b 5")
	h.subscribe("a", a)
	h.expect("a 1", "a 2", "a 3", "a 4", "a end")
	cancel() // of the former one: changes nothing
	h.publish(a, frame(6))
	h.expect("a 6")
}

func TestReconnectsWhenTheRelayRestarts(t *testing.T) {
	origin, stop := startRelay(t)
	var at atomic.Value // where the relay is now: its port may be another's after it ended
	at.Store(strings.TrimPrefix(origin, "http://"))
	h := connect(t, origin, func(c *Client) {
		c.http.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, at.Load().(string))
		}
	})
	h.expect("connecting", "online")
	a, b := newMailbox(), newMailbox()
	h.subscribe("a", a)
	h.expect("a end")
	h.publish(a, frame(1))
	h.expect("a 1")
	stop()
	at.Store("127.0.0.1:1")
	h.expect("connecting", "offline")
	var e *Error
	if err := h.Publish(t.Context(), a.Address(), frame(2)); !errors.As(err, &e) || e.Code != "relay-unreachable" {
		t.Errorf("publish without relay: %v", err)
	}
	// Not at once: the first attempt may have met the relay while it was ending.
	eventually(t, "the client to find nobody", func() bool { return errors.As(h.Err(), &e) && e.Code == "relay-unreachable" })
	h.subscribe("b", b) // while there is no connection
	next, stop := startRelay(t, origin)
	at.Store(strings.TrimPrefix(next, "http://"))
	h.expect("online")
	for ends := map[string]bool{}; len(ends) < 2; {
		ends[h.next()] = true
	}
	h.publish(a, frame(3))
	h.expect("a 3")
	h.publish(b, frame(4))
	h.expect("b 4")
	if err := h.Err(); err != nil {
		t.Errorf("Err when online: %v", err)
	}
	stop()
	h.expect("connecting")
}

// A frame that was delivered is not delivered again by the backlog of the next connection, one that was missed is.
func TestReconnectBringsWhatWasMissed(t *testing.T) {
	origin, _ := startRelay(t)
	var dials atomic.Int32
	h := connect(t, origin, func(c *Client) {
		c.http.Transport.(*http.Transport).MaxIdleConnsPerHost = -1 // each request on a connection of its own
		c.http.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			dials.Add(1)
			return (&net.Dialer{}).DialContext(ctx, network, addr)
		}
	})
	a := newMailbox()
	h.expect("connecting", "online")
	h.subscribe("a", a)
	h.expect("a end")
	h.publish(a, frame(1))
	h.expect("a 1")
	other, before := connect(t, origin, nil), dials.Load()
	h.breakConnection()
	h.expect("connecting")
	other.publish(a, frame(2))
	h.expect("online")
	for got := []string{}; len(got) < 2; { // before or after the end, as the timing has it; but not frame 1
		l := h.next()
		if l != "a 2" && l != "a end" {
			t.Fatalf("heard %q", l)
		}
		got = append(got, l)
	}
	if dials.Load() == before {
		t.Error("there was no second connection")
	}
}

// breakConnection makes the relay close the connection, by a message that it does not understand.
func (h *heard) breakConnection() {
	h.t.Cleanup(h.Subscribe(&badMailbox{}, func([]byte, time.Duration) {}, func() {}))
}

// badMailbox proves nothing: the first time the message is not even one.
type badMailbox struct{ asked atomic.Bool }

func (*badMailbox) Address() [20]byte { return [20]byte{1} }

func (m *badMailbox) Prove(string, []byte) (publicKey, signature []byte) {
	if m.asked.Swap(true) {
		return make([]byte, 32), make([]byte, 64)
	}
	return []byte{1}, []byte{2}
}

func TestWrongProofIsToldAndMadeOncePerConnection(t *testing.T) {
	origin, _ := startRelay(t)
	// The same relay, by a name that it does not know as its own.
	h := connect(t, strings.Replace(origin, "127.0.0.1", "localhost", 1), func(c *Client) {
		c.timing.refusedRetry = 5 * time.Millisecond
	})
	h.expect("connecting", "online")
	proofs := make(chan string, 100)
	h.Subscribe(recordingMailbox{newMailbox(), proofs}, func([]byte, time.Duration) {}, func() { t.Error("backlog of a refused one") })
	for i := range 2 {
		if o := <-proofs; o != h.Origin() {
			t.Errorf("a proof was made for %q", o)
		}
		var e *Error
		eventually(t, "why the mailbox is not read", func() bool { return errors.As(h.Err(), &e) && e.Code == "bad-proof" })
		time.Sleep(20 * time.Millisecond) // four times what it would wait
		if n := len(proofs); n > 0 {
			t.Errorf("%d more proofs on connection %d", n, i)
		}
		if i == 0 {
			h.breakConnection()
		}
	}
}

type recordingMailbox struct {
	mailbox
	origins chan string
}

func (m recordingMailbox) Prove(origin string, nonce []byte) (publicKey, signature []byte) {
	select {
	case m.origins <- origin:
	default:
	}
	return m.mailbox.Prove(origin, nonce)
}

func TestSlotsAndICE(t *testing.T) {
	origin, _ := startRelay(t)
	h := connect(t, origin, nil)
	ctx, k := t.Context(), newMailbox()
	if _, err := h.GetSlot(ctx, k.Address()); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) {
		t.Errorf("an empty slot: %v", err)
	}
	if err := h.PutSlot(ctx, k.Address(), k.slotValue(1, "one"), 0); err != nil {
		t.Fatal(err)
	}
	if err := h.PutSlot(ctx, k.Address(), k.slotValue(1, "uno"), 0); !errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a conflict: %v", err)
	}
	var e *Error
	if err := h.PutSlot(ctx, k.Address(), newMailbox().slotValueFor(k, 2, "x"), 1); !errors.As(err, &e) || e.Code != "not-the-writer" || e.Status != 403 {
		t.Errorf("another's value: %v", err)
	}
	if err := h.PutSlot(ctx, k.Address(), make([]byte, maxSlotSize+1), 1); !errors.As(err, &e) || e.Code != "bad-size" || e.Status != 0 {
		t.Errorf("too long a value: %v", err)
	}
	if v, err := h.GetSlot(ctx, k.Address()); err != nil || string(v) != string(k.slotValue(1, "one")) {
		t.Errorf("get: %q, %v", v, err)
	}
	if err := h.Publish(ctx, k.Address(), make([]byte, 10)); !errors.As(err, &e) || e.Code != "bad-size" {
		t.Errorf("a short frame: %v", err)
	}
	servers, ttl, err := h.ICEServers(ctx)
	if err != nil || ttl != 10*time.Minute || len(servers) != 1 || servers[0].URLs[0] != "turn:x" || servers[0].Credential != "c" {
		t.Errorf("ICE servers: %v, %v, %v", servers, ttl, err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := h.GetSlot(cancelled, k.Address()); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled request: %v", err)
	}
}

// fakeRelay runs serve for each connection, which gets the number of it, after saying hello.
func fakeRelay(t *testing.T, serve func(n int32, ws *websocket.Conn, ctx context.Context)) string {
	t.Helper()
	var n atomic.Int32
	ctx, cancel := context.WithCancel(context.Background())
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer ws.CloseNow()
		if ws.Write(ctx, websocket.MessageBinary, append([]byte{msgHello}, make([]byte, nonceSize)...)) == nil {
			serve(n.Add(1), ws, ctx)
		}
	}))
	t.Cleanup(func() { cancel(); srv.Close() })
	return srv.URL
}

func TestSilentConnectionIsGivenUp(t *testing.T) {
	connections := make(chan int32, 100)
	origin := fakeRelay(t, func(n int32, _ *websocket.Conn, ctx context.Context) {
		connections <- n
		<-ctx.Done() // reads nothing, so that no ping is answered
	})
	h := connect(t, origin, func(c *Client) {
		c.timing.pingEvery, c.timing.pingWait = 10*time.Millisecond, 30*time.Millisecond
	})
	h.expect("connecting", "online", "connecting", "online")
	if n := <-connections; n != 1 {
		t.Errorf("connection %d came first", n)
	}
}

func TestMalformedMessagesEndTheConnection(t *testing.T) {
	bad := [][]byte{
		{}, {msgFrame}, make([]byte, 21), append([]byte{msgFrame}, make([]byte, 20+4+FrameSize-1)...),
		append([]byte{msgEnd}, make([]byte, 21)...), append([]byte{msgRefused}, make([]byte, 20)...),
		append([]byte{msgRefused}, make([]byte, 20+65)...), append([]byte{msgHello}, make([]byte, 32)...),
		make([]byte, maxMessage+1),
	}
	served := make(chan struct{})
	origin := fakeRelay(t, func(n int32, ws *websocket.Conn, ctx context.Context) {
		switch i := int(n) - 1; {
		case i < len(bad):
			ws.Write(ctx, websocket.MessageBinary, bad[i])
		case i == len(bad):
			ws.Write(ctx, websocket.MessageText, make([]byte, 21))
		case i == len(bad)+1:
			// What is well formed, but of no subscription, is ignored.
			ws.Write(ctx, websocket.MessageBinary, append([]byte{msgFrame}, make([]byte, 20+4+FrameSize)...))
			ws.Write(ctx, websocket.MessageBinary, append([]byte{msgEnd}, make([]byte, 20)...))
			if ws.Ping(ws.CloseRead(ctx)) == nil {
				close(served)
			}
			<-ctx.Done()
			return
		}
		ws.Read(ctx) // until the client has gone
	})
	h := connect(t, origin, nil)
	for range len(bad) + 2 {
		h.expect("connecting", "online")
	}
	<-served
}

// A relay that sends faster than the callbacks take it is left, not kept in memory without bound.
func TestCallbacksThatDoNotKeepUp(t *testing.T) {
	m := newMailbox()
	a := m.Address()
	gone := make(chan int, 1)
	origin := fakeRelay(t, func(n int32, ws *websocket.Conn, ctx context.Context) {
		if _, _, err := ws.Read(ctx); err != nil {
			return
		}
		if n > 1 {
			ws.Write(ctx, websocket.MessageBinary, append([]byte{msgEnd}, a[:]...))
			<-ctx.Done()
			return
		}
		f := append(append([]byte{msgFrame}, a[:]...), make([]byte, 4+FrameSize)...)
		for i := 0; ; i++ {
			binary.BigEndian.PutUint32(f[25:], uint32(i))
			if ws.Write(ctx, websocket.MessageBinary, f) != nil {
				gone <- i
				return
			}
		}
	})
	h := connect(t, origin, nil)
	h.expect("connecting", "online")
	release, frames, ended := make(chan struct{}), 0, make(chan struct{})
	h.Subscribe(m, func([]byte, time.Duration) { <-release; frames++ }, func() { close(ended) })
	<-gone
	close(release)
	<-ended
	if frames < maxEvents/2 || frames > maxEvents+1 {
		t.Errorf("%d frames were delivered", frames)
	}
}

func TestAnswersThatAreNoRelays(t *testing.T) {
	var answer func(w http.ResponseWriter, r *http.Request)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer(w, r) }))
	defer srv.Close()
	c, err := New(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	address := newMailbox().Address()
	hex := fmt.Sprintf("%x", address)
	for _, test := range []struct {
		code   string
		answer func(w http.ResponseWriter, r *http.Request)
	}{
		{"bad-answer", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }},
		{"bad-answer", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNotFound) }},
		{"bad-answer", func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, maxSlotSize+1)) }},
		{"relay-unreachable", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", http.StatusBadGateway) }},
		{"rate-limited", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", http.StatusTooManyRequests) }},
	} {
		answer = test.answer
		var e *Error
		if _, err := c.GetSlot(t.Context(), address); !errors.As(err, &e) || e.Code != test.code {
			t.Errorf("%v, want %s", err, test.code)
		}
	}
	answer = func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, maxAnswer+1)) }
	if _, _, err := c.ICEServers(t.Context()); err == nil {
		t.Error("a list of ICE servers without an end was taken")
	}
	answer = func(w http.ResponseWriter, r *http.Request) {}
	if _, _, err := c.ICEServers(t.Context()); err == nil {
		t.Error("an empty list of ICE servers was taken")
	}
	// An error may be logged; the address must not be.
	srv.Close()
	if _, err := c.GetSlot(t.Context(), address); err == nil || strings.Contains(err.Error(), hex) {
		t.Errorf("unreachable: %v", err)
	}
}

func TestBadOrigin(t *testing.T) {
	for _, o := range []string{"", "relay", "ws://relay", "http://", "http://relay/path", "http://u:p@relay"} {
		if _, err := New(o); err == nil {
			t.Errorf("origin %q was taken", o)
		}
	}
	for given, want := range map[string]string{
		"https://Relay:443/": "https://relay", "http://relay:80": "http://relay", "http://relay:443": "http://relay:443",
		"https://[::1]:443": "https://[::1]", "https://relay:8443": "https://relay:8443",
	} {
		c, err := New(given)
		if err != nil {
			t.Fatal(err)
		}
		if c.origin != want {
			t.Errorf("origin %q is %q, want %q", given, c.origin, want)
		}
		c.Close()
	}
}

func TestCloseLeavesNoGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	origin, stop := startRelay(t)
	for _, o := range []string{origin, "http://127.0.0.1:1"} {
		c, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		states := make(chan string, 10)
		c.Start(func(s string) { states <- s })
		c.Subscribe(newMailbox(), func([]byte, time.Duration) {}, func() {})
		<-states
		<-states // online or offline
		for range 2 {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
		if err := c.Publish(t.Context(), [20]byte{}, frame(0)); err == nil {
			t.Error("published after Close")
		}
	}
	c, err := New(origin)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	c.Start(func(string) { t.Error("a callback after Close") })
	stop()
	deadline := time.Now().Add(patience)
	for runtime.NumGoroutine() > before && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > before {
		buf := make([]byte, 1<<20)
		t.Errorf("%d goroutines, %d before:\n%s", n, before, buf[:runtime.Stack(buf, true)])
	}
}

// One mailbox for each contact, subscribed at once, and again on the next connection; the first ones first.
func TestManyMailboxes(t *testing.T) {
	origin, _ := startRelay(t)
	h := connect(t, origin, func(c *Client) { c.timing.pingWait = patience }) // the ping is answered after all that
	h.expect("connecting", "online")
	all := make([]mailbox, 1100)
	want := make([]string, len(all))
	for i := range all {
		all[i] = newMailbox()
		h.subscribe(fmt.Sprint(i), all[i])
		want[i] = fmt.Sprint(i, " end")
	}
	h.expect(want...)
	h.breakConnection()
	h.expect("connecting", "online")
	h.expect(want...)
	h.publish(all[1099], frame(7))
	h.expect("1099 7")
}

// The interface that package phone declares.
var _ interface {
	Origin() string
	Start(onState func(state string))
	Subscribe(m interface {
		Address() [20]byte
		Prove(origin string, nonce []byte) (publicKey, signature []byte)
	}, onFrame func(frame []byte, age time.Duration), onBacklogEnd func()) (cancel func())
	Publish(ctx context.Context, to [20]byte, frame []byte) error
	GetSlot(ctx context.Context, address [20]byte) (value []byte, err error)
	PutSlot(ctx context.Context, address [20]byte, value []byte, replaces uint64) error
	Close() error
} = (*Client)(nil)
