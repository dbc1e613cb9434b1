package frame

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"testing"
	"time"

	"ringfork/keys"
	"ringfork/signalcore"
)

func reasonOf(err error) string {
	var d DropError
	if !errors.As(err, &d) {
		return fmt.Sprint(err)
	}
	return d.Reason
}

// TestEveryByteOfAFrame changes one bit of each byte of a frame, as a relay can: it is never opened. Every kind of message is
// sealed alike, so of the others some bytes are enough.
func TestEveryByteOfAFrame(t *testing.T) {
	alice, bob := newParty(t, "Alice Alice Alice Alice Alice Alice Alice Alice Alice Alice Alic"), newParty(t, "")
	now, o := start, newOpener()
	for i, m := range messages(t, alice) {
		frames, _ := alice.seal(t, m, bob, signalcore.MessageID(i+1))
		step := 811
		if i == 0 {
			step = 1
		}
		for at := i; at < Size; at += step {
			bad := bytes.Clone(frames[0])
			bad[at] ^= 1 << (at % 8)
			now = now.Add(time.Second)
			if e, err := o.Open(now, bad); e != nil || reasonOf(err) != ReasonSeal {
				t.Errorf("%T with byte %d changed: %v, %v", m, at, e, err)
			}
		}
		for _, n := range []int{0, 1, 40, 1626, 1627, 1643, Size - 1} {
			_, err := o.Open(now, frames[0][:n])
			wantDrop(t, err, ReasonSize)
		}
	}
}

// TestEveryByteOfAPlaintext changes each byte of what is in a frame, of every kind, and seals it again to the right key: that is what
// somebody can do who has all keys but the sender's. Nothing of it is believed.
func TestEveryByteOfAPlaintext(t *testing.T) {
	alice, bob := newParty(t, "Alice Alice Alice Alice Alice Alice Alice Alice Alice Alice Alic"), newParty(t, "")
	now, o := start, newOpener()
	done := map[signalcore.Kind]bool{}
	for i, m := range messages(t, alice) {
		if done[m.Kind()] {
			continue
		}
		done[m.Kind()] = true
		frames, _ := alice.seal(t, m, bob, signalcore.MessageID(i+1))
		plain, err := o.unseal(frames[0])
		if err != nil {
			t.Fatal(err)
		}
		end := headerSize + signatureSize + int(plain[184])<<8 + int(plain[185])
		for at := 0; at < PlainSize; at++ {
			if at%3 > 0 && at > 8 && at < end || at >= headerSize+signatureSize && at%11 > 0 || at >= end && at%101 > 0 {
				continue
			}
			bad := bytes.Clone(plain)
			bad[at] ^= 1 << (at % 8)
			now = now.Add(time.Second)
			e, err := o.Open(now, sealPlain(t, bad))
			got, want := reasonOf(err), ReasonSignature
			switch {
			case at == 0:
				want = ReasonVersion
			case at >= end:
				want = ReasonMalformed
			case got == ReasonMalformed && at >= 2 && at < 8, got == ReasonMalformed && (at == 184 || at == 185):
				want = got // an id of 0, parts and lengths that cannot be
			}
			if e != nil || got != want {
				t.Errorf("%T with byte %d of the plaintext changed: %v, %s, want %s", m, at, e, got, want)
			}
		}
	}
	if len(done) < 14 {
		t.Errorf("only %d kinds were tried", len(done))
	}
}

// TestOtherDeviceSigns lets another device sign each kind of message as its own, sealed to the right key, with all the rest as it
// should be: a stranger's, one of another account's, one that was revoked. Whoever receives it refuses it for its device.
func TestOtherDeviceSigns(t *testing.T) {
	alice, bob := newParty(t, "Alice Alice Alice Alice Alice Alice Alice Alice Alice Alice Alic"), newParty(t, "Bob")
	_, evil, _ := ed25519.GenerateKey(nil)
	known := alice.Public(time.Now())
	for i, m := range messages(t, alice) {
		frames, _ := alice.seal(t, m, bob, signalcore.MessageID(i+1))
		plain, err := newOpener().unseal(frames[0])
		if err != nil {
			t.Fatal(err)
		}
		p, err := unmarshalPart(plain)
		if err != nil {
			t.Fatal(err)
		}
		e, err := newOpener().Open(start, forge(t, *p, evil))
		if err != nil {
			t.Fatal(err) // it is signed, by the device that it names
		}
		wantDrop(t, Trust(e, known), ReasonDevice)
		called := NewCalled(bob.Sender, &Envelope{Header: Header{Call: e.Call, From: alice.Sender}})
		wantDrop(t, called.Check(e), ReasonSender)
		e.ToEndpoint = bob.Endpoint
		wantDrop(t, called.Check(e), ReasonSender)
		caller := NewCaller(e.Call, bob.Sender, alice.Sender.Account, e.Ref, func(d signalcore.DeviceID) bool { return known.Has(keys.DeviceID(d)) })
		wantDrop(t, caller.Check(e), ReasonDevice)
		if len(caller.offered) > 0 {
			t.Errorf("%T: the endpoint is remembered", m)
		}
		e.ToEndpoint = signalcore.EndpointID{}
		if m.Kind() == signalcore.KindSync {
			_, err := CheckSync(e, e.To, known.Has)
			wantDrop(t, err, ReasonSender) // another account's
			e.To = alice.Sender.Account
			_, err = CheckSync(e, e.To, known.Has)
			wantDrop(t, err, ReasonDevice)
		}
	}
}

func TestCheckHello(t *testing.T) {
	from, to := newParty(t, "Alice"), newParty(t, "Bob")
	hello := func() *Envelope {
		m := Hello{What: HelloRequest, Number: 1, Name: "Alice", Card: from.Card().Bytes(), LogHead: from.LogHead(), PeerLogHead: to.LogHead()}
		frames, _ := from.seal(t, m, to, 1)
		e, err := newOpener().Open(start, frames[0])
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	m, card, err := CheckHello(hello(), to.Sender.Account)
	if err != nil || card != from.Card() || m.Name != "Alice" {
		t.Fatalf("got %v, %v", card, err)
	}
	check(t, Trust(hello(), from.Public(time.Now())), "")
	if head, ok := PeerHead(hello()); !ok || head != to.LogHead() {
		t.Error("the head is not the one that was said")
	}
	for name, c := range map[string]struct {
		reason string
		change func(*Envelope, *Hello)
	}{
		"to another":      {ReasonRecipient, func(e *Envelope, _ *Hello) { e.To[0]++ }},
		"to one endpoint": {ReasonRecipient, func(e *Envelope, _ *Hello) { e.ToEndpoint[0]++ }},
		"from oneself":    {ReasonSelf, func(e *Envelope, _ *Hello) { e.From.Account = e.To }},
		"another's card":  {ReasonCard, func(_ *Envelope, m *Hello) { m.Card = to.Card().Bytes() }},
		"card of no size": {ReasonCard, func(_ *Envelope, m *Hello) { m.Card = m.Card[1:] }},
		"another's hello": {ReasonCard, func(e *Envelope, _ *Hello) { e.From.Account[0]++ }},
		"something else":  {ReasonUnexpected, func(e *Envelope, _ *Hello) { e.Msg = signalcore.Won{} }},
	} {
		t.Run(name, func(t *testing.T) {
			e := hello()
			m := e.Msg.(Hello)
			c.change(e, &m)
			if e.Msg.Kind() == KindHello {
				e.Msg = m
			}
			_, _, err := CheckHello(e, to.Sender.Account)
			check(t, err, c.reason)
		})
	}
	e := hello()
	m.LogHead[0]++
	e.Msg = m
	check(t, Trust(e, from.Public(time.Now())), ReasonLogHead)
}
