package keys

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func contactOf(a *Account, name string) Contact {
	p := a.Public(start)
	p.Sequence = 3
	return Contact{Name: name, Card: a.Card(), Public: p}
}

// someone returns a contact that is as good as any for a list: number n, whose log has so many entries.
func someone(n int, entries int) Contact {
	c := Contact{Name: fmt.Sprintf("Contact %d", n), Card: testCard()}
	c.Card.Account = AccountID{1, byte(n), byte(n >> 8)}
	p := Public{Account: c.ID(), Sequence: 7, Expires: 1e9, InboxRecipient: make([]byte, RecipientSize), Name: "They"}
	for i := range entries {
		p.Chain = append(p.Chain, [32]byte{9, byte(i)})
	}
	p.LogHead, p.Added = p.Chain[entries-1], uint8(entries)
	p.Devices = []DeviceID{{1}, {2}, {3}}
	c.Public = p
	return c
}

func names(list []Contact) (s []string) {
	for _, c := range list {
		s = append(s, c.Name)
	}
	return s
}

func encoded(t testing.TB, l *Contacts) []byte {
	b, err := l.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestContacts(t *testing.T) {
	var l Contacts
	a, b, c := newAccount(t, "A"), newAccount(t, "B"), newAccount(t, "C")
	for _, x := range []Contact{contactOf(b, "Bob"), contactOf(c, " Carol\n"), contactOf(a, "Alice")} {
		if err := l.Add(x); err != nil {
			t.Fatal(err)
		}
	}
	if got := names(l.List()); !reflect.DeepEqual(got, []string{"Alice", "Bob", "Carol"}) {
		t.Errorf("got %q", got)
	}
	again := contactOf(b, "Zoe")
	again.Verified = true
	if err := l.Add(again); err != nil {
		t.Fatal(err)
	}
	if got, ok := l.Get(b.ID()); !ok || got.Name != "Zoe" || !got.Verified || !got.Cached() {
		t.Errorf("got %v, %v", got.Name, ok)
	}
	if !l.Remove(b.ID()) || l.Remove(b.ID()) {
		t.Error("Remove reports wrongly")
	}
	if _, ok := l.Get(b.ID()); ok || len(l.List()) != 2 || len(l.Removed()) != 1 || l.Removed()[0].ID() != b.ID() {
		t.Error("the contact is still there")
	}
	if err := l.Add(Contact{Name: "Bob", Card: b.Card()}); err != nil {
		t.Fatal(err)
	}
	if got, _ := l.Get(b.ID()); got.Verified || got.Cached() || got.Entries != 0 {
		t.Error("something of a removed contact is left")
	}
}

func TestContactsBlock(t *testing.T) {
	var l Contacts
	friend, stranger := someone(1, 1), AccountID{200}
	friend.Verified = true
	if err := errors.Join(l.Add(friend), l.Block(friend.ID(), ""), l.Block(stranger, "Spam")); err != nil {
		t.Fatal(err)
	}
	if got := names(l.Blocked()); !slices.Equal(got, []string{"Contact 1", "Spam"}) || len(l.List()) != 0 {
		t.Errorf("blocked are %q", got)
	}
	if _, ok := l.Get(friend.ID()); ok || !l.IsBlocked(friend.ID()) || !l.IsBlocked(stranger) || l.IsBlocked(AccountID{}) {
		t.Error("who is blocked is a contact, or not blocked")
	}
	if !l.Unblock(friend.ID()) || !l.Unblock(stranger) || l.Unblock(stranger) {
		t.Error("Unblock reports wrongly")
	}
	if c, ok := l.Get(friend.ID()); !ok || !c.Verified || c.Card != friend.Card {
		t.Error("a block changed a contact")
	}
	if _, ok := l.Get(stranger); ok || l.IsBlocked(stranger) {
		t.Error("a stranger became a contact")
	}
	l.Block(friend.ID(), "")
	if err := l.Add(friend); err != nil || l.IsBlocked(friend.ID()) {
		t.Errorf("adding who is blocked: %v", err)
	}
}

func TestContactsVersions(t *testing.T) {
	var l Contacts
	a, b := someone(1, 1), someone(2, 1)
	version := func(id AccountID) uint64 { return l.byID[id].Version }
	steps := []struct {
		name string
		do   func() bool
		want uint64 // of a
	}{
		{"add", func() bool { return l.Add(a) == nil }, 1},
		{"add again", func() bool { return l.Add(a) == nil }, 1},
		{"add another", func() bool { return l.Add(b) == nil }, 1},
		{"rename", func() bool { return l.SetName(a.ID(), " Anna ") }, 3},
		{"same name", func() bool { return l.SetName(a.ID(), "Anna") }, 3},
		{"verify", func() bool { return l.SetVerified(a.ID(), true) }, 4},
		{"verify again", func() bool { return l.SetVerified(a.ID(), true) }, 4},
		{"public part", func() bool { return l.SetPublic(someone(1, 2).Public) == nil }, 4},
		{"mailbox", func() bool { return l.SetMailbox(a.ID(), Address{1}, 0) }, 4},
		{"greeted", func() bool { return l.SetGreeted(a.ID(), 0) }, 4},
		{"block", func() bool { return l.Block(a.ID(), "") == nil }, 5},
		{"unblock", func() bool { return l.Unblock(a.ID()) }, 6},
		{"remove", func() bool { return l.Remove(a.ID()) }, 7},
	}
	for _, s := range steps {
		if !s.do() || version(a.ID()) != s.want {
			t.Fatalf("%s: version %d, want %d", s.name, version(a.ID()), s.want)
		}
	}
	for name, done := range map[string]bool{
		"SetName": l.SetName(a.ID(), ""), "SetVerified": l.SetVerified(a.ID(), true), "SetMailbox": l.SetMailbox(a.ID(), Address{2}, 1),
		"SetGreeted": l.SetGreeted(a.ID(), 1), "SetPublic": l.SetPublic(a.Public) == nil,
	} {
		if done {
			t.Errorf("%s changed a removed contact", name)
		}
	}
}

func TestContactsLearn(t *testing.T) {
	var l Contacts
	bare := someone(1, 2)
	bare.Public = Public{}
	if err := l.Add(bare); err != nil {
		t.Fatal(err)
	}
	get := func() Contact { c, _ := l.Get(bare.ID()); return c }
	if get().Cached() || !get().NeedsHello(0) {
		t.Error("a contact that was never looked up has a public part")
	}
	if err := l.SetPublic(someone(1, 2).Public); err != nil || get().Entries != 2 || get().Head != ([32]byte{9, 1}) {
		t.Fatalf("%d entries, %v", get().Entries, err)
	}
	l.SetVerified(bare.ID(), true)
	if get().NewDevice() {
		t.Error("a new device, just looked at")
	}
	longer := someone(1, 4).Public
	longer.Added = 2 // what came last was no device
	if err := l.SetPublic(longer); err != nil || get().NewDevice() {
		t.Errorf("a new device where none came: %v", err)
	}
	if err := l.SetPublic(someone(1, 5).Public); err != nil || !get().NewDevice() {
		t.Errorf("no new device where one came: %v", err)
	}
	if l.SetVerified(bare.ID(), true); get().NewDevice() {
		t.Error("a new device, looked at again")
	}

	// Logs and statements only go forward, whether the last one is here or was seen by another device only.
	forked, sequence := someone(1, 6).Public, get().Public
	forked.Chain[4] = [32]byte{66}
	sequence.Sequence--
	shared, err := ParseShared(l.MarshalShared())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		l    *Contacts
		p    Public
		want error
	}{
		"shorter":               {&l, someone(1, 4).Public, ErrOlder},
		"forked":                {&l, forked, ErrForked},
		"older statement":       {&l, sequence, ErrOlder},
		"shorter, other device": {shared, someone(1, 4).Public, ErrOlder},
		"forked, other device":  {shared, forked, ErrForked},
		"good, other device":    {shared, sequence, nil},
	} {
		if err := copyOf(t, c.l).SetPublic(c.p); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	short := someone(1, 2).Public
	short.Chain[1] = [32]byte{66}
	short.LogHead = short.Chain[1]
	if err := l.SetPublic(short); !errors.Is(err, ErrForked) {
		t.Errorf("forked and shorter: %v", err)
	}

	// Mailboxes: only what was told after as many revocations or more.
	if !l.SetMailbox(bare.ID(), Address{2}, 1) || l.SetMailbox(bare.ID(), Address{3}, 0) || !l.SetMailbox(bare.ID(), Address{1}, 2) {
		t.Error("SetMailbox reports wrongly")
	}
	if get().Mailbox != (Address{1}) || get().Boxes != 2 {
		t.Errorf("the mailbox is %x", get().Mailbox)
	}
	if !l.SetGreeted(bare.ID(), 0) || l.SetGreeted(bare.ID(), 0) || get().NeedsHello(0) || !get().NeedsHello(1) {
		t.Error("SetGreeted reports wrongly")
	}
}

func TestContactsRefuse(t *testing.T) {
	a, b := newAccount(t, ""), newAccount(t, "")
	var l Contacts
	mixed := contactOf(a, "")
	mixed.Card = b.Card()
	bare := Contact{Card: a.Card(), Public: Public{Account: a.ID()}}
	for _, c := range []Contact{{}, {Card: Card{Account: a.ID()}}, mixed, bare} {
		if l.Add(c) == nil {
			t.Error("a malformed contact was added")
		}
	}
	for i := range MaxContacts {
		if err := l.Add(someone(i, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Add(someone(3, 2)); err != nil {
		t.Errorf("a full list refuses to change a contact: %v", err)
	}
	if l.Add(contactOf(b, "")) == nil {
		t.Error("one more than the most was added")
	}
	l.Block(someone(5, 1).ID(), "")
	if l.Add(contactOf(b, "")) == nil {
		t.Error("the place of one who is blocked was taken")
	}
	l.Remove(someone(5, 1).ID())
	if err := l.Add(contactOf(b, "")); err != nil {
		t.Error(err)
	}
}

func TestContactsMakeRoom(t *testing.T) {
	var l Contacts
	for i := range 2000 {
		c := someone(i, 1)
		c.Name = strings.Repeat("x", MaxName)
		if err := l.Add(c); err != nil {
			t.Fatal(err)
		}
		if i < 1200 {
			l.Remove(c.ID())
		}
		if i%50 == 49 && (len(l.MarshalShared()) > MaxShared || len(l.byID) > maxEntries) {
			t.Fatalf("%d entries, %d bytes", len(l.byID), len(l.MarshalShared()))
		}
	}
	for i := range maxEntries {
		if err := l.Block(AccountID{2, byte(i), byte(i >> 8)}, strings.Repeat("y", MaxName)); err != nil {
			break
		}
	}
	before := l.MarshalShared()
	if err := l.Add(someone(5000, 1)); err == nil || len(before) > MaxShared || len(before) < MaxShared-200 {
		t.Errorf("%d bytes, then: %v", len(before), err)
	}
	if !bytes.Equal(l.MarshalShared(), before) {
		t.Error("a refused contact changed the list")
	}
	if oldest := someone(0, 1).ID(); l.byID[oldest] != nil {
		t.Error("the oldest removal is still there")
	}
}
