//go:build !js

package phone

import (
	"encoding/hex"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"ringfork/keys"
	"ringfork/relay/client"
	"ringfork/relay/hostile"
	"ringfork/signalcore"
)

// The relay is the adversary of the files hostile_*_test.go: it does to frames and slots what it likes, alone or together
// with who was a device or is a contact. Each test says what it tries, and by what reason it is refused.

// wild is a town whose relay is in the wrong hands.
type wild struct {
	*town
	hostile  *hostile.Relay
	outsider *client.Client // of nobody: it posts what the test makes
}

func newWild(t *testing.T) *wild {
	t.Helper()
	r := hostile.New(nil)
	w := &wild{town: &town{t: t, server: httptest.NewServer(r)}, hostile: r}
	t.Cleanup(func() { r.Close(); w.server.Close() })
	var err error
	if w.outsider, err = client.New(w.server.URL); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.outsider.Close() })
	return w
}

// pair opens two accounts that are contacts and have told each other their mailboxes.
func (w *wild) pair() (alice, bob *endpoint) {
	w.t.Helper()
	alice, bob = w.open("Alice", newMemory(), nil), w.open("Bob", newMemory(), nil)
	w.befriend(alice, bob)
	return alice, bob
}

// befriend makes two accounts contacts of each other and waits until each rings the other in its own mailbox.
func (w *wild) befriend(a, b *endpoint) {
	w.t.Helper()
	w.add(a, b)
	eventually(w.t, "request", func() bool { _, ok := b.request(a.Account()); return ok })
	if _, err := b.AcceptRequest(w.t.Context(), a.Account(), ""); err != nil {
		w.t.Fatal(err)
	}
	w.greeted(a, b)
	w.calm()
}

func (w *wild) greeted(a, b *endpoint) {
	w.t.Helper()
	knows := func(a, b *endpoint) bool {
		c, _ := a.contact(b.Account())
		return !c.NeedsHello(a.own().Boxes()) && c.Mailbox == keys.Address(b.own().MailboxFor(a.Account()).Address()) &&
			c.Boxes == c.Public.Boxes
	}
	eventually(w.t, "greetings", func() bool { return knows(a, b) && knows(b, a) })
}

// calm waits until nothing new has come to the relay for a while, and nothing is under way in any phone.
func (w *wild) calm() { w.t.Helper(); w.calmFor(300 * time.Millisecond) }

// calmFor counts looks that find nothing, 10 ms apart: a machine that stands still meanwhile is not calm.
func (w *wild) calmFor(d time.Duration) {
	w.t.Helper()
	last, quiet := -1, time.Duration(0)
	eventually(w.t, "calm", func() bool {
		quiet += 10 * time.Millisecond
		for _, e := range w.phones {
			if !e.idle(func() {}) {
				quiet = 0
			}
		}
		r := w.hostile.Record()
		if n := len(r.Requests) + len(r.Messages); n != last {
			last, quiet = n, 0
		}
		return quiet > d
	})
}

// idle reports whether nothing is under way in an endpoint, and runs then in its pump if so. A closed endpoint is idle, without that.
//
// The pump itself waits for the effects: while it does none begins, and none needs the pump to end. A lookup that a test holds up is
// seen before.
func (e *endpoint) idle(then func()) (idle bool) {
	ran := inside(e, func() {
		if e.catching || len(e.reading)+len(e.held)+len(e.boxes.todo) > 0 || e.running.Load() > 0 {
			return
		}
		e.effects.Wait()
		e.queue.mu.Lock()
		idle = len(e.queue.todo) == 0 // else they brought something
		e.queue.mu.Unlock()
		if idle {
			then()
		}
	})
	return idle || !ran
}

func (w *wild) rule(r hostile.Rule) {
	w.t.Helper()
	if err := w.hostile.Add(r); err != nil {
		w.t.Fatal(err)
	}
}

// post puts frames into a mailbox, as anybody may who knows its address.
func (w *wild) post(to [20]byte, frames ...[]byte) {
	w.t.Helper()
	for _, f := range frames {
		if err := w.outsider.Publish(w.t.Context(), to, f); err != nil {
			w.t.Fatal(err)
		}
	}
}

func text(address [20]byte) string { return hex.EncodeToString(address[:]) }

// ringFor returns where one account rings another.
func ringFor(a, b *endpoint) [20]byte { return b.own().MailboxFor(a.Account()).Address() }

// framesTo returns what was posted to a mailbox so far.
func (w *wild) framesTo(to [20]byte) (list [][]byte) {
	for _, f := range w.hostile.Record().Frames {
		if f.To == text(to) {
			list = append(list, f.Bytes)
		}
	}
	return list
}

// rang returns the calls that rang at an endpoint.
func (e *endpoint) rang() (list []signalcore.CallID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, ev := range e.events {
		if i, ok := ev.(Incoming); ok {
			list = append(list, i.Call.View.Call)
		}
	}
	return list
}

// warnings returns the codes that an endpoint warned of.
func (e *endpoint) warnings() (list []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, ev := range e.events {
		if w, ok := ev.(Warning); ok {
			list = append(list, w.Code)
		}
	}
	return list
}

// awaitDrop waits until an endpoint has refused something for a reason.
func (e *endpoint) awaitDrop(t *testing.T, reason string) { e.awaitDrops(t, reason, 1) }

func (e *endpoint) awaitDrops(t *testing.T, reason string, n int) {
	t.Helper()
	for deadline := time.Now().Add(patience); e.Drops()[reason] < n; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("nothing was refused as %q (%d times); drops %v, warnings %q", reason, n, e.Drops(), e.warnings())
		}
	}
}

func (e *endpoint) awaitWarning(t *testing.T, code string, of keys.AccountID) {
	t.Helper()
	await(t, e, "warning "+code, func(w Warning) bool { return w.Code == code && w.Contact == of })
}

// reaches waits until a call is in a state, and returns how it looks.
func (e *endpoint) reaches(t *testing.T, call signalcore.CallID, s signalcore.CallState) Call {
	t.Helper()
	return await(t, e, s.String(), func(c CallChanged) bool { return c.Call.View.Call == call && c.Call.State == s }).Call
}

func (e *endpoint) rings(t *testing.T, call signalcore.CallID) {
	t.Helper()
	await(t, e, "the ring", func(i Incoming) bool { return i.Call.View.Call == call })
}

// knowsOnly lets an endpoint know a contact as it was, as if it had slept since.
func (e *endpoint) knowsOnly(t *testing.T, c keys.Contact) {
	t.Helper()
	list := &keys.Contacts{}
	if err := list.Add(c); err != nil {
		t.Fatal(err)
	}
	list.SetMailbox(c.ID(), c.Mailbox, c.Boxes)
	eventually(t, "a phone that does nothing", func() bool { // what is learned in this moment would be half forgotten
		return e.idle(func() {
			e.Phone.mu.Lock()
			defer e.Phone.mu.Unlock()
			e.contacts = list
		})
	})
}

// dial places a call.
func (e *endpoint) dial(t *testing.T, to *endpoint) signalcore.CallID {
	t.Helper()
	call, err := e.Call(to.Account(), signalcore.Media{Audio: true})
	if err != nil {
		t.Fatal(err)
	}
	return call
}

// talk places a call that is won, and ends it.
func (w *wild) talk(a, b *endpoint) {
	w.t.Helper()
	call := a.dial(w.t, b)
	b.rings(w.t, call)
	if err := b.PickUp(call, signalcore.Media{Audio: true}); err != nil {
		w.t.Fatal(err)
	}
	a.reaches(w.t, call, signalcore.StateActive)
	b.reaches(w.t, call, signalcore.StateActive)
	if err := a.HangUp(call); err != nil {
		w.t.Fatal(err)
	}
	a.reaches(w.t, call, signalcore.StateEnded)
	b.reaches(w.t, call, signalcore.StateEnded)
}

// TestHostileCarrier places a call through each thing that a relay can do to the frames it carries. Where it lets anything
// through the call comes about, between the two that it is for.
func TestHostileCarrier(t *testing.T) {
	t.Parallel()
	w := newWild(t)
	alice, bob := w.pair()
	carol := w.open("Carol", newMemory(), nil)
	w.befriend(carol, bob)
	for _, c := range []struct {
		name   string
		rules  []hostile.Rule
		reason string // for which either side refuses what comes
	}{
		{"drop", []hostile.Rule{{Do: "drop", Count: 2}}, ""}, // the ring and what the siblings hear
		{"drop some", []hostile.Rule{{Do: "drop", Chance: .5, Count: 3}}, ""},
		{"delay", []hostile.Rule{{Do: "delay", Ms: 400}}, ""},
		{"reorder", []hostile.Rule{{Do: "reorder", Ms: 200}}, ""},
		{"duplicate", []hostile.Rule{{Do: "duplicate"}}, ""},
		{"flip the prefix", []hostile.Rule{{Do: "flip", Byte: 3, Count: 3}}, "not-for-this-key"},
		{"flip the key share", []hostile.Rule{{Do: "flip", Byte: 700, Count: 3}}, "not-for-this-key"},
		{"flip the content", []hostile.Rule{{Do: "flip", Byte: 3000, Count: 3}}, "not-for-this-key"},
		{"truncate", []hostile.Rule{{Do: "truncate", Size: 4095, Count: 1}}, ""}, // the transport hangs up on that
		{"age", []hostile.Rule{{Do: "age", Ms: 10000}}, ""},
		{"send to all", []hostile.Rule{{Do: "duplicate"}, {Do: "redirect", To: text(ringFor(alice, bob)),
			Other: text(ringFor(carol, bob)), Count: 1}}, "mailbox of another contact"},
		{"everything", []hostile.Rule{{Do: "drop", Chance: .2, Count: 3}, {Do: "duplicate", Chance: .3}, {Do: "delay", Ms: 150, Chance: .3},
			{Do: "reorder", Ms: 100, Chance: .3}, {Do: "flip", Byte: 2500, Chance: .2, Count: 3}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer w.hostile.Clear()
			for _, r := range c.rules {
				w.rule(r)
			}
			before := alice.Drops()[c.reason] + bob.Drops()[c.reason]
			w.talk(alice, bob)
			if after := alice.Drops()[c.reason] + bob.Drops()[c.reason]; c.reason != "" && after == before {
				t.Errorf("nothing was refused as %q: %v, %v", c.reason, alice.Drops(), bob.Drops())
			}
		})
	}
	calls := alice.rang()
	calls = append(calls, carol.rang()...)
	if len(calls) > 0 {
		t.Error("it rang at those who were not called")
	}
	if rang := bob.rang(); len(rang) != 12 || len(slices.Compact(rang)) != 12 {
		t.Errorf("it rang %d times for 12 calls", len(rang))
	}
	w.rule(hostile.Rule{Do: "age", Ms: 60_000}) // a ring that the relay says is old has ended
	call := alice.dial(t, bob)
	bob.awaitDrop(t, "expired ring")
	alice.HangUp(call)
	alice.reaches(t, call, signalcore.StateEnded)
	if slices.Contains(bob.rang(), call) {
		t.Error("an expired ring rang")
	}
}
