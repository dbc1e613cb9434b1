package frame

import (
	"strings"
	"testing"

	"ringfork/keys"
)

// BenchmarkSeal seals a ring, the longest message of one frame.
func BenchmarkSeal(b *testing.B) {
	alice, bob := newParty(b, strings.Repeat("A", keys.MaxName)), newParty(b, "Bob")
	ring := fullRing(b, alice)
	for b.Loop() {
		alice.seal(b, ring, bob, 1)
	}
}

// BenchmarkOpen opens one.
func BenchmarkOpen(b *testing.B) {
	alice, bob := newParty(b, strings.Repeat("A", keys.MaxName)), newParty(b, "Bob")
	frames, _ := alice.seal(b, fullRing(b, alice), bob, 1)
	for b.Loop() {
		if _, err := newOpener().Open(start, frames[0]); err != nil {
			b.Fatal(err)
		}
	}
}
