//go:build !js

package echo

import (
	"testing"

	"ringfork/phone"
	"ringfork/signalcore"
)

func view(n int, s signalcore.CallState) phone.Call {
	return phone.Call{View: signalcore.View{Call: phone.CallID{byte(n)}, State: s}}
}

// TestManyCalls rings more often than calls are answered at once: the last is answered when another ends.
func TestManyCalls(t *testing.T) {
	c := newCalls()
	for n := range maxCalls + 1 {
		c.on(phone.Incoming{Call: view(n, signalcore.StateRinging)})
	}
	if n := len(c.due()); n != maxCalls {
		t.Errorf("%d calls are answered at once, want %d", n, maxCalls)
	}
	if n := len(c.due()); n != 0 {
		t.Errorf("%d calls are answered again", n)
	}
	c.on(phone.CallChanged{Call: view(0, signalcore.StateActive)})
	if n := len(c.due()); n != 0 {
		t.Errorf("%d things to do about a call that became active", n)
	}
	c.on(phone.CallChanged{Call: view(0, signalcore.StateEnded)})
	c.on(phone.CallChanged{Call: view(0, signalcore.StateEnded)})
	if n := len(c.due()); n != 1 {
		t.Errorf("%d calls are answered when one has ended, want 1", n)
	}
	if len(c.list) != maxCalls {
		t.Errorf("%d calls are kept, want %d", len(c.list), maxCalls)
	}
}
