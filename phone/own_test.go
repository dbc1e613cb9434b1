//go:build !js

package phone

import (
	"context"
	"sync"
	"testing"
	"time"

	"ringfork/keys"
	"ringfork/relay/hostile"
)

// losing is a transport that fails to post to one mailbox, so often.
type losing struct {
	Transport
	mu   sync.Mutex
	to   [20]byte
	left int
}

func (l *losing) lose(to [20]byte, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.to, l.left = to, n
}

func (l *losing) Publish(ctx context.Context, to [20]byte, frame []byte) error {
	l.mu.Lock()
	lost := to == l.to && l.left > 0
	if lost {
		l.left--
	}
	l.mu.Unlock()
	if lost {
		return refusal(CodeUnavailable)
	}
	return l.Transport.Publish(ctx, to, frame)
}

// TestUntoldRevocation lets the relay refuse for a while to tell the other devices of a revocation, after which nobody rings where
// they listen. They hear of it all the same, and of a new contact.
func TestUntoldRevocation(t *testing.T) {
	t.Parallel()
	w := newWild(t)
	way := &losing{}
	alice := w.open("Alice", newMemory(), nil)
	bob := w.open("Bob", newMemory(), func(c *Config) { way.Transport, c.Transport = c.Transport, way })
	w.befriend(alice, bob)
	laptop, tablet := w.link(bob, "laptop"), w.link(bob, "tablet")
	eventually(t, "three devices", func() bool { return len(bob.Devices()) == 3 && len(laptop.Devices()) == 3 })
	w.calm()
	way.lose(bob.own().SyncMailbox().Address(), 2)
	if err := bob.Revoke(t.Context(), tablet.own().Device()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new addresses", func() bool { return laptop.own().Boxes() == 1 })
	w.greeted(alice, bob)
	w.calm()

	way.lose(bob.own().SyncMailbox().Address(), 2)
	w.addCards(bob, w.people(1)...)
	eventually(t, "the new contact", func() bool { return len(laptop.Contacts()) == 2 })
	laptop.rings(t, alice.dial(t, bob))
}

// TestRevocationThatTheRelayHides drops what the other devices are told of a revocation. They find out by themselves.
func TestRevocationThatTheRelayHides(t *testing.T) {
	t.Parallel()
	w := newWild(t)
	bob := w.open("Bob", newMemory(), nil)
	laptop, tablet := w.link(bob, "laptop"), w.link(bob, "tablet")
	eventually(t, "three devices", func() bool { return len(bob.Devices()) == 3 && len(laptop.Devices()) == 3 })
	w.calm()
	w.rule(hostile.Rule{Do: "drop", To: text(bob.own().SyncMailbox().Address())})
	if err := bob.Revoke(t.Context(), tablet.own().Device()); err != nil {
		t.Fatal(err)
	}
	w.calm()
	inside(laptop, func() { laptop.tend(time.Now().Add(lookMost)) })
	eventually(t, "the new addresses", func() bool { return laptop.own().Boxes() == 1 })
}

// TestForkOfOwnLogIsToldOnce looks at an account of whose log the relay shows another one, several times.
func TestForkOfOwnLogIsToldOnce(t *testing.T) {
	t.Parallel()
	w := newWild(t)
	bob := w.open("Bob", newMemory(), nil)
	stolen := w.rob(bob)
	value, _ := stolen.fork(t)
	w.put(bob.own().Card().Slot, value)
	for n := range 3 {
		before := bob.Drops()["account not brought up to date: "+CodeLogForked]
		inside(bob, func() { bob.tend(time.Now().Add(lookMost)) })
		bob.awaitDrops(t, "account not brought up to date: "+CodeLogForked, before+1)
		bob.awaitWarning(t, CodeLogForked, keys.AccountID{})
		if w := bob.warnings(); len(w) != 1 {
			t.Errorf("after %d looks it was warned of %q", n+1, w)
		}
	}
}
