//go:build !js

package phone

import (
	"context"
	"strings"
	"testing"
	"time"

	"ringfork/frame"
	"ringfork/keys"
	"ringfork/relay/client"
	"ringfork/signalcore"
)

// link makes a new device of an account, in a profile of its own.
func (w *town) link(from *endpoint, label string) *endpoint {
	w.t.Helper()
	transport, err := client.New(w.server.URL)
	if err != nil {
		w.t.Fatal(err)
	}
	defer transport.Close()
	store := newMemory()
	request, err := RequestLink(w.t.Context(), LinkConfig{Transport: transport, Store: store, Label: label})
	if err != nil {
		w.t.Fatal(err)
	}
	approval, err := from.ApproveLink(w.t.Context(), request.Link())
	if err != nil {
		w.t.Fatal(err)
	}
	code, err := request.Code()
	if err != nil || code != approval.Code || approval.Label != label {
		w.t.Fatalf("codes %q and %q, label %q, %v", code, approval.Code, approval.Label, err)
	}
	if err := approval.Approve(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	if err := request.Wait(); err != nil {
		w.t.Fatal(err)
	}
	return w.open("", store, func(c *Config) { c.Label = label })
}

// eventually waits for what background work brings about.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !f(); {
		if time.Now().After(deadline) {
			t.Fatalf("%s never came about", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestRename opens an account with other names: they reach its other devices and the contacts, and stay where they were not
// said again.
func TestRename(t *testing.T) {
	w := newTown(t)
	alice, bob := w.open("Alice", newMemory(), nil), w.open("Bob", newMemory(), nil)
	w.meet(alice, bob)
	laptop := w.link(bob, "laptop")
	eventually(t, "two devices", func() bool { return len(bob.Devices()) == 2 })
	laptop.Close()
	laptop = w.open("Robert", laptop.store, func(c *Config) { c.Label = "old laptop" })
	if laptop.Name() != "Robert" {
		t.Errorf("the name is %q", laptop.Name())
	}
	eventually(t, "the new names", func() bool {
		d := bob.Devices()
		return bob.Name() == "Robert" && len(d) == 2 && d[1].Label == "old laptop"
	})
	if _, err := bob.Call(alice.Account(), signalcore.Media{Audio: true}); err != nil {
		t.Fatal(err)
	}
	alice.awaitRing(t)
	eventually(t, "the name at a contact", func() bool { c, _ := alice.contact(bob.Account()); return c.Public.Name == "Robert" })

	bob.Close()
	laptop.Close()
	bob = w.open("Bobby", bob.store, nil)
	laptop = w.open("", laptop.store, func(c *Config) { c.Label = "" })
	eventually(t, "that it is everywhere", func() bool { return laptop.Name() == "Bobby" })
	if d := laptop.Devices(); bob.Name() != "Bobby" || d[1].Label != "old laptop" {
		t.Errorf("in the end: %q, %v", bob.Name(), d)
	}
}

func TestLinkedDeviceRings(t *testing.T) {
	w := newTown(t)
	alice, bob := w.open("Alice", newMemory(), nil), w.open("Bob", newMemory(), nil)
	w.meet(alice, bob)
	laptop := w.link(bob, "Bob's laptop")
	if laptop.Account() != bob.Account() || laptop.own().Device() == bob.own().Device() {
		t.Fatal("the new device is not one of the account's own")
	}
	if got := laptop.Contacts(); len(got) != 1 || got[0].Name != "Alice" {
		t.Errorf("the new device has contacts %v", got)
	}
	eventually(t, "both devices on both", func() bool { return len(bob.Devices()) == 2 && len(laptop.Devices()) == 2 })

	id, err := alice.Call(bob.Account(), signalcore.Media{Audio: true})
	if err != nil {
		t.Fatal(err)
	}
	bob.awaitRing(t)
	laptop.awaitRing(t)
	if err := laptop.PickUp(id, signalcore.Media{Audio: true}); err != nil {
		t.Fatal(err)
	}
	laptop.awaitState(t, signalcore.StateActive)
	if c := bob.awaitState(t, signalcore.StateEnded); c.End != signalcore.EndAnsweredElsewhere {
		t.Errorf("the old device ended %v", c.End)
	}
	alice.awaitHeard(t)
	laptop.awaitHeard(t)

	// It calls too: Alice learns of it when it rings.
	alice.HangUp(id)
	laptop.awaitState(t, signalcore.StateEnded)
	if _, err := laptop.Call(alice.Account(), signalcore.Media{Audio: true}); err != nil {
		t.Fatal(err)
	}
	if c := await(t, alice, "ring of the new device", func(i Incoming) bool { return i.Call.Peer.ID == bob.Account() }).Call; !c.Peer.Contact {
		t.Error("the new device rings as a stranger")
	}
}

// The device that the short code covers must be one of the account that the new device gets.
func TestLinkByWhoIsNoDevice(t *testing.T) {
	w := newTown(t)
	bob, stranger := w.open("Bob", newMemory(), nil), keys.NewJoiner("")
	transport, err := client.New(w.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer transport.Close()
	request, err := RequestLink(t.Context(), LinkConfig{Transport: transport, Store: newMemory(), Label: "laptop"})
	if err != nil {
		t.Fatal(err)
	}
	defer request.Cancel()
	secret, err := keys.ParseLink(request.Link())
	if err != nil {
		t.Fatal(err)
	}
	end, open := keys.NewApprover(bob.Account(), stranger.Device().ID, stranger.Sign)
	own := secret.Approver()
	l := newLine(bob.cfg.Transport, stranger.Device().ID, stranger.Sign, own, secret.Requester(), frame.NewOpener(own.Identity))
	defer l.cancel()
	a := &Approval{p: bob.Phone, end: end, line: l, ctx: t.Context(), over: func() {}}
	err = l.until(t.Context(), open, func(m keys.LinkMessage) (bool, error) {
		reveal, err := end.Take(m)
		if err != nil {
			return false, nil
		}
		return true, l.say(t.Context(), reveal)
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := request.Code(); err != nil {
		t.Fatal(err)
	}
	if err := a.Approve(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := request.Wait(); Code(err) != CodeSlotInvalid {
		t.Errorf("got %v", err)
	}
}

func TestRevokedDeviceIsOut(t *testing.T) {
	w := newTown(t)
	alice, bob := w.open("Alice", newMemory(), nil), w.open("Bob", newMemory(), nil)
	w.meet(alice, bob)
	laptop := w.link(bob, "Bob's laptop")
	eventually(t, "the new device", func() bool { return len(bob.Devices()) == 2 })
	stolen := laptop.own() // what it knows
	before := bob.own().Inbox().Address()
	if err := bob.Revoke(t.Context(), laptop.own().Device()); err != nil {
		t.Fatal(err)
	}
	if got := await(t, laptop, "its end", func(Gone) bool { return true }); got.Code != CodeRevoked {
		t.Errorf("gone by %q", got.Code)
	}
	if bob.own().Inbox().Address() == before || len(bob.Devices()) != 1 {
		t.Error("addresses or devices are as before")
	}
	if _, err := Open(t.Context(), Config{Store: laptop.store}); Code(err) != CodeRevoked {
		t.Errorf("the profile opens with %v", err)
	}
	defer func() {
		if t.Failed() {
			t.Log(alice.Drops(), bob.Drops(), laptop.Drops())
		}
	}()
	eventually(t, "the contact's knowledge", func() bool {
		c, _ := alice.contact(bob.Account())
		return c.Public.Has(keys.DeviceID(bob.own().Device())) && !c.Public.Has(stolen.Device())
	})
	// The others go on.
	id, err := alice.Call(bob.Account(), signalcore.Media{Audio: true})
	if err != nil {
		t.Fatal(err)
	}
	bob.awaitRing(t)
	if err := bob.PickUp(id, signalcore.Media{Audio: true}); err != nil {
		t.Fatal(err)
	}
	bob.awaitState(t, signalcore.StateActive)
	// The relay takes nothing from the revoked device any more.
	value, err := getSlot(t.Context(), bob.cfg.Transport, stolen.Card().Slot)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stolen.SlotValue(value, time.Now()); err == nil {
		t.Error("the revoked device has the pen")
	}
}

func TestRequest(t *testing.T) {
	w := newTown(t)
	alice, bob := w.open("Alice", newMemory(), nil), w.open("Bob", newMemory(), nil)
	w.add(alice, bob)
	await(t, bob, "request", func(RequestsChanged) bool { return len(bob.Requests()) == 1 })
	r := bob.Requests()[0]
	if r.Name != "Alice" || r.ID() != alice.Account() {
		t.Errorf("a request of %q", r.Name)
	}
	if _, err := bob.AcceptRequest(t.Context(), r.ID(), ""); err != nil {
		t.Fatal(err)
	}
	if len(bob.Requests()) != 0 || len(bob.Contacts()) != 1 {
		t.Error("the request is not settled")
	}
	eventually(t, "pairwise mailboxes", func() bool {
		a, _ := alice.contact(bob.Account())
		b, _ := bob.contact(alice.Account())
		return a.Mailbox == keys.Address(bob.own().MailboxFor(alice.Account()).Address()) &&
			b.Mailbox == keys.Address(alice.own().MailboxFor(bob.Account()).Address())
	})
	if _, err := bob.Call(alice.Account(), signalcore.Media{Audio: true}); err != nil {
		t.Fatal(err)
	}
	alice.awaitRing(t)
}

// TestRequestInAllTabs asks to be the contact of somebody who has two tabs open: both show it, whichever of them stored it first.
func TestRequestInAllTabs(t *testing.T) {
	w := newTown(t)
	store := newMemory()
	alice, tabs := w.open("Alice", newMemory(), nil), []*endpoint{w.open("Bob", store, nil), w.open("", store, nil)}
	w.add(alice, tabs[0])
	for _, tab := range tabs {
		eventually(t, "the request", func() bool { return len(tab.Requests()) == 1 })
	}
}

func TestBlockedStaysOut(t *testing.T) {
	w := newTown(t)
	alice, bob := w.open("Alice", newMemory(), nil), w.open("Bob", newMemory(), nil)
	w.add(alice, bob)
	await(t, bob, "request", func(RequestsChanged) bool { return len(bob.Requests()) == 1 })
	if err := bob.Block(t.Context(), alice.Account()); err != nil {
		t.Fatal(err)
	}
	if len(bob.Requests()) != 0 || len(bob.Blocked()) != 1 || bob.Blocked()[0].Name != "Alice" {
		t.Errorf("blocked: %v", bob.Blocked())
	}
	if _, err := alice.Call(bob.Account(), signalcore.Media{Audio: true}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the refusal", func() bool { return bob.Drops()["blocked"] > 0 })
	bob.mu.Lock()
	defer bob.mu.Unlock()
	for _, e := range bob.events {
		if _, ok := e.(Incoming); ok {
			t.Error("it rang")
		}
	}
}

// TestBlockedInACall blocks who rings and who talks, on another endpoint than the one that does: both calls end.
func TestBlockedInACall(t *testing.T) {
	t.Parallel()
	w := newWild(t)
	alice, bob := w.pair()
	laptop := w.link(bob, "laptop")
	eventually(t, "the new device", func() bool { return len(bob.Devices()) == 2 })
	w.calm()
	ringing := alice.dial(t, bob)
	bob.rings(t, ringing)
	laptop.rings(t, ringing)
	if err := bob.Block(t.Context(), alice.Account()); err != nil {
		t.Fatal(err)
	}
	for _, e := range []*endpoint{bob, laptop} {
		if c := e.reaches(t, ringing, signalcore.StateEnded); c.End != signalcore.EndCancelled {
			t.Errorf("the ringing ended %v", c.End)
		}
	}
	if s := alice.stateOf(ringing); s == signalcore.StateEnded {
		t.Error("who is blocked was told that the ringing ended")
	}
	alice.HangUp(ringing)
	if err := bob.Unblock(t.Context(), alice.Account()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the end of the block", func() bool { return len(laptop.Blocked()) == 0 })

	talking := alice.dial(t, bob)
	laptop.rings(t, talking)
	if err := laptop.PickUp(talking, signalcore.Media{Audio: true}); err != nil {
		t.Fatal(err)
	}
	alice.reaches(t, talking, signalcore.StateActive)
	laptop.reaches(t, talking, signalcore.StateActive)
	if err := bob.Block(t.Context(), alice.Account()); err != nil {
		t.Fatal(err)
	}
	for _, e := range []*endpoint{laptop, alice} {
		if c := e.reaches(t, talking, signalcore.StateEnded); c.End != signalcore.EndHangup {
			t.Errorf("the call ended %v", c.End)
		}
	}
}

// TestRemovedIsAStranger lets a contact ring that was removed where anyone may: it does as a stranger, in the mailbox that it was
// told, also at a phone that was opened later. Blocked, it does not.
func TestRemovedIsAStranger(t *testing.T) {
	t.Parallel()
	w := newWild(t)
	anyone := func(c *Config) { c.Incoming = FromAnyone }
	alice, bob := w.open("Alice", newMemory(), nil), w.open("Bob", newMemory(), anyone)
	w.befriend(alice, bob)
	if err := bob.RemoveContact(t.Context(), alice.Account()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		call := alice.dial(t, bob)
		if c := await(t, bob, "ring of who was removed", func(i Incoming) bool { return i.Call.View.Call == call }).Call; !c.Stranger || c.Peer.Contact {
			t.Error("it rings as a contact")
		}
		alice.HangUp(call)
		bob.reaches(t, call, signalcore.StateEnded)
		bob.Close()
		bob = w.open("", bob.store, anyone)
	}
	if err := bob.Block(t.Context(), alice.Account()); err != nil {
		t.Fatal(err)
	}
	w.calm()
	n := len(w.framesTo(ringFor(alice, bob)))
	call := alice.dial(t, bob)
	eventually(t, "the ring", func() bool { return len(w.framesTo(ringFor(alice, bob))) > n })
	w.calm()
	if len(bob.rang()) > 0 {
		t.Error("it rang")
	}
	alice.HangUp(call)
}

func TestLogin(t *testing.T) {
	w := newTown(t)
	secret := keys.Secret(keys.NewSeed())
	login := func(c *Config) { c.Secret = &secret }
	alice := w.open("Alice", newMemory(), login)
	again := w.open("", newMemory(), login)
	if alice.Account() != again.Account() || alice.own().Device() == again.own().Device() || again.own().Name() != "Alice" {
		t.Fatal("the login does not open the account as another device")
	}
	eventually(t, "the new device", func() bool { return len(alice.Devices()) == 3 })
	other := w.open("Other", newMemory(), nil)
	transport, _ := client.New(w.server.URL)
	defer transport.Close()
	if _, err := Open(t.Context(), Config{Store: other.store, Transport: transport, Secret: &secret}); Code(err) != CodeWrongSecret {
		t.Errorf("another account's profile opens with %v", err)
	}
}

// TestLoginIsPutBack opens a profile with a login at a relay that has lost all slots: the login leads to the same account again.
func TestLoginIsPutBack(t *testing.T) {
	secret := keys.Secret(keys.NewSeed())
	login := func(c *Config) { c.Secret = &secret }
	store := newMemory()
	alice := newTown(t).open("Alice", store, login)
	alice.Close()
	w := newTown(t)
	w.open("Alice", store, login)
	transport, err := client.New(w.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer transport.Close()
	eventually(t, "the login's slot", func() bool {
		value, err := getSlot(t.Context(), transport, secret.Address())
		time.Sleep(50 * time.Millisecond) // the relay lets nobody read more than 50 times a second for long
		return value != nil && err == nil
	})
	if fresh := w.open("", newMemory(), login); fresh.Account() != alice.Account() {
		t.Error("the login opens another account")
	}
}

// noRoomFor is a transport whose relay has no room for one slot.
type noRoomFor struct {
	Transport
	slot [20]byte
}

func (r noRoomFor) PutSlot(ctx context.Context, address [20]byte, value []byte, replaces uint64) error {
	if address == r.slot {
		return refusal(CodeSlotsFull)
	}
	return r.Transport.PutSlot(ctx, address, value, replaces)
}

// TestLoginIsNotPutBack opens a profile with a login at a relay that has lost all slots, and is full: all but the login's slot goes
// on.
func TestLoginIsNotPutBack(t *testing.T) {
	secret := keys.Secret(keys.NewSeed())
	store := newMemory()
	alice := newTown(t).open("Alice", store, func(c *Config) { c.Secret = &secret })
	alice.Close()
	w := newTown(t)
	alice = w.open("Alice", store, func(c *Config) {
		c.Secret, c.Transport = &secret, noRoomFor{c.Transport, [20]byte(secret.Address())}
	})
	bob := w.open("Bob", newMemory(), nil)
	w.add(alice, bob)
	eventually(t, "Alice's request", func() bool { _, ok := bob.request(alice.Account()); return ok })
	eventually(t, "what was not done", func() bool { return alice.Drops()["account not brought up to date: "+CodeSlotsFull] > 0 })
}

// TestLoginIsOne shows that a profile with a login takes no other secret, and that one that was revoked is no login again.
func TestLoginIsOne(t *testing.T) {
	w := newTown(t)
	secret, unused := keys.Secret(keys.NewSeed()), keys.Secret(keys.NewSeed())
	store := newMemory()
	alice := w.open("Alice", store, func(c *Config) { c.Secret = &secret })
	open := func(s keys.Secret) error {
		transport, _ := client.New(w.server.URL)
		defer transport.Close()
		_, err := openAccount(t.Context(), &Config{Store: store, Transport: transport, Secret: &s})
		return err
	}
	if err := open(unused); Code(err) != CodeWrongSecret {
		t.Errorf("another secret: %v", err)
	}
	eventually(t, "the login", func() bool { return len(alice.Devices()) == 2 })
	if err := alice.Revoke(t.Context(), alice.Devices()[1].ID); err != nil {
		t.Fatal(err)
	}
	if err := open(secret); err != nil || len(alice.Devices()) != 1 {
		t.Errorf("a revoked secret: %v, %v", err, alice.Devices())
	}
	if err := open(unused); err != nil {
		t.Errorf("a new secret in place of the revoked one: %v", err)
	}
}

// TestLoginRace signs one user in on many browsers at once, none of which has the account.
func TestLoginRace(t *testing.T) {
	w := newTown(t)
	secret := keys.Secret(keys.NewSeed())
	ids := make(chan keys.AccountID, 5)
	for range 5 {
		go func() {
			transport, _ := client.New(w.server.URL)
			defer transport.Close()
			a, err := openAccount(t.Context(), &Config{Store: newMemory(), Transport: transport, Secret: &secret})
			if err != nil {
				t.Error(err)
				ids <- keys.AccountID{}
				return
			}
			ids <- a.ID()
		}()
	}
	first := <-ids
	for range 4 {
		if id := <-ids; id != first {
			t.Error("one login, two accounts")
		}
	}
}

func TestBackup(t *testing.T) {
	w := newTown(t)
	alice, bob := w.open("Alice", newMemory(), nil), w.open("Bob", newMemory(), nil)
	w.meet(alice, bob)
	text, err := bob.Backup(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(text, "-----BEGIN AGE ENCRYPTED FILE-----") {
		t.Error("the backup is no armored age file")
	}
	transport, _ := client.New(w.server.URL)
	defer transport.Close()
	if _, err := Open(t.Context(), Config{Store: newMemory(), Transport: transport, Backup: text, Passphrase: "wrong"}); Code(err) != CodeBadPassphrase {
		t.Errorf("a wrong passphrase opens with %v", err)
	}
	third := w.open("", newMemory(), func(c *Config) { c.Backup, c.Passphrase = text, "correct horse" })
	if third.Account() != bob.Account() || len(third.Contacts()) != 1 {
		t.Error("the backup is another account's")
	}
	id, err := third.Call(alice.Account(), signalcore.Media{Audio: true})
	if err != nil {
		t.Fatal(err)
	}
	if c := alice.awaitRing(t); c.View.Call != id || !c.Peer.Contact {
		t.Error("the restored device is not known")
	}
}

// TestStaleInboxKey rings somebody who changed their key twice while the caller slept: the first thing that the caller does when
// it is awake again, by what its store knows.
func TestStaleInboxKey(t *testing.T) {
	w := newTown(t)
	alice, bob := w.open("Alice", newMemory(), nil), w.open("Bob", newMemory(), nil)
	w.meet(alice, bob)
	alice.Close()
	laptop := w.link(bob, "laptop")
	if err := bob.Revoke(t.Context(), laptop.own().Device()); err != nil {
		t.Fatal(err)
	}
	alice = w.open("", alice.store, nil)
	if _, err := alice.Call(bob.Account(), signalcore.Media{Audio: true}); err != nil {
		t.Fatal(err)
	}
	bob.awaitRing(t)
}
