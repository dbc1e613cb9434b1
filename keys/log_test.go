package keys

import (
	"bytes"
	"crypto/ed25519"
	"slices"
	"strings"
	"testing"
)

func newKey(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestLogGrows(t *testing.T) {
	first, second, third, login := newKey(t), newKey(t), newKey(t), newKey(t)
	one := newLog(first)
	l := one.with(first, entryDevice, publicID(second)).
		with(second, entryKey, publicID(login)).
		with(login, entryDevice, publicID(third)).
		with(third, entryRevoked, publicID(first))
	m, err := l.verify()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(m.devices, []DeviceID{publicID(second), publicID(third)}) || !slices.Equal(m.keys, []DeviceID{publicID(login)}) ||
		!slices.Equal(m.revoked, []DeviceID{publicID(first)}) || m.added != 4 {
		t.Errorf("got %+v", m)
	}
	if l.chain()[0] != one.chain()[0] {
		t.Error("the account's id changed")
	}
	if !l.startsWith(one) || !l.startsWith(l) || one.startsWith(l) {
		t.Error("a log starts with what it was, and with nothing else")
	}
	if fork := one.with(first, entryDevice, publicID(third)); l.startsWith(fork) {
		t.Error("a log starts with another one")
	}
	r := reader{b: l.appendTo(nil)}
	if again := r.log(); !r.done() || !slices.Equal(again.chain(), l.chain()) {
		t.Error("the log changed on its way")
	}
}

func TestLogRefuses(t *testing.T) {
	first, second, stranger, login := newKey(t), newKey(t), newKey(t), newKey(t)
	good := func() deviceLog {
		l := newLog(first).with(first, entryDevice, publicID(second)).with(first, entryKey, publicID(login))
		for i := range l {
			l[i].entry, l[i].signature = bytes.Clone(l[i].entry), bytes.Clone(l[i].signature)
		}
		return l
	}
	resign := func(l deviceLog, i int, key ed25519.PrivateKey) deviceLog {
		l[i].signer = publicID(key)
		l[i].signature = ed25519.Sign(key, Statement(contextLog, l[i].entry))
		return l
	}
	change := func(i, at int, to byte) deviceLog {
		l := good()
		l[i].entry[at] = to
		return resign(l, i, first)
	}
	crowd := newLog(first)
	for len(crowd) <= MaxMembers {
		crowd = crowd.with(first, entryDevice, publicID(newKey(t)))
	}
	long := newLog(first)
	for len(long) <= MaxEntries {
		k := publicID(newKey(t))
		long = long.with(first, entryDevice, k).with(first, entryRevoked, k)
	}
	for name, c := range map[string]struct {
		log  deviceLog
		want string
	}{
		"empty":              {nil, "no entry"},
		"too long":           {long, "too many"},
		"crowd":              {crowd, "too many members"},
		"signer":             {resign(good(), 1, stranger), "may not"},
		"first signer":       {resign(good(), 0, second), "begin"},
		"first revokes":      {change(0, 1, entryRevoked), "begin"},
		"signs itself in":    {resign(good(), 1, second), "may not"},
		"order":              {deviceLog{good()[1], good()[0]}, "follow"},
		"first missing":      {good()[1:], "follow"},
		"number":             {change(1, 5, 2), "follow"},
		"chain":              {change(1, 6, good()[1].entry[6]^1), "follow"},
		"format":             {change(1, 0, entryFormat+1), "unknown format"},
		"type":               {change(1, 1, 9), "unknown type"},
		"size":               {func() deviceLog { l := good(); l[1].entry = l[1].entry[:69]; return l }(), "wrong size"},
		"signature":          {func() deviceLog { l := good(); l[1].signature[0] ^= 1; return l }(), "bad signature"},
		"twice":              {newLog(first).with(first, entryDevice, publicID(first)), "twice"},
		"revoked comes back": {good().with(first, entryRevoked, publicID(second)).with(first, entryDevice, publicID(second)), "twice"},
		"revoked signs":      {good().with(first, entryRevoked, publicID(second)).with(second, entryDevice, publicID(stranger)), "may not"},
		"revokes a stranger": {good().with(first, entryRevoked, publicID(stranger)), "no member"},
		"revokes the last":   {newLog(first).with(first, entryRevoked, publicID(first)), "last device"},
		"key revokes":        {good().with(login, entryRevoked, publicID(second)), "may not"},
		"key adds a key":     {good().with(login, entryKey, publicID(stranger)), "may not"},
		"revoked key adds":   {good().with(first, entryRevoked, publicID(login)).with(login, entryDevice, publicID(stranger)), "may not"},
	} {
		if _, err := c.log.verify(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

// A log is encoded in one way only, and whatever verifies has a device.
func FuzzLog(f *testing.F) {
	f.Add(vectorBob().shared.log.appendTo(nil))
	f.Add(vectorAlice().shared.log.appendTo(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := reader{b: b}
		l := r.log()
		if !r.ok() {
			return
		}
		if got := l.appendTo(nil); !bytes.Equal(got, b[:len(b)-len(r.b)]) {
			t.Fatalf("got %x, want %x", got, b)
		}
		m, err := l.verify()
		if err != nil {
			return
		}
		if len(m.devices) == 0 || len(m.devices)+len(m.keys) > MaxMembers || int(m.added) > len(l) || len(l.chain()) != len(l) {
			t.Fatalf("a log of %d entries gives %d devices and %d keys", len(l), len(m.devices), len(m.keys))
		}
	})
}
