package hostile

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"ringfork/relay/client"
)

// world is a hostile relay and one client of it, whose callbacks are written down as lines.
type world struct {
	*Relay
	t      *testing.T
	url    string
	client *client.Client
	lines  chan string
	a, b   mailbox
}

func newWorld(t *testing.T, front http.Handler) *world {
	t.Helper()
	w := &world{Relay: New(front), t: t, lines: make(chan string, 1000), a: newMailbox(), b: newMailbox()}
	srv := httptest.NewServer(w)
	w.url = srv.URL
	t.Cleanup(func() { w.Close(); srv.Close() })
	w.client = w.dial(func(s string) { w.lines <- s })
	w.expect("connecting", "online")
	return w
}

func (w *world) dial(onState func(string)) *client.Client {
	w.t.Helper()
	c, err := client.New(w.url)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	c.Start(onState)
	return c
}

// listen subscribes both mailboxes and waits for the ends of their backlogs.
func (w *world) listen() {
	w.t.Helper()
	w.subscribe(w.client, "a", w.a)
	w.expect("a end")
	w.subscribe(w.client, "b", w.b)
	w.expect("b end")
}

func (w *world) subscribe(c *client.Client, name string, m mailbox) {
	c.Subscribe(m, func(f []byte, age time.Duration) {
		line := fmt.Sprint(name, " ", binary.BigEndian.Uint32(f))
		if f[100] != byte(binary.BigEndian.Uint32(f)) {
			line += " changed"
		}
		if age > 30*time.Second {
			line += " old"
		}
		w.lines <- line
	}, func() { w.lines <- name + " end" })
}

// patience bounds what takes milliseconds on a machine that does nothing else.
const patience = time.Minute

func (w *world) expect(want ...string) {
	w.t.Helper()
	for _, line := range want {
		select {
		case got := <-w.lines:
			if got != line {
				w.t.Fatalf("heard %q, want %q", got, line)
			}
		case <-time.After(patience):
			w.t.Fatalf("heard nothing, want %q", line)
		}
	}
}

func (w *world) post(m mailbox, numbers ...int) {
	w.t.Helper()
	for _, n := range numbers {
		if err := w.client.Publish(w.t.Context(), m.Address(), frame(n)); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) add(rule Rule) {
	w.t.Helper()
	if err := w.Add(rule); err != nil {
		w.t.Fatal(err)
	}
}

// frame makes a frame that is told by its number; its byte 100 is the number's last.
func frame(n int) []byte {
	f := make([]byte, frameSize)
	binary.BigEndian.PutUint32(f, uint32(n))
	f[100] = byte(n)
	return f
}

type mailbox struct{ key ed25519.PrivateKey }

func newMailbox() mailbox {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		panic(err)
	}
	return mailbox{key}
}

func (m mailbox) public() []byte    { return m.key.Public().(ed25519.PublicKey) }
func (m mailbox) Address() [20]byte { return addressOf(m.public()) }
func (m mailbox) name() string      { return address(m.Address()).String() }
func (m mailbox) sign(fields ...[]byte) []byte {
	var b []byte
	for _, f := range fields {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(f))), f...)
	}
	return ed25519.Sign(m.key, b)
}

func (m mailbox) Prove(origin string, nonce []byte) (publicKey, signature []byte) {
	a := m.Address()
	return m.public(), m.sign([]byte("ringfork/1/mailbox"), []byte(origin), nonce, a[:])
}

// value is a value for m's slot that m writes; next writes the one after it.
func (m mailbox) value(next mailbox, version uint64) []byte { return m.valueFor(m, next, version) }

func (m mailbox) valueFor(owner, next mailbox, version uint64) []byte {
	a, v, content := owner.Address(), binary.BigEndian.AppendUint64(nil, version), make([]byte, 4096-slotHeader)
	return slices.Concat(v, m.public(), next.public(), m.sign([]byte("ringfork/1/slot"), a[:], v, next.public(), content), content)
}

func TestBehavesUntilToldOtherwise(t *testing.T) {
	w := newWorld(t, nil)
	w.post(w.a, 1, 2)
	w.subscribe(w.client, "a", w.a)
	w.expect("a 1", "a 2", "a end")
	w.subscribe(w.client, "b", w.b)
	w.expect("b end")
	w.post(w.b, 3, 3)
	w.expect("b 3", "b 3")
	w.post(w.a, 4)
	w.expect("a 4")
	w.Cut()
	w.expect("connecting", "online")
	if servers, _, err := w.client.ICEServers(t.Context()); err != nil || len(servers) != 0 {
		t.Errorf("ICE servers: %v, %v", servers, err)
	}
	m := &wrongMailbox{newMailbox()}
	w.client.Subscribe(m, func([]byte, time.Duration) {}, func() { t.Error("a wrong proof was taken") })
	var e *client.Error
	for deadline := time.Now().Add(patience); !errors.As(w.client.Err(), &e) || e.Code != "bad-proof"; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after a wrong proof: %v", w.client.Err())
		}
	}
}

type wrongMailbox struct{ mailbox }

func (m *wrongMailbox) Prove(_ string, nonce []byte) (publicKey, signature []byte) {
	return m.mailbox.Prove("https://elsewhere.example", nonce)
}

func TestFrameRules(t *testing.T) {
	for _, test := range []struct {
		name  string
		rules func(w *world) []Rule
		want  string // what is heard after 1 to 5 were posted to a and 6 to b, then 7 to both
	}{
		{"drop", func(w *world) []Rule { return []Rule{{Do: "drop", To: w.a.name()}} }, "b 6, b 7"},
		{"drop the third", func(w *world) []Rule { return []Rule{{Do: "drop", Skip: 2, Count: 1}} }, "a 1, a 2, a 4, a 5, b 6, a 7, b 7"},
		{"drop by chance", func(*world) []Rule { return []Rule{{Do: "drop", Chance: 1e-9}} }, "a 1, a 2, a 3, a 4, a 5, b 6, a 7, b 7"},
		{"duplicate", func(w *world) []Rule { return []Rule{{Do: "duplicate", Count: 1}} }, "a 1, a 1, a 2, a 3, a 4, a 5, b 6, a 7, b 7"},
		{"reorder", func(w *world) []Rule { return []Rule{{Do: "reorder", To: w.a.name(), Count: 2}} }, "a 3, a 1, a 2, a 4, a 5, b 6, a 7, b 7"},
		{"flip", func(w *world) []Rule { return []Rule{{Do: "flip", Byte: 100, Skip: 1, Count: 1}} }, "a 1, a 2 changed, a 3, a 4, a 5, b 6, a 7, b 7"},
		{"redirect", func(w *world) []Rule { return []Rule{{Do: "redirect", To: w.a.name(), Other: w.b.name(), Count: 2}} }, "b 1, b 2, a 3, a 4, a 5, b 6, a 7, b 7"},
		{"swap", func(w *world) []Rule {
			return []Rule{{Do: "swap", To: w.a.name(), Other: w.b.name(), Skip: 4, Count: 2}}
		}, "a 1, a 2, a 3, a 4, b 5, a 6, a 7, b 7"},
		{"age", func(w *world) []Rule { return []Rule{{Do: "age", Ms: 60000, Count: 1}} }, "a 1 old, a 2, a 3, a 4, a 5, b 6, a 7, b 7"},
		{"two at once", func(w *world) []Rule {
			return []Rule{{Do: "duplicate", Count: 1}, {Do: "flip", Byte: 100, Count: 1}, {Do: "drop", To: w.b.name()}}
		}, "a 1 changed, a 1 changed, a 2, a 3, a 4, a 5, a 7"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.listen()
			for _, rule := range test.rules(w) {
				w.add(rule)
			}
			w.post(w.a, 1, 2, 3, 4, 5)
			w.post(w.b, 6)
			w.post(w.a, 7)
			w.post(w.b, 7)
			w.expect(strings.Split(test.want, ", ")...)
			// Nothing more comes.
			w.Clear()
			w.post(w.a, 8)
			w.expect("a 8")
		})
	}
}

func TestDelay(t *testing.T) {
	w := newWorld(t, nil)
	w.listen()
	const hour, moment = 3_600_000, 100
	w.add(Rule{Do: "delay", Ms: hour, Count: 1}) // so that what comes after it does not have to hurry
	w.post(w.a, 1, 2)
	w.expect("a 2")
	w.Clear()
	// What is delayed arrives, and not before its time.
	w.add(Rule{Do: "delay", Ms: moment, Count: 1})
	began := time.Now()
	w.post(w.a, 6)
	w.expect("a 6")
	if took := time.Since(began); took < moment*time.Millisecond {
		t.Errorf("what is delayed by %d ms came after %v", moment, took)
	}
	w.Clear()
	// Who waits to be overtaken does not wait for ever.
	w.add(Rule{Do: "reorder", Ms: 20, Count: 1})
	w.post(w.a, 3)
	w.expect("a 3")
	w.post(w.a, 4)
	w.expect("a 4")
	// Nor does it when the rules are taken back.
	w.add(Rule{Do: "reorder"})
	w.post(w.a, 5)
	w.Clear()
	w.expect("a 5")
}

func TestDropByChance(t *testing.T) {
	w := newWorld(t, nil)
	w.add(Rule{Do: "drop", Chance: 0.5})
	for i := range 200 {
		w.post(w.a, i)
	}
	dropped := 0
	for _, f := range w.Record().Frames {
		dropped += len(f.Fate)
	}
	if dropped < 60 || dropped > 140 {
		t.Errorf("%d of 200 were dropped", dropped)
	}
}

// A client takes a frame that is cut short for a broken connection.
func TestTruncate(t *testing.T) {
	w := newWorld(t, nil)
	w.listen()
	w.add(Rule{Do: "truncate", Size: 4095, To: w.b.name(), Count: 1})
	w.post(w.b, 1)
	w.expect("connecting", "online")
	// The next connection brings both mailboxes again, and what was cut short is lost.
	w.expect("a end", "b end")
	w.post(w.b, 2)
	w.expect("b 2")
}

func TestReplay(t *testing.T) {
	w := newWorld(t, nil)
	w.listen()
	w.post(w.a, 1, 2)
	w.expect("a 1", "a 2")
	for _, p := range []Replay{{Frame: 1}, {Frame: 0, To: w.b.name()}, {Frame: 0, Ms: 5}} {
		if err := w.Replay(p); err != nil {
			t.Fatal(err)
		}
	}
	w.expect("a 2", "b 1", "a 1")
	for _, p := range []Replay{{Frame: 2}, {Frame: -1}, {Frame: 0, To: "x"}} {
		if w.Replay(p) == nil {
			t.Errorf("%+v was done", p)
		}
	}
	// It waits for those who come later, too, also where it was never posted.
	c := w.dial(func(string) {})
	w.subscribe(c, "later b", w.b)
	w.expect("later b 1", "later b end")
}

func TestSubscriptionRules(t *testing.T) {
	w := newWorld(t, nil)
	w.post(w.a, 1)
	w.add(Rule{Do: "no-backlog", To: w.a.name()})
	w.listen()
	w.post(w.a, 2)
	w.expect("a 2")
	w.Clear()
	w.add(Rule{Do: "no-end"})
	c := w.dial(func(string) {})
	w.subscribe(c, "later a", w.a)
	w.expect("later a 1", "later a 2")
	w.post(w.a, 3)
	for got := []string{}; len(got) < 2; {
		if l := <-w.lines; l != "a 3" && l != "later a 3" {
			t.Fatalf("heard %q", l)
		} else {
			got = append(got, l)
		}
	}
	w.Clear()
	w.add(Rule{Do: "refuse-mailbox", Code: "too-many-subscriptions", Count: 1})
	w.subscribe(c, "c", newMailbox())
	var e *client.Error
	for deadline := time.Now().Add(patience); !errors.As(c.Err(), &e); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the refusal was not told")
		}
	}
	if e.Code != "too-many-subscriptions" {
		t.Errorf("refused with %s", e.Code)
	}
}

func TestSlotRules(t *testing.T) {
	w := newWorld(t, nil)
	ctx, a, b := t.Context(), w.a, w.b
	put := func(what string, owner mailbox, value []byte, code string) {
		t.Helper()
		var e *client.Error
		err := w.client.PutSlot(ctx, owner.Address(), value, slotValue(value).version()-1)
		if err == nil && code != "" || err != nil && (!errors.As(err, &e) || e.Code != code) {
			t.Errorf("%s: %v, want %q", what, err, code)
		}
	}
	holds := func(what string, owner mailbox, want []byte) {
		t.Helper()
		got, err := w.client.GetSlot(ctx, owner.Address())
		if want == nil && !errors.Is(err, fs.ErrNotExist) || want != nil && !slices.Equal(got, want) {
			t.Errorf("%s: a wrong value, %v", what, err)
		}
	}
	// As an honest relay does it.
	values := [][]byte{nil, a.value(a, 1), a.value(a, 2), a.value(b, 3)}
	holds("empty", a, nil)
	put("another's", a, b.valueFor(a, a, 1), "not-the-writer")
	for _, v := range values[1:] {
		put("an honest one", a, v, "")
		put("again", a, v, "")
	}
	put("an old one", a, values[2], "slot-conflict")
	put("a revoked writer's", a, a.value(a, 4), "not-the-writer")
	put("forged", a, b.value(b, 4), "bad-signature")
	put("another slot's", b, b.value(b, 1), "")
	holds("the last", a, values[3])

	w.add(Rule{Do: "old-value", To: a.name(), Count: 1})
	holds("the one before", a, values[2])
	holds("the last again", a, values[3])
	w.add(Rule{Do: "old-value", To: a.name(), Version: 1})
	holds("the first", a, values[1])
	holds("another slot", b, b.value(b, 1))
	w.Clear()
	w.add(Rule{Do: "other-value", To: a.name(), Other: b.name()})
	holds("the other's", a, b.value(b, 1))
	w.Clear()
	w.add(Rule{Do: "no-value", To: a.name()})
	holds("none", a, nil)
	w.Clear()
	w.add(Rule{Do: "flip-value", Byte: 200})
	changed := slices.Clone(values[3])
	changed[200] ^= 1
	holds("a changed one", a, changed)
	w.Clear()

	w.add(Rule{Do: "freeze", To: a.name()})
	put("a write into ice", a, b.valueFor(a, b, 4), "")
	holds("as before", a, values[3])
	put("the next one", a, b.valueFor(a, b, 5), "")
	holds("still", a, values[3])
	w.Clear()
	holds("thawed", a, values[3])

	w.add(Rule{Do: "any-writer", To: a.name()})
	put("a revoked writer's, taken", a, a.value(a, 4), "")
	holds("it", a, a.value(a, 4))
	w.Clear()

	record := w.Record()
	last := record.Slots[len(record.Slots)-1]
	if last.Version != 4 || last.Address != a.name() || last.Writer != fmt.Sprintf("%x", a.public()) || last.Next != last.Writer ||
		last.Code != "" || !slices.Equal(last.Fate, []string{"any-writer"}) || !slices.Equal(last.Value, a.value(a, 4)) {
		t.Errorf("recorded %+v", last)
	}
}

func TestFailures(t *testing.T) {
	w := newWorld(t, nil)
	w.add(Rule{Do: "fail", Path: "/v1/pub", Status: 429, Code: "rate-limited", Count: 1})
	var e *client.Error
	if err := w.client.Publish(t.Context(), w.a.Address(), frame(1)); !errors.As(err, &e) || e.Code != "rate-limited" || e.Status != 429 {
		t.Errorf("publish: %v", err)
	}
	w.post(w.a, 1)
	w.add(Rule{Do: "fail", Path: "/v1/sub", Status: 503, Code: "unavailable"})
	w.Cut()
	w.expect("connecting", "offline")
	w.Clear()
	w.expect("online")
}

func TestRecord(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Access-Control-Allow-Origin", "*")
		io.WriteString(w, "page "+r.URL.Path)
	}))
	w.listen()
	w.post(w.a, 1)
	w.expect("a 1")
	if _, body := w.get("/some/page?q"); body != "page /some/page" {
		t.Errorf("front said %q", body)
	}
	if _, body := w.get("/v1/ice"); body != "page /v1/ice" {
		t.Errorf("front said %q", body)
	}
	if res, err := http.Head(w.url + "/v1/ice"); err != nil || len(res.Header.Values("Access-Control-Allow-Origin")) != 1 {
		t.Errorf("what a browser needs is not there, or twice: %+v, %v", res, err)
	}
	r := w.Record()
	var requests []string
	for _, q := range r.Requests {
		requests = append(requests, fmt.Sprint(q.Method, " ", q.Path, " ", q.Length, " ", q.Status))
		if q.Header.Get("Host") != strings.TrimPrefix(w.url, "http://") || time.Since(q.At) > time.Minute || q.From == "" {
			t.Errorf("recorded %+v", q)
		}
	}
	if want := []string{"GET /v1/sub -1 0", "POST /v1/pub 4116 204", "GET /some/page?q -1 0", "GET /v1/ice -1 0", "HEAD /v1/ice -1 0"}; !slices.Equal(requests, want) {
		t.Errorf("requests %q, want %q", requests, want)
	}
	if len(r.Connections) != 1 || r.Connections[0].Request != 0 || !r.Connections[0].Closed.IsZero() {
		t.Errorf("connections %+v", r.Connections)
	}
	if len(r.Messages) != 2 || r.Messages[1].Kind != "subscribe" || r.Messages[1].Address != w.b.name() || !r.Messages[1].Proved || len(r.Messages[1].Bytes) != 97 {
		t.Errorf("messages %+v", r.Messages)
	}
	if len(r.Frames) != 1 || r.Frames[0].To != w.a.name() || r.Frames[0].Request != 1 || !slices.Equal(r.Frames[0].Bytes, frame(1)) {
		t.Errorf("frames %+v", r.Frames)
	}
	w.Cut()
	w.expect("connecting", "online")
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) { // the new one may be there before the old one has ended
		if r = w.Record(); len(r.Connections) == 2 && !r.Connections[0].Closed.IsZero() {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("connections %+v", r.Connections)
		}
	}
}

func (w *world) get(path string) (int, string) {
	w.t.Helper()
	res, err := http.Get(w.url + path)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func TestPreflight(t *testing.T) {
	w := newWorld(t, nil)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, w.url+"/v1/slot/"+w.a.name()+"?replaces=0", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 204 || !strings.Contains(res.Header.Get("Access-Control-Allow-Methods"), "PUT") {
		t.Errorf("preflight: %s, %v", res.Status, res.Header)
	}
}

func TestCloseEndsEverything(t *testing.T) {
	w := newWorld(t, nil)
	w.listen()
	w.add(Rule{Do: "delay", Ms: 1 << 30})
	w.post(w.a, 1)
	w.Close()
	w.expect("connecting")
	w.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := w.client.Publish(ctx, w.a.Address(), frame(2)); err != nil {
		t.Errorf("publish after Close: %v", err) // it still swallows what it is given
	}
}
