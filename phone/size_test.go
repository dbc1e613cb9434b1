//go:build !js

package phone

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ringfork/keys"
)

// TestAccountFull adds contacts to an account with a long history, until there is no more room for them: that is refused with its
// code before anything changes, and what fits goes on reaching the account's other devices.
func TestAccountFull(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	store := newMemory()
	bob := w.open("Bob", store, nil)
	eventually(t, "the slot", func() bool {
		v, _ := getSlot(t.Context(), bob.cfg.Transport, bob.own().PrivateAddress())
		time.Sleep(50 * time.Millisecond) // the relay lets nobody read more than 50 times a second for long
		return v != nil
	})
	pr := profile{transport: bob.cfg.Transport, store: bob.cfg.Store} // a phone would give up after commitTime: this is a lot at once
	full, err := pr.commit(t.Context(), func(a *keys.Account, l *keys.Contacts) error {
		now := time.Now()
		for range 110 {
			d := keys.NewJoiner("").Device()
			if err := a.AddDevice(d, now); err != nil {
				return err
			}
			if err := a.Revoke(d.ID, now); err != nil {
				return err
			}
		}
		for range 10 {
			if err := a.AddDevice(keys.NewJoiner("").Device(), now); err != nil {
				return err
			}
		}
		var added []keys.AccountID
		for i := 0; i%32 != 0 || a.HasRoomFor(l); i++ { // looking takes longer than adding
			b := keys.NewAccount(fmt.Sprintf("%064d", i), "", now)
			if err := l.Add(keys.Contact{Name: b.Name(), Card: b.Card()}); err != nil {
				return err
			}
			l.SetMailbox(b.ID(), keys.Address{1, byte(i), byte(i >> 8)}, 0)
			added = append(added, b.ID())
		}
		for i := len(added) - 1; !a.HasRoomFor(l); i-- {
			l.Remove(added[i])
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	bob.adopt(full)
	if err := bob.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	names := func() (list []string) {
		for _, c := range bob.Contacts() {
			list = append(list, c.Name)
		}
		return list
	}
	before := names()
	carol := w.open("Carol", newMemory(), nil)
	eventually(t, "Carol's slot", func() bool {
		v, _ := getSlot(t.Context(), bob.cfg.Transport, carol.own().Card().Slot)
		time.Sleep(50 * time.Millisecond) // as above
		return v != nil
	})
	for _, name := range []string{"Carol", strings.Repeat("C", keys.MaxName)} { // the last one removed left some room
		_, err = bob.AddContact(t.Context(), carol.Card(), name)
	}
	if Code(err) != CodeFull {
		t.Errorf("one contact too many gives %v", err)
	}
	if err := bob.Block(t.Context(), keys.AccountID{1}); Code(err) != CodeFull {
		t.Errorf("one block too many gives %v", err)
	}
	if _, err := bob.Backup(t.Context(), "correct horse"); Code(err) != CodeFull {
		t.Errorf("a backup too many gives %v", err)
	}
	inside(bob, func() {}) // a warning would be told by now
	if slices.Contains(bob.warnings(), CodeFull) {
		t.Error("what was refused is a warning, too, as if it had been made")
	}
	if after := names(); strings.Join(after, "") != strings.Join(before, "") {
		t.Errorf("%d contacts were there, and %d are", len(before), len(after))
	}
	if err := bob.RemoveContact(t.Context(), bob.Contacts()[0].ID()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "one contact less for the other devices", func() bool {
		time.Sleep(50 * time.Millisecond) // as above
		value, err := getSlot(t.Context(), bob.cfg.Transport, bob.own().PrivateAddress())
		if err != nil {
			return false
		}
		there, err := bob.own().Clone().OpenPrivate(value)
		return err == nil && len(there.Contacts().List()) == len(before)-1
	})
	if _, err := bob.AddContact(t.Context(), carol.Card(), "Carol"); err != nil {
		t.Errorf("with room again: %v", err)
	}

	err = changeContacts(t.Context(), store, func(l *keys.Contacts) (bool, error) { // as when two devices add contacts at once
		for i := 0; bob.own().HasRoomFor(l); i++ {
			b := keys.NewAccount(fmt.Sprintf("%064d", i), "", time.Now())
			if err := l.Add(keys.Contact{Name: b.Name(), Card: b.Card()}); err != nil {
				return false, err
			}
		}
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	bob.catchUpNow()
	await(t, bob, "warning of a full account", func(w Warning) bool { return w.Code == CodeFull })
}
