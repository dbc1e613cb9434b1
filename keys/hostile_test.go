package keys

import (
	"errors"
	"testing"
	"time"
)

// TestRelayPretended lets a relay pretend to one device that it takes what that writes, while the other changes the account: when it
// is honest again, both are the account with all changes.
func TestRelayPretended(t *testing.T) {
	for name, change := range map[string]func(phone, third *Account) error{
		"a device was added":   func(phone, _ *Account) error { return phone.AddDevice(NewJoiner("new").Device(), start) },
		"a device was revoked": func(phone, third *Account) error { return phone.Revoke(third.Device(), start) },
	} {
		t.Run(name, func(t *testing.T) {
			h := &household{t: t}
			phone := newAccount(t, "Bob")
			h.write(phone, &Contacts{}, nil)
			laptop, third := h.join(phone, "laptop"), h.join(phone, "third")
			h.read(laptop)
			card := phone.Card()
			pretended := *h
			for range 5 {
				pretended.write(laptop, &Contacts{}, func(a *Account) error { a.SetName("Robert"); return nil })
			}
			h.write(phone, &Contacts{}, func(a *Account) error { return change(a, third) })
			if laptop.shared.sequence <= phone.shared.sequence {
				t.Fatal("the test is wrong")
			}
			if !h.read(laptop) || laptop.LogHead() != phone.LogHead() || laptop.SyncMailbox().Address() != phone.SyncMailbox().Address() {
				t.Fatal("the device does not follow")
			}
			seen, err := OpenSlot(card, pretended.public) // should the relay have shown that to somebody
			if err != nil {
				t.Fatal(err)
			}
			h.write(laptop, &Contacts{}, nil)
			if now, err := OpenSlot(card, h.public); err != nil || !now.Replaces(seen) {
				t.Errorf("a contact that was shown more would refuse what is true: %v", err)
			}
			if !h.read(phone) || h.read(phone) || h.read(laptop) {
				t.Error("they do not agree")
			}
		})
	}
}

// TestShorterLogIsWrittenOver lets a device find a private part of a greater sequence and a shorter log: it writes its own, so that
// who was revoked does not stay in it.
func TestShorterLogIsWrittenOver(t *testing.T) {
	h := &household{t: t}
	phone := newAccount(t, "Bob")
	h.write(phone, &Contacts{}, nil)
	laptop, third := h.join(phone, "laptop"), h.join(phone, "third")
	h.read(laptop)
	pretended := *h
	for range 5 {
		pretended.write(laptop, &Contacts{}, nil)
	}
	h.write(phone, &Contacts{}, func(a *Account) error { return a.Revoke(third.Device(), start) })
	laptop.shared.member(phone.Device()).recipient = phone.shared.member(phone.Device()).recipient // they can read each other
	pretended.write(laptop, &Contacts{}, nil)
	p, err := phone.OpenPrivate(pretended.private)
	if err != nil {
		t.Fatal(err)
	}
	if newer, err := phone.Adopt(p); newer || err != nil || phone.Has(third.Device()) {
		t.Errorf("a shorter log was adopted: %v", err)
	}
	if p.Holds(phone, &Contacts{}) {
		t.Error("it would be left there")
	}
}

// TestOneSequenceTwice lets two devices change the inbox key in one moment, which a relay pretended to take from both: the key that
// it shows is the one of both.
func TestOneSequenceTwice(t *testing.T) {
	h := &household{t: t}
	phone := newAccount(t, "Bob")
	h.write(phone, &Contacts{}, nil)
	laptop := h.join(phone, "laptop")
	h.write(laptop, &Contacts{}, nil)
	h.read(phone)
	other := *h
	rotate := func(a *Account) error { a.Rotate(start); return nil }
	h.write(phone, &Contacts{}, rotate)
	laptop.shared.member(phone.Device()).recipient = phone.shared.member(phone.Device()).recipient
	other.write(laptop, &Contacts{}, rotate)
	phone.shared.member(laptop.Device()).recipient = laptop.shared.member(laptop.Device()).recipient
	if phone.shared.sequence != laptop.shared.sequence {
		t.Fatal("the test is wrong")
	}
	h.private = other.private
	if !h.read(phone) || string(phone.Public(start).InboxRecipient) != string(laptop.Public(start).InboxRecipient) {
		t.Error("two devices have two inbox keys")
	}
	h.write(phone, &Contacts{}, nil)
	if !h.read(laptop) || h.read(phone) {
		t.Error("they do not agree")
	}
}

// TestHeadOverTime shows a head as the time goes: its owner writes it anew after a week at most, others believe it for two.
func TestHeadOverTime(t *testing.T) {
	a := newAccount(t, "Alice")
	v := slotValue(t, a, nil)
	p, err := OpenSlot(a.Card(), v)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		after   time.Duration
		state   SlotState
		expired bool
	}{
		{0, SlotGood, false},
		{RotateEvery - time.Second, SlotGood, false},
		{RotateEvery, SlotBehind, false},
		{2*RotateEvery - time.Second, SlotBehind, false},
		{2 * RotateEvery, SlotBehind, true},
		{1000 * RotateEvery, SlotBehind, true},
	} {
		now := start.Add(c.after)
		if state, err := a.JudgeSlot(v, now); state != c.state || err != nil || p.Expired(now) != c.expired {
			t.Errorf("after %v: %v, %v, expired %v", c.after, state, err, p.Expired(now))
		}
	}
}

// TestRevokedDeviceRevokes lets a revoked device revoke the others in a log of its own: who knows of its revocation follows that
// nowhere, and neither does a card made since.
func TestRevokedDeviceRevokes(t *testing.T) {
	h := &household{t: t}
	phone := newAccount(t, "Bob")
	h.write(phone, &Contacts{}, nil)
	thief := h.join(phone, "stolen")
	h.write(phone, &Contacts{}, nil)
	before := phone.Card()
	var alice Contacts
	seen, err := OpenSlot(before, h.public)
	if err != nil {
		t.Fatal(err)
	}
	if err := alice.Add(Contact{Name: "Bob", Card: before, Public: seen}); err != nil {
		t.Fatal(err)
	}
	old := h.public
	h.write(phone, &Contacts{}, func(a *Account) error { return a.Revoke(thief.Device(), start) })
	if seen, err = OpenSlot(before, h.public); err != nil || alice.SetPublic(seen) != nil {
		t.Fatal("the revocation is not believed", err)
	}
	if err := thief.Revoke(phone.Device(), start); err != nil {
		t.Fatal(err)
	}
	forked, err := thief.SlotValue(old, start)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenSlot(phone.Card(), forked); !errors.Is(err, ErrForked) {
		t.Errorf("by a card made since: %v", err)
	}
	p, err := OpenSlot(before, forked)
	if err != nil {
		t.Fatal(err)
	}
	if bob, _ := alice.Get(phone.ID()); !errors.Is(bob.Check(p), ErrForked) || !errors.Is(alice.SetPublic(p), ErrForked) {
		t.Error("a contact that knew of the revocation follows the device that was revoked")
	}
	if state, err := phone.JudgeSlot(forked, start); state != SlotForked || err != nil {
		t.Errorf("the owner finds it %v, %v", state, err)
	}
}
