package keys

import (
	"errors"
	"testing"
)

// TestNewerHead shows an account a public part whose head a newer version wrote. Where the newest pen had a part in it, a device
// of the account wrote it, and it is left alone; what a revoked device wrote with its old pen is not taken for that.
func TestNewerHead(t *testing.T) {
	a := newAccount(t, "Alice")
	newer := func(p pens, replaces []byte) []byte {
		content := a.publicPart(start).appendTo(nil)
		content[len(a.shared.log.appendTo(nil))] = headFormat + 1
		value, err := p.seal(a.publicSlot(), replaces, append(content, "and more"...))
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
	phone := NewJoiner("phone").Device()
	if err := a.AddDevice(phone, start); err != nil {
		t.Fatal(err)
	}
	stolen := a.shared.public
	if err := a.Revoke(phone.ID, start); err != nil {
		t.Fatal(err)
	}
	first := slotValue(t, a, nil)
	for name, c := range map[string]struct {
		value []byte
		newer bool
	}{
		"the newest pen":              {newer(a.shared.public, first), true},
		"handed over to it":           {newer(a.shared.public, nil), true},
		"the pen before a revocation": {newer(stolen, nil), false},
	} {
		if _, err := OpenSlot(a.Card(), c.value); !errors.Is(err, ErrNewer) || !errors.Is(err, ErrSlot) {
			t.Errorf("%s: a contact finds %v", name, err)
		}
		if _, err := a.JudgeSlot(c.value, start); !errors.Is(err, ErrSlot) || errors.Is(err, ErrNewer) != c.newer {
			t.Errorf("%s: its account finds %v", name, err)
		}
		forged := append([]byte{}, c.value...)
		forged[100] ^= 1 // in the writer's signature
		if _, err := a.JudgeSlot(forged, start); errors.Is(err, ErrNewer) {
			t.Errorf("%s, forged: its account finds %v", name, err)
		}
	}
}
