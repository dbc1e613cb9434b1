//go:build !js

package phone

import (
	"context"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"ringfork/keys"
	"ringfork/peer"
	"ringfork/relay"
	"ringfork/relay/client"
	"ringfork/signalcore"
)

// memory is a store that lives as long as the test: one profile.
type memory struct {
	mu     sync.Mutex
	values map[string]stored
	locks  map[string]chan struct{}
}

type stored struct {
	value   []byte
	version uint64
}

func newMemory() *memory {
	return &memory{values: map[string]stored{}, locks: map[string]chan struct{}{}}
}

func (m *memory) Get(_ context.Context, key string) ([]byte, uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.values[key]
	return slices.Clone(s.value), s.version, nil
}

func (m *memory) Put(_ context.Context, key string, value []byte, version uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.values[key].version != version {
		return fs.ErrExist
	}
	m.values[key] = stored{slices.Clone(value), version + 1}
	return nil
}

// clone returns a copy of the profile as it is now.
func (m *memory) clone() *memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := newMemory()
	maps.Copy(c.values, m.values)
	return c
}

func (m *memory) Lock(ctx context.Context, name string) (func(), error) {
	m.mu.Lock()
	l := m.locks[name]
	if l == nil {
		l = make(chan struct{}, 1)
		m.locks[name] = l
	}
	m.mu.Unlock()
	select {
	case l <- struct{}{}:
		return func() { <-l }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// tone sends audio packets where it is attached, and counts those that come.
type tone struct {
	t        *testing.T
	mu       sync.Mutex
	stop     map[signalcore.CallID]chan struct{}
	heard    chan struct{} // closed when ten packets came after Show, in the first call in which they did
	once     sync.Once
	attached int
	voice    []byte // what the packets hold
}

func newTone(t *testing.T) *tone {
	return &tone{t: t, stop: map[signalcore.CallID]chan struct{}{}, heard: make(chan struct{}), voice: []byte{0xf8, 0xff, 0xfe}}
}

func (m *tone) Attach(call signalcore.CallID, conn *peer.Conn) {
	track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, "audio", "tone")
	if err == nil {
		err = conn.Attach(peer.Audio, track)
	}
	if err != nil {
		m.t.Errorf("attach: %v", err)
		return
	}
	stop := make(chan struct{})
	m.mu.Lock()
	m.attached++
	if m.stop[call] != nil {
		close(m.stop[call])
	}
	m.stop[call] = stop
	m.mu.Unlock()
	go func() {
		every := time.NewTicker(20 * time.Millisecond)
		defer every.Stop()
		for n := uint16(0); ; n++ {
			select {
			case <-stop:
				return
			case <-every.C:
				p := &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: n, Timestamp: 960 * uint32(n)}, Payload: m.voice}
				if track.WriteRTP(p) != nil {
					return
				}
			}
		}
	}()
}

func (m *tone) Show(_ signalcore.CallID, conn *peer.Conn) {
	conn.OnTrack(func(kind peer.Kind, track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		if kind != peer.Audio {
			return
		}
		for range 10 {
			if _, _, err := track.ReadRTP(); err != nil {
				return
			}
		}
		m.once.Do(func() { close(m.heard) })
	})
}

func (m *tone) Detach(call signalcore.CallID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if stop := m.stop[call]; stop != nil {
		close(stop)
		delete(m.stop, call)
	}
}

// endpoint is a phone under test, with all that it told.
type endpoint struct {
	*Phone
	media *tone
	store *memory

	mu     sync.Mutex
	events []Event
	poke   chan struct{}
}

// await returns the first event that f likes, of those that came and of those to come.
func await[E Event](t *testing.T, e *endpoint, what string, f func(E) bool) E {
	t.Helper()
	timeout := time.After(patience)
	for seen := 0; ; {
		e.mu.Lock()
		for ; seen < len(e.events); seen++ {
			if got, ok := e.events[seen].(E); ok && f(got) {
				e.mu.Unlock()
				return got
			}
		}
		poke := e.poke
		e.mu.Unlock()
		select {
		case <-poke:
		case <-timeout:
			e.mu.Lock()
			defer e.mu.Unlock()
			t.Fatalf("%s never came; events %+v, drops %v", what, e.events, e.Drops())
		}
	}
}

func (e *endpoint) awaitState(t *testing.T, s signalcore.CallState) Call {
	t.Helper()
	return await(t, e, s.String(), func(c CallChanged) bool { return c.Call.State == s }).Call
}

func (e *endpoint) awaitRing(t *testing.T) Call {
	t.Helper()
	return await(t, e, "ring", func(Incoming) bool { return true }).Call
}

func (e *endpoint) awaitHeard(t *testing.T) {
	t.Helper()
	select {
	case <-e.media.heard:
	case <-time.After(patience):
		t.Fatal("no audio came")
	}
}

// town is a real relay and the phones at it.
type town struct {
	t      *testing.T
	server *httptest.Server
	relay  *relay.Relay
	phones []*endpoint // all that were opened
}

func newTown(t *testing.T) *town {
	t.Helper()
	w := &town{t: t}
	var handler http.Handler
	w.server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { handler.ServeHTTP(rw, r) }))
	r, err := relay.New(t.Context(), relay.Config{Origins: []string{w.server.URL}})
	if err != nil {
		t.Fatal(err)
	}
	w.relay, handler = r, r.Handler()
	t.Cleanup(func() { r.Close(); w.server.Close() })
	return w
}

func (w *town) open(name string, store *memory, change func(*Config)) *endpoint {
	w.t.Helper()
	transport, err := client.New(w.server.URL)
	if err != nil {
		w.t.Fatal(err)
	}
	e := &endpoint{media: newTone(w.t), store: store, poke: make(chan struct{})}
	cfg := Config{Transport: transport, Store: store, Media: e.media, Name: name, Label: name + "'s device",
		Peer: func(signalcore.Direction) peer.Config { return peer.Config{Loopback: true} },
		On: func(ev Event) {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.events = append(e.events, ev)
			close(e.poke)
			e.poke = make(chan struct{})
		}}
	if change != nil {
		change(&cfg)
	}
	if e.Phone, err = Open(w.t.Context(), cfg); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(e.Close)
	w.phones = append(w.phones, e)
	await(w.t, e, "online", func(r RelayChanged) bool { return r.State == Online })
	return e
}

// meet makes two accounts contacts of each other.
func (w *town) meet(a, b *endpoint) {
	w.t.Helper()
	w.add(a, b)
	w.add(b, a)
}

// add waits for the other's slot to be written, as somebody who got a fresh card would.
func (w *town) add(a, b *endpoint) keys.Contact {
	w.t.Helper()
	for deadline := time.Now().Add(patience); ; {
		c, err := a.AddContact(w.t.Context(), b.Card(), "")
		if err == nil {
			return c
		}
		if Code(err) != CodeSlotEmpty || time.Now().After(deadline) {
			w.t.Fatalf("add contact: %v", err)
		}
		time.Sleep(25 * time.Millisecond) // the relay lets nobody read more than 50 times a second for long
	}
}

// TestCall is the main job between native phones: two endpoints of Bob ring, one accepts, the other stops and says where
// it was answered, audio packets flow both ways, hangup reaches the other side.
func TestCall(t *testing.T) {
	w := newTown(t)
	home := newMemory()
	alice := w.open("Alice", newMemory(), nil)
	bob1 := w.open("Bob", home, nil)
	bob2 := w.open("Bob", home, func(c *Config) { c.Label = "Bob's laptop" })
	if bob1.Account() != bob2.Account() {
		t.Fatal("two endpoints of one profile have two accounts")
	}
	w.meet(alice, bob1)

	id, err := alice.Call(bob1.Account(), signalcore.Media{Audio: true})
	if err != nil {
		t.Fatal(err)
	}
	ring1, ring2 := bob1.awaitRing(t), bob2.awaitRing(t)
	for _, r := range []Call{ring1, ring2} {
		if r.View.Call != id || r.Peer.Name != "Alice" || !r.Peer.Contact || r.Stranger {
			t.Errorf("rings as %+v", r)
		}
	}
	await(t, alice, "two connected devices", func(c CallChanged) bool {
		return len(c.Call.Devices) == 2 && c.Call.Devices[0].State == signalcore.DeviceConnected &&
			c.Call.Devices[1].State == signalcore.DeviceConnected
	})
	if err := bob2.PickUp(id, signalcore.Media{Audio: true}); err != nil {
		t.Fatal(err)
	}
	if c := alice.awaitState(t, signalcore.StateActive); c.AnsweredBy != "Bob's laptop" {
		t.Errorf("answered by %q", c.AnsweredBy)
	}
	bob2.awaitState(t, signalcore.StateActive)
	if c := bob1.awaitState(t, signalcore.StateEnded); c.End != signalcore.EndAnsweredElsewhere {
		t.Errorf("the other endpoint ended %v", c.End)
	}
	await(t, bob1, "the winner's label", func(c CallChanged) bool { return c.Call.AnsweredBy == "Bob's laptop" })
	alice.awaitHeard(t)
	bob2.awaitHeard(t)
	if bob1.media.attached != 0 {
		t.Error("an endpoint that nobody picked up sent media")
	}
	if err := bob2.HangUp(id); err != nil {
		t.Fatal(err)
	}
	for _, e := range []*endpoint{alice, bob2} {
		if c := e.awaitState(t, signalcore.StateEnded); c.End != signalcore.EndHangup {
			t.Errorf("ended %v, want hangup", c.End)
		}
	}
}

func TestDecline(t *testing.T) {
	w := newTown(t)
	home := newMemory()
	alice, bob1, bob2 := w.open("Alice", newMemory(), nil), w.open("Bob", home, nil), w.open("Bob", home, nil)
	w.meet(alice, bob1)
	id, err := alice.Call(bob1.Account(), signalcore.Media{Audio: true})
	if err != nil {
		t.Fatal(err)
	}
	bob1.awaitRing(t)
	bob2.awaitRing(t)
	if err := bob1.Decline(id, true); err != nil {
		t.Fatal(err)
	}
	for e, want := range map[*endpoint]signalcore.EndReason{alice: signalcore.EndDeclined, bob1: signalcore.EndDeclined,
		bob2: signalcore.EndDeclinedElsewhere} {
		if c := e.awaitState(t, signalcore.StateEnded); c.End != want {
			t.Errorf("ended %v, want %v", c.End, want)
		}
	}
}

// TestCancel cancels a ring; an endpoint that opens afterwards reads both from the mailbox and never rings.
func TestCancel(t *testing.T) {
	w := newTown(t)
	home := newMemory()
	alice, bob := w.open("Alice", newMemory(), nil), w.open("Bob", home, nil)
	w.meet(alice, bob)
	id, err := alice.Call(bob.Account(), signalcore.Media{Audio: true})
	if err != nil {
		t.Fatal(err)
	}
	bob.awaitRing(t)
	if err := alice.HangUp(id); err != nil {
		t.Fatal(err)
	}
	for _, e := range []*endpoint{alice, bob} {
		if c := e.awaitState(t, signalcore.StateEnded); c.End != signalcore.EndCancelled {
			t.Errorf("ended %v, want cancelled", c.End)
		}
	}
	late := w.open("Bob", home, nil)
	// A second call is the proof that the mailbox was read to its end: it rings, the first does not.
	again, err := alice.Call(bob.Account(), signalcore.Media{Audio: true})
	if err != nil {
		t.Fatal(err)
	}
	if c := late.awaitRing(t); c.View.Call != again {
		t.Error("a cancelled call rings in an endpoint that was opened later")
	}
}

// TestLateEndpointWins opens an endpoint while others ring.
func TestLateEndpointWins(t *testing.T) {
	w := newTown(t)
	home := newMemory()
	alice, bob := w.open("Alice", newMemory(), nil), w.open("Bob", home, nil)
	w.meet(alice, bob)
	id, err := alice.Call(bob.Account(), signalcore.Media{Audio: true})
	if err != nil {
		t.Fatal(err)
	}
	bob.awaitRing(t)
	late := w.open("Bob", home, nil)
	late.awaitRing(t)
	if err := late.PickUp(id, signalcore.Media{Audio: true}); err != nil {
		t.Fatal(err)
	}
	late.awaitState(t, signalcore.StateActive)
	alice.awaitHeard(t)
	late.awaitHeard(t)
	if c := bob.awaitState(t, signalcore.StateEnded); c.End != signalcore.EndAnsweredElsewhere {
		t.Errorf("ended %v", c.End)
	}
}

func TestStranger(t *testing.T) {
	w := newTown(t)
	home := newMemory()
	alice, second := w.open("Alice", home, nil), w.open("Alice", home, nil)
	bob := w.open("Bob", newMemory(), func(c *Config) { c.Incoming = signalcore.FromAnyone })
	carol := w.open("Carol", newMemory(), nil) // hears contacts only
	w.add(alice, bob)
	w.add(alice, carol)

	if err := second.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	unheard, err := second.Call(carol.Account(), signalcore.Media{Audio: true})
	if err != nil {
		t.Fatal(err)
	}
	id, err := alice.Call(bob.Account(), signalcore.Media{Audio: true})
	if err != nil {
		t.Fatal(err)
	}
	c := bob.awaitRing(t)
	if !c.Stranger || c.Peer.Contact || c.Peer.ClaimedName != "Alice" || c.Peer.Card == "" {
		t.Errorf("a stranger rings as %+v", c)
	}
	seen := await(t, alice, "a device", func(c CallChanged) bool { return len(c.Call.Devices) == 1 })
	if d := seen.Call.Devices[0]; d.Label != "" || d.State != signalcore.DeviceRinging {
		t.Errorf("a stranger learns %+v", d)
	}
	if err := bob.PickUp(id, signalcore.Media{Audio: true}); err != nil {
		t.Fatal(err)
	}
	alice.awaitHeard(t)
	bob.awaitHeard(t)
	if _, err := bob.AddContact(t.Context(), c.Peer.Card, c.Peer.ClaimedName); err != nil {
		t.Errorf("the stranger's card cannot be added: %v", err)
	}
	carol.awaitDrop(t, "stranger")
	carol.mu.Lock()
	defer carol.mu.Unlock()
	for _, e := range carol.events {
		if _, ok := e.(Incoming); ok {
			t.Errorf("call %v of a stranger rings where only contacts may", unheard)
		}
	}
}

// TestRelayGone ends the relay during a call: audio goes on, and hangup still arrives.
func TestRelayGone(t *testing.T) {
	w := newTown(t)
	alice, bob := w.open("Alice", newMemory(), nil), w.open("Bob", newMemory(), nil)
	w.meet(alice, bob)
	id, err := alice.Call(bob.Account(), signalcore.Media{Audio: true})
	if err != nil {
		t.Fatal(err)
	}
	bob.awaitRing(t)
	if err := bob.PickUp(id, signalcore.Media{Audio: true}); err != nil {
		t.Fatal(err)
	}
	alice.awaitState(t, signalcore.StateActive)
	bob.awaitState(t, signalcore.StateActive)
	w.server.CloseClientConnections()
	w.relay.Close()
	await(t, alice, "offline", func(r RelayChanged) bool { return r.State == Offline })
	alice.awaitHeard(t)
	bob.awaitHeard(t)
	if err := alice.HangUp(id); err != nil {
		t.Fatal(err)
	}
	if c := bob.awaitState(t, signalcore.StateEnded); c.End != signalcore.EndHangup {
		t.Errorf("ended %v, want hangup", c.End)
	}
}

func TestUnanswered(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	alice := w.open("Alice", newMemory(), func(c *Config) { c.RingTime = signalcore.MinRingTime })
	bob := w.open("Bob", newMemory(), nil)
	w.meet(alice, bob)
	if _, err := alice.Call(bob.Account(), signalcore.Media{Audio: true}); err != nil {
		t.Fatal(err)
	}
	for _, e := range []*endpoint{alice, bob} {
		if c := e.awaitState(t, signalcore.StateEnded); c.End != signalcore.EndUnanswered {
			t.Errorf("ended %v, want unanswered", c.End)
		}
	}
}

// TestCloseHangsUp closes a phone during a call: the other side hears of it at once.
func TestCloseHangsUp(t *testing.T) {
	w := newTown(t)
	alice, bob := w.open("Alice", newMemory(), nil), w.open("Bob", newMemory(), nil)
	w.meet(alice, bob)
	id, err := alice.Call(bob.Account(), signalcore.Media{Audio: true})
	if err != nil {
		t.Fatal(err)
	}
	bob.awaitRing(t)
	if err := bob.PickUp(id, signalcore.Media{Audio: true}); err != nil {
		t.Fatal(err)
	}
	alice.awaitState(t, signalcore.StateActive)
	bob.awaitState(t, signalcore.StateActive)
	alice.Close()
	alice.Close()
	if c := bob.awaitState(t, signalcore.StateEnded); c.End != signalcore.EndHangup {
		t.Errorf("ended %v, want hangup", c.End)
	}
	if err := alice.HangUp(id); Code(err) != CodeClosed {
		t.Errorf("a closed phone says %v, want code %s", err, CodeClosed)
	}
}

// TestOneAccount opens many endpoints of a fresh profile in the same instant.
func TestOneAccount(t *testing.T) {
	home := newMemory()
	ids := make(chan keys.AccountID)
	for range 20 {
		go func() {
			a, err := openAccount(t.Context(), &Config{Store: home, Name: "Bob"})
			if err != nil {
				t.Error(err)
				ids <- keys.AccountID{}
				return
			}
			ids <- a.ID()
		}()
	}
	first := <-ids
	for range 19 {
		if id := <-ids; id != first {
			t.Fatal("two accounts in one profile")
		}
	}
}

func TestBadCards(t *testing.T) {
	w := newTown(t)
	alice := w.open("Alice", newMemory(), nil)
	nobody := keys.NewAccount("Nobody", "", time.Now())
	card := alice.Card()
	for text, want := range map[string]string{
		"":                   CodeBadCard,
		"hello":              CodeBadCard,
		card[:len(card)-5]:   CodeBadCard,
		card:                 CodeSelfCall,
		nobody.Card().Code(): CodeSlotEmpty,
	} {
		if _, err := alice.AddContact(t.Context(), text, "X"); Code(err) != want {
			t.Errorf("adding %d characters: %v, want code %s", len(text), err, want)
		}
	}
	if _, err := alice.Call(nobody.ID(), signalcore.Media{}); Code(err) != CodeUnknownContact {
		t.Errorf("calling a stranger: %v", err)
	}
}

// TestContactsOfTwoEndpoints changes the list from two endpoints of one profile at once: nothing is lost, and both see it.
func TestContactsOfTwoEndpoints(t *testing.T) {
	w := newTown(t)
	home := newMemory()
	bob1, bob2 := w.open("Bob", home, nil), w.open("Bob", home, nil)
	alice, carol := w.open("Alice", newMemory(), nil), w.open("Carol", newMemory(), nil)
	w.add(bob1, alice) // from here on all slots are written
	w.add(bob1, carol)
	for _, c := range bob1.Contacts() {
		if err := bob1.RemoveContact(t.Context(), c.ID()); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan error)
	for e, card := range map[*endpoint]string{bob1: alice.Card(), bob2: carol.Card()} {
		go func() { _, err := e.AddContact(t.Context(), card, ""); done <- err }()
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range []*endpoint{bob1, bob2} {
		if err := e.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if l := e.Contacts(); len(l) != 2 || l[0].Name != "Alice" || l[1].Name != "Carol" {
			t.Errorf("contacts %v", l)
		}
	}
}

// TestReplayedRing keeps the frames of a caller and posts them again after the call: it rings in no endpoint, not even in one
// that was opened afterwards.
func TestReplayedRing(t *testing.T) {
	w := newTown(t)
	home := newMemory()
	spy := &eavesdropper{}
	alice := w.open("Alice", newMemory(), func(c *Config) { spy.Transport, c.Transport = c.Transport, spy })
	bob := w.open("Bob", home, nil)
	w.meet(alice, bob)
	id, err := alice.Call(bob.Account(), signalcore.Media{Audio: true})
	if err != nil {
		t.Fatal(err)
	}
	bob.awaitRing(t)
	if err := bob.Decline(id, true); err != nil {
		t.Fatal(err)
	}
	alice.awaitState(t, signalcore.StateEnded)
	bob.awaitState(t, signalcore.StateEnded)
	eventually(t, "the call in the memory of those that rang", func() bool { b, _, _ := home.Get(t.Context(), keySeen); return len(b) > 0 })
	late := w.open("Bob", home, nil)
	known := bob.Drops()["known call"]
	for _, f := range spy.all() {
		if err := spy.Transport.Publish(t.Context(), f.to, f.bytes); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range []*endpoint{bob, late} {
		eventually(t, "the replayed ring, refused", func() bool { return e.Drops()["known call"] > known })
	}
	// A second call is the proof that everything before it was read.
	again, err := alice.Call(bob.Account(), signalcore.Media{Audio: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []*endpoint{bob, late} {
		await(t, e, "second ring", func(i Incoming) bool { return i.Call.View.Call == again })
		e.mu.Lock()
		for _, ev := range e.events {
			if i, ok := ev.(Incoming); ok && e == late && i.Call.View.Call == id {
				t.Error("a replayed ring rings in a fresh endpoint")
			}
		}
		e.mu.Unlock()
	}
}

// eavesdropper keeps what is published.
type eavesdropper struct {
	Transport
	mu     sync.Mutex
	frames []posted
}

type posted struct {
	to    [20]byte
	bytes []byte
}

func (e *eavesdropper) Publish(ctx context.Context, to [20]byte, frame []byte) error {
	e.mu.Lock()
	e.frames = append(e.frames, posted{to, slices.Clone(frame)})
	e.mu.Unlock()
	return e.Transport.Publish(ctx, to, frame)
}

func (e *eavesdropper) all() []posted {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.frames)
}

// late is a transport that posts nothing before a channel is closed.
type late struct {
	Transport
	until chan struct{}
}

func (l *late) Publish(ctx context.Context, to [20]byte, frame []byte) error {
	select {
	case <-l.until:
		return l.Transport.Publish(ctx, to, frame)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestGlare lets two people ring each other in the same moment, many times: there is one call, and both hear each other.
func TestGlare(t *testing.T) {
	w := newTown(t)
	for range 5 {
		both := make(chan struct{}) // what is posted waits until both have dialed
		wait := func(c *Config) { c.Transport = &late{Transport: c.Transport, until: both} }
		alice, bob := w.open("Alice", newMemory(), wait), w.open("Bob", newMemory(), wait)
		w.meet(alice, bob)
		dialed := make(chan error)
		go func() { _, err := alice.Call(bob.Account(), signalcore.Media{Audio: true}); dialed <- err }()
		go func() { _, err := bob.Call(alice.Account(), signalcore.Media{Audio: true}); dialed <- err }()
		for range 2 {
			if err := <-dialed; err != nil {
				t.Fatal(err)
			}
		}
		inside(alice, func() {})
		inside(bob, func() {})
		close(both)
		a := alice.awaitState(t, signalcore.StateActive)
		b := bob.awaitState(t, signalcore.StateActive)
		if a.View.Call != b.View.Call {
			t.Error("two calls")
		}
		alice.awaitHeard(t)
		bob.awaitHeard(t)
		for _, e := range []*endpoint{alice, bob} {
			e.mu.Lock()
			for _, ev := range e.events {
				if _, ok := ev.(Incoming); ok {
					t.Error("it rang")
				}
			}
			e.mu.Unlock()
			e.Close()
		}
	}
}
