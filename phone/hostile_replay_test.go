//go:build !js

package phone

import (
	"crypto/rand"
	"slices"
	"testing"
	"time"

	"ringfork/frame"
	"ringfork/keys"
	"ringfork/relay/hostile"
	"ringfork/signalcore"
)

// replayAll delivers all that was ever posted once more, where it was posted to and in other mailboxes.
func (w *wild) replayAll(elsewhere ...[20]byte) {
	w.t.Helper()
	for i := range w.hostile.Record().Frames {
		for _, to := range append([]string{""}, texts(elsewhere)...) {
			if err := w.hostile.Replay(hostile.Replay{Frame: i, To: to}); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

func texts(list [][20]byte) (out []string) {
	for _, a := range list {
		out = append(out, text(a))
	}
	return out
}

// TestReplayEverything delivers all frames of a call again, in their own mailboxes and in those of others: while it is on,
// when it is over, and to an endpoint that did not hear them before. Nothing rings, nothing ends, nothing is undone.
func TestReplayEverything(t *testing.T) {
	t.Parallel()
	w := newWild(t)
	alice, bob := w.pair()
	carol := w.open("Carol", newMemory(), nil)
	w.befriend(carol, bob)
	all := [][20]byte{
		ringFor(alice, bob), ringFor(carol, bob), ringFor(bob, alice), ringFor(bob, carol), bob.own().Inbox().Address(),
		carol.own().Inbox().Address(), bob.own().SyncMailbox().Address(), carol.own().SyncMailbox().Address(),
	}
	call := alice.dial(t, bob)
	bob.rings(t, call)
	bob.PickUp(call, signalcore.Media{Audio: true})
	alice.reaches(t, call, signalcore.StateActive)
	bob.reaches(t, call, signalcore.StateActive)
	w.replayAll(all...)
	bob.awaitDrop(t, "known call")
	bob.awaitDrop(t, "mailbox of another contact")
	bob.awaitDrop(t, frame.ReasonSeal) // of another account, or of this one in a mailbox that another key opens
	carol.awaitDrop(t, frame.ReasonSeal)
	bob.awaitDrop(t, "hello said again")
	for _, e := range []*endpoint{alice, bob} {
		e.mu.Lock()
		if c := e.events[len(e.events)-1]; stateOf(c) == signalcore.StateEnded {
			t.Error("a replay ended the call")
		}
		e.mu.Unlock()
	}
	alice.HangUp(call)
	alice.reaches(t, call, signalcore.StateEnded)
	bob.reaches(t, call, signalcore.StateEnded)
	before := bob.Drops()["known call"]
	w.replayAll(all...)
	bob.awaitDrops(t, "known call", before+1)
	eventually(t, "the call in the profile's memory", func() bool {
		b, _, _ := bob.store.Get(t.Context(), keySeen)
		return slices.ContainsFunc(parseSeen(b), func(c seenCall) bool { return c.id == call })
	})
	late := w.open("Bob", bob.store, nil) // reads it all from the backlog
	late.awaitDrop(t, "known call")

	// Carol rings: the proof that everything before it was read.
	last := carol.dial(t, bob)
	bob.rings(t, last)
	late.rings(t, last)
	if got := bob.rang(); !slices.Equal(got, []signalcore.CallID{call, last}) {
		t.Errorf("it rang %d times for two calls", len(got))
	}
	if got := late.rang(); !slices.Equal(got, []signalcore.CallID{last}) {
		t.Error("a call that was over rang in a fresh endpoint")
	}
	if len(alice.rang())+len(carol.rang()) > 0 {
		t.Error("it rang at those who called")
	}
}

func stateOf(e Event) signalcore.CallState {
	if c, ok := e.(CallChanged); ok {
		return c.Call.State
	}
	return 0
}

// TestReplayUndoesNothing blocks a contact, and replays every hello and every word between own devices that there was: the
// block stays on both devices. So does a removal: who was removed asks at most.
func TestReplayUndoesNothing(t *testing.T) {
	t.Parallel()
	w := newWild(t)
	alice, bob := w.pair()
	laptop := w.link(bob, "laptop")
	carol := w.open("Carol", newMemory(), nil)
	w.befriend(carol, bob)
	if err := bob.Block(t.Context(), alice.Account()); err != nil {
		t.Fatal(err)
	}
	if err := bob.RemoveContact(t.Context(), carol.Account()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "both decisions", func() bool { return len(laptop.Blocked()) == 1 && len(laptop.Contacts()) == 0 })
	w.calm()
	for range 2 {
		w.replayAll()
		w.calm()
	}
	bob.awaitDrop(t, "blocked")
	laptop.awaitDrop(t, "blocked")
	for _, e := range []*endpoint{bob, laptop} {
		if err := e.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if b := e.Blocked(); len(b) != 1 || b[0].ID() != alice.Account() || len(e.Contacts()) != 0 {
			t.Errorf("blocked %d, contacts %d", len(e.Blocked()), len(e.Contacts()))
		}
	}
	before, old := bob.Drops()["blocked"], len(w.framesTo(ringFor(alice, bob)))
	call := alice.dial(t, bob) // nobody reads that mailbox any more; so the relay brings it into the one for all
	eventually(t, "the ring", func() bool { return len(w.framesTo(ringFor(alice, bob))) > old })
	w.post(bob.own().Inbox().Address(), w.framesTo(ringFor(alice, bob))[old])
	bob.awaitDrops(t, "blocked", before+1)
	alice.HangUp(call)
	if len(bob.rang())+len(laptop.rang()) > 0 {
		t.Error("who is blocked got through")
	}
}

// TestReplayedHelloIsNotAnswered sends the hello of a contact again: by an answer the relay would learn whose mailbox it is.
func TestReplayedHelloIsNotAnswered(t *testing.T) {
	t.Parallel()
	w := newWild(t)
	alice, bob := w.pair()
	before := w.hostile.Record()
	w.replayAll()
	alice.awaitDrop(t, "hello said again")
	bob.awaitDrop(t, "hello said again")
	w.calm()
	after := w.hostile.Record()
	for _, f := range after.Frames[len(before.Frames):] {
		t.Errorf("a replay was answered by a frame to %s", f.To[:4])
	}
}

// TestLateRing delivers a ring that the relay held back for six minutes, and says that it is new. It rings when its caller
// says that it lives, so never.
func TestLateRing(t *testing.T) {
	t.Parallel()
	w := newWild(t)
	alice, bob := w.pair()
	reply := keys.NewMailbox()
	ring := frame.Introduce(signalcore.Ring{Number: 1 << 40, SentAt: time.Now().Add(-6 * time.Minute), TTL: 45 * time.Second},
		alice.own(), bob.own().Public(time.Now()), reply, frame.RecipientBytes(frame.NewCallIdentity().Recipient()))
	w.post(ringFor(alice, bob), toInbox(t, alice.letterTo(bob), ring, alice.own(), bob)...)
	eventually(t, "the offer", func() bool { return len(w.framesTo(reply.Address())) > 0 })
	if len(bob.rang()) > 0 {
		t.Error("a ring of long ago rang")
	}
}

// letterTo returns the header of a message of a call between two accounts.
func (e *endpoint) letterTo(to *endpoint) frame.Header {
	h := frame.Header{ID: 1, From: e.self, To: to.self.Account}
	rand.Read(h.Call[:])
	return h
}

// toInbox seals a message, signed by an account's device, for whom an account rings by its inbox key.
func toInbox(t *testing.T, h frame.Header, m signalcore.Message, by *keys.Account, to *endpoint) [][]byte {
	t.Helper()
	recipient, err := to.own().Public(time.Now()).Recipient()
	if err != nil {
		t.Fatal(err)
	}
	frames, _, err := frame.Seal(h, m, by.Sign, recipient)
	if err != nil {
		t.Fatal(err)
	}
	return frames
}
