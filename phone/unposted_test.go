//go:build !js

package phone

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"
)

// away is a transport whose relay cannot be reached with frames, and notes when each was tried.
type away struct {
	Transport
	mu    sync.Mutex
	gone  bool
	tried map[string][]time.Time // by the frame: what is tried again is the same
}

func (a *away) Publish(ctx context.Context, to [20]byte, frame []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.gone {
		a.tried[string(frame)] = append(a.tried[string(frame)], time.Now())
		return errors.New("no such host")
	}
	return a.Transport.Publish(ctx, to, frame)
}

// TestRingWithoutRelay rings while the relay cannot be reached: the sixth attempt comes after 9 s, which would be 31 s if the relay were there
// and nobody answered. The call rings once it is back.
func TestRingWithoutRelay(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	relay := &away{tried: map[string][]time.Time{}}
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
	var took time.Duration
	eventually(t, "the sixth attempt", func() bool {
		relay.mu.Lock()
		defer relay.mu.Unlock()
		for _, at := range relay.tried {
			if len(at) >= 6 {
				took = at[5].Sub(at[0])
			}
		}
		return took > 0
	})
	if took > 20*time.Second {
		t.Errorf("the sixth attempt came after %v", took)
	}
	relay.mu.Lock()
	relay.gone = false
	relay.mu.Unlock()
	bob.rings(t, call)
}
