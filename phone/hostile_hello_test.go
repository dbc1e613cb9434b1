//go:build !js

package phone

import (
	"testing"
	"time"

	"ringfork/frame"
	"ringfork/keys"
	"ringfork/relay/hostile"
	"ringfork/signalcore"
)

// TestHelloAheadOfItsSlot lets a stolen device, before it is revoked, tell a contact its own mailbox as the one of the time after:
// rings would go there for good. A hello counts only for what the account's slot says by then.
func TestHelloAheadOfItsSlot(t *testing.T) {
	t.Parallel()
	w := newWild(t)
	alice, bob := w.pair()
	laptop := w.link(bob, "laptop")
	eventually(t, "the new device", func() bool { return len(bob.Devices()) == 2 })
	w.calm()
	thief := laptop.own().Clone()
	evil := keys.NewMailbox().Address()
	hello := func(boxes uint32) frame.Hello {
		return frame.Hello{What: frame.HelloAccept, Number: uint64(time.Now().UnixMilli()), Card: thief.Card().Bytes(), Mailbox: evil,
			Boxes: boxes, LogHead: thief.LogHead(), PeerLogHead: alice.own().LogHead()}
	}
	for _, boxes := range []uint32{thief.Boxes() + 1, thief.Boxes() + 2, 1<<32 - 1} {
		before := alice.Drops()["hello with mailboxes of another time"]
		h := frame.Header{ID: 1, From: newSender(thief), To: alice.self.Account}
		w.post(ringFor(bob, alice), toInbox(t, h, hello(boxes), thief, alice)...)
		alice.awaitDrops(t, "hello with mailboxes of another time", before+1)
	}
	if err := bob.Revoke(t.Context(), thief.Device()); err != nil {
		t.Fatal(err)
	}
	w.greeted(alice, bob) // by the true mailbox
	w.talk(alice, bob)
	if n := len(w.framesTo(evil)); n > 0 {
		t.Errorf("%d frames went to the thief", n)
	}
}

// TestForgedHelloSilencesNobody lets who has two cards write a hello from the one account to the other, of the highest number there
// may be: it is refused, and what the contact itself says then still counts.
func TestForgedHelloSilencesNobody(t *testing.T) {
	t.Parallel()
	w := newWild(t)
	alice, bob := w.pair()
	evil := keys.NewAccount("Mallory", "", time.Now())
	hello := frame.Hello{What: frame.HelloRequest, Number: uint64(time.Now().Add(helloMaxOff - time.Minute).UnixMilli()),
		Card: alice.own().Card().Bytes(), Mailbox: signalcore.Address{1}, LogHead: alice.own().LogHead(), PeerLogHead: bob.own().LogHead()}
	from := newSender(evil)
	from.Account = alice.self.Account
	w.post(bob.own().Inbox().Address(), toInbox(t, frame.Header{ID: 1, From: from, To: bob.self.Account}, hello, evil, bob)...)
	bob.awaitDrop(t, frame.ReasonDevice)
	w.calm()
	n := len(w.framesTo(ringFor(bob, alice)))
	hello.Number, hello.Mailbox = uint64(time.Now().UnixMilli()), ringFor(bob, alice)
	w.post(ringFor(alice, bob), toInbox(t, frame.Header{ID: 1, From: newSender(alice.own()), To: bob.self.Account}, hello, alice.own(), bob)...)
	eventually(t, "the answer", func() bool { return len(w.framesTo(ringFor(bob, alice))) > n })
}

// TestHelloOfAWrongClock takes what is said by clocks that are hours wrong: of a stranger, and of one device of a contact, which
// keeps no other one of its account from being heard.
func TestHelloOfAWrongClock(t *testing.T) {
	t.Parallel()
	w := newWild(t)
	alice, bob := w.pair()
	laptop := w.link(alice, "laptop")
	eventually(t, "the new device", func() bool { return len(alice.Devices()) == 2 })
	say := func(account *keys.Account, to [20]byte, wrong time.Duration) {
		w.post(to, toInbox(t, frame.Header{ID: 1, From: newSender(account), To: bob.self.Account}, frame.Hello{What: frame.HelloRequest,
			Number: uint64(time.Now().Add(wrong).UnixMilli()), Name: "Somebody", Card: account.Card().Bytes(),
			Mailbox: account.MailboxFor(bob.Account()).Address(), LogHead: account.LogHead(), PeerLogHead: bob.own().LogHead()}, account, bob)...)
	}
	for i, wrong := range []time.Duration{-40 * time.Hour, 6 * time.Minute, 40 * time.Hour} {
		say(keys.NewAccount("Somebody", "", time.Now()), bob.own().Inbox().Address(), wrong)
		eventually(t, "the request by a clock "+wrong.String()+" ahead", func() bool { return len(bob.Requests()) == i+1 })
	}
	for i, wrong := range []time.Duration{-50 * time.Hour, 50 * time.Hour} {
		say(keys.NewAccount("Somebody", "", time.Now()), bob.own().Inbox().Address(), wrong)
		bob.awaitDrops(t, "old hello", i+1)
	}
	w.calm()
	n := len(w.framesTo(ringFor(bob, alice)))
	for i, a := range []*endpoint{alice, laptop} { // the one's clock is a day ahead, the other's is right
		say(a.own(), ringFor(alice, bob), 24*time.Hour*time.Duration(1-i))
		eventually(t, "the answer to each device", func() bool { return len(w.framesTo(ringFor(bob, alice))) > n+i })
	}
}

// TestUnknownOwnHead lets a contact speak of a log of this account that this device does not know: somebody shows the contact
// another one. The hello is not taken, and the user is warned of it.
func TestUnknownOwnHead(t *testing.T) {
	t.Parallel()
	w := newWild(t)
	alice, bob := w.pair()
	fork := signalcore.Hash{6, 6, 6}
	h := alice.letterTo(bob)
	w.post(ringFor(alice, bob), toInbox(t, h, frame.Hello{What: frame.HelloRequest, Number: uint64(time.Now().UnixMilli()) + 1000,
		Card: alice.own().Card().Bytes(), Mailbox: signalcore.Address{1}, LogHead: alice.own().LogHead(), PeerLogHead: fork}, alice.own(), bob)...)
	bob.awaitDrop(t, "own log head unknown")
	bob.awaitWarning(t, CodeLogForked, alice.Account())

	ring := frame.Introduce(signalcore.Ring{Number: 1 << 40, SentAt: time.Now(), TTL: time.Minute}, alice.own(), bob.own().Public(time.Now()),
		keys.NewMailbox(), frame.RecipientBytes(frame.NewCallIdentity().Recipient()))
	ring.PeerLogHead = fork
	w.post(ringFor(alice, bob), toInbox(t, alice.letterTo(bob), ring, alice.own(), bob)...)
	bob.awaitDrop(t, CodeLogForked)
	if len(bob.rang()) > 0 {
		t.Error("it rang")
	}

	k := w.spy(alice, bob)
	evil := description()
	evil.LogHead, evil.PeerLogHead = bob.own().LogHead(), fork
	from := k.called
	from.Endpoint[0]++ // another endpoint of Bob's, which was shown the fork
	offer := frame.Header{ID: 1, Call: k.call, From: from, To: k.caller.Account, ToEndpoint: k.caller.Endpoint, Ref: k.ring}
	w.post(k.toCaller, forge(t, offer, evil, bob.own().Sign, k.callerKey)...)
	alice.awaitDrop(t, "own log head unknown")
	alice.awaitWarning(t, CodeLogForked, bob.Account())
	offer.ID, offer.Ref = 2, signalcore.Hash{}
	w.post(k.toCaller, forge(t, offer, signalcore.Accept{SDP: evil.SDP}, bob.own().Sign, k.callerKey)...)
	alice.awaitDrop(t, frame.ReasonNoOffer) // what was refused gives no right to accept
}

// TestRevokedDeviceRings lets a revoked device ring somebody who does not know of its revocation yet, while the relay holds the
// slot back: it rings as long, and no longer.
func TestRevokedDeviceRings(t *testing.T) {
	t.Parallel()
	w := newWild(t)
	g := &gate{ctx: t.Context()}
	alice := w.open("Alice", newMemory(), func(c *Config) { g.Transport, c.Transport = c.Transport, g })
	bob := w.open("Bob", newMemory(), nil)
	w.befriend(alice, bob)
	thief := w.stolen(bob, alice)
	w.rule(hostile.Rule{Do: "drop", To: text(ringFor(bob, alice)), Count: 3}) // what Bob says of it
	closed := make(chan struct{})
	g.mu.Lock()
	g.slot, g.closed = bob.own().Card().Slot, closed
	g.mu.Unlock()
	n := len(w.framesTo(ringFor(bob, alice)))
	if err := bob.Revoke(t.Context(), thief.own().Device()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "what Bob says, dropped", func() bool { return len(w.framesTo(ringFor(bob, alice))) > n })
	w.hostile.Clear()
	call := thief.dial(t, alice)
	alice.rings(t, call)
	await(t, thief, "its tine", func(c CallChanged) bool {
		return len(c.Call.Devices) == 1 && c.Call.Devices[0].State == signalcore.DeviceConnected
	})
	g.mu.Lock()
	g.closed = nil
	g.mu.Unlock()
	close(closed)
	alice.awaitDrop(t, frame.ReasonDevice)
	alice.reaches(t, call, signalcore.StateEnded)
}
