package keys

import (
	"bytes"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

func copyOf(t rapidT, l *Contacts) *Contacts {
	b, _ := l.MarshalBinary()
	again, err := ParseContacts(b)
	if err != nil {
		t.Fatalf("a list does not survive its encoding: %v", err)
	}
	return again
}

type rapidT interface{ Fatalf(string, ...any) }

// merged returns the first list after it was told of the others, in order.
func merged(t rapidT, first *Contacts, others ...*Contacts) []byte {
	l := copyOf(t, first)
	for _, o := range others {
		shared, err := ParseShared(o.MarshalShared())
		if err != nil {
			t.Fatalf("a shared list does not survive its encoding: %v", err)
		}
		l.Merge(shared)
	}
	return l.MarshalShared()
}

// change does one thing that an owner or a device does.
func change(t *rapid.T, l *Contacts) {
	n := rapid.IntRange(0, 2).Draw(t, "contact")
	c := someone(n, rapid.IntRange(1, 3).Draw(t, "entries"))
	if p := &c.Public; rapid.IntRange(0, 3).Draw(t, "fork") == 0 {
		p.LogHead = [32]byte{66}
		p.Chain[len(p.Chain)-1] = p.LogHead
	}
	switch rapid.IntRange(0, 8).Draw(t, "what") {
	case 0:
		c.Name = rapid.SampledFrom([]string{"", "A", "B"}).Draw(t, "name")
		c.Verified = rapid.Bool().Draw(t, "verified")
		c.Card.Secret[0] = byte(rapid.IntRange(0, 1).Draw(t, "secret"))
		if rapid.Bool().Draw(t, "bare") {
			c.Public = Public{}
		}
		l.Add(c)
	case 1:
		l.Remove(c.ID())
	case 2:
		l.Block(c.ID(), "Blocked")
	case 3:
		l.Unblock(c.ID())
	case 4:
		l.SetName(c.ID(), rapid.SampledFrom([]string{"C", "D"}).Draw(t, "name"))
	case 5:
		l.SetVerified(c.ID(), rapid.Bool().Draw(t, "verified"))
	case 6:
		l.SetPublic(c.Public)
	case 7:
		l.SetMailbox(c.ID(), Address{byte(rapid.IntRange(0, 2).Draw(t, "mailbox"))}, uint32(rapid.IntRange(0, 2).Draw(t, "boxes")))
	case 8:
		l.SetGreeted(c.ID(), uint32(rapid.IntRange(0, 2).Draw(t, "greeted")))
	}
}

// Devices that change their lists and hear of each other's now and then: at the end they agree, whoever hears of whom first.
func TestContactsMergeInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lists := []*Contacts{{}, {}, {}}
		for i := range rapid.IntRange(1, 40).Draw(t, "steps") {
			at := rapid.IntRange(0, 2).Draw(t, "device")
			if from := rapid.IntRange(0, 8).Draw(t, "from"); from < 3 && from != at {
				before := lists[at].MarshalShared()
				if changed := lists[at].Merge(lists[from]); changed == bytes.Equal(before, lists[at].MarshalShared()) {
					t.Fatalf("step %d: Merge reports wrongly", i)
				}
			} else {
				change(t, lists[at])
			}
		}
		a, b, c := lists[0], lists[1], lists[2]
		want := merged(t, a, b, c)
		for i, got := range [][]byte{
			merged(t, a, c, b), merged(t, b, a, c), merged(t, b, c, a), merged(t, c, a, b), merged(t, c, b, a), // commutative
			merged(t, a, b, b, c, a, c, b), // idempotent
		} {
			if !bytes.Equal(got, want) {
				t.Fatalf("order %d gives another list", i)
			}
		}
		bc, err := ParseShared(merged(t, b, c))
		if err != nil {
			t.Fatalf("%v", err)
		}
		if !bytes.Equal(merged(t, a, bc), want) {
			t.Fatalf("not associative")
		}
	})
}

// Whoever stores old lists and shows them again changes nothing.
func TestContactsOldListsUndoNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := &Contacts{}
		var old []*Contacts
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			old = append(old, copyOf(t, l))
			change(t, l)
			before := encodedBy(l)
			if l.Merge(old[rapid.IntRange(0, len(old)-1).Draw(t, "old")]) || encodedBy(l) != before {
				t.Fatalf("an old list changed a newer one")
			}
		}
	})
}

func encodedBy(l *Contacts) string {
	b, _ := l.MarshalBinary()
	return string(b)
}

// What was done on two devices that did not know of each other.
func TestContactsMergeDecisions(t *testing.T) {
	id := someone(1, 1).ID()
	known := func(l *Contacts) string {
		c := l.byID[id]
		return fmt.Sprintf("%d %s verified=%v", c.State, c.Name, c.Verified)
	}
	rename := func(l *Contacts) { l.SetName(id, "Zoe") }
	remove := func(l *Contacts) { l.Remove(id) }
	block := func(l *Contacts) { l.Block(id, "") }
	verify := func(l *Contacts) { l.SetVerified(id, true) }
	busy := func(f func(*Contacts)) func(*Contacts) { // the same, by who had other things to do before
		return func(l *Contacts) {
			l.Add(someone(2, 1))
			f(l)
		}
	}
	for name, c := range map[string]struct {
		a, b func(*Contacts)
		want string
	}{
		"block and rename":       {block, rename, "1 Zoe verified=false"},
		"block and later rename": {block, busy(rename), "1 Zoe verified=false"},
		"block and removal":      {block, remove, "1 Contact 1 verified=false"},
		"removal and rename":     {remove, rename, "2 Zoe verified=false"},
		"later verify":           {rename, busy(verify), "0 Contact 1 verified=true"},
		"verify and rename":      {verify, rename, "0 Zoe verified=false"},
	} {
		var a, b Contacts
		a.Add(someone(1, 1))
		b.Merge(&a)
		c.a(&a)
		c.b(&b)
		a2 := copyOf(t, &a)
		a.Merge(&b)
		b.Merge(a2)
		if known(&a) != c.want || known(&b) != c.want {
			t.Errorf("%s: got %q and %q, want %q", name, known(&a), known(&b), c.want)
		}
	}
}

func TestContactsMergeKeepsCaches(t *testing.T) {
	var a, b Contacts
	a.Add(someone(1, 1))
	b.Merge(&a)
	if c, ok := b.Get(someone(1, 1).ID()); !ok || c.Cached() || c.Entries != 1 {
		t.Error("a public part came over, or the log head did not")
	}
	b.SetName(someone(1, 1).ID(), "Zoe")
	a.Merge(&b)
	if c, ok := a.Get(someone(1, 1).ID()); !ok || !c.Cached() || c.Name != "Zoe" {
		t.Error("a merge lost the public part, or the name")
	}
	b.Remove(someone(1, 1).ID())
	a.Merge(&b)
	if c := a.byID[someone(1, 1).ID()]; c.State != Removed || c.Cached() {
		t.Error("a removed contact is kept")
	}
}

// Lists that were nearly full each: the merge keeps the bounds, and what it drops is the same on both sides.
func TestContactsMergeKeepsBounds(t *testing.T) {
	lists := [2]Contacts{}
	for i := range 2 * MaxContacts {
		if err := lists[i%2].Add(someone(i, 1)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 20 {
		lists[0].Remove(someone(2*i, 1).ID())
		lists[0].Block(someone(2*i+100, 1).ID(), "")
	}
	a, b := merged(t, &lists[0], &lists[1]), merged(t, &lists[1], &lists[0])
	if !bytes.Equal(a, b) {
		t.Error("the two sides dropped different entries")
	}
	l, err := ParseShared(a)
	if err != nil || len(l.Blocked()) != 20 {
		t.Errorf("%d blocks are left, %v", len(l.Blocked()), err)
	}
}

// TestContactsHostileVersion merges what a stolen device wrote with the greatest version there is. It has the last word on that
// contact; all others can be changed as often as ever.
func TestContactsHostileVersion(t *testing.T) {
	var mine, evil Contacts
	for i := range 3 {
		if err := mine.Add(someone(i, 1)); err != nil {
			t.Fatal(err)
		}
	}
	victim, friend := someone(0, 1).ID(), someone(1, 1).ID()
	evil.Merge(&mine)
	evil.Block(victim, "")
	evil.byID[victim].stated, evil.byID[victim].Version = maxVersion, maxVersion
	mine.Merge(&evil)

	other := Contacts{} // another own device
	other.Merge(&mine)
	for i, change := range []func(*Contacts){
		func(l *Contacts) { l.SetName(friend, "Zoe") },
		func(l *Contacts) { l.SetName(friend, "Anna") },
		func(l *Contacts) { l.Block(friend, "") },
		func(l *Contacts) { l.Unblock(friend) },
		func(l *Contacts) { l.Remove(friend) },
		func(l *Contacts) { l.Add(someone(1, 1)) },
	} {
		change(&mine)
		want := mine.MarshalShared()
		mine.Merge(&other) // what is older undoes nothing
		if !bytes.Equal(mine.MarshalShared(), want) {
			t.Errorf("change %d was undone by an older list", i)
		}
		other.Merge(&mine)
		if !bytes.Equal(other.MarshalShared(), want) {
			t.Errorf("change %d did not reach the other device", i)
		}
	}
	mine.Unblock(victim)
	if mine.Merge(&evil); !mine.IsBlocked(victim) {
		t.Error("docs/THREATS.md says that the stolen device has the last word on this contact")
	}
}
