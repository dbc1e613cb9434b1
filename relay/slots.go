package relay

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
)

// slotHeader is what stands before a slot value's sealed bytes: version (8, big endian), Ed25519 key, signature.
const slotHeader = 8 + keySize + signatureSize

// slots keeps one signed value for each address, in a key-value bucket whose keys are keyed hashes of the addresses.
type slots struct {
	kv  jetstream.KeyValue
	key []byte
}

func newSlots(ctx context.Context, e *engine, cfg Config) (*slots, error) {
	s := &slots{key: make([]byte, 32)}
	storage := jetstream.MemoryStorage
	if cfg.DataDir == "" {
		rand.Read(s.key)
	} else {
		storage = jetstream.FileStorage
		var err error
		if s.key, err = loadKey(filepath.Join(cfg.DataDir, "slot.key")); err != nil {
			return nil, fmt.Errorf("failed to load the slot key: %w", err)
		}
	}
	var err error
	s.kv, err = e.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: "slots", History: 1, Storage: storage, MaxBytes: cfg.SlotBytes, MaxValueSize: MaxSlotSize + 1<<10,
	})
	if err != nil {
		return nil, fmt.Errorf("failed to open the slots: %w", err)
	}
	return s, nil
}

// get returns the value of a slot, nil if it is empty. Errors are refusals.
func (s *slots) get(ctx context.Context, a address) ([]byte, error) {
	value, _, err := s.load(ctx, s.name(a))
	return value, err
}

// put replaces the value of version replaces (zero: an empty slot). Of several that replace the same one, one succeeds.
// Putting the value that the slot holds succeeds too: it is a retry whose first answer was lost. Errors are refusals.
func (s *slots) put(ctx context.Context, a address, value []byte, replaces uint64) error {
	if err := checkSlotValue(a, value, replaces); err != nil {
		return err
	}
	name := s.name(a)
	held, revision, err := s.load(ctx, name)
	if err != nil {
		return err
	}
	if bytes.Equal(held, value) {
		return nil
	}
	conflict := &refusal{http.StatusConflict, "slot-conflict", "the slot holds another version", 0}
	if slotVersion(held) != replaces {
		return conflict
	}
	ctx, cancel := withTimeout(ctx)
	defer cancel()
	// The revision makes the swap atomic: it is of the entry whose version was just compared.
	switch _, err = s.kv.Update(ctx, name, value, revision); {
	case err == nil:
		return nil
	case errors.Is(err, jetstream.ErrKeyRevisionMismatch), errors.Is(err, jetstream.ErrKeyExists):
		return conflict
	case strings.Contains(err.Error(), server.ErrMaxBytes.Error()), strings.Contains(err.Error(), "insufficient"):
		return &refusal{http.StatusServiceUnavailable, "slots-full", "the relay keeps no more slots", time.Minute}
	default:
		return unavailable("the slot was not written")
	}
}

// load returns a slot's value and the bucket's revision of it: nil and zero when it is empty.
func (s *slots) load(ctx context.Context, name string) ([]byte, uint64, error) {
	ctx, cancel := withTimeout(ctx)
	defer cancel()
	e, err := s.kv.Get(ctx, name)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, unavailable("the slot could not be read")
	}
	return e.Value(), e.Revision(), nil
}

func (s *slots) name(a address) string { return keyedHash(s.key, "slot", a) }

// checkSlotValue checks all that a value says about itself.
func checkSlotValue(a address, value []byte, replaces uint64) error {
	if len(value) < slotHeader {
		return &refusal{http.StatusBadRequest, "bad-size", "the value is too short to be signed", 0}
	}
	key, signature := ed25519.PublicKey(value[8:8+keySize]), value[8+keySize:slotHeader]
	if addressOf(key) != a {
		return &refusal{http.StatusForbidden, "bad-signature", "the value's key is not the slot's", 0}
	}
	if !ed25519.Verify(key, signedBytes("ringfork/1/slot", a[:], value[:8], value[slotHeader:]), signature) {
		return &refusal{http.StatusForbidden, "bad-signature", "the value's signature is wrong", 0}
	}
	if v := slotVersion(value); v == 0 || v != replaces+1 {
		return &refusal{http.StatusBadRequest, "bad-version", "the value's version does not follow the one it replaces", 0}
	}
	return nil
}

// slotVersion returns the version of a checked value, zero of none.
func slotVersion(value []byte) uint64 {
	if len(value) < 8 {
		return 0
	}
	return binary.BigEndian.Uint64(value)
}

// loadKey reads a 32-byte key, or makes one. The new file takes its name only when it is whole.
func loadKey(path string) ([]byte, error) {
	key, err := os.ReadFile(path)
	if err == nil && len(key) != 32 {
		return nil, fmt.Errorf("%s is not 32 bytes long", filepath.Base(path))
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	key = make([]byte, 32)
	rand.Read(key)
	f, err := os.CreateTemp(filepath.Dir(path), ".key-") // with mode 0600
	if err != nil {
		return nil, err
	}
	_, err = f.Write(key)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return nil, err
	}
	return key, nil
}
