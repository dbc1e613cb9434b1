package keys

import (
	"bytes"
	"crypto/ed25519"
	"slices"
	"strings"
	"testing"
)

func TestLogGrows(t *testing.T) {
	_, first, _ := ed25519.GenerateKey(nil)
	_, second, _ := ed25519.GenerateKey(nil)
	_, third, _ := ed25519.GenerateKey(nil)
	id := func(k ed25519.PrivateKey) DeviceID { return DeviceID(k.Public().(ed25519.PublicKey)) }

	one := newLog(first)
	three := one.add(first, id(second)).add(second, id(third))
	devices, err := three.verify()
	if err != nil || !slices.Equal(devices, []DeviceID{id(first), id(second), id(third)}) {
		t.Fatalf("got %v, %v", devices, err)
	}
	if three.chain()[0] != one.chain()[0] {
		t.Error("the account's id changed")
	}
	r := reader{b: three.appendTo(nil)}
	if again := r.log(); !r.done() || !slices.Equal(again.chain(), three.chain()) {
		t.Error("the log changed on its way")
	}

	account := AccountID(one.chain()[0])
	older := Public{Account: account, Chain: one.chain(), LogHead: one.chain()[0], Version: 1}
	newer := Public{Account: account, Chain: three.chain(), LogHead: three.chain()[2], Version: 2}
	if !newer.Replaces(older) || !older.Replaces(older) || older.Replaces(newer) {
		t.Error("a log that grew must replace a shorter one, and not the other way round")
	}
	forked := Public{Account: account, Chain: one.add(first, id(third)).chain(), Version: 3}
	if forked.Replaces(newer) {
		t.Error("a second log replaced the first")
	}
	newer.Version = 0
	if newer.Replaces(older) {
		t.Error("an older slot value replaced a newer one")
	}
}

func TestLogRefuses(t *testing.T) {
	_, first, _ := ed25519.GenerateKey(nil)
	_, second, _ := ed25519.GenerateKey(nil)
	_, stranger, _ := ed25519.GenerateKey(nil)
	id := func(k ed25519.PrivateKey) DeviceID { return DeviceID(k.Public().(ed25519.PublicKey)) }
	good := func() deviceLog {
		l := newLog(first).add(first, id(second))
		for i := range l {
			l[i].entry, l[i].signature = bytes.Clone(l[i].entry), bytes.Clone(l[i].signature)
		}
		return l
	}
	resign := func(l deviceLog, i int, key ed25519.PrivateKey) deviceLog {
		l[i].signer = id(key)
		l[i].signature = ed25519.Sign(key, Statement(contextLog, l[i].entry))
		return l
	}
	full := newLog(first)
	for len(full) <= MaxDevices {
		_, k, _ := ed25519.GenerateKey(nil)
		full = full.add(first, id(k))
	}
	for name, c := range map[string]struct {
		log  func() deviceLog
		want string
	}{
		"empty":           {func() deviceLog { return nil }, "no entry"},
		"too long":        {func() deviceLog { return full }, "too many"},
		"signature":       {func() deviceLog { l := good(); l[1].signature[0] ^= 1; return l }, "bad signature"},
		"signer":          {func() deviceLog { return resign(good(), 1, stranger) }, "may not"},
		"first signer":    {func() deviceLog { return resign(good(), 0, second) }, "may not"},
		"signs itself in": {func() deviceLog { return resign(good(), 1, second) }, "may not"},
		"order":           {func() deviceLog { l := good(); return deviceLog{l[1], l[0]} }, "follow"},
		"first missing":   {func() deviceLog { return good()[1:] }, "follow"},
		"number":          {func() deviceLog { l := good(); l[1].entry[5] = 2; return resign(l, 1, first) }, "follow"},
		"chain":           {func() deviceLog { l := good(); l[1].entry[6] ^= 1; return resign(l, 1, first) }, "follow"},
		"format":          {func() deviceLog { l := good(); l[1].entry[0] = 2; return resign(l, 1, first) }, "unknown type"},
		"type":            {func() deviceLog { l := good(); l[1].entry[1] = 2; return resign(l, 1, first) }, "unknown type"},
		"size":            {func() deviceLog { l := good(); l[1].entry = l[1].entry[:69]; return l }, "wrong size"},
		"twice":           {func() deviceLog { return newLog(first).add(first, id(first)) }, "twice"},
	} {
		if _, err := c.log().verify(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}
