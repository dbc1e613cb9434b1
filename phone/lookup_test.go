//go:build !js

package phone

import (
	"context"
	"sync/atomic"
	"testing"

	"ringfork/frame"
	"ringfork/relay/hostile"
	"ringfork/signalcore"
)

// blind is a transport that fails to read slots, so often.
type blind struct {
	Transport
	left atomic.Int32
}

func (b *blind) GetSlot(ctx context.Context, address [20]byte) ([]byte, error) {
	if b.left.Add(-1) >= 0 {
		return nil, refusal(CodeUnavailable)
	}
	return b.Transport.GetSlot(ctx, address)
}

// TestRingOfASleeperWhereLooksFail rings somebody whose addresses changed since the caller knew them, while the relay cannot be asked
// at first: nobody hears the first ring.
func TestRingOfASleeperWhereLooksFail(t *testing.T) {
	t.Parallel()
	w := newWild(t)
	eyes := &blind{}
	alice := w.open("Alice", newMemory(), func(c *Config) { eyes.Transport, c.Transport = c.Transport, eyes })
	bob := w.open("Bob", newMemory(), nil)
	w.befriend(alice, bob)
	old, _ := alice.contact(bob.Account())
	w.rob(bob)
	w.greeted(alice, bob)
	w.calm()
	alice.knowsOnly(t, old)
	eyes.left.Store(2)
	bob.rings(t, alice.dial(t, bob))
}

// TestNewDeviceWhereLooksFail lets a device that the caller does not know answer, while the relay cannot be asked at first: its offer
// is not believed until it can.
func TestNewDeviceWhereLooksFail(t *testing.T) {
	t.Parallel()
	w := newWild(t)
	eyes := &blind{}
	alice := w.open("Alice", newMemory(), func(c *Config) { eyes.Transport, c.Transport = c.Transport, eyes })
	bob := w.open("Bob", newMemory(), nil)
	w.befriend(alice, bob)
	old, _ := alice.contact(bob.Account())
	laptop := w.link(bob, "laptop")
	eventually(t, "the new device", func() bool { return len(bob.Devices()) == 2 })
	w.calm()
	alice.knowsOnly(t, old)
	eyes.left.Store(2)
	call := alice.dial(t, bob)
	laptop.rings(t, call)
	await(t, alice, "the new device", func(c CallChanged) bool {
		return len(c.Call.Devices) == 2 && c.Call.Devices[0].State == signalcore.DeviceConnected && c.Call.Devices[1].State == signalcore.DeviceConnected
	})
	if err := laptop.PickUp(call, signalcore.Media{Audio: true}); err != nil {
		t.Fatal(err)
	}
	alice.reaches(t, call, signalcore.StateActive)
}

// TestRevokedDeviceRingsWhereLooksFail lets a revoked device ring somebody who heard nothing of its revocation, while the relay cannot
// be asked at first: it rings as long, and no longer.
func TestRevokedDeviceRingsWhereLooksFail(t *testing.T) {
	t.Parallel()
	w := newWild(t)
	eyes := &blind{}
	alice := w.open("Alice", newMemory(), func(c *Config) { eyes.Transport, c.Transport = c.Transport, eyes })
	bob := w.open("Bob", newMemory(), nil)
	w.befriend(alice, bob)
	thief := w.stolen(bob, alice)
	w.rule(hostile.Rule{Do: "drop", To: text(ringFor(bob, alice))}) // what Bob says of it
	n := len(w.framesTo(ringFor(bob, alice)))
	if err := bob.Revoke(t.Context(), thief.own().Device()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "what Bob says, dropped", func() bool { return len(w.framesTo(ringFor(bob, alice))) > n })
	w.hostile.Clear()
	eyes.left.Store(2)
	call := thief.dial(t, alice)
	alice.rings(t, call)
	alice.awaitDrop(t, CodeUnavailable)
	alice.awaitDrop(t, frame.ReasonDevice)
	alice.reaches(t, call, signalcore.StateEnded)
}
