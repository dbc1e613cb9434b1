package relay

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

// What lies on the disk tells no address, not even to who computes one from all that might be a public key there.
func TestDiskTellsNoAddress(t *testing.T) {
	dir := t.TempDir()
	r := startRelay(t, func(c *Config) { c.DataDir = dir })
	owner, heir := newMailbox(), newMailbox()
	value := owner.valueFor(owner.address, heir, 1, "some content", slotSizes[0])
	if status, code := r.putSlot(t, owner.address, value, 0); status != http.StatusNoContent {
		t.Fatalf("put: %d %s", status, code)
	}
	if err := findsAddress(dir, owner, value); err != nil {
		t.Error(err)
	}
	// The search finds what is there: a value as older versions stored it. It can be read, and replaced by a sealed one.
	subject := r.slots.subject(owner.address)
	if _, err := r.engine.js.Publish(t.Context(), subject, value); err != nil {
		t.Fatal(err)
	}
	if err := findsAddress(dir, owner, value); err == nil {
		t.Error("a value that is not sealed was not found")
	}
	if status, body := r.getSlot(t, owner.address); status != http.StatusOK || body != string(value) {
		t.Errorf("a value of an older version: %d", status)
	}
	next := heir.valueFor(owner.address, heir, 2, "", slotSizes[1])
	if status, code := r.putSlot(t, owner.address, next, 1); status != http.StatusNoContent {
		t.Errorf("replace a value of an older version: %d %s", status, code)
	}
	if status, body := r.getSlot(t, owner.address); status != http.StatusOK || body != string(next) {
		t.Errorf("after that: %d", status)
	}
	held, err := r.slots.kv.Get(t.Context(), r.slots.tokens.of(owner.address))
	if err != nil || len(held.Value()) != len(next)+sealOverhead {
		t.Errorf("it is stored in %d bytes, %v", len(held.Value()), err)
	}
}

// findsAddress looks through all files for a slot's address, its value, and public keys whose hash is the address.
func findsAddress(dir string, owner mailbox, value []byte) error {
	a, key := owner.address, owner.public()
	needles := [][]byte{a[:], []byte(hex.EncodeToString(a[:])), key, []byte(hex.EncodeToString(key)), value[slotHeader : slotHeader+12]}
	for _, b := range [][]byte{a[:], key} {
		needles = append(needles, []byte(base64.RawURLEncoding.EncodeToString(b)), []byte(base64.RawStdEncoding.EncodeToString(b)))
	}
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, n := range needles {
			if bytes.Contains(b, n) {
				return errors.New("it is in " + filepath.Base(path))
			}
		}
		for at := 0; at+ed25519.PublicKeySize <= len(b); at++ {
			if sum := sha256.Sum256(b[at : at+ed25519.PublicKeySize]); address(sum[:addressSize]) == a {
				return errors.New("it can be computed from " + filepath.Base(path))
			}
		}
		return nil
	})
}

// A value that was changed, or moved to another slot, in the engine's storage is none.
func TestStoredValueThatWasTamperedWith(t *testing.T) {
	r := startRelay(t, nil)
	k, other := newMailbox(), newMailbox()
	if status, code := r.putSlot(t, k.address, k.slotValue(1, "x"), 0); status != http.StatusNoContent {
		t.Fatalf("put: %d %s", status, code)
	}
	held, err := r.slots.kv.Get(t.Context(), r.slots.tokens.of(k.address))
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Clone(held.Value())
	changed[1000] ^= 1
	for a, stored := range map[address][]byte{k.address: changed, other.address: held.Value()} {
		if _, err := r.engine.js.Publish(t.Context(), r.slots.subject(a), stored, jetstream.WithRetryAttempts(0)); err != nil {
			t.Fatal(err)
		}
		if value, _, err := r.slots.load(t.Context(), a, r.engine.lastOfLeader); err == nil {
			t.Errorf("a value of %d bytes came of it", len(value))
		}
	}
}
