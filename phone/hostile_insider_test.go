//go:build !js

package phone

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"

	"ringfork/fork"
	"ringfork/frame"
	"ringfork/keys"
	"ringfork/relay/client"
	"ringfork/relay/hostile"
	"ringfork/signalcore"
)

// inside runs f in an endpoint's pump and waits for it: it sees what only the endpoint knows. It reports false where f did not run,
// because the endpoint is closed.
func inside(e *endpoint, f func()) bool {
	done := make(chan struct{})
	if !e.queue.put(func() { defer close(done); f() }) {
		return false
	}
	select {
	case <-done:
		return true
	case <-e.stopped:
	}
	select {
	case <-done: // it was the last thing
		return true
	default:
		return false
	}
}

// callKeys is what only the two ends of a call know, and the adversary of these tests too.
type callKeys struct {
	call           signalcore.CallID
	toCaller       [20]byte // the caller's mailbox of this call
	callerKey      age.Recipient
	toCalled       [20]byte // the called endpoint's
	calledKey      age.Recipient
	ring, offer    signalcore.Hash
	caller, called signalcore.Sender
}

// spy places a call that rings, and learns its keys from both ends.
func (w *wild) spy(a, b *endpoint) (k callKeys) {
	w.t.Helper()
	k.call = a.dial(w.t, b)
	b.rings(w.t, k.call)
	k.caller, k.called = a.self, b.self
	eventually(w.t, "the tine", func() (there bool) {
		inside(a, func() {
			s := a.sessions[k.call]
			if to := s.endpoints[b.self.Endpoint]; to != nil {
				k.toCaller, k.callerKey = s.mailbox.Address(), s.identity.Recipient()
				k.toCalled, k.calledKey, k.offer = to.mailbox, to.recipient, to.answers
				there = true
			}
		})
		return there
	})
	inside(b, func() { k.ring = b.sessions[k.call].ring.Hash })
	return k
}

// forge seals a message that is signed by whom the test likes.
func forge(t *testing.T, h frame.Header, m signalcore.Message, sign func([]byte) []byte, to age.Recipient) [][]byte {
	t.Helper()
	frames, _, err := frame.Seal(h, m, sign, to)
	if err != nil {
		t.Fatal(err)
	}
	return frames
}

func newSender(a *keys.Account) signalcore.Sender {
	s := signalcore.Sender{Account: signalcore.AccountID(a.ID()), Device: signalcore.DeviceID(a.Device())}
	rand.Read(s.Endpoint[:])
	return s
}

// description is one that would connect to whoever made it.
func description() signalcore.Offer {
	return signalcore.Offer{
		SDP:        "v=0\r\na=fingerprint:sha-256 " + strings.Repeat("AA:", 31) + "AA\r\na=ice-ufrag:evil\r\na=ice-pwd:evilevilevilevilevilevil\r\n",
		Candidates: []signalcore.Candidate{{Line: "candidate:1 1 udp 1 203.0.113.66 9 typ host", Mid: "0", Ufrag: "evil"}},
		Seed:       keys.NewSeed(), Mailbox: signalcore.Address{6, 6, 6},
	}
}

// TestForgedInACall has every key of a call and of the mailboxes, but no device's: it seals other fingerprints, candidates and
// words to the right keys. All are refused, and the call is connected to the two that it is between.
func TestForgedInACall(t *testing.T) {
	t.Parallel()
	w := newWild(t)
	alice, bob := w.pair()
	carol := w.open("Carol", newMemory(), nil)
	w.befriend(carol, bob)
	k := w.spy(alice, bob)
	_, stranger, _ := ed25519.GenerateKey(nil)
	byStranger := func(b []byte) []byte { return ed25519.Sign(stranger, b) }
	evil := description()
	evil.LogHead, evil.PeerLogHead = bob.own().LogHead(), alice.own().LogHead()
	answer := signalcore.Answer{SDP: evil.SDP, Candidates: evil.Candidates}
	candidates := signalcore.Candidates{List: evil.Candidates}
	settled := signalcore.Settled{Outcome: fork.Declined}
	hers := newSender(carol.own())
	other := func(s signalcore.Sender) signalcore.Sender { s.Endpoint[0]++; return s }
	oldRing := k.ring
	oldRing[0]++

	for _, c := range []struct {
		name   string
		reason string
		caller bool // to the caller, else to the called
		from   signalcore.Sender
		sign   func([]byte) []byte
		ref    signalcore.Hash
		msgs   []signalcore.Message
	}{
		{"Bob's words by a stranger's key", frame.ReasonSignature, true, k.called, byStranger, k.ring,
			[]signalcore.Message{evil, candidates, signalcore.Accept{SDP: evil.SDP}, signalcore.Decline{Everywhere: true}, signalcore.Busy{},
				signalcore.Hangup{}, signalcore.Restart{Generation: 1, SDP: evil.SDP}}},
		{"Bob's words by a contact", frame.ReasonSender, true, hers, carol.own().Sign, k.ring,
			[]signalcore.Message{evil, candidates, signalcore.Accept{SDP: evil.SDP}, signalcore.Decline{Everywhere: true}, signalcore.Hangup{}}},
		{"Bob's account, a contact's device", frame.ReasonDevice, true, signalcore.Sender{Account: k.called.Account, Device: hers.Device},
			carol.own().Sign, k.ring, []signalcore.Message{evil, signalcore.Accept{SDP: evil.SDP}, signalcore.Decline{Everywhere: true}}},
		{"an offer to another ring", frame.ReasonRef, true, other(k.called), bob.own().Sign, oldRing, []signalcore.Message{evil}},
		{"an endpoint without an offer", frame.ReasonNoOffer, true, other(k.called), bob.own().Sign, k.ring,
			[]signalcore.Message{signalcore.Accept{SDP: evil.SDP}, candidates, signalcore.Hangup{}}},
		{"what only a caller says", frame.ReasonUnexpected, true, k.called, bob.own().Sign, k.ring,
			[]signalcore.Message{answer, signalcore.Won{}, settled, signalcore.Sync{What: signalcore.SyncAnswered, Counter: 9}, signalcore.State{Seq: 9}}},
		{"Alice's words by a stranger's key", frame.ReasonSignature, false, k.caller, byStranger, k.offer,
			[]signalcore.Message{answer, candidates, signalcore.Won{}, settled, signalcore.Hangup{}, signalcore.Restart{Generation: 1}}},
		{"Alice's words by a contact", frame.ReasonSender, false, hers, carol.own().Sign, k.offer,
			[]signalcore.Message{answer, candidates, signalcore.Won{}, settled, signalcore.Hangup{}}},
		{"Alice's words by another endpoint", frame.ReasonSender, false, other(k.caller), alice.own().Sign, k.offer,
			[]signalcore.Message{answer, signalcore.Won{}, settled, signalcore.Hangup{}}},
		{"an answer to another offer", frame.ReasonRef, false, k.caller, alice.own().Sign, oldRing, []signalcore.Message{answer}},
	} {
		e, to, key, self := bob, k.toCalled, k.calledKey, k.called
		if c.caller {
			e, to, key, self = alice, k.toCaller, k.callerKey, k.caller
		}
		before := e.Drops()[c.reason]
		for i, m := range c.msgs {
			h := frame.Header{ID: signalcore.MessageID(1000 + i), Call: k.call, From: c.from, To: self.Account, ToEndpoint: self.Endpoint}
			switch m.(type) {
			case signalcore.Offer, signalcore.Answer:
				h.Ref = c.ref
			}
			w.post(to, forge(t, h, m, c.sign, key)...)
		}
		e.awaitDrops(t, c.reason, before+len(c.msgs))
	}
	// Of another call, or to another endpoint, even the right device is not believed.
	for _, c := range []struct {
		reason string
		change func(*frame.Header)
	}{
		{frame.ReasonCall, func(h *frame.Header) { h.Call[0]++ }},
		{frame.ReasonRecipient, func(h *frame.Header) { h.ToEndpoint[0]++ }},
		{frame.ReasonRecipient, func(h *frame.Header) { h.To[0]++ }},
	} {
		h := frame.Header{ID: 2000, Call: k.call, From: k.caller, To: k.called.Account, ToEndpoint: k.called.Endpoint}
		c.change(&h)
		before := bob.Drops()[c.reason]
		w.post(k.toCalled, forge(t, h, signalcore.Hangup{}, alice.own().Sign, k.calledKey)...)
		bob.awaitDrops(t, c.reason, before+1)
	}
	bob.PickUp(k.call, signalcore.Media{Audio: true})
	alice.reaches(t, k.call, signalcore.StateActive)
	alice.awaitHeard(t)
	bob.awaitHeard(t)
	inside(alice, func() {
		if s := alice.sessions[k.call]; len(s.endpoints) != 1 || s.endpoints[bob.self.Endpoint] == nil {
			t.Error("somebody else has a tine")
		}
	})
}

// TestForgedAtTheInbox lets a contact, and a device that was revoked, write into the account's mailboxes what others write: a
// ring, its end, a hello, a word between own devices.
func TestForgedAtTheInbox(t *testing.T) {
	t.Parallel()
	w := newWild(t)
	alice, bob := w.pair()
	carol := w.open("Carol", newMemory(), nil)
	w.befriend(carol, bob)
	stolen := w.rob(bob)   // was Bob's
	alices := w.rob(alice) // was Alice's
	w.greeted(alice, bob)  // who told Bob of it
	w.greeted(carol, bob)
	inbox := bob.own().Inbox().Address()
	hers, his := newSender(carol.own()), newSender(alices.Account)
	ring := func(by *keys.Account) signalcore.Ring {
		return frame.Introduce(signalcore.Ring{Number: 1 << 50, SentAt: time.Now(), TTL: time.Minute}, by, bob.own().Public(time.Now()),
			keys.NewMailbox(), frame.RecipientBytes(frame.NewCallIdentity().Recipient()))
	}
	hello := func(by *keys.Account) frame.Hello {
		return frame.Hello{What: frame.HelloRequest, Number: uint64(time.Now().UnixMilli()), Card: by.Card().Bytes(), Mailbox: signalcore.Address{6},
			Boxes: by.Boxes(), LogHead: by.LogHead(), PeerLogHead: bob.own().LogHead()}
	}
	asAlice := signalcore.Sender{Account: alice.self.Account, Device: hers.Device}
	call := alice.dial(t, bob)
	bob.rings(t, call)
	for _, c := range []struct {
		name   string
		to     [20]byte
		from   signalcore.Sender
		by     *keys.Account
		msg    signalcore.Message
		reason string
	}{
		{"a contact's ring where another rings", ringFor(alice, bob), hers, carol.own(), ring(carol.own()), "mailbox of another contact"},
		{"a contact's hello where another writes", ringFor(alice, bob), hers, carol.own(), hello(carol.own()), "mailbox of another contact"},
		{"a contact's ring with another's card", inbox, hers, carol.own(), ring(alice.own()), frame.ReasonCard},
		{"another's ring by a contact's device", inbox, asAlice, carol.own(), ring(alice.own()), frame.ReasonDevice},
		{"another's hello by a contact's device", inbox, asAlice, carol.own(), hello(alice.own()), frame.ReasonDevice},
		{"the end of another's call", inbox, hers, carol.own(), signalcore.Settled{Outcome: fork.Cancelled}, "not the caller"},
		{"the own account's ring", inbox, bob.self, bob.own(), ring(bob.own()), frame.ReasonSelf},
		{"a revoked device's ring", inbox, his, alices.Account, ring(alices.Account), frame.ReasonDevice},
		{"the same in the contact's mailbox", ringFor(alice, bob), his, alices.Account, ring(alices.Account), frame.ReasonDevice},
		{"a revoked device's hello", inbox, his, alices.Account, hello(alices.Account), frame.ReasonDevice},
		{"a word that belongs into a call", inbox, hers, carol.own(), signalcore.Hangup{}, frame.ReasonUnexpected},
	} {
		h := frame.Header{ID: 77, From: c.from, To: bob.self.Account}
		rand.Read(h.Call[:])
		if _, ok := c.msg.(signalcore.Settled); ok {
			h.Call = call
		}
		before := bob.Drops()[c.reason]
		w.post(c.to, toInbox(t, h, c.msg, c.by, bob)...)
		bob.awaitDrops(t, c.reason, before+1)
	}
	// Between own devices: who was one has the old keys at most, and with the new ones would still be none.
	sync := signalcore.Sync{What: signalcore.SyncAnswered, Call: call, Counter: 1 << 60}
	for _, c := range []struct {
		key    age.Recipient
		by     *keys.Account
		reason string
	}{
		{stolen.SyncIdentity().Recipient(), stolen.Account, frame.ReasonSeal},
		{bob.own().SyncIdentity().Recipient(), stolen.Account, frame.ReasonDevice},
		{bob.own().SyncIdentity().Recipient(), carol.own(), frame.ReasonSender},
	} {
		before := bob.Drops()[c.reason]
		w.post(bob.own().SyncMailbox().Address(), forge(t, frame.Header{ID: 1, Call: call, From: newSender(c.by), To: bob.self.Account}, sync,
			c.by.Sign, c.key)...)
		bob.awaitDrops(t, c.reason, before+1)
	}
	if got := bob.rang(); len(got) != 1 || bob.stateOf(call) == signalcore.StateEnded {
		t.Errorf("it rang %d times for one call, which is %v", len(got), bob.stateOf(call))
	}
	bob.PickUp(call, signalcore.Media{Audio: true})
	alice.reaches(t, call, signalcore.StateActive)
}

// gate is a transport whose reads of one slot wait until it is opened, even longer than the phone would wait for a relay: so
// that a test may take its time.
type gate struct {
	Transport
	ctx  context.Context // of the test
	slot keys.Address

	mu     sync.Mutex
	closed chan struct{} // nil: open
}

func (g *gate) GetSlot(ctx context.Context, address [20]byte) ([]byte, error) {
	g.mu.Lock()
	closed := g.closed
	g.mu.Unlock()
	if closed != nil && keys.Address(address) == g.slot {
		select {
		case <-closed:
			ctx = g.ctx
		case <-g.ctx.Done():
			return nil, g.ctx.Err()
		}
	}
	return g.Transport.GetSlot(ctx, address)
}

// past is a transport at which all slots are as they were: by it a revoked device's phone does not learn that it is one.
type past struct {
	*client.Client
	then hostile.Record
}

func (p past) GetSlot(_ context.Context, address [20]byte) (value []byte, err error) {
	for _, s := range p.then.Slots {
		if s.Address == text(address) && s.Code == "" {
			value = s.Value
		}
	}
	return value, nil
}

func (p past) PutSlot(context.Context, [20]byte, []byte, uint64) error { return nil }

// TestRevokedDeviceAnswers lets a revoked device hear the ring of a caller who does not know of its revocation yet: it answers
// at once, while the relay holds the slot back. As soon as that is read it is out: before it accepts, and after.
func TestRevokedDeviceAnswers(t *testing.T) {
	t.Parallel()
	w := newWild(t)
	g := &gate{ctx: t.Context()}
	alice := w.open("Alice", newMemory(), func(c *Config) { g.Transport, c.Transport = c.Transport, g })
	bob := w.open("Bob", newMemory(), nil)
	w.befriend(alice, bob)
	g.slot = bob.own().Card().Slot
	thief := w.stolen(bob, alice)
	known, _ := alice.contact(bob.Account())

	for _, accepts := range []bool{false, true} {
		w.calm() // what is on its way may teach her something
		alice.knowsOnly(t, known)
		closed := make(chan struct{})
		g.mu.Lock()
		g.closed = closed
		g.mu.Unlock()
		if !accepts {
			if err := bob.Revoke(t.Context(), thief.own().Device()); err != nil {
				t.Fatal(err)
			}
		}
		call := alice.dial(t, bob)
		thief.rings(t, call)
		await(t, alice, "its tine", func(c CallChanged) bool {
			return c.Call.View.Call == call && len(c.Call.Devices) == 1 && c.Call.Devices[0].State == signalcore.DeviceConnected
		})
		if accepts {
			thief.PickUp(call, signalcore.Media{Audio: true})
			alice.reaches(t, call, signalcore.StateActive)
		}
		before := alice.Drops()["device revoked while it rang"]
		g.mu.Lock()
		g.closed = nil
		g.mu.Unlock()
		close(closed)
		alice.awaitDrops(t, "device revoked while it rang", before+1)
		if accepts {
			alice.reaches(t, call, signalcore.StateEnded)
			continue
		}
		thief.PickUp(call, signalcore.Media{Audio: true})
		bob.rings(t, call) // by his new key, in his new mailbox
		bob.PickUp(call, signalcore.Media{Audio: true})
		if c := alice.reaches(t, call, signalcore.StateActive); c.AnsweredBy != "Bob's device" {
			t.Errorf("answered by %q", c.AnsweredBy)
		}
		bob.reaches(t, call, signalcore.StateActive)
		alice.HangUp(call)
		alice.reaches(t, call, signalcore.StateEnded)
	}
}
