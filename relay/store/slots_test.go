package store

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

// slotKey writes slots; its own is at its address.
type slotKey struct {
	address Address
	key     ed25519.PrivateKey
}

func newSlotKey() slotKey {
	pub, key, _ := ed25519.GenerateKey(nil)
	return slotKey{AddressOf(pub), key}
}

func (k slotKey) public() ed25519.PublicKey { return k.key.Public().(ed25519.PublicKey) }

// value is a value of size bytes for the slot at a, written by k; next writes the one after it.
func (k slotKey) value(a Address, next slotKey, version uint64, content string, size int) []byte {
	sealed := make([]byte, size-SlotHeader)
	copy(sealed, content)
	v := binary.BigEndian.AppendUint64(nil, version)
	sig := ed25519.Sign(k.key, SignedBytes("ringfork/1/slot", a[:], v, next.public(), sealed))
	return slices.Concat(v, k.public(), next.public(), sig, sealed)
}

func mayGrow(int) error { return nil }

// Values of an older version cannot be read or replaced by anybody: they make room.
func TestSlotsOfAnOlderVersionAreRemoved(t *testing.T) {
	dir := t.TempDir()
	for i := range 2 {
		s, err := Open(t.Context(), Config{DataDir: dir, Listener: nobody{}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.engine.js.KeyValue(t.Context(), oldSlotBucket); !errors.Is(err, jetstream.ErrBucketNotFound) {
			t.Errorf("start %d: the old slots: %v", i, err)
		}
		if _, err := s.engine.js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: oldSlotBucket}); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBadSlotKey(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "slot.key"), []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := Open(t.Context(), Config{DataDir: dir, Listener: nobody{}}); err == nil {
		s.Close()
		t.Error("a slot key of 5 bytes was taken")
	}
}

// FuzzSlotValue: no value makes the relay panic, and none is taken that its writer has not signed.
func FuzzSlotValue(f *testing.F) {
	m := slotKey{key: ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))}
	m.address = AddressOf(m.public())
	good := m.value(m.address, m, 1, "content", SlotSizes[0])
	f.Add(good, uint64(0))
	f.Add(good[:SlotHeader], uint64(0))
	f.Add([]byte{}, uint64(1<<64-1))
	f.Fuzz(func(t *testing.T, value []byte, replaces uint64) {
		v, err := parseSlotValue(m.address, value, replaces)
		if err == nil && v.mayReplace(m.address, nil) == nil && !bytes.Equal(v, good) {
			t.Errorf("a value was taken: %x", value)
		}
		if err == nil && v.mayReplace(m.address, v) == nil {
			t.Error("a value follows itself")
		}
	})
}

// Who follows deploy/README.md backs up what the slots are in.
func TestDeployNamesTheSlots(t *testing.T) {
	text, err := os.ReadFile("../../deploy/README.md")
	if err != nil {
		t.Fatal(err)
	}
	s := openStore(t, Config{NATS: NATSConfig{URLs: []string{natsServer(t, nil)}, Replicas: 1, Key: make([]byte, NATSKeySize)}})
	if command := "nats stream backup " + s.slots.stream + " "; !strings.Contains(string(text), command) {
		t.Errorf("deploy/README.md does not say %q", command)
	}
}

// What is made of one key is not one key: mailboxes and slots have one each.
func TestClusterHasTwoKeys(t *testing.T) {
	s := openStore(t, Config{NATS: NATSConfig{URLs: []string{natsServer(t, nil)}, Replicas: 1, Key: make([]byte, NATSKeySize)}})
	if e := s.engine; bytes.Equal(e.mailboxKey, e.slotKey) {
		t.Error("mailboxes and slots have one key")
	}
}
