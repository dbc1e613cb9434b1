//go:build !js

package phone

import (
	"bytes"
	"encoding/hex"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"ringfork/keys"
	"ringfork/relay/hostile"
	"ringfork/signalcore"
)

// account is what an observer at the relay knows of one of the town's: the addresses of its slot and of its mailbox for all.
type account struct {
	slot, inbox string
	known       [][]byte // all that was ever written there, or proved of it
}

// placed is a call as it was: which accounts, by number.
type placed struct {
	caller, called int
	mailbox        string // where it rang
	round          int
}

// TestObserver lets programs with the relay's view guess who calls whom, in a town of eight where any two are contacts.
//
// The first has the addresses and the contents, of rings and of all that is known of each account, and tries what bytes can
// tell. It does no better than chance. The same program finds out nearly all where each frame holds the address of its
// caller's slot, so it is not blind.
//
// The others have what this design does not hide, and the test logs how well they do. Who sees which connection posts and
// reads what knows the two ends of every call: only another way to the relay hides that. Who has the order of what comes
// sees that each call reads the slots of its two accounts; calls at the same time blur it. Who waits for days finds a
// mailbox in use only when two slots are read.
func TestObserver(t *testing.T) {
	t.Parallel()
	w := newWild(t)
	const people, rounds, alone = 8, 16, 5 // in the last ones there is one call at a time, else two
	var town []*endpoint
	for range people {
		town = append(town, w.open("Somebody", newMemory(), func(c *Config) { c.Preconnect = signalcore.PreconnectNever }))
	}
	for _, e := range town {
		eventually(t, "slots", func() bool { return w.valueAt(e.own().Card().Slot, 1) != nil })
	}
	for _, e := range town {
		w.knowAll(e, town)
	}
	w.calm()
	var calls []placed
	var marks []int
	chance := rand.New(rand.NewPCG(3, 4))
	for round := range rounds {
		marks = append(marks, len(w.hostile.Record().Requests))
		order := chance.Perm(people)
		atOnce := 2
		if round >= rounds-alone {
			atOnce = 1
		}
		for i := range atOnce {
			calls = append(calls, placed{order[2*i], order[2*i+1], text(ringFor(town[order[2*i]], town[order[2*i+1]])), round})
		}
		w.round(town, calls[len(calls)-atOnce:])
	}
	marks = append(marks, len(w.hostile.Record().Requests))
	record := w.hostile.Record()
	var accounts []account
	for _, e := range town {
		accounts = append(accounts, knownOf(record, e))
	}

	rings := map[string][][]byte{}
	pairs := map[string]placed{}
	for _, c := range calls {
		pairs[c.mailbox] = c
	}
	for _, f := range record.Frames {
		if _, ok := pairs[f.To]; ok {
			rings[f.To] = append(rings[f.To], f.Bytes)
		}
	}
	callers, called := guessByContent(accounts, rings, pairs)
	n := float64(len(pairs))
	most := int(math.Ceil(n/people + 5*math.Sqrt(n/people*(1-1./people))))
	t.Logf("by addresses and contents: of %d pairs, %d callers and %d called found; chance is %.1f, the bound %d", len(pairs), callers, called,
		n/people, most)
	if callers > most || called > most {
		t.Error("the observer does better than chance")
	}
	leaky := map[string][][]byte{}
	for to, frames := range rings {
		slot, _ := hex.DecodeString(accounts[pairs[to].caller].slot)
		for _, f := range frames {
			f = bytes.Clone(f)
			copy(f[3000:], slot)
			leaky[to] = append(leaky[to], f)
		}
	}
	if callers, _ := guessByContent(accounts, leaky, pairs); callers < len(pairs)*9/10 {
		t.Errorf("the observer is blind: of %d callers that write their slot's address into each frame it finds %d", len(pairs), callers)
	}

	right, told := guessByConnections(record, accounts, calls)
	t.Logf("by connections: both ends of %d of the %d frames that came to where it rings by connections that tell something", right, told)
	if told == 0 || 10*right < 8*told { // one on which nothing else was posted tells nothing: there are more on a busy machine
		t.Error("the observer of connections is blind")
	}
	t.Logf("by order: both ends of %d of %d calls two at a time, and of %d of %d alone",
		guessByOrder(record, accounts, calls[:len(calls)-alone], marks), len(calls)-alone,
		guessByOrder(record, accounts, calls[len(calls)-alone:], marks), alone)
	patient, all := guessByPatience(record, accounts, calls, marks)
	t.Logf("by patience: both ends of %d of the %d pairs that called more than once", patient, all)
}

// knowAll makes all others contacts of an account, as if they had greeted each other.
func (w *wild) knowAll(e *endpoint, town []*endpoint) {
	w.t.Helper()
	err := e.change(w.t.Context(), func(l *keys.Contacts) error {
		for _, o := range town {
			if o == e {
				continue
			}
			if err := l.Add(keys.Contact{Name: "x", Card: o.own().Card(), Public: o.own().Public(time.Now())}); err != nil {
				return err
			}
			l.SetMailbox(o.Account(), keys.Address(o.own().MailboxFor(e.Account()).Address()), 0)
			l.SetGreeted(o.Account(), 0)
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// round places calls at the same time, which are declined.
func (w *wild) round(town []*endpoint, calls []placed) {
	w.t.Helper()
	ids := make([]signalcore.CallID, len(calls))
	for i, c := range calls {
		ids[i] = town[c.caller].dial(w.t, town[c.called])
	}
	for i, c := range calls {
		town[c.called].rings(w.t, ids[i])
		town[c.called].Decline(ids[i], true)
	}
	for i, c := range calls {
		town[c.caller].reaches(w.t, ids[i], signalcore.StateEnded)
	}
	w.calmFor(100 * time.Millisecond)
}

// knownOf gathers what is known of an account: its addresses, its slot's values, and the keys proved or named there.
func knownOf(r hostile.Record, e *endpoint) (a account) {
	slot := e.own().Card().Slot
	inbox := e.own().Inbox().Address()
	a.slot, a.inbox = text(slot), text(inbox)
	a.known = [][]byte{slot[:], inbox[:]}
	for _, s := range r.Slots {
		if s.Address == a.slot {
			a.known = append(a.known, s.Value)
		}
	}
	for _, m := range r.Messages {
		if m.Address == a.inbox {
			a.known = append(a.known, m.Bytes)
		}
	}
	return a
}

// guessByContent compares each mailbox and its frames with all that is known of each account, by what bytes they share and how
// near their addresses are. It returns how often the best was the caller, and how often the called.
func guessByContent(accounts []account, rings map[string][][]byte, truth map[string]placed) (callers, called int) {
	grams := make([]map[[3]byte]bool, len(accounts))
	for i, a := range accounts {
		grams[i] = map[[3]byte]bool{}
		for _, b := range a.known {
			for at := 0; at+3 <= len(b); at++ {
				grams[i][[3]byte(b[at:])] = true
			}
		}
	}
	for to, frames := range rings {
		address, _ := hex.DecodeString(to)
		score := make([]float64, len(accounts))
		for i, a := range accounts {
			run, best := 0, 0
			for _, f := range frames {
				for at := 0; at+3 <= len(f); at++ {
					if run++; !grams[i][[3]byte(f[at:])] {
						run = 0
					}
					best = max(best, run)
				}
			}
			score[i] = float64(best) + .01*(nearness(address, a.known[0])+nearness(address, a.known[1]))
		}
		order := make([]int, len(accounts))
		for i := range order {
			order[i] = i
		}
		slices.SortFunc(order, func(a, b int) int { return int(math.Copysign(1, score[b]-score[a])) })
		if order[0] == truth[to].caller {
			callers++
		}
		if order[0] == truth[to].called {
			called++
		}
	}
	return callers, called
}

// nearness returns the share of bits that two addresses have in common.
func nearness(a, b []byte) (n float64) {
	for i := range a {
		for bit := range 8 {
			if (a[i]^b[i])>>bit&1 == 0 {
				n++
			}
		}
	}
	return n / float64(8*len(a))
}

// guessByConnections finds out who reads each mailbox, and who posts by each connection: whoever was seen there to write a slot
// or to speak to its own. It returns of how many frames to where it rings that says both ends, and of how many it says who posted them.
func guessByConnections(r hostile.Record, accounts []account, calls []placed) (right, told int) {
	reader := map[string]int{} // of mailboxes
	for _, m := range r.Messages {
		for i, a := range accounts {
			if m.Address == a.inbox {
				for _, o := range r.Messages {
					if o.Connection == m.Connection {
						reader[o.Address] = i
					}
				}
			}
		}
	}
	rings := map[string]placed{} // any of the calls that rang there: all have the same ends
	for _, c := range calls {
		rings[c.mailbox] = c
	}
	votes := map[string]map[int]int{} // for who posts by a connection
	vote := func(from string, i int) {
		if votes[from] == nil {
			votes[from] = map[int]int{}
		}
		votes[from][i]++
	}
	for _, s := range r.Slots {
		for i, a := range accounts {
			if s.Address == a.slot {
				vote(r.Requests[s.Request].From, i)
			}
		}
	}
	uses := map[string]int{}
	for _, f := range r.Frames {
		uses[f.To]++
	}
	for _, f := range r.Frames { // what many frames go to and is no place to ring is where own endpoints speak to each other
		if _, ring := rings[f.To]; ring {
			continue
		}
		if i, ok := reader[f.To]; ok && uses[f.To] > 3 {
			vote(r.Requests[f.Request].From, i)
		}
	}
	done := map[string]bool{}
	for _, f := range r.Frames {
		c, ring := rings[f.To]
		if !ring || done[string(f.Bytes)] {
			continue
		}
		done[string(f.Bytes)] = true
		best, n := -1, 0
		for i, v := range votes[r.Requests[f.Request].From] {
			if v > n {
				best, n = i, v
			}
		}
		if n == 0 {
			continue
		}
		told++
		if reader[f.To] == c.called && best == c.caller {
			right++
		}
	}
	return right, told
}

// guessByOrder takes for the ends of a call the accounts whose slots are read nearest to the ring.
func guessByOrder(r hostile.Record, accounts []account, calls []placed, marks []int) (right int) {
	reads := map[string]int{}
	for i, a := range accounts {
		reads["/v1/slot/"+a.slot] = i
	}
	for _, c := range calls {
		ring := slices.IndexFunc(r.Frames, func(f hostile.Frame) bool { return f.To == c.mailbox && f.Request >= marks[c.round] })
		if ring < 0 || r.Frames[ring].Request >= marks[c.round+1] {
			continue
		}
		nearest := map[int]int{} // account: how far
		for at := marks[c.round]; at < marks[c.round+1]; at++ {
			if i, ok := reads[r.Requests[at].Path]; ok && r.Requests[at].Method == "GET" {
				far := max(at-r.Frames[ring].Request, r.Frames[ring].Request-at)
				if old, ok := nearest[i]; !ok || far < old {
					nearest[i] = far
				}
			}
		}
		ends := slices.SortedFunc(maps.Keys(nearest), func(a, b int) int { return nearest[a] - nearest[b] })
		if len(ends) >= 2 && slices.Contains(ends[:2], c.caller) && slices.Contains(ends[:2], c.called) {
			right++
		}
	}
	return right
}

// guessByPatience takes for the ends of calls to one mailbox the accounts whose slots were read in every round in which it rang
// there, if that leaves two.
func guessByPatience(r hostile.Record, accounts []account, calls []placed, marks []int) (right, all int) {
	rounds := map[string][]placed{}
	for _, c := range calls {
		rounds[c.mailbox] = append(rounds[c.mailbox], c)
	}
	for _, list := range rounds {
		if len(list) < 2 {
			continue
		}
		all++
		var left []int
		for i, a := range accounts {
			always := true
			for _, c := range list {
				always = always && slices.ContainsFunc(r.Requests[marks[c.round]:marks[c.round+1]], func(q hostile.Request) bool {
					return q.Method == "GET" && q.Path == "/v1/slot/"+a.slot
				})
			}
			if always {
				left = append(left, i)
			}
		}
		if len(left) == 2 && slices.Contains(left, list[0].caller) && slices.Contains(left, list[0].called) {
			right++
		}
	}
	return right, all
}
