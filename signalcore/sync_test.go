package signalcore

import (
	"testing"
	"time"

	"ringfork/fork"
)

// TestOldWordLeavesDial shows that what was said of a call before this endpoint dialed the same account does not end the dial:
// an endpoint that has just begun reads at the relay how the last call went. What is said after it does end it.
func TestOldWordLeavesDial(t *testing.T) {
	old, caller := CallID{7}, EndpointID{8}
	for name, say := range map[string]func(w *world, bob, alice *node, age time.Duration){
		"an own endpoint answered": func(w *world, bob, alice *node, age time.Duration) {
			w.step(bob, Synced{From: EndpointID{9}, Msg: Sync{What: SyncAnswered, Call: old, Peer: alice.self.Account, Counter: 1}, Age: age})
		},
		"the caller settled, then its ring": func(w *world, bob, alice *node, age time.Duration) {
			from := Sender{Account: alice.self.Account, Device: alice.self.Device, Endpoint: caller}
			w.step(bob, Received{Call: old, From: from, ID: 2, Msg: Settled{Outcome: fork.Won}, Age: age})
			w.step(bob, Received{Call: old, From: from, ID: 1, Msg: Ring{Number: 1, SentAt: w.now.Add(-age - time.Second), TTL: time.Minute}, Age: age + time.Second})
		},
		"a ring, then the caller settled": func(w *world, bob, alice *node, age time.Duration) {
			w.step(bob, BacklogRead{Done: false})
			from := Sender{Account: alice.self.Account, Device: alice.self.Device, Endpoint: caller}
			w.step(bob, Received{Call: old, From: from, ID: 1, Msg: Ring{Number: 1, SentAt: w.now.Add(-age - time.Second), TTL: time.Minute}, Age: age + time.Second})
			w.step(bob, Received{Call: old, From: from, ID: 2, Msg: Settled{Outcome: fork.Won}, Age: age})
		},
	} {
		for age, ends := range map[time.Duration]bool{3 * time.Second: false, 0: true} {
			w := newWorld()
			alice := w.add("alice", Config{}, true)
			bob := w.add("bob", Config{}, true)
			w.run(time.Second)
			call := CallID{1}
			w.step(bob, Dial{Call: call, To: alice.self.Account})
			w.run(time.Second)
			say(w, bob, alice, age)
			if s := bob.last[call].State; (s == StateEnded) != ends {
				t.Errorf("%s %v ago: the call dialed a second ago is %v", name, age, s)
			}
		}
	}
}
