package keys

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
)

// all sorts of entries.
func mixedContacts(t testing.TB) *Contacts {
	l := &Contacts{}
	for i, name := range []string{"Alice", "Bob", "", "Zoë", "Eve"} {
		c := someone(i, i+1)
		c.Name = name
		c.Verified = i%2 == 0
		if err := l.Add(c); err != nil {
			t.Fatal(err)
		}
	}
	l.Block(AccountID{77}, "Mallory")
	l.Block(someone(1, 1).ID(), "")
	l.Remove(someone(4, 1).ID())
	l.SetMailbox(someone(0, 1).ID(), Address{1, 2}, 300)
	l.SetGreeted(someone(2, 1).ID(), 5)
	return l
}

func TestContactsSurviveMarshal(t *testing.T) {
	l := mixedContacts(t)
	b := encoded(t, l)
	parsed, err := ParseContacts(b)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(parsed, l) {
		t.Error("the list changed on its way")
	}
	if !bytes.Equal(encoded(t, parsed), b) {
		t.Error("equal lists give different bytes")
	}
	shared, err := ParseShared(l.MarshalShared())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range shared.List() {
		if c.Cached() {
			t.Error("a public part was shared")
		}
	}
	if !bytes.Equal(shared.MarshalShared(), l.MarshalShared()) {
		t.Error("the shared list changed on its way")
	}
	if empty, err := ParseContacts(encoded(t, &Contacts{})); err != nil || len(empty.byID) != 0 {
		t.Errorf("an empty list: %v", err)
	}
}

func TestContactsShareNoMemory(t *testing.T) {
	b := encoded(t, mixedContacts(t))
	l, err := ParseContacts(b)
	if err != nil {
		t.Fatal(err)
	}
	before := bytes.Clone(b)
	clear(b)
	if !bytes.Equal(encoded(t, l), before) {
		t.Error("the list shares memory with what it was read from")
	}
}

func TestParseContactsRefuses(t *testing.T) {
	l := mixedContacts(t)
	parsers := map[string]struct {
		good  []byte
		parse func([]byte) (*Contacts, error)
	}{"local": {encoded(t, l), ParseContacts}, "shared": {l.MarshalShared(), ParseShared}}
	for form, p := range parsers {
		for n := range p.good {
			if _, err := p.parse(p.good[:n]); err == nil {
				t.Fatalf("%s: the first %d bytes were accepted", form, n)
			}
		}
		if _, err := p.parse(append(bytes.Clone(p.good), 0)); err == nil {
			t.Errorf("%s: a trailing byte was accepted", form)
		}
		for at, to := range map[int]byte{1: 99, 2: p.good[2] + 1, 3: 0xff} {
			bad := bytes.Clone(p.good)
			bad[at] = to
			if _, err := p.parse(bad); err == nil {
				t.Errorf("%s: a wrong byte %d was accepted", form, at)
			}
		}
		newer := append([]byte{contactsFormat + 1}, p.good[1:]...)
		if _, err := p.parse(newer); !errors.Is(err, ErrNewer) {
			t.Errorf("%s: a newer format: %v", form, err)
		}
		if _, err := p.parse(append([]byte{1}, p.good[1:]...)); err == nil || errors.Is(err, ErrNewer) {
			t.Errorf("%s: an older format: %v", form, err)
		}
		if _, err := p.parse(make([]byte, 12<<20)); err == nil {
			t.Errorf("%s: too many bytes were accepted", form)
		}
	}
	one := Contacts{}
	one.Add(someone(1, 1))
	b := one.MarshalShared()
	twice := append(bytes.Clone(b), b[3:]...)
	twice[2] = 2
	if _, err := ParseShared(twice); err == nil {
		t.Error("a contact twice was accepted")
	}
}

func FuzzParseContacts(f *testing.F) {
	l := mixedContacts(f)
	f.Add(encoded(f, l), true)
	f.Add(l.MarshalShared(), false)
	f.Fuzz(func(t *testing.T, b []byte, local bool) {
		if local {
			if l, err := ParseContacts(b); err == nil && !bytes.Equal(encoded(t, l), b) {
				t.Fatal("the list changed on its way")
			}
			return
		}
		l, err := ParseShared(b)
		if err != nil {
			return
		}
		if !bytes.Equal(l.MarshalShared(), b) {
			t.Fatal("the list changed on its way")
		}
		merged := Contacts{}
		merged.Merge(l)
		if merged.Merge(l) {
			t.Fatal("a second merge changed the list")
		}
	})
}

func BenchmarkParseContacts(b *testing.B) {
	l := Contacts{}
	for i := range MaxContacts {
		if err := l.Add(someone(i, 12)); err != nil {
			b.Fatal(err)
		}
	}
	text := encoded(b, &l)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := ParseContacts(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMergeContacts(b *testing.B) {
	l := Contacts{}
	for i := range MaxContacts {
		if err := l.Add(someone(i, 12)); err != nil {
			b.Fatal(err)
		}
	}
	shared := l.MarshalShared()
	for b.Loop() {
		other, err := ParseShared(shared)
		if err != nil || l.Merge(other) {
			b.Fatal("the list changed")
		}
	}
}
