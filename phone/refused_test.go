//go:build !js

package phone

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"ringfork/signalcore"
)

// refusing is a transport whose relay takes nothing, as long as code says why.
type refusing struct {
	Transport
	code  atomic.Value // string; empty: it takes everything
	posts atomic.Int32
}

type refusal string

func (r refusal) Error() string       { return "refused: " + string(r) }
func (r refusal) RefusalCode() string { return string(r) }

func (r refusal) RefusalWait() time.Duration {
	if r == CodeSlotsFull {
		return time.Minute
	}
	return 0
}

func (r *refusing) Publish(ctx context.Context, to [20]byte, frame []byte) error {
	r.posts.Add(1)
	if code := r.code.Load().(string); code != "" {
		return refusal(code)
	}
	return r.Transport.Publish(ctx, to, frame)
}

func (r *refusing) PutSlot(ctx context.Context, address [20]byte, value []byte, replaces uint64) error {
	if code := r.code.Load().(string); code != "" {
		return refusal(code)
	}
	return r.Transport.PutSlot(ctx, address, value, replaces)
}

// A call that the relay refuses to carry ends at once and says why, where trying again is of no use. Where it is, it goes on.
func TestRingThatTheRelayRefuses(t *testing.T) {
	w := newTown(t)
	way := &refusing{}
	way.code.Store("")
	alice := w.open("Alice", newMemory(), func(c *Config) { way.Transport = c.Transport; c.Transport = way })
	bob := w.open("Bob", newMemory(), nil)
	w.meet(alice, bob)

	for _, code := range []string{CodeTokenMissing, CodeBadToken, CodeTokenExpired, CodeBadOrigin} {
		way.code.Store(code)
		id, err := alice.Call(bob.Account(), signalcore.Media{Audio: true})
		if err != nil {
			t.Fatal(err)
		}
		if r := await(t, alice, "refused", func(r Refused) bool { return r.Call == id }); r.Code != code {
			t.Errorf("refused as %q, want %q", r.Code, code)
		}
		alice.reaches(t, id, signalcore.StateEnded)
	}

	way.code.Store(CodeMailboxFull)
	id, err := alice.Call(bob.Account(), signalcore.Media{Audio: true})
	if err != nil {
		t.Fatal(err)
	}
	before := way.posts.Load()
	eventually(t, "a ring that is refused for now", func() bool { return way.posts.Load() > before })
	way.code.Store("")
	bob.rings(t, id)
	alice.HangUp(id)
}

func TestRelayErrorKeepsItsCode(t *testing.T) {
	for err, want := range map[error]string{
		refusal("token-missing"):                    "token-missing",
		errors.Join(refusal("slots-full"), errSome): "slots-full",
		refusal("no-such-code"):                     "relay-unreachable",
		errSome:                                     "relay-unreachable",
	} {
		if got := relayError("x", err).Code; got != want {
			t.Errorf("%v has the code %q, want %q", err, got, want)
		}
	}
	if retriable(relayError("x", refusal("token-missing"))) || !retriable(relayError("x", refusal("slots-full"))) {
		t.Error("what is refused for good is tried again, or what is refused for now is not")
	}
	if wait := refusalWait(relayError("x", refusal(CodeSlotsFull))); wait != time.Minute {
		t.Errorf("the relay's wait of a minute has become %v", wait)
	}
}

var errSome = errors.New("something")
