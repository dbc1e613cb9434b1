//go:build !js

package phone

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"
)

// away is a transport whose relay cannot be reached with frames, and notes when somebody tried: what is tried together once.
type away struct {
	Transport
	mu    sync.Mutex
	gone  bool
	tried []time.Time
}

func (a *away) Publish(ctx context.Context, to [20]byte, frame []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.gone {
		if n := len(a.tried); n == 0 || time.Since(a.tried[n-1]) > 500*time.Millisecond {
			a.tried = append(a.tried, time.Now())
		}
		return errors.New("no such host")
	}
	return a.Transport.Publish(ctx, to, frame)
}

// TestRingWithoutRelay rings while the relay cannot be reached: each attempt comes soon after the one before, also the fifth, which
// would come 8 s later if the relay were there and nobody answered. The call rings once it is back.
func TestRingWithoutRelay(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	relay := &away{}
	alice := w.open("Alice", newMemory(), func(c *Config) { relay.Transport = c.Transport; c.Transport = relay })
	bob := w.open("Bob", newMemory(), nil)
	w.meet(alice, bob)
	relay.mu.Lock()
	relay.gone = true
	relay.mu.Unlock()
	call, err := alice.Call(bob.Account(), MediaKinds{Audio: true})
	if err != nil {
		t.Fatal(err)
	}
	tried := func() []time.Time {
		relay.mu.Lock()
		defer relay.mu.Unlock()
		return slices.Clone(relay.tried)
	}
	eventually(t, "the sixth attempt", func() bool { return len(tried()) >= 6 })
	for i, at := range tried()[1:6] {
		if wait := at.Sub(tried()[i]); wait > 6*time.Second {
			t.Errorf("attempt %d came %v after the one before", i+2, wait)
		}
	}
	relay.mu.Lock()
	relay.gone = false
	relay.mu.Unlock()
	bob.rings(t, call)
}
