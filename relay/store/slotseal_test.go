package store

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

// What lies on the disk tells no address, not even to who computes one from all that might be a public key there.
func TestDiskTellsNoAddress(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, Config{DataDir: dir})
	owner, heir := newSlotKey(), newSlotKey()
	value := owner.value(owner.address, heir, 1, "some content", SlotSizes[0])
	if err := s.PutSlot(t.Context(), owner.address, value, 0, mayGrow); err != nil {
		t.Fatalf("put: %v", err)
	}
	if err := findsAddress(dir, owner, value); err != nil {
		t.Error(err)
	}
	// The search finds what is there: a value as older versions stored it. It can be read, and replaced by a sealed one.
	subject := s.slots.subject(owner.address)
	if _, err := s.engine.js.Publish(t.Context(), subject, value); err != nil {
		t.Fatal(err)
	}
	if err := findsAddress(dir, owner, value); err == nil {
		t.Error("a value that is not sealed was not found")
	}
	if got, err := s.Slot(t.Context(), owner.address); err != nil || !bytes.Equal(got, value) {
		t.Errorf("a value of an older version: %v", err)
	}
	next := heir.value(owner.address, heir, 2, "", SlotSizes[1])
	if err := s.PutSlot(t.Context(), owner.address, next, 1, mayGrow); err != nil {
		t.Errorf("replace a value of an older version: %v", err)
	}
	if got, err := s.Slot(t.Context(), owner.address); err != nil || !bytes.Equal(got, next) {
		t.Errorf("after that: %v", err)
	}
	held, err := s.slots.kv.Get(t.Context(), s.slots.tokens.of(owner.address))
	if err != nil || len(held.Value()) != len(next)+sealOverhead {
		t.Errorf("it is stored in %d bytes, %v", len(held.Value()), err)
	}
}

// findsAddress looks through all files for a slot's address, its value, and public keys whose hash is the address.
func findsAddress(dir string, owner slotKey, value []byte) error {
	a, key := owner.address, owner.public()
	needles := [][]byte{a[:], []byte(hex.EncodeToString(a[:])), key, []byte(hex.EncodeToString(key)), value[SlotHeader : SlotHeader+12]}
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
			if sum := sha256.Sum256(b[at : at+ed25519.PublicKeySize]); Address(sum[:addressSize]) == a {
				return errors.New("it can be computed from " + filepath.Base(path))
			}
		}
		return nil
	})
}

// A value that was changed, or moved to another slot, in the engine's storage is none.
func TestStoredValueThatWasTamperedWith(t *testing.T) {
	s := openStore(t, Config{})
	k, other := newSlotKey(), newSlotKey()
	if err := s.PutSlot(t.Context(), k.address, k.value(k.address, k, 1, "x", SlotSizes[0]), 0, mayGrow); err != nil {
		t.Fatalf("put: %v", err)
	}
	held, err := s.slots.kv.Get(t.Context(), s.slots.tokens.of(k.address))
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Clone(held.Value())
	changed[1000] ^= 1
	for a, stored := range map[Address][]byte{k.address: changed, other.address: held.Value()} {
		if _, err := s.engine.js.Publish(t.Context(), s.slots.subject(a), stored, jetstream.WithRetryAttempts(0)); err != nil {
			t.Fatal(err)
		}
		if value, _, err := s.slots.load(t.Context(), a, s.engine.lastOfLeader); err == nil {
			t.Errorf("a value of %d bytes came of it", len(value))
		}
	}
}
