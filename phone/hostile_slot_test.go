//go:build !js

package phone

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"ringfork/frame"
	"ringfork/keys"
	"ringfork/relay/client"
	"ringfork/relay/hostile"
	"ringfork/signalcore"
)

// look lets an endpoint read a contact's slot, as it does whenever the two ring each other.
func (e *endpoint) look(of *endpoint) {
	e.queue.put(func() {
		c, _ := e.contact(of.Account())
		e.freshen(c, func(keys.Contact, error) {})
	})
}

// put puts a value into a slot, whoever wrote it: the relay wants it so.
func (w *wild) put(address keys.Address, value []byte) {
	w.t.Helper()
	w.rule(hostile.Rule{Do: "any-writer", To: text(address)})
	if err := w.outsider.PutSlot(w.t.Context(), address, value, 0); err != nil {
		w.t.Fatal(err)
	}
	w.hostile.Clear()
}

// valueAt returns the value of a version that was in a slot, nil if there was none.
func (w *wild) valueAt(address keys.Address, version uint64) (value []byte) {
	for _, s := range w.hostile.Record().Slots {
		if s.Address == text(address) && s.Version == version && s.Code == "" {
			value = s.Value
		}
	}
	return value
}

// lastValue returns the value in a slot.
func (w *wild) lastValue(address keys.Address) []byte {
	w.t.Helper()
	value, err := w.outsider.GetSlot(w.t.Context(), address)
	if err != nil {
		w.t.Fatal(err)
	}
	return value
}

// newName makes a new head of an account.
func newName(t *testing.T, e *endpoint, name string) {
	t.Helper()
	if err := e.commit(t.Context(), func(a *keys.Account, _ *keys.Contacts) error { a.SetName(name); return nil }); err != nil {
		t.Fatal(err)
	}
}

// TestContactSlotLies reads a contact's slot from a relay that lies about it in every way that it has. What it shows is refused,
// with a reason, and the contact is rung by what was known before: nobody else is.
func TestContactSlotLies(t *testing.T) {
	t.Parallel()
	w := newWild(t)
	alice, bob := w.pair()
	carol, dave := w.open("Carol", newMemory(), nil), w.open("Dave", newMemory(), nil)
	newName(t, bob, "Robert")
	newName(t, bob, "Bobby")
	w.calm()
	w.talk(alice, bob)
	eventually(t, "the newest at Alice", func() bool { c, _ := alice.contact(bob.Account()); return c.Public.Name == "Bobby" })
	slot := bob.own().Card().Slot
	stale, err := bob.own().SlotValue(w.lastValue(slot), time.Now().Add(-15*24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		rule   hostile.Rule
		reason string // for Alice, who has the contact
		code   string // for Dave, who adds it
		warns  bool
	}{
		{"an older head", hostile.Rule{Do: "old-value", Version: 1}, CodeSlotStale, "", true},
		{"another's", hostile.Rule{Do: "other-value", Other: text(carol.own().Card().Slot)}, CodeSlotInvalid, CodeSlotInvalid, true},
		{"nothing", hostile.Rule{Do: "no-value"}, CodeSlotEmpty, CodeSlotEmpty, false},
		{"changed", hostile.Rule{Do: "flip-value", Byte: 1000}, CodeSlotInvalid, CodeSlotInvalid, true},
		{"refused", hostile.Rule{Do: "fail", Path: "/v1/slot/" + text(slot), Status: 503, Code: "unavailable"}, "unavailable", "unavailable", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer w.hostile.Clear()
			if c.rule.Do != "fail" {
				c.rule.To = text(slot)
			}
			w.rule(c.rule)
			before := alice.Drops()[c.reason]
			w.talk(alice, bob)
			alice.awaitDrops(t, c.reason, before+1) // else one look may serve both calls
			w.talk(bob, alice)
			alice.awaitDrops(t, c.reason, before+2)
			if c.warns {
				alice.awaitWarning(t, c.reason, bob.Account())
			}
			if known, _ := alice.contact(bob.Account()); known.Public.Name != "Bobby" {
				t.Errorf("what the relay showed was taken: %q", known.Public.Name)
			}
			if c.code == "" {
				return // Dave sees an older head of the same log: that is the account as it was
			}
			if _, err := dave.AddContact(t.Context(), bob.Card(), ""); Code(err) != c.code {
				t.Errorf("adding the contact gives %v, want %s", err, c.code)
			}
		})
	}
	w.put(slot, stale)
	before := alice.Drops()[CodeSlotExpired]
	w.talk(alice, bob) // what she knows is not too old yet
	alice.awaitDrops(t, CodeSlotExpired, before+1)
	alice.awaitWarning(t, CodeSlotExpired, bob.Account())
	if _, err := dave.AddContact(t.Context(), bob.Card(), ""); Code(err) != CodeSlotExpired {
		t.Errorf("adding the contact gives %v", err)
	}
	if len(carol.rang())+len(dave.rang()) > 0 {
		t.Error("it rang at somebody else's")
	}
}

// TestExpiredHead lets the relay hide for two weeks what is new of a contact: then not even what was known before is believed.
func TestExpiredHead(t *testing.T) {
	t.Parallel()
	w := newWild(t)
	alice, bob := w.pair()
	slot := bob.own().Card().Slot
	good := w.lastValue(slot)
	stale, err := bob.own().SlotValue(good, time.Now().Add(-15*24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	known, _ := alice.contact(bob.Account())
	known.Public.Expires = time.Now().Unix() - 1 // as if she had read the slot two weeks ago
	alice.knowsOnly(t, known)
	w.put(slot, stale)

	before := len(w.framesTo(ringFor(alice, bob)))
	call := alice.dial(t, bob)
	alice.awaitDrops(t, CodeSlotExpired, 1)
	alice.awaitWarning(t, CodeSlotExpired, bob.Account())
	if s := alice.stateOf(call); s != signalcore.StateDialing || len(w.framesTo(ringFor(alice, bob))) > before {
		t.Errorf("a call to who may be anybody by now is %v, and %d frames went out", s, len(w.framesTo(ringFor(alice, bob)))-before)
	}
	alice.awaitDrops(t, CodeSlotExpired, 3) // she tries again
	alice.HangUp(call)
	alice.reaches(t, call, signalcore.StateEnded)
	before = alice.Drops()[CodeSlotExpired]
	other := bob.dial(t, alice)
	alice.awaitDrops(t, CodeSlotExpired, before+1)
	bob.HangUp(other)
	if warned := alice.warnings(); !slices.Equal(warned, []string{CodeSlotExpired}) {
		t.Errorf("she was warned of %q", warned)
	}
	if len(alice.rang())+len(bob.rang()) > 0 {
		t.Error("it rang by a head that is too old")
	}
	w.put(slot, good)
	w.talk(alice, bob)
}

// stateOf returns how a call looked last.
func (e *endpoint) stateOf(call signalcore.CallID) (s signalcore.CallState) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, ev := range e.events {
		if c, ok := ev.(CallChanged); ok && c.Call.View.Call == call {
			s = c.Call.State
		}
	}
	return s
}

// thief is a device that was revoked, and goes on as if it did not know. It works together with the relay.
type thief struct {
	*keys.Account        // as it was
	value         []byte // of the account's slot, as it was
}

// rob links a device to Bob's account, and revokes it.
func (w *wild) rob(bob *endpoint) thief {
	w.t.Helper()
	laptop := w.link(bob, "laptop")
	eventually(w.t, "the new device", func() bool { return len(bob.Devices()) == 2 })
	w.calm()
	stolen := thief{laptop.own().Clone(), w.lastValue(bob.own().Card().Slot)}
	if err := bob.Revoke(w.t.Context(), stolen.Device()); err != nil {
		w.t.Fatal(err)
	}
	await(w.t, laptop, "its end", func(Gone) bool { return true })
	laptop.Close()
	return stolen
}

// stolen links a device to Bob's account, of which Alice hears, and returns it in the hands of somebody whom the relay shows
// everything as it was then.
func (w *wild) stolen(bob, alice *endpoint) *endpoint {
	w.t.Helper()
	laptop := w.link(bob, "laptop")
	eventually(w.t, "the new device", func() bool { return len(bob.Devices()) == 2 })
	alice.look(bob)
	eventually(w.t, "Alice's news", func() bool { c, _ := alice.contact(bob.Account()); return len(c.Public.Devices) == 2 })
	w.calm()
	then := w.hostile.Record()
	copied := laptop.store.clone()
	laptop.Close()
	return w.open("", copied, func(c *Config) { c.Transport = past{c.Transport.(*client.Client), then} })
}

// fork adds a device of the thief's own to the log as it was, and returns the slot's value that says so.
func (s thief) fork(t *testing.T) (value []byte, added *keys.Account) {
	t.Helper()
	forked := s.Account.Clone()
	j := keys.NewJoiner("Mallory's")
	if err := forked.AddDevice(j.Device(), time.Now()); err != nil {
		t.Fatal(err)
	}
	private, err := forked.PrivateValue(nil, &keys.Contacts{})
	if err != nil {
		t.Fatal(err)
	}
	if added, _, err = j.Open(forked.Locator(), private); err != nil {
		t.Fatal(err)
	}
	if value, err = forked.SlotValue(s.value, time.Now()); err != nil {
		t.Fatal(err)
	}
	return value, added
}

// TestForkedSlot shows a contact a log that a revoked device made, where its revocation was. Who knows of that refuses it. Who
// was never shown it believes the fork, but nothing that the true devices say then: and is warned.
func TestForkedSlot(t *testing.T) {
	t.Parallel()
	w := newWild(t)
	alice, bob := w.pair()
	dave := w.open("Dave", newMemory(), nil)
	w.befriend(dave, bob)
	before := bob.own().Card()
	slot := before.Slot
	stolen := func() thief {
		laptop := w.link(bob, "laptop")
		eventually(t, "the new device", func() bool { return len(bob.Devices()) == 2 })
		w.calm()
		dave.look(bob)
		eventually(t, "Dave's news", func() bool { c, _ := dave.contact(bob.Account()); return len(c.Public.Devices) == 2 })
		s := thief{laptop.own().Clone(), w.lastValue(slot)}
		w.rule(hostile.Rule{Do: "drop", To: text(dave.own().MailboxFor(bob.Account()).Address())}) // he hears nothing from now on
		w.rule(hostile.Rule{Do: "drop", To: text(dave.own().Inbox().Address())})
		if err := bob.Revoke(t.Context(), s.Device()); err != nil {
			t.Fatal(err)
		}
		w.greeted(alice, bob)
		return s
	}()
	value, mallory := stolen.fork(t)
	w.put(slot, value)
	w.rule(hostile.Rule{Do: "freeze", To: text(slot)}) // Bob cannot mend it
	w.talk(alice, bob)
	alice.awaitDrop(t, CodeLogForked)
	alice.awaitWarning(t, CodeLogForked, bob.Account())
	if c, _ := alice.contact(bob.Account()); c.Public.Has(mallory.Device()) {
		t.Error("the fork was believed")
	}
	if _, err := w.open("Erin", newMemory(), nil).AddContact(t.Context(), bob.Card(), ""); Code(err) != CodeLogForked {
		t.Errorf("a card made after the fork gives %v", err) // it names the log's head
	}

	dave.look(bob)
	eventually(t, "Dave's belief", func() bool { c, _ := dave.contact(bob.Account()); return c.Public.Has(mallory.Device()) })
	call := bob.dial(t, dave)
	dave.awaitDrop(t, frame.ReasonLogHead)
	dave.awaitWarning(t, CodeLogForked, bob.Account())
	if slices.Contains(dave.rang(), call) {
		t.Error("it rang from a log that he does not know")
	}
	bob.catchUpNow()
	bob.awaitWarning(t, CodeLogForked, keys.AccountID{}) // Bob sees the fork in his own slot
}

func (e *endpoint) catchUpNow() { e.queue.put(e.catchUp) }

// TestNewerSlot opens an account with a version that does not understand what a newer one wrote into its slot: that stays there,
// and the user is told.
func TestNewerSlot(t *testing.T) {
	t.Parallel()
	w := newWild(t)
	alice, bob := w.pair()
	slot := bob.own().Card().Slot
	newer := w.newerHead(t, bob.own())
	w.put(slot, newer)
	bob.catchUpNow()
	bob.awaitWarning(t, CodeNewer, keys.AccountID{})
	if err := bob.commit(t.Context(), func(a *keys.Account, _ *keys.Contacts) error { a.SetName("Robert"); return nil }); err != nil {
		t.Errorf("what his other devices may have: %v", err)
	}
	bob.awaitDrops(t, "account not brought up to date: "+CodeNewer, 1)
	if string(w.lastValue(slot)) != string(newer) {
		t.Error("it was written over")
	}
	if _, err := alice.AddContact(t.Context(), bob.Card(), ""); Code(err) != CodeNewer {
		t.Errorf("a contact finds %v", err)
	}
}

// newerHead returns the value of an account's slot, one version on, as a newer version of this program might write it: all is
// the same but for the format of the head.
func (w *wild) newerHead(t *testing.T, a *keys.Account) []byte {
	t.Helper()
	const header, entry = 8 + 32 + 32 + 64, 70 + 32 + 64
	b, err := a.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	pens := b[1+100+1+8+1+len(a.Name())+32+32:] // docs/PROTOCOL.md: what a device stores
	pen := ed25519.NewKeyFromSeed(pens[1:33])
	card := a.Card()
	data := keys.Statement("ringfork/1/slot", card.Slot[:])
	key, err := hkdf.Key(sha256.New, card.Secret[:], nil, "ringfork/1/slot", chacha20poly1305.KeySize)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		t.Fatal(err)
	}
	value := w.lastValue(card.Slot)
	nonce := value[header : header+aead.NonceSize()]
	plain, err := aead.Open(nil, nonce, value[header+aead.NonceSize():], data)
	if err != nil {
		t.Fatal(err)
	}
	head := &plain[4+1+int(plain[4])*entry]
	if *head != 1 {
		t.Fatalf("the head's format is %d", *head)
	}
	*head = 2
	sealed := aead.Seal(slices.Clone(nonce), nonce, plain, data) // a test need not care that the nonce is used twice
	version := binary.BigEndian.AppendUint64(nil, keys.SlotVersion(value)+1)
	public := pen.Public().(ed25519.PublicKey)
	signature := ed25519.Sign(pen, keys.Statement("ringfork/1/slot", card.Slot[:], version, public, sealed))
	return slices.Concat(version, public, public, signature, sealed)
}
