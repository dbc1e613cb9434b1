package relay

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
)

// slots keeps one signed value for each address, in a key-value bucket whose keys are keyed hashes of the addresses.
type slots struct {
	kv    jetstream.KeyValue
	key   []byte
	limit uint64

	growing sync.Mutex // held while the bucket is measured and grows
}

const (
	slotBucket = "slot-values"
	// oldSlotBucket held values without the next writer's key, which nobody can read or replace any more.
	oldSlotBucket = "slots"
)

// slotRoom is how much of the engine's storage limit bytes of slots need. The rest above it is for what the engine adds to a
// value that is replaced by one of its size: a slot that is there can always be replaced, however many there are.
func slotRoom(limit int64) int64 { return limit + limit/128 + 1<<20 }

func newSlots(ctx context.Context, e *engine, cfg Config) (*slots, error) {
	s := &slots{key: make([]byte, 32), limit: uint64(cfg.SlotBytes)}
	storage := jetstream.MemoryStorage
	if cfg.DataDir == "" {
		rand.Read(s.key)
	} else {
		storage = jetstream.FileStorage
		var err error
		if s.key, err = loadKey(filepath.Join(cfg.DataDir, "slot.key")); err != nil {
			return nil, fmt.Errorf("failed to load the slot key: %w", err)
		}
		if err := e.js.DeleteKeyValue(ctx, oldSlotBucket); err != nil && !errors.Is(err, jetstream.ErrBucketNotFound) {
			return nil, fmt.Errorf("failed to remove the slots of an older version: %w", err)
		}
	}
	var err error
	s.kv, err = e.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: slotBucket, History: 1, Storage: storage, MaxBytes: slotRoom(cfg.SlotBytes), MaxValueSize: MaxSlotSize + 1<<10,
	})
	if err != nil {
		return nil, fmt.Errorf("failed to open the slots: %w", err)
	}
	return s, nil
}

// get returns the value of a slot, nil if it is empty. Errors are refusals.
func (s *slots) get(ctx context.Context, a address) (slotValue, error) {
	value, _, err := s.load(ctx, s.name(a))
	return value, err
}

// put replaces the value of version replaces (zero: an empty slot). Of several that replace the same one, one succeeds.
// Putting the value that the slot holds succeeds too: it is a retry whose first answer was lost. mayGrow is asked before the
// slot gets longer by some bytes. Errors are refusals.
func (s *slots) put(ctx context.Context, a address, value []byte, replaces uint64, mayGrow func(bytes int) error) error {
	v, err := parseSlotValue(a, value, replaces)
	if err != nil {
		return err
	}
	name := s.name(a)
	held, revision, err := s.load(ctx, name)
	if err != nil {
		return err
	}
	if bytes.Equal(held, v) {
		return nil
	}
	if err := v.mayReplace(a, held); err != nil {
		return err
	}
	if len(v) > len(held) {
		if err := mayGrow(len(v) - len(held)); err != nil {
			return err
		}
		s.growing.Lock()
		defer s.growing.Unlock()
		if err := s.checkRoom(ctx, len(v)-len(held)); err != nil {
			return err
		}
	}
	ctx, cancel := withTimeout(ctx)
	defer cancel()
	// The revision makes the swap atomic: it is of the value that was just compared.
	switch _, err = s.kv.Update(ctx, name, v, revision); {
	case err == nil:
		return nil
	case errors.Is(err, jetstream.ErrKeyRevisionMismatch), errors.Is(err, jetstream.ErrKeyExists):
		return &refusal{http.StatusConflict, "slot-conflict", "the slot was written meanwhile", 0}
	case strings.Contains(err.Error(), server.ErrMaxBytes.Error()), strings.Contains(err.Error(), "insufficient"):
		return slotsFull()
	default:
		return unavailable("the slot was not written")
	}
}

// checkRoom refuses what would make the bucket larger than its limit.
func (s *slots) checkRoom(ctx context.Context, more int) error {
	ctx, cancel := withTimeout(ctx)
	defer cancel()
	status, err := s.kv.Status(ctx)
	if err != nil {
		return unavailable("the slot was not written")
	}
	if status.Bytes()+uint64(more) > s.limit {
		return slotsFull()
	}
	return nil
}

func slotsFull() *refusal {
	return &refusal{http.StatusServiceUnavailable, "slots-full", "the relay keeps no more slots", time.Minute}
}

// load returns a slot's value and the bucket's revision of it: nil and zero when it is empty.
func (s *slots) load(ctx context.Context, name string) (slotValue, uint64, error) {
	ctx, cancel := withTimeout(ctx)
	defer cancel()
	e, err := s.kv.Get(ctx, name)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, unavailable("the slot could not be read")
	}
	if len(e.Value()) < slotHeader {
		return nil, 0, unavailable("the slot could not be read")
	}
	return e.Value(), e.Revision(), nil
}

func (s *slots) name(a address) string { return keyedHash(s.key, "slot", a) }

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
