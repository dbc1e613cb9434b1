//go:build !js

package phone

import (
	"fmt"
	"testing"
	"time"

	"ringfork/frame"
	"ringfork/keys"
	"ringfork/relay/client"
	"ringfork/relay/hostile"
	"ringfork/signalcore"
)

// people makes accounts that have a slot at the relay and no phone, and returns their cards.
func (w *wild) people(n int) (cards []string) {
	w.t.Helper()
	for i := range n {
		a := keys.NewAccount(fmt.Sprintf("Person %02d", i), "", time.Now())
		value, err := a.SlotValue(nil, time.Now())
		if err == nil {
			err = w.outsider.PutSlot(w.t.Context(), a.Card().Slot, value, 0)
		}
		if err != nil {
			w.t.Fatal(err)
		}
		cards = append(cards, a.Card().Code())
	}
	return cards
}

func (w *wild) addCards(e *endpoint, cards ...string) {
	w.t.Helper()
	for _, c := range cards {
		if _, err := e.AddContact(w.t.Context(), c, ""); err != nil {
			w.t.Error(err)
		}
	}
}

// TestOwnSlotLies changes the contacts on two devices while the relay lies about the slot that they share. Nothing is lost on
// the device where it was changed, and when the relay is honest again everything is on both.
func TestOwnSlotLies(t *testing.T) {
	t.Parallel()
	w := newWild(t)
	bob, other := w.open("Bob", newMemory(), nil), w.open("Other", newMemory(), nil)
	eventually(t, "Bob's slot", func() bool { return w.valueAt(bob.own().PrivateAddress(), 1) != nil })
	laptop := w.link(bob, "laptop")
	private := bob.own().PrivateAddress()
	eventually(t, "the other account's", func() bool { return w.valueAt(other.own().PrivateAddress(), 1) != nil })
	cards := w.people(10)
	for i, rule := range []hostile.Rule{
		{Do: "old-value"},
		{Do: "freeze"},
		{Do: "flip-value", Byte: 2000},
		{Do: "no-value"},
		{Do: "other-value", Other: text(other.own().PrivateAddress())},
	} {
		rule.To = text(private)
		w.rule(rule)
		w.addCards(bob, cards[2*i])
		w.addCards(laptop, cards[2*i+1])
		if len(bob.Contacts()) <= i || len(laptop.Contacts()) <= i {
			t.Errorf("%s: a change was lost where it was made", rule.Do)
		}
		eventually(t, "the attempts", func() (done bool) {
			inside(bob, func() { done = !bob.catching })
			return done || bob.Drops()["account not brought up to date: "+CodeSlotTaken] > 0
		})
		w.hostile.Clear()
	}
	for _, e := range []*endpoint{bob, laptop} {
		e.catchUpNow()
	}
	eventually(t, "all contacts on both devices", func() bool {
		if len(bob.Contacts()) == len(cards) && len(laptop.Contacts()) == len(cards) {
			return true
		}
		bob.catchUpNow()
		laptop.catchUpNow()
		time.Sleep(100 * time.Millisecond)
		return false
	})
	if len(other.Contacts()) > 0 || len(bob.Devices()) != 2 || len(laptop.Devices()) != 2 {
		t.Error("an account has what is another's")
	}
	if bob.Drops()["account not brought up to date: "+CodeSlotTaken] == 0 {
		t.Error("another account's value was written over: there is no pen for that")
	}
}

// TestRevokedDeviceWrites lets a revoked device write the account's slots by a relay that takes anything: its private part is
// refused, and its public one; the owner is warned where it shows a second log.
func TestRevokedDeviceWrites(t *testing.T) {
	t.Parallel()
	w := newWild(t)
	alice, bob := w.pair()
	stolen := w.rob(bob)
	w.greeted(alice, bob)
	w.calm()
	private, public := bob.own().PrivateAddress(), bob.own().Card().Slot
	mine, shown := w.lastValue(private), w.lastValue(public)

	evil := keys.Contacts{}
	if err := evil.Block(alice.Account(), "x"); err != nil {
		t.Fatal(err)
	}
	s := stolen.Account.Clone()
	value, err := s.PrivateValue(nil, &evil) // signed by the revoked device, with the log as it was
	if err != nil {
		t.Fatal(err)
	}
	w.put(private, value)
	newName(t, bob, "Robert")
	if len(bob.Blocked()) > 0 || len(bob.Devices()) != 1 {
		t.Error("what the revoked device wrote was taken")
	}
	if after := w.lastValue(private); string(after) == string(value) || string(after) == string(mine) {
		t.Error("it was not written over")
	}

	forked, added := stolen.fork(t)
	if value, err = added.PrivateValue(nil, &evil); err != nil { // sealed to the keys that the others had then
		t.Fatal(err)
	}
	w.put(private, value)
	bob.catchUpNow()
	eventually(t, "the end of the fork", func() bool {
		_, err := bob.own().Clone().OpenPrivate(w.lastValue(private))
		return err == nil
	})

	// The revoked device revokes the one that is left, and seals the private part to itself.
	s = stolen.Account.Clone()
	if err := s.Revoke(bob.own().Device(), time.Now()); err != nil {
		t.Fatal(err)
	}
	if value, err = s.PrivateValue(nil, &evil); err != nil {
		t.Fatal(err)
	}
	w.put(private, value)
	if value, err = s.SlotValue(stolen.value, time.Now()); err != nil {
		t.Fatal(err)
	}
	w.put(public, value)
	bob.catchUpNow()
	bob.awaitDrop(t, "account not brought up to date: "+CodeSlotTaken) // it is another's pen that may write there now
	bob.awaitWarning(t, CodeSlotTaken, keys.AccountID{})
	if bob.gone.Load() {
		t.Error("the owner was thrown out by the device that was revoked")
	}
	before := bob.Drops()["account not brought up to date: "+CodeLogForked]
	w.put(private, mine)
	w.put(public, forked)
	bob.catchUpNow()
	bob.awaitDrops(t, "account not brought up to date: "+CodeLogForked, before+1)
	bob.awaitWarning(t, CodeLogForked, keys.AccountID{})
	if len(bob.Blocked()) > 0 || len(bob.Devices()) != 1 || bob.own().Has(added.Device()) {
		t.Error("what the revoked device wrote was taken")
	}
	w.put(public, shown)
	w.talk(alice, bob)
}

// TestThreeDevicesAtOnce adds ten contacts on each of three devices in the same moment: all thirty are on all of them.
func TestThreeDevicesAtOnce(t *testing.T) {
	t.Parallel()
	w := newWild(t)
	bob := w.open("Bob", newMemory(), nil)
	devices := []*endpoint{bob, w.link(bob, "laptop"), w.link(bob, "tablet")}
	cards := w.people(30)
	done := make(chan bool)
	for i, e := range devices {
		go func() { w.addCards(e, cards[10*i:10*i+10]...); done <- true }()
	}
	for range devices {
		<-done
	}
	for _, e := range devices {
		eventually(t, "all contacts", func() bool { return len(e.Contacts()) == 30 })
	}
	conflicts := 0
	for _, s := range w.hostile.Record().Slots {
		if s.Address == text(bob.own().PrivateAddress()) && s.Code == "slot-conflict" {
			conflicts++
		}
	}
	t.Logf("%d times another device was faster", conflicts)
}

// TestSleptThroughRotations opens a device that slept while the account changed its keys four times: it follows, and rings.
func TestSleptThroughRotations(t *testing.T) {
	t.Parallel()
	w := newWild(t)
	alice, bob := w.pair()
	laptop := w.link(bob, "laptop")
	eventually(t, "the new device", func() bool { return len(bob.Devices()) == 2 })
	laptop.Close()
	old, _ := alice.contact(bob.Account())
	for i := range 4 {
		err := bob.commit(t.Context(), func(a *keys.Account, _ *keys.Contacts) error {
			a.Rotate(time.Now().Add(time.Duration(i) * keys.RotateEvery))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	awake := w.open("", laptop.store, nil)
	eventually(t, "the newest key", func() bool { return !bob.own().NewerThan(awake.own()) })
	w.calm()
	alice.knowsOnly(t, old)
	call := alice.dial(t, bob) // by the key of before, then by the one in the slot
	bob.rings(t, call)
	awake.rings(t, call)
	awake.PickUp(call, signalcore.Media{Audio: true})
	alice.reaches(t, call, signalcore.StateActive)
	awake.reaches(t, call, signalcore.StateActive)
	bob.awaitDrop(t, frame.ReasonSeal) // the first ring is sealed to a key that nobody has any more
	alice.HangUp(call)
}

// TestLoginLies signs in where the relay lies about the login's slot, or about the account that it leads to.
func TestLoginLies(t *testing.T) {
	t.Parallel()
	w := newWild(t)
	secret := keys.Secret(keys.NewSeed())
	bob := w.open("Bob", newMemory(), func(c *Config) { c.Secret = &secret })
	other := w.open("Other", newMemory(), nil)
	w.calm()
	newName(t, bob, "Robert")
	login, private := secret.Address(), bob.own().PrivateAddress()
	for _, c := range []struct {
		rule hostile.Rule
		code string
	}{
		{hostile.Rule{Do: "flip-value", To: text(login), Byte: 1000}, CodeSlotInvalid},
		{hostile.Rule{Do: "other-value", To: text(login), Other: text(other.own().Card().Slot)}, CodeSlotInvalid},
		{hostile.Rule{Do: "flip-value", To: text(private), Byte: 1000}, CodeSlotInvalid},
		{hostile.Rule{Do: "other-value", To: text(private), Other: text(other.own().PrivateAddress())}, CodeSlotInvalid},
		{hostile.Rule{Do: "no-value", To: text(private)}, CodeSlotEmpty},
	} {
		w.rule(c.rule)
		transport, err := client.New(w.server.URL)
		if err != nil {
			t.Fatal(err)
		}
		store := newMemory()
		if _, err := Open(t.Context(), Config{Store: store, Transport: transport, Secret: &secret}); Code(err) != c.code {
			t.Errorf("%s: opens with %v, want %s", c.rule.Do, err, c.code)
		}
		if len(store.values) > 0 {
			t.Errorf("%s: something was stored", c.rule.Do)
		}
		transport.Close()
		w.hostile.Clear()
	}
	again := w.open("", newMemory(), func(c *Config) { c.Secret = &secret })
	if again.Account() != bob.Account() {
		t.Error("the login leads elsewhere")
	}
}
