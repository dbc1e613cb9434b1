//go:build !js

package phone

import (
	"testing"

	"ringfork/signalcore"
)

// Somebody in a call who makes this side say ever more does not make it keep it all, nor forget its ring.
func TestSentIsBounded(t *testing.T) {
	s := &session{sent: map[signalcore.MessageID]sentMessage{}}
	s.rang.header.ID = 1
	for id := signalcore.MessageID(1); id <= 3*maxSent; id++ {
		s.sent[id] = sentMessage{{}}
		s.forgetSent()
	}
	if len(s.sent) != maxSent {
		t.Errorf("%d messages are kept", len(s.sent))
	}
	for _, id := range []signalcore.MessageID{1, 2*maxSent + 2, 3 * maxSent} {
		if s.sent[id] == nil {
			t.Errorf("message %d is forgotten", id)
		}
	}
}
