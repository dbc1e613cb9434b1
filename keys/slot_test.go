package keys

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func slotValue(t testing.TB, a *Account, replaces []byte) []byte {
	t.Helper()
	v, err := a.SlotValue(replaces, start)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestOpenSlot(t *testing.T) {
	for _, name := range []string{"", "Alice", strings.Repeat("ä", 32)} {
		a := newAccount(t, name)
		v := slotValue(t, a, nil)
		p, err := OpenSlot(a.Card(), v)
		if err != nil {
			t.Fatal(err)
		}
		if p.Name != name || len(p.Devices) != 1 || p.Devices[0] != a.Device() || p.Inbox != Address(a.Inbox().Address()) ||
			p.LogHead != a.LogHead() || p.Account != a.ID() || !p.Has(a.Device()) || p.Has(DeviceID{}) || p.Added != 1 {
			t.Error("the public part is not the account's")
		}
		if r, err := p.Recipient(); err != nil || r == nil {
			t.Errorf("no recipient: %v", err)
		}
		if p.Expired(start.Add(2*RotateEvery-time.Second)) || !p.Expired(start.Add(2*RotateEvery)) {
			t.Error("it is not good for two rotations")
		}
		if state, err := a.JudgeSlot(v, start); state != SlotGood || err != nil {
			t.Errorf("its own account finds it %v, %v", state, err)
		}
	}
}

func TestSlotValueIsAsTheRelayReadsIt(t *testing.T) {
	a := newAccount(t, "Alice")
	one := slotValue(t, a, nil)
	two := slotValue(t, a, one)
	address := a.Card().Slot
	for i, v := range [][]byte{one, two} {
		writer, next, sig, sealed := v[8:40], v[40:72], v[72:136], v[136:]
		if len(v) != 4096 || binary.BigEndian.Uint64(v) != uint64(i+1) || SlotVersion(v) != uint64(i+1) || addressOf(writer) != address || !bytes.Equal(next, writer) {
			t.Error("version or keys are not where they belong")
		}
		var msg []byte
		for _, f := range []string{"ringfork/1/slot", string(address[:]), string(v[:8]), string(next), string(sealed)} {
			msg = binary.BigEndian.AppendUint32(msg, uint32(len(f)))
			msg = append(msg, f...)
		}
		if !ed25519.Verify(writer, msg, sig) {
			t.Error("the signature does not verify")
		}
		if bytes.Contains(v, []byte("Alice")) {
			t.Error("the name is there for all to read")
		}
	}
	if bytes.Equal(one[136:], two[136:]) {
		t.Error("two values are the same: the nonce repeats")
	}
}

func TestOpenSlotRefuses(t *testing.T) {
	a, b := newAccount(t, "Alice"), newAccount(t, "Bob")
	good := slotValue(t, a, nil)
	card := a.Card()
	refuse := func(name string, c Card, v []byte, want string) {
		t.Helper()
		p, err := OpenSlot(c, v)
		if err == nil || !strings.Contains(err.Error(), want) || p.Account != (AccountID{}) {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
	refuse("nothing", card, nil, "wrong size")
	refuse("cut", card, good[:4095], "wrong size")
	refuse("longer", card, append(bytes.Clone(good), 0), "wrong size")
	refuse("another's", card, slotValue(t, b, nil), "secret does not open it")
	for at := slotHeader; at < len(good); at += 97 {
		bad := bytes.Clone(good)
		bad[at] ^= 1
		refuse("changed", card, bad, "secret does not open it")
	}
	c := card
	c.Secret[0] ^= 1
	refuse("other secret", c, good, "secret does not open it")
	c = card
	c.Account = b.ID()
	refuse("other account", c, good, "another account")
	c = card
	c.Head[0] ^= 1
	if _, err := OpenSlot(c, good); !errors.Is(err, ErrForked) {
		t.Errorf("a log without the card's entry gives %v", err)
	}

	// What an account's own pen writes, but should not.
	sealed := func(p publicPart) []byte {
		v, err := a.shared.public.seal(a.publicSlot(), nil, p.appendTo(nil))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	stranger := newKey(t)
	part := func(change func(*publicPart)) []byte {
		p := a.publicPart(start)
		change(&p)
		return sealed(p)
	}
	refuse("another's log", card, part(func(p *publicPart) { p.log = b.shared.log }), "another account")
	refuse("no log", card, part(func(p *publicPart) { p.log = nil }), "no entry")
	refuse("head of another log", card, part(func(p *publicPart) {
		p.head.logHead[0] ^= 1
		p.head = p.head.sign(a.ID(), a.publicSlot().address, a.key)
	}), "head is of another log")
	refuse("head by a stranger", card, part(func(p *publicPart) { p.head = p.head.sign(a.ID(), a.publicSlot().address, stranger) }), "no device of the account")
	refuse("head of another account", card, part(func(p *publicPart) { p.head = p.head.sign(b.ID(), a.publicSlot().address, a.key) }), "bad signature")
	refuse("head of another slot", card, part(func(p *publicPart) { p.head = p.head.sign(a.ID(), b.publicSlot().address, a.key) }), "bad signature")
	refuse("head changed", card, part(func(p *publicPart) { p.head.sequence++ }), "bad signature")
	refuse("bad recipient", card, part(func(p *publicPart) {
		p.head.recipient = bytes.Repeat([]byte{0xff}, RecipientSize)
		p.head = p.head.sign(a.ID(), a.publicSlot().address, a.key)
	}), "not an age hybrid recipient")
	refuse("shifted", card, part(func(p *publicPart) { p.head.recipient = append(bytes.Clone(p.head.recipient), 0) }), "malformed")
}

func TestSlotSizes(t *testing.T) {
	a := newAccount(t, strings.Repeat("a", MaxName))
	for len(a.shared.log) < MaxEntries-1 {
		k := publicID(newKey(t))
		a.shared.log = a.shared.log.with(a.key, entryDevice, k).with(a.key, entryRevoked, k)
	}
	v := slotValue(t, a, nil)
	p, err := OpenSlot(a.Card(), v)
	if err != nil || len(p.Chain) != len(a.shared.log) {
		t.Errorf("got %d entries, %v", len(p.Chain), err)
	}
	if !slices.Contains(slotSizes[:], len(v)) || len(v) == 4096 {
		t.Errorf("a full log takes %d bytes", len(v))
	}
	if _, err := a.shared.public.seal(a.publicSlot(), nil, make([]byte, MaxSlotSize)); err == nil {
		t.Error("more than a slot takes was sealed")
	}
}

func TestPens(t *testing.T) {
	first := pens{NewSeed()}
	s := slot{address: first.address()}
	seal := func(p pens, replaces []byte) []byte {
		v, err := p.seal(s, replaces, []byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	v1 := seal(first, nil)
	second := first.with(NewSeed()) // a revocation
	v2 := seal(second, v1)
	if addressOf(v2[8:40]) != s.address || bytes.Equal(v2[40:72], v1[40:72]) {
		t.Error("the old pen must hand over to the new one")
	}
	if _, err := first.seal(s, v2, nil); err == nil {
		t.Error("who has only the old pen wrote after the new one")
	}
	v3 := seal(second, v2)
	if !bytes.Equal(v3[8:40], v2[40:72]) {
		t.Error("the new pen does not write")
	}
	if v := seal(second, nil); addressOf(v[8:40]) != s.address {
		t.Error("a slot that a relay lost is begun by the first pen")
	}
	many := second
	for range 2 * maxPens {
		many = many.with(NewSeed())
	}
	if len(many) != maxPens || many.address() != s.address {
		t.Error("the first pen was lost")
	}
}

func FuzzOpenSlot(f *testing.F) {
	a := newAccount(f, "Alice")
	f.Add(a.publicPart(start).appendTo(nil))
	f.Add(slotValue(f, a, nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		OpenSlot(a.Card(), b)
		// As plaintext: parse and encode again is the identity.
		r := reader{b: b}
		p := r.publicPart()
		if !r.ok() {
			return
		}
		if got := p.appendTo(nil); !bytes.Equal(got, b[:len(b)-len(r.b)]) {
			t.Fatalf("got %x, want %x", got, b)
		}
		p.verify(a.ID(), a.publicSlot().address)
	})
}
