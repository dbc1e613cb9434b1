//go:build js && wasm

package peer

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"syscall/js"
	"testing"
	"time"
)

// fakeBrowser has what Conn uses of a browser, for a JavaScript engine without WebRTC. Its connection never connects: the
// tests dispatch what is to happen.
const fakeBrowser = `(() => {
	let listeners = 0;
	class Target extends EventTarget {
		addEventListener(...a) { listeners++; super.addEventListener(...a); }
		removeEventListener(...a) { listeners--; super.removeEventListener(...a); }
		tell(type, fields) { this.dispatchEvent(Object.assign(new Event(type), fields)); }
	}
	class Channel extends Target {
		label; readyState = "connecting"; bufferedAmount = 0; sent = [];
		constructor(label) { super(); this.label = label; }
		send(data) { this.sent.push(data.byteLength); }
		close() { this.readyState = "closed"; }
	}
	class RTCPeerConnection extends Target {
		connectionState = "new"; transceivers = []; ended = false;
		constructor(config) {
			super();
			if (fake.full) throw new DOMException("no more than 500 at 192.0.2.1", "UnknownError");
			fake.config = config;
			fake.last = this;
		}
		addTransceiver(kind, { direction }) {
			this.transceivers.push({ direction, receiver: { track: { kind } } });
			return this.transceivers.at(-1);
		}
		getTransceivers() { return this.transceivers; }
		createDataChannel(label) { return this.channel = new Channel(label); }
		createOffer() {
			if (!fake.hold) return Promise.resolve({ type: "offer", sdp: "offer" });
			return new Promise(resolve => { fake.release = () => resolve({ type: "offer", sdp: "offer" }); });
		}
		async createAnswer() { return { type: "answer", sdp: "answer" }; }
		async setLocalDescription() {}
		async setRemoteDescription({ sdp }) {
			if (sdp === "bad") throw new DOMException("bad line a=candidate 192.0.2.1", "OperationError");
			if (!sdp.startsWith("kinds ")) return;
			for (const kind of sdp.split(" ").slice(1)) this.addTransceiver(kind, { direction: "recvonly" });
		}
		async addIceCandidate(candidate) { (this.candidates ??= []).push(candidate); }
		close() { this.ended = true; }
	}
	const fake = { Channel, listeners: () => listeners };
	globalThis.window = { RTCPeerConnection };
	return fake;
})()`

type recorder struct {
	*Conn
	events chan Event
}

func newRecorder(t *testing.T) (fake, pc js.Value, r *recorder) {
	t.Helper()
	fake = js.Global().Call("eval", fakeBrowser)
	r = &recorder{events: make(chan Event, 100)}
	c, err := New(Config{}, func(e Event) { r.events <- e })
	if err != nil {
		t.Fatal(err)
	}
	r.Conn = c
	t.Cleanup(func() {
		c.Close()
		if n := LiveFuncs(); n != 0 {
			t.Errorf("%d functions are left", n)
		}
		if n := fake.Call("listeners").Int(); n != 0 {
			t.Errorf("%d listeners are left", n)
		}
		if !fake.Get("last").Get("ended").Bool() {
			t.Error("connection is not closed")
		}
	})
	return fake, fake.Get("last"), r
}

func (r *recorder) expect(t *testing.T, want ...Event) {
	t.Helper()
	for _, w := range want {
		select {
		case e := <-r.events:
			if fmt.Sprint(e) != fmt.Sprint(w) || fmt.Sprintf("%T", e) != fmt.Sprintf("%T", w) {
				t.Fatalf("got %T%v, want %T%v", e, e, w, w)
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("no %T%v", w, w)
		}
	}
}

func fields(kv ...any) js.Value {
	o := js.Global().Get("Object").New()
	for i := 0; i < len(kv); i += 2 {
		o.Set(kv[i].(string), kv[i+1])
	}
	return o
}

func TestBrowserEventsKeepTheirOrder(t *testing.T) {
	_, pc, r := newRecorder(t)
	ctx := context.Background()
	if sdp, err := r.Offer(ctx); sdp != "offer" || err != nil {
		t.Fatal(sdp, err)
	}
	var kinds []string
	for i := range pc.Get("transceivers").Length() {
		transceiver := pc.Get("transceivers").Index(i)
		kinds = append(kinds, transceiver.Get("receiver").Get("track").Get("kind").String(), transceiver.Get("direction").String())
	}
	if got := strings.Join(kinds, " "); got != "audio sendrecv video sendrecv video sendrecv" {
		t.Errorf("offers %s", got)
	}

	candidate := func(line string) js.Value {
		return js.Global().Call("eval", `(line => ({ candidate: { toJSON: () => ({ candidate: line, sdpMid: "0", sdpMLineIndex: 0,
			usernameFragment: "u" }) } }))`).Invoke(line)
	}
	channel := pc.Get("channel")
	message := func(n int) js.Value { return fields("data", js.Global().Get("Uint8Array").New(n).Get("buffer")) }
	good := "candidate:1 1 udp 1 192.0.2.1 9 typ host"
	for _, tell := range []func(){
		func() { pc.Call("tell", "icecandidate", candidate(good)) },
		func() { pc.Call("tell", "icecandidate", candidate("")) },
		func() {
			pc.Call("tell", "icecandidate", candidate("candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype active"))
		},
		func() { pc.Call("tell", "icecandidate", fields()) },
		func() {
			pc.Set("connectionState", "connected")
			pc.Call("tell", "connectionstatechange")
			pc.Call("tell", "connectionstatechange")
		},
		func() { channel.Call("tell", "open"); channel.Call("tell", "open") },
		func() { channel.Call("tell", "message", message(1)) },
		func() { channel.Call("tell", "message", message(0)) },
		func() { channel.Call("tell", "message", message(MaxMessage+1)) },
		func() { channel.Call("tell", "message", fields("data", "text")) },
		func() { channel.Call("tell", "message", fields("data", js.Null())) },
		func() { channel.Call("tell", "message", message(MaxMessage)) },
		func() { channel.Call("tell", "close") },
		func() { channel.Call("tell", "message", message(1)) },
		func() { pc.Call("tell", "icecandidate", fields("candidate", js.Null())) },
	} {
		tell()
	}
	r.expect(t, CandidateFound{Candidate{good, "0", "u"}}, CandidatesEnd{}, StateChanged{Connected}, ChannelOpen{},
		ChannelMessage{make([]byte, 1)}, ChannelMessage{make([]byte, MaxMessage)}, ChannelClosed{}, CandidatesEnd{})

	r.Close()
	pc.Call("tell", "icecandidate", candidate(good))
	channel.Call("tell", "open")
	if len(r.events) != 0 {
		t.Errorf("%v after Close", <-r.events)
	}
}

func TestBrowserAnswer(t *testing.T) {
	ctx := context.Background()
	fake, pc, r := newRecorder(t)
	if _, err := r.Answer(ctx, "kinds audio video video video"); err != nil {
		t.Fatal(err)
	}
	var directions []string
	for i := range 4 {
		directions = append(directions, pc.Get("transceivers").Index(i).Get("direction").String())
	}
	if want := []string{"sendrecv", "sendrecv", "sendrecv", "inactive"}; !slices.Equal(directions, want) {
		t.Errorf("answers %v, want %v", directions, want)
	}

	other := fake.Get("Channel").New("other")
	pc.Call("tell", "datachannel", fields("channel", other))
	if other.Get("readyState").String() != "closed" {
		t.Error("another channel stays open")
	}
	channel := fake.Get("Channel").New(channelLabel)
	channel.Set("readyState", "open")
	pc.Call("tell", "datachannel", fields("channel", channel))
	channel.Call("tell", "open")
	r.expect(t, ChannelOpen{})
	if got := channel.Get("binaryType").String(); got != "arraybuffer" {
		t.Errorf("binaryType is %s", got)
	}
	if err := r.Send([]byte("hello")); err != nil || channel.Get("sent").Index(0).Int() != 5 {
		t.Errorf("sent %v: %v", channel.Get("sent").Index(0), err)
	}
	channel.Set("bufferedAmount", maxBuffered+1)
	if err := r.Send([]byte("hello")); !errors.Is(err, ErrFull) {
		t.Errorf("Send to a congested channel: %v", err)
	}

	if err := r.AddCandidates(ctx, []Candidate{{"candidate:1 1 udp 1 192.0.2.1 9 typ host", "0", "u"}}, true); err != nil {
		t.Fatal(err)
	}
	added := js.Global().Get("JSON").Call("stringify", pc.Get("candidates")).String()
	want := `[{"candidate":"candidate:1 1 udp 1 192.0.2.1 9 typ host","sdpMid":"0","usernameFragment":"u"},{"candidate":""}]`
	if added != want {
		t.Errorf("added %s, want %s", added, want)
	}
}

func TestBrowserErrorsSayNoAddress(t *testing.T) {
	fake, _, r := newRecorder(t)
	ctx := context.Background()
	for sdp, want := range map[string]string{
		"bad":                     "failed to answer an offer: OperationError",
		"kinds audio video":       "failed to answer an offer",
		"kinds video audio video": "failed to answer an offer",
	} {
		c, err := New(Config{}, func(Event) {})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Answer(ctx, sdp); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", sdp, err, want)
		}
		c.Close()
	}
	fake.Set("full", true)
	_, err := New(Config{}, func(Event) {})
	if err == nil || err.Error() != "failed to create a peer connection: UnknownError" {
		t.Errorf("no room for another connection: %v", err)
	}
	if err := r.Send([]byte("x")); !errors.Is(err, ErrNotOpen) {
		t.Errorf("Send: %v", err)
	}
}

func TestBrowserClosesWhileAPromiseIsPending(t *testing.T) {
	fake, pc, r := newRecorder(t)
	fake.Set("hold", true)
	result := make(chan error)
	go func() {
		_, err := r.Offer(context.Background())
		result <- err
	}()
	for fake.Get("release").IsUndefined() {
		runtime.Gosched()
	}
	r.Close()
	if LiveFuncs() != 0 {
		t.Error("functions are left after Close")
	}
	if pc.Get("ended").Bool() {
		t.Error("closed under a promise, which is never settled then")
	}
	fake.Call("release")
	if err := <-result; !errors.Is(err, ErrClosed) {
		t.Errorf("late result: %v", err)
	}
	if !pc.Get("ended").Bool() {
		t.Error("not closed after the promise was settled")
	}
}
