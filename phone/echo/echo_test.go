//go:build !js

package echo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"ringfork/keys"
	"ringfork/peer"
	"ringfork/phone"
	"ringfork/phone/disk"
	"ringfork/relay"
	"ringfork/relay/client"
)

// patience bounds what takes milliseconds on a machine that does nothing else.
const patience = time.Minute

func newRelay(t *testing.T) (url string) {
	t.Helper()
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	r, err := relay.New(t.Context(), relay.Config{Origins: []string{server.URL}})
	if err != nil {
		t.Fatal(err)
	}
	handler = r.Handler()
	t.Cleanup(func() { r.Close(); server.Close() })
	return server.URL
}

// start runs an endpoint until stop is called, which waits for its end.
func start(t *testing.T, relay, dir string) (card string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cards, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- Run(ctx, Options{Relay: relay, Dir: dir, Name: "Echo"}, func(link string) { cards <- link })
	}()
	stopped := false
	stop = func() {
		t.Helper()
		cancel()
		if stopped {
			return
		}
		stopped = true
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("it ended with %v", err)
			}
		case <-time.After(patience):
			t.Error("it does not end")
		}
	}
	t.Cleanup(stop)
	select {
	case card = <-cards:
	case err := <-ended:
		t.Fatal(err)
	case <-time.After(patience):
		t.Fatal("it has no card")
	}
	return card, stop
}

// caller is a phone that sends numbered packets of each kind, and takes what comes back.
type caller struct {
	*phone.Phone
	events chan phone.Event
	stop   chan struct{}
	back   [2]chan *rtp.Packet // audio and camera
}

var mimes = [2]webrtc.RTPCodecCapability{
	{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2},
	{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000},
}

func newCaller(t *testing.T, relay string) *caller {
	t.Helper()
	transport, err := client.New(relay)
	if err != nil {
		t.Fatal(err)
	}
	store, err := disk.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	c := &caller{events: make(chan phone.Event, 256), stop: make(chan struct{})}
	for i := range c.back {
		c.back[i] = make(chan *rtp.Packet, 4096)
	}
	c.Phone, err = phone.Open(t.Context(), phone.Config{
		Transport: transport, Store: store, Media: c, Name: "Alice", On: func(e phone.Event) { c.events <- e },
		Peer: func(phone.Direction) phone.PeerConfig { return phone.PeerConfig{Loopback: true} },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// content is what packet n of a kind carries. Every one of VP8 begins a frame.
func content(kind peer.Kind, n uint16) []byte {
	return append([]byte{0x10}, fmt.Sprintf("%v %d", kind, n)...)
}

// Attach implements phone.Media.
func (c *caller) Attach(_ phone.CallID, conn *phone.Conn) {
	for kind, codec := range mimes {
		track, err := webrtc.NewTrackLocalStaticRTP(codec, peer.Kind(kind).String(), "test")
		if err == nil {
			err = conn.Attach(peer.Kind(kind), track)
		}
		if err != nil {
			panic(err)
		}
		go func() {
			every := time.NewTicker(10 * time.Millisecond)
			defer every.Stop()
			for n := uint16(0); ; n++ {
				select {
				case <-c.stop:
					return
				case <-every.C:
				}
				header := rtp.Header{Version: 2, SequenceNumber: n, Timestamp: 1000 * uint32(n), Marker: true}
				_ = track.WriteRTP(&rtp.Packet{Header: header, Payload: content(peer.Kind(kind), n)})
			}
		}()
	}
}

// Show implements phone.Media.
func (c *caller) Show(_ phone.CallID, conn *phone.Conn) {
	conn.OnTrack(func(kind peer.Kind, track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			p, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			select {
			case c.back[kind] <- p:
			default:
			}
		}
	})
}

// Detach implements phone.Media.
func (c *caller) Detach(phone.CallID) { close(c.stop) }

// await returns the first call that f likes.
func (c *caller) await(t *testing.T, what string, f func(phone.Call) bool) phone.Call {
	t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case e := <-c.events:
			if e, ok := e.(phone.CallChanged); ok && f(e.Call) {
				return e.Call
			}
		case <-timeout:
			t.Fatalf("%s never came; drops %v", what, c.Drops())
		}
	}
}

func (c *caller) awaitState(t *testing.T, state string) phone.Call {
	t.Helper()
	return c.await(t, state, func(v phone.Call) bool { return v.State.String() == state })
}

// awaitBack waits until some packets of a kind came back, and checks them.
func (c *caller) awaitBack(t *testing.T, kind peer.Kind) {
	t.Helper()
	timeout := time.After(patience)
	for range 20 {
		select {
		case p := <-c.back[kind]:
			if want := content(kind, p.SequenceNumber); !bytes.Equal(p.Payload, want) {
				t.Fatalf("%q came back as %q", want, p.Payload)
			}
		case <-timeout:
			t.Fatalf("no %v came back", kind)
		}
	}
}

func (c *caller) call(t *testing.T, card string, media phone.MediaKinds) phone.CallID {
	t.Helper()
	contact, err := c.AddContact(t.Context(), card, "")
	if err != nil {
		t.Fatal(err)
	}
	if contact.Name != "Echo" {
		t.Errorf("its name is %q", contact.Name)
	}
	id, err := c.Call(contact.ID(), media)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// TestEcho calls and gets back what it sends, byte for byte; what the other side says it sends is what we say. A second
// caller waits until the first has hung up.
func TestEcho(t *testing.T) {
	relay := newRelay(t)
	card, stop := start(t, relay, t.TempDir())
	alice, bob := newCaller(t, relay), newCaller(t, relay)
	id := alice.call(t, card, phone.MediaKinds{Audio: true})
	c := alice.awaitState(t, "active")
	bob.call(t, card, phone.MediaKinds{Audio: true, Video: true})
	bob.awaitState(t, "ringing")
	if !c.Remote.Audio || c.Remote.Video {
		t.Errorf("of a voice call it sends %+v", c.Remote)
	}
	alice.awaitBack(t, peer.Audio)
	alice.awaitBack(t, peer.Camera)
	if err := alice.SetState(phone.Sending{Call: id, Video: true}); err != nil {
		t.Fatal(err)
	}
	alice.await(t, "what it sends now", func(c phone.Call) bool { return !c.Remote.Audio && c.Remote.Video && !c.Remote.Screen })

	if err := alice.HangUp(id); err != nil {
		t.Fatal(err)
	}
	if c := alice.awaitState(t, "ended"); c.End.String() != "hangup" {
		t.Errorf("ended %v, want hangup", c.End)
	}
	if c := bob.awaitState(t, "active"); !c.Remote.Audio || !c.Remote.Video {
		t.Errorf("of a video call it sends %+v", c.Remote)
	}
	bob.awaitBack(t, peer.Audio)
	bob.awaitBack(t, peer.Camera)
	stop()
	if c := bob.awaitState(t, "ended"); c.End.String() != "hangup" {
		t.Errorf("ended %v when the endpoint did, want hangup", c.End)
	}
}

// TestSameAccount ends an endpoint and starts it again: it is the same one.
func TestSameAccount(t *testing.T) {
	relay, dir := newRelay(t), t.TempDir()
	first, stop := start(t, relay, dir)
	stop()
	again, _ := start(t, relay, dir)
	if c, err := keys.ParseCard(again); err != nil || first != again || !strings.HasPrefix(again, relay) {
		t.Errorf("the card was %d bytes, and is %v, %v", len(first), c.Account, err)
	}
}

// A relay that was started anew may have another TURN server, which takes none of the credentials that are there.
func TestRelayIsAnother(t *testing.T) {
	var handler atomic.Pointer[http.Handler]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*handler.Load()).ServeHTTP(w, r) }))
	defer server.Close()
	asked := make(chan int, 16)
	serve := func(life int) *relay.Relay {
		r, err := relay.New(t.Context(), relay.Config{Origins: []string{server.URL}, ICE: func() ([]relay.ICEServer, time.Duration) {
			asked <- life
			return nil, time.Hour
		}})
		if err != nil {
			t.Fatal(err)
		}
		h := r.Handler()
		handler.Store(&h)
		return r
	}
	first := serve(1)
	_, stop := start(t, server.URL, t.TempDir())
	defer stop()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	defer serve(2).Close()
	for timeout := time.After(patience); ; {
		select {
		case life := <-asked:
			if life == 2 {
				return
			}
		case <-timeout:
			t.Fatal("it goes on with the servers of the first life")
		}
	}
}

func TestCannotStart(t *testing.T) {
	const nobody = "http://127.0.0.1:1"
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	for _, c := range []struct {
		relay, dir string
		want       string
		noRelay    bool
	}{
		{"relay.example", t.TempDir(), "relay origin is not", false},
		{nobody, t.TempDir(), "failed to use the relay at " + nobody, true},
		{other.URL, t.TempDir(), "bad-answer (status 404)", true},
		{newRelay(t), filepath.Join(file, "x"), "failed to open the profile", false},
	} {
		err := Run(t.Context(), Options{Relay: c.relay, Dir: c.dir}, func(string) { t.Error("it has a card") })
		if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, ErrRelay) != c.noRelay {
			t.Errorf("relay %s, folder %s: %v; want %s", c.relay, c.dir, err, c.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Run(ctx, Options{Relay: nobody, Dir: t.TempDir()}, nil); err != nil {
		t.Errorf("ended before it began: %v", err)
	}
}

func TestOnLoopback(t *testing.T) {
	for origin, want := range map[string]bool{
		"http://127.0.0.1:8787": true, "http://[::1]:1": true, "http://localhost:8787": true, "https://calls.example": false,
		"http://192.0.2.1": false, "https://localhost.example": false,
	} {
		if onLoopback(origin) != want {
			t.Errorf("%s on loopback: %v", origin, !want)
		}
	}
}
