//go:build !js

package phone

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ringfork/frame"
	"ringfork/keys"
	"ringfork/relay/client"
	"ringfork/relay/hostile"
)

// asking makes a device that asks to be one of an account, and returns where each end of the linking reads.
func (w *wild) asking(t *testing.T, store Store) (request *LinkRequest, requester, approver [20]byte) {
	t.Helper()
	transport, err := client.New(w.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { transport.Close() })
	if request, err = RequestLink(t.Context(), LinkConfig{Transport: transport, Store: store, Label: "laptop"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(request.Cancel)
	secret, err := keys.ParseLink(request.Link())
	if err != nil {
		t.Fatal(err)
	}
	return request, secret.Requester().Mailbox.Address(), secret.Approver().Mailbox.Address()
}

// TestLinkUnderLoss links a device by a relay that pretends to take messages and drops them: each one of the linking's, once.
func TestLinkUnderLoss(t *testing.T) {
	t.Parallel()
	w := newWild(t)
	bob := w.open("Bob", newMemory(), nil)
	for _, lost := range []string{"open", "ask", "reveal", "grant"} {
		request, requester, approver := w.asking(t, newMemory())
		switch lost {
		case "open":
			w.rule(hostile.Rule{Do: "drop", To: text(requester), Count: 1})
		case "ask":
			w.rule(hostile.Rule{Do: "drop", To: text(approver), Count: 2})
		case "reveal":
			w.rule(hostile.Rule{Do: "drop", To: text(requester), Skip: 1, Count: 1})
		}
		a, err := bob.ApproveLink(t.Context(), request.Link())
		if err != nil {
			t.Fatalf("%s lost: %v", lost, err)
		}
		select {
		case code := <-request.code:
			if code != a.Code {
				t.Fatalf("%s lost: codes %q and %q", lost, code, a.Code)
			}
		case <-time.After(patience):
			t.Fatalf("%s lost: the new device shows no code", lost)
		}
		if lost == "grant" {
			w.rule(hostile.Rule{Do: "drop", To: text(requester), Count: 1})
		}
		if err := a.Approve(t.Context()); err != nil {
			t.Fatalf("%s lost: %v", lost, err)
		}
		select {
		case <-request.done:
			if err := request.Wait(); err != nil {
				t.Errorf("%s lost: %v", lost, err)
			}
		case <-time.After(patience):
			t.Fatalf("%s lost: the new device waits for ever", lost)
		}
		w.hostile.Clear()
	}
}

// patience bounds what takes a second or two on a machine that does nothing else.
const patience = time.Minute

// TestLinkIsLetGo closes a phone while it waits for a device that is gone, and for its owner's word on another: nothing of both
// is left.
func TestLinkIsLetGo(t *testing.T) {
	t.Parallel()
	w := newWild(t)
	reading := &counting{}
	bob := w.open("Bob", newMemory(), func(c *Config) { reading.Transport = c.Transport; c.Transport = reading })
	before := reading.open.Load()
	request, _, _ := w.asking(t, newMemory())
	unanswered, err := bob.ApproveLink(t.Context(), request.Link())
	if err != nil {
		t.Fatal(err)
	}
	gone := keys.NewLinkSecret().Link(w.server.URL)
	waits := make(chan error)
	go func() {
		_, err := bob.ApproveLink(context.Background(), gone)
		waits <- err
	}()
	eventually(t, "both linkings", func() bool { return reading.open.Load() == before+2 })
	bob.Close()
	if err := <-waits; Code(err) != CodeClosed {
		t.Errorf("who waited for a device that is gone got %v", err)
	}
	eventually(t, "the end of all mailboxes", func() bool { return reading.open.Load() == 0 })
	for _, answer := range []func(context.Context) error{unanswered.Approve, unanswered.Reject} {
		if err := answer(t.Context()); Code(err) != CodeClosed {
			t.Errorf("the owner's word after the phone was closed gives %v", err)
		}
	}
}

// deafTo is a transport to one mailbox of which nothing gets through.
type deafTo struct {
	Transport
	to atomic.Pointer[[20]byte]
}

func (r *deafTo) Publish(ctx context.Context, to [20]byte, frame []byte) error {
	if no := r.to.Load(); no != nil && *no == to {
		return errors.New("refused")
	}
	return r.Transport.Publish(ctx, to, frame)
}

// TestWordNotTaken says something to the other device at a relay that takes nothing: it gives up with a code, the relay's own if it
// has one.
func TestWordNotTaken(t *testing.T) {
	for _, code := range []string{CodeRelay, CodeRateLimited} {
		synctest.Test(t, func(t *testing.T) {
			relay := &refusing{Transport: &full{}}
			relay.code.Store(code)
			secret := keys.NewLinkSecret()
			own := keys.NewJoiner("laptop")
			l := newLine(relay, own.Device().ID, own.Sign, secret.Requester(), secret.Approver(), frame.NewOpener())
			began := time.Now()
			err := l.sayAgain(t.Context(), keys.LinkReveal{}, nil)
			if Code(err) != code || time.Since(began) != commitTime {
				t.Errorf("it gave up after %v with %v, want %s", time.Since(began), err, code)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := l.sayAgain(ctx, keys.LinkReveal{}, nil); Code(linkError(err)) != CodeLinkExpired {
				t.Errorf("when the link's time is over it gives %v", err)
			}
		})
	}
}

// TestAnswerTwice gives the owner's word on a new device twice at once, and again where the relay did not take it the first time.
// It is one word, and the other one is too late.
func TestAnswerTwice(t *testing.T) {
	t.Parallel()
	w := newWild(t)
	relay := &deafTo{}
	bob := w.open("Bob", newMemory(), func(c *Config) { relay.Transport = c.Transport; c.Transport = relay })
	for _, yes := range []bool{true, false} {
		request, requester, _ := w.asking(t, newMemory())
		a, err := bob.ApproveLink(t.Context(), request.Link())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := request.Code(); err != nil {
			t.Fatal(err)
		}
		word, other := a.Approve, a.Reject
		if !yes {
			word, other = a.Reject, a.Approve
		}
		relay.to.Store(&requester)
		ctx, cancel := context.WithCancel(t.Context())
		first := make(chan error, 1)
		go func() { first <- word(ctx) }()
		eventually(t, "the word", func() bool {
			a.mu.Lock()
			defer a.mu.Unlock()
			_, given := a.said.message.(keys.LinkGrant)
			return given
		})
		cancel()
		if err := <-first; err == nil {
			t.Error("the word got through")
		}
		if err := other(t.Context()); Code(err) != CodeWrongState {
			t.Errorf("the other word gives %v", err)
		}
		relay.to.Store(nil)
		both := make(chan error, 2)
		for range 2 {
			go func() { both <- word(t.Context()) }()
		}
		for range 2 {
			if err := <-both; err != nil {
				t.Errorf("the word, said again: %v", err)
			}
		}
		if err := request.Wait(); yes && err != nil || !yes && Code(err) != CodeLinkRejected {
			t.Errorf("the new device gets %v", err)
		}
		if err := word(t.Context()); err != nil {
			t.Errorf("the word, said once more: %v", err)
		}
	}
	if n := len(bob.Devices()); n != 2 {
		t.Errorf("%d devices, want 2", n)
	}
}
