package keys

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func slotValue(t testing.TB, a *Account, version uint64) []byte {
	t.Helper()
	v, err := a.SlotValue(version)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestOpenSlot(t *testing.T) {
	for _, name := range []string{"", "Alice", strings.Repeat("ä", 32)} {
		a := newAccount(t, name)
		v := slotValue(t, a, 7)
		if len(v) != SlotSize {
			t.Fatalf("a value has %d bytes", len(v))
		}
		p, err := OpenSlot(a.Card(), v)
		if err != nil {
			t.Fatal(err)
		}
		want := a.Public()
		want.Version = 7
		if !reflect.DeepEqual(p, want) {
			t.Errorf("got %v, want %v", p, want)
		}
		if p.Name != name || len(p.Devices) != 1 || p.Devices[0] != a.Device() || p.Inbox != Address(a.Inbox().Address()) ||
			p.LogHead != a.LogHead() || p.Account != a.ID() || !p.Has(a.Device()) || p.Has(DeviceID{}) {
			t.Error("the public part is not the account's")
		}
		if r, err := p.Recipient(); err != nil || r == nil {
			t.Errorf("no recipient: %v", err)
		}
	}
}

func TestSlotValueIsAsTheRelayReadsIt(t *testing.T) {
	a := newAccount(t, "Alice")
	v := slotValue(t, a, 7)
	key, sig, sealed, address := v[8:40], v[40:104], v[104:], a.Card().Slot
	if binary.BigEndian.Uint64(v) != 7 || addressOf(key) != address {
		t.Error("version or key are not where they belong")
	}
	var msg []byte
	for _, f := range []string{"ringfork/1/slot", string(address[:]), string(v[:8]), string(sealed)} {
		msg = binary.BigEndian.AppendUint32(msg, uint32(len(f)))
		msg = append(msg, f...)
	}
	if !ed25519.Verify(key, msg, sig) {
		t.Error("the signature does not verify")
	}
	if bytes.Equal(v, slotValue(t, a, 7)) {
		t.Error("two values are the same: the nonce repeats")
	}
	if bytes.Contains(v, []byte("Alice")) {
		t.Error("the name is there for all to read")
	}
}

func TestOpenSlotRefuses(t *testing.T) {
	a, b := newAccount(t, "Alice"), newAccount(t, "Bob")
	good := slotValue(t, a, 1)
	card := a.Card()
	refuse := func(name string, c Card, v []byte, want string) {
		t.Helper()
		p, err := OpenSlot(c, v)
		if !errors.Is(err, ErrSlot) || !strings.Contains(err.Error(), want) || p.Account != (AccountID{}) {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
	refuse("nothing", card, nil, "wrong size")
	refuse("cut", card, good[:SlotSize-1], "wrong size")
	refuse("longer", card, append(bytes.Clone(good), 0), "wrong size")
	refuse("another's", card, slotValue(t, b, 1), "another slot")
	for _, at := range []int{0, 7, 40, 103, 104, 128, 4000, SlotSize - 1} {
		bad := bytes.Clone(good)
		bad[at] ^= 1
		refuse("changed", card, bad, "bad signature")
	}
	bad := bytes.Clone(good)
	bad[8] ^= 1
	refuse("other key", card, bad, "another slot")

	c := card
	c.Secret[0] ^= 1
	refuse("other secret", c, good, "secret does not open it")
	c = card
	c.Account = b.ID()
	refuse("other account", c, good, "another account")

	// What an account's own slot key signs, but should not.
	sealed := func(p publicPart) []byte {
		v, err := sealSlot(a.slot, a.seeds.card, 1, p)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	p := a.public
	p.log = b.log
	refuse("another's log", card, sealed(p), "another account")
	p.log = nil
	refuse("no log", card, sealed(p), "no entry")
	p = a.public
	p.recipient = bytes.Repeat([]byte{0xff}, RecipientSize)
	refuse("bad recipient", card, sealed(p), "not an age hybrid recipient")
	p = a.public
	p.recipient = append(bytes.Clone(p.recipient), 0)
	refuse("shifted", card, sealed(p), "malformed")
}

func TestSlotIsBoundToItsVersion(t *testing.T) {
	a := newAccount(t, "Alice")
	v := slotValue(t, a, 1)
	// Signed again as version 2 by the slot key, but sealed as version 1.
	binary.BigEndian.PutUint64(v, 2)
	address := a.Card().Slot
	copy(v[40:104], ed25519.Sign(a.slot, Statement(contextSlot, address[:], v[:8], v[104:])))
	if _, err := OpenSlot(a.Card(), v); !errors.Is(err, ErrSlot) {
		t.Errorf("got %v", err)
	}
}

func TestFullSlotFits(t *testing.T) {
	a := newAccount(t, strings.Repeat("a", MaxName))
	for range MaxDevices - 1 {
		_, key, _ := ed25519.GenerateKey(nil)
		a.log = a.log.add(a.device, DeviceID(key.Public().(ed25519.PublicKey)))
	}
	a.public.log = a.log
	p, err := OpenSlot(a.Card(), slotValue(t, a, 1))
	if err != nil || len(p.Devices) != MaxDevices {
		t.Errorf("got %d devices, %v", len(p.Devices), err)
	}
}

func FuzzOpenSlot(f *testing.F) {
	a := newAccount(f, "Alice")
	f.Add(a.public.appendTo(nil))
	f.Add(slotValue(f, a, 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := OpenSlot(a.Card(), b); err != nil && !errors.Is(err, ErrSlot) {
			t.Fatal(err)
		}
		// As plaintext: parse and encode again is the identity.
		r := reader{b: b}
		p := r.publicPart()
		if !r.ok() {
			return
		}
		if got := p.appendTo(nil); !bytes.Equal(got, b[:len(b)-len(r.b)]) {
			t.Fatalf("got %x, want %x", got, b)
		}
		p.verify(a.ID())
	})
}
