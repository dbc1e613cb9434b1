package keys

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// largest returns an account with as many members, log entries, pens and epochs as there can be, all names as long as they can
// be, and a second one that lacks nothing but most of the log.
func largest(t *testing.T) (large, young *Account) {
	t.Helper()
	a := newAccount(t, strings.Repeat("n", MaxName))
	label := strings.Repeat("l", MaxName)
	a.SetLabel(label)
	add := func() DeviceID {
		d := NewJoiner(label).Device()
		if err := a.AddDevice(d, start); err != nil {
			t.Fatal(err)
		}
		return d.ID
	}
	fill := func() {
		for len(a.shared.members) < MaxMembers {
			add()
		}
	}
	for range 2 * maxPens {
		if err := a.Revoke(add(), start); err != nil {
			t.Fatal(err)
		}
	}
	fill()
	for range keptEpochs {
		a.Rotate(start)
	}
	young = a.Clone()
	for len(a.shared.log)+len(a.shared.members) < MaxEntries {
		if err := a.Revoke(a.shared.members[1].ID, start); err != nil {
			t.Fatal(err)
		}
		add()
	}
	for range keptEpochs {
		a.Rotate(start)
	}
	return a, young
}

// crowd returns a list of contacts with so many entries, with names of a length.
func crowd(t *testing.T, n, name int) *Contacts {
	t.Helper()
	l := &Contacts{}
	for i := range n {
		c := someone(i, MaxEntries)
		c.Name = fmt.Sprintf("%0*d", name, i)
		for len(c.Public.Devices) < MaxMembers {
			c.Public.Devices = append(c.Public.Devices, DeviceID{byte(len(c.Public.Devices))})
		}
		c.Public.Name = strings.Repeat("p", MaxName)
		if err := l.Add(c); err != nil {
			t.Fatal(err)
		}
		l.SetMailbox(c.ID(), Address{1, byte(i), byte(i >> 8)}, 1<<32-1)
		l.SetGreeted(c.ID(), 1<<32-2)
	}
	return l
}

// TestLargest writes everything at its largest: it fits into a slot, or what says whether it does says that it does not.
func TestLargest(t *testing.T) {
	large, young := largest(t)
	fits := map[bool]int{}
	for _, c := range []struct {
		what    string
		account *Account
		n, name int
		want    bool
	}{
		{"a new account, 1,000 contacts", newAccount(t, "A"), MaxContacts, 16, true},
		{"16 members, 1,000 contacts", young, MaxContacts, 4, true},
		{"16 members and 234 entries, no contact", large, 0, 0, true},
		{"16 members and 234 entries, 700 contacts", large, 700, 16, true},
		{"16 members and 234 entries, 1,000 contacts", large, MaxContacts, 4, false},
	} {
		l := crowd(t, c.n, c.name)
		a := c.account.Clone()
		room := a.HasRoomFor(l)
		value, err := a.PrivateValue(nil, l)
		if room != c.want || (err == nil) != c.want {
			t.Errorf("%s: there is room: %v, written: %v", c.what, room, err)
		}
		fits[room]++
		if err != nil {
			continue
		}
		p, err := a.OpenPrivate(value)
		if err != nil || !bytes.Equal(p.Contacts().MarshalShared(), l.MarshalShared()) {
			t.Errorf("%s: read again: %v", c.what, err)
		}
	}

	// One contact at a time, until there is no more room: the first that is too much cannot be written, the one before can.
	l := crowd(t, 700, MaxName)
	for i := 700; large.HasRoomFor(l); i++ {
		c := someone(i, 1)
		c.Name = strings.Repeat("x", i%MaxName)
		if err := l.Add(c); err != nil {
			t.Fatal(err)
		}
		if large.HasRoomFor(l) {
			continue
		}
		if _, err := large.Clone().PrivateValue(nil, l); err == nil {
			t.Errorf("%d contacts: there is room for more than it says", i+1)
		}
		delete(l.byID, c.ID())
		if _, err := large.Clone().PrivateValue(nil, l); err != nil {
			t.Errorf("%d contacts: %v", i, err)
		}
		break
	}

	b, err := crowd(t, 700, MaxName).MarshalBinary()
	if err != nil || len(b) < MaxStoredContacts/2 || len(b) > MaxStoredContacts {
		t.Errorf("stored contacts take %d bytes of %d, %v", len(b), MaxStoredContacts, err)
	}
	if _, err := ParseContacts(b); err != nil {
		t.Error(err)
	}
}
