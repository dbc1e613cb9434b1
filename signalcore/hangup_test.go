package signalcore

import (
	"testing"
	"time"
)

// TestHangupReason shows what the other side's reason makes of a call. One of a later version is a hangup like any other.
func TestHangupReason(t *testing.T) {
	for reason, want := range map[HangupReason]EndReason{HungUp: EndHangup, HangupLeft: EndHangup, HangupLost: EndLost, 99: EndHangup} {
		w := newWorld()
		alice := w.add("alice", Config{}, true)
		bob := w.add("bob", Config{}, true)
		w.run(time.Second)
		call := CallID{1}
		w.step(alice, Dial{Call: call, To: bob.self.Account})
		w.run(time.Second)
		w.step(bob, PickUp{Call: call})
		w.run(time.Second)
		if s := alice.last[call].State; s != StateActive {
			t.Fatalf("the call is %v", s)
		}
		w.step(alice, Received{Call: call, From: bob.self, ID: 1000, Msg: Hangup{Reason: reason}})
		if v := alice.last[call]; v.State != StateEnded || v.End != want {
			t.Errorf("reason %d: the call is %v %v, want %v", reason, v.State, v.End, want)
		}
	}
}
