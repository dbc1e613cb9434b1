//go:build !js

package phone

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ringfork/keys"
	"ringfork/relay/client"
	"ringfork/relay/hostile"
)

// joining makes a device that has read an invitation.
func (w *wild) joining(t *testing.T, code string) *LinkRequest {
	t.Helper()
	transport, err := client.New(w.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { transport.Close() })
	r, err := RequestLink(t.Context(), LinkConfig{Transport: transport, Store: newMemory(), Label: "laptop", Invitation: code})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Cancel)
	if r.Link() != "" {
		t.Error("a device that was invited shows a code of its own")
	}
	return r
}

// within waits for what takes a second or two on a machine that does nothing else.
func within[T any](t *testing.T, what string, wait func() (T, error)) (T, error) {
	t.Helper()
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := wait()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-time.After(patience):
		t.Fatalf("%s never came about", what)
		panic("unreachable")
	}
}

// TestInvitationUnderLoss links a device that reads the account's code, by a relay that pretends to take messages and drops them:
// each one of the linking's, once.
func TestInvitationUnderLoss(t *testing.T) {
	t.Parallel()
	w := newWild(t)
	bob := w.open("Bob", newMemory(), nil)
	for n, lost := range []string{"nothing", "here", "open", "ask", "reveal", "grant"} {
		i := bob.InviteDevice()
		secret, err := keys.ParseInvitation(i.Link())
		if err != nil {
			t.Fatal(err)
		}
		requester, approver := text(secret.Requester().Mailbox.Address()), text(secret.Approver().Mailbox.Address())
		switch lost {
		case "here":
			w.rule(hostile.Rule{Do: "drop", To: approver, Count: 1})
		case "open":
			w.rule(hostile.Rule{Do: "drop", To: requester, Count: 1})
		case "ask":
			w.rule(hostile.Rule{Do: "drop", To: approver, Skip: 1, Count: 2})
		case "reveal":
			w.rule(hostile.Rule{Do: "drop", To: requester, Skip: 1, Count: 1})
		}
		request := w.joining(t, i.Link())
		a, err := within(t, "the question with "+lost+" lost", i.Asking)
		if err != nil {
			t.Fatalf("%s lost: %v", lost, err)
		}
		code, err := within(t, "the code with "+lost+" lost", request.Code)
		if err != nil || code != a.Code || a.Label != "laptop" {
			t.Fatalf("%s lost: codes %q and %q, label %q, %v", lost, code, a.Code, a.Label, err)
		}
		if lost == "grant" {
			w.rule(hostile.Rule{Do: "drop", To: requester, Count: 1})
		}
		if err := a.Approve(t.Context()); err != nil {
			t.Fatalf("%s lost: %v", lost, err)
		}
		if _, err := within(t, "the end with "+lost+" lost", func() (struct{}, error) { return struct{}{}, request.Wait() }); err != nil {
			t.Errorf("%s lost: %v", lost, err)
		}
		if got := len(bob.Devices()); got != n+2 {
			t.Errorf("%s lost: %d devices, want %d", lost, got, n+2)
		}
		w.hostile.Clear()
	}
}

// TestInvitationIsForOne has two devices read one code: the owner is asked about one of them. The other one may take for its own
// what was said to that one, and shows a code then that the account's device does not.
func TestInvitationIsForOne(t *testing.T) {
	t.Parallel()
	w := newWild(t)
	bob := w.open("Bob", newMemory(), nil)
	i := bob.InviteDevice()
	first := w.joining(t, i.Link())
	a, err := within(t, "the question", i.Asking)
	if err != nil {
		t.Fatal(err)
	}
	if code, err := within(t, "the code", first.Code); err != nil || code != a.Code {
		t.Fatalf("codes %q and %q, %v", code, a.Code, err)
	}
	second := w.joining(t, i.Link())
	if code, err := within(t, "the second device's code", second.Code); err != nil || code == a.Code {
		t.Errorf("the second device shows %q as the first does, %v", code, err)
	}
	if err := a.Reject(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := within(t, "the owner's word", func() (int, error) { return 0, first.Wait() }); Code(err) != CodeLinkRejected {
		t.Errorf("the first device gets %v", err)
	}
	select {
	case <-second.done:
		t.Errorf("the second device gets %v", second.Wait())
	case <-time.After(3 * linkAgain / 2): // it asks again meanwhile
	}
	if n := len(bob.Devices()); n != 1 {
		t.Errorf("%d devices, want 1", n)
	}
}

// TestInvitationTakenBack takes a code back, and closes a phone that shows one: nothing of it is left.
func TestInvitationTakenBack(t *testing.T) {
	t.Parallel()
	w := newWild(t)
	reading := &counting{}
	bob := w.open("Bob", newMemory(), func(c *Config) { reading.Transport = c.Transport; c.Transport = reading })
	before := reading.open.Load()
	i := bob.InviteDevice()
	eventually(t, "the mailbox", func() bool { return reading.open.Load() == before+1 })
	i.Cancel()
	if _, err := within(t, "the end", i.Asking); Code(err) != CodeClosed {
		t.Errorf("a code that was taken back gives %v", err)
	}
	eventually(t, "the end of the mailbox", func() bool { return reading.open.Load() == before })

	i = bob.InviteDevice()
	bob.Close()
	if _, err := within(t, "the end", i.Asking); Code(err) != CodeClosed {
		t.Errorf("a closed phone's code gives %v", err)
	}
	eventually(t, "the end of all mailboxes", func() bool { return reading.open.Load() == 0 })
}

// TestInvitationUnread reads a code that nobody shows any more, and gives up soon. What is no invitation is refused at once.
func TestInvitationUnread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		secret := keys.NewLinkSecret()
		request, err := RequestLink(t.Context(), LinkConfig{Transport: &full{}, Store: newMemory(), Invitation: secret.Invitation("https://relay.example")})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := request.Code(); Code(err) != CodeLinkExpired || time.Since(began) != linkReply {
			t.Errorf("after %v it gives %v", time.Since(began), err)
		}
		for _, code := range []string{"nonsense", secret.Link("https://relay.example"), " "} {
			_, err := RequestLink(context.Background(), LinkConfig{Transport: &full{}, Store: newMemory(), Invitation: code})
			if Code(err) != CodeBadLink {
				t.Errorf("%q gives %v", code, err)
			}
		}
	})
}

// postCount is a relay that takes everything, and counts it.
type postCount struct {
	full
	n atomic.Int32
}

func (c *postCount) Publish(context.Context, [20]byte, []byte) error { c.n.Add(1); return nil }

// TestInvitationIsSilent counts what a device says about a code that nobody reads: nothing; and to who says all the time that it is
// here: an answer a second.
func TestInvitationIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		relay := &postCount{}
		own, secret := keys.NewJoiner("laptop"), keys.NewLinkSecret()
		l := newLine(relay, own.Device().ID, own.Sign, secret.Approver(), secret.Requester(), nil)
		ctx, cancel := context.WithTimeout(t.Context(), 14500*time.Millisecond)
		defer cancel()
		var saying sync.WaitGroup
		defer saying.Wait()
		saying.Go(func() {
			if time.Sleep(5 * time.Second); relay.n.Load() > 0 {
				t.Errorf("%d things were said to nobody", relay.n.Load())
			}
			for ctx.Err() == nil {
				select {
				case l.messages <- keys.LinkHere{}:
				default:
				}
				time.Sleep(20 * time.Millisecond)
			}
		})
		none := func(keys.LinkMessage) bool { t.Error("that is no question"); return true }
		if err := l.invited(ctx, keys.LinkOpen{}, none); Code(err) != CodeLinkExpired {
			t.Errorf("it ends with %v", err)
		}
		if n := relay.n.Load(); n != 10 {
			t.Errorf("it said %d things in 9.5 seconds", n)
		}
	})
}
