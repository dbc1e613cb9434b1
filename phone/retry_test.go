//go:build !js

package phone

import (
	"context"
	"io/fs"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ringfork/keys"
)

// full is a relay that can be reached and takes no slots, as long as err says why.
type full struct {
	mu       sync.Mutex
	err      error
	attempts []time.Time
}

func (f *full) tried() []time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.attempts)
}

func (f *full) Origin() string                                                { return "https://relay.test" }
func (f *full) Start(onState func(string))                                    { onState(string(Online)) }
func (f *full) Subscribe(Mailbox, func([]byte, time.Duration), func()) func() { return func() {} }
func (f *full) Publish(context.Context, [20]byte, []byte) error               { return nil }
func (f *full) GetSlot(context.Context, [20]byte) ([]byte, error)             { return nil, fs.ErrNotExist }
func (f *full) Close() error                                                  { return nil }

func (f *full) PutSlot(context.Context, [20]byte, []byte, uint64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.attempts = append(f.attempts, time.Now())
	return f.err
}

// TestRetriesOfTheAccount looks at a phone for an hour that cannot bring its account to the relay: it tries ever more seldom, however
// many attempts failed, and never sooner than the relay says.
func TestRetriesOfTheAccount(t *testing.T) {
	for _, c := range []struct {
		err    error
		first  time.Duration // least time to the second attempt
		change bool          // the user changes something meanwhile
	}{
		{errSome, retryLeast, false},
		{refusal(CodeSlotsFull), time.Minute, false},
		{errSome, retryLeast, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			relay := &full{err: c.err}
			p, err := Open(t.Context(), Config{Transport: relay, Store: newMemory(), Media: newTone(t), Name: "Alice"})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			synctest.Wait()
			asked := len(relay.tried())
			if c.change {
				for range 5 {
					if err := p.commit(t.Context(), func(a *keys.Account, _ *keys.Contacts) error { a.SetName("Eve"); return nil }); err == nil {
						t.Fatal("the change was taken")
					}
				}
				asked = len(relay.tried())
			}
			time.Sleep(time.Hour)
			synctest.Wait()
			first, later := relay.tried()[:asked], relay.tried()[asked:]
			last := first[asked-1]
			for i, at := range later {
				wait := at.Sub(last)
				if wait < min(retryLeast<<min(i, 4), retryMost) || wait < c.first || wait > retryMost*5/4 {
					t.Errorf("attempt %d came after %v", i+2, wait)
				}
				last = at
			}
			if n := len(later); n < 20 || n > 40 {
				t.Errorf("%d attempts in an hour", n)
			}
			relay.mu.Lock()
			relay.err = nil
			relay.mu.Unlock()
			time.Sleep(retryMost * 5 / 4)
			synctest.Wait()
			taken := len(relay.tried())
			time.Sleep(5 * time.Minute)
			synctest.Wait()
			if n := len(relay.tried()) - taken; n > 0 {
				t.Errorf("what the relay took was written %d times more", n)
			}
		})
	}
}
