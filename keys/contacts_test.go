package keys

import (
	"bytes"
	"reflect"
	"testing"
)

func contactOf(a *Account, name string) Contact {
	p := a.Public()
	p.Version = 3
	return Contact{Name: name, Card: a.Card(), Public: p}
}

func TestContacts(t *testing.T) {
	var l Contacts
	a, b, c := newAccount(t, "A"), newAccount(t, "B"), newAccount(t, "C")
	for _, x := range []Contact{contactOf(b, "Bob"), contactOf(c, " Carol\n"), contactOf(a, "Alice")} {
		if err := l.Add(x); err != nil {
			t.Fatal(err)
		}
	}
	names := func(l *Contacts) (s []string) {
		for _, c := range l.List() {
			s = append(s, c.Name)
		}
		return s
	}
	if got := names(&l); !reflect.DeepEqual(got, []string{"Alice", "Bob", "Carol"}) {
		t.Errorf("got %q", got)
	}
	again := contactOf(b, "Zoe")
	again.Verified = true
	if err := l.Add(again); err != nil {
		t.Fatal(err)
	}
	if got, ok := l.Get(b.ID()); !ok || got.Name != "Zoe" || !got.Verified {
		t.Errorf("got %v, %v", got.Name, ok)
	}
	bytes1, _ := l.MarshalBinary()
	parsed, err := ParseContacts(bytes1)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(parsed.List(), l.List()) {
		t.Error("the list changed on its way")
	}
	bytes2, _ := parsed.MarshalBinary()
	if !bytes.Equal(bytes1, bytes2) {
		t.Error("equal lists give different bytes")
	}
	if !l.Remove(b.ID()) || l.Remove(b.ID()) {
		t.Error("Remove reports wrongly")
	}
	if _, ok := l.Get(b.ID()); ok || len(l.List()) != 2 {
		t.Error("the contact is still there")
	}
}

func TestContactsRefuse(t *testing.T) {
	a, b := newAccount(t, ""), newAccount(t, "")
	var l Contacts
	mixed := contactOf(a, "")
	mixed.Card = b.Card()
	bare := Contact{Card: a.Card(), Public: Public{Account: a.ID()}}
	for _, c := range []Contact{{}, mixed, bare} {
		if l.Add(c) == nil {
			t.Error("a malformed contact was added")
		}
	}
	p := contactOf(a, "")
	for i := range MaxContacts {
		p.Public.Account = AccountID{1, byte(i), byte(i >> 8)}
		p.Card.Account = p.Public.Account
		if err := l.Add(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Add(p); err != nil {
		t.Errorf("a full list refuses to change a contact: %v", err)
	}
	if l.Add(contactOf(b, "")) == nil {
		t.Error("one more than the most was added")
	}
}

func TestParseContactsRefuses(t *testing.T) {
	var l Contacts
	for _, name := range []string{"Alice", "Bob"} {
		if err := l.Add(contactOf(newAccount(t, name), name)); err != nil {
			t.Fatal(err)
		}
	}
	good, _ := l.MarshalBinary()
	for n := range good {
		if _, err := ParseContacts(good[:n]); err == nil {
			t.Fatalf("the first %d bytes were accepted", n)
		}
	}
	if _, err := ParseContacts(append(bytes.Clone(good), 0)); err == nil {
		t.Error("a trailing byte was accepted")
	}
	devices := 3 + 1 + 1 + len("Alice") + CardSize + 8
	for name, at := range map[string]int{"format": 0, "count": 2, "flags": 3, "name": 4, "devices": devices} {
		bad := bytes.Clone(good)
		bad[at] ^= 0x80
		if _, err := ParseContacts(bad); err == nil {
			t.Errorf("a wrong %s was accepted", name)
		}
	}
	// Out of order, or twice.
	one := Contacts{}
	one.Add(l.List()[0])
	b, _ := one.MarshalBinary()
	twice := append(bytes.Clone(b), b[3:]...)
	twice[2] = 2
	if _, err := ParseContacts(twice); err == nil {
		t.Error("a contact twice was accepted")
	}
}
