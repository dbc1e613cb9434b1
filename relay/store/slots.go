package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// slots keeps one signed value for each address, in a key-value bucket whose keys are keyed hashes of the addresses and whose
// values are sealed: who has what is stored, and not the key, learns no address and no public key.
type slots struct {
	engine     *engine
	tokens     *tokens
	sealer     slotSealer
	kv         jetstream.KeyValue
	stream     string // of the bucket
	limit      uint64
	leaderWait time.Duration

	growing sync.Mutex // held while the bucket is measured and grows
}

// oldSlotBucket held values without the next writer's key, which nobody can read or replace any more.
const oldSlotBucket = "slots"

// slotRoom is how much of the engine's storage limit bytes of slots need. The rest above it is for what the engine adds to a
// value that is replaced by one of its size: a slot that is there can always be replaced, however many there are.
func slotRoom(limit int64) int64 { return limit + limit/64 + 1<<20 }

func newSlots(ctx context.Context, e *engine, cfg Config) (*slots, error) {
	if e.srv != nil && e.slotStorage == jetstream.FileStorage {
		if err := e.js.DeleteKeyValue(ctx, oldSlotBucket); err != nil && !errors.Is(err, jetstream.ErrBucketNotFound) {
			return nil, fmt.Errorf("failed to remove the slots of an older version: %w", err)
		}
	}
	bucket := jetstream.KeyValueConfig{
		Bucket: e.slotBucket, History: 1, Storage: e.slotStorage, Replicas: e.replicas,
		MaxBytes: slotRoom(cfg.SlotBytes), MaxValueSize: MaxSlotSize + 1<<10,
	}
	s := &slots{
		engine: e, tokens: newTokens(e.slotKey, "slot"), sealer: newSlotSealer(e.slotKey), stream: "KV_" + e.slotBucket,
		limit: uint64(cfg.SlotBytes), leaderWait: cfg.LeaderWait,
	}
	err := e.create(ctx, "open the slots", func(ctx context.Context) (err error) {
		s.kv, err = e.js.CreateOrUpdateKeyValue(ctx, bucket)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s, s.checkKey(ctx)
}

// checkKey looks whether the value that was written last is of this key. What is of another one nobody can read or replace, and
// it takes room for ever. In a folder of our own it is an error; in a cluster it may be another relay's, and the operator is told.
func (s *slots) checkKey(ctx context.Context) error {
	ctx, cancel := withTimeout(ctx)
	defer cancel()
	last, err := s.engine.lastOfLeader(ctx, s.stream, "$KV."+s.engine.slotBucket+".>")
	switch {
	case errors.Is(err, errNoMessage), err == nil && len(last.data) == 0: // none yet, or the mark of one that tools removed
		return nil
	case err != nil && s.engine.srv != nil:
		return fmt.Errorf("failed to read the slots: %w", err)
	case err != nil:
		return nil // there is no leader just now
	}
	if _, err := s.sealer.open(last.subject, last.data); err == nil {
		return nil
	}
	if s.engine.srv != nil {
		return errors.New("the slots in the folder are of another key than its slot.key: put that one back, or remove the folder " +
			"jetstream beside it, and all slots with it")
	}
	s.engine.log.Warn("slots of another key are in the cluster: unless they are another relay's, they only take room")
	return nil
}

// get returns the value of a slot, nil if it is empty.
//
// The leader is asked first. While there is none any copy will do, and one that is a little old does no harm: whoever reads a
// value checks its signature and version. But only the leader is believed that a slot is empty.
func (s *slots) get(ctx context.Context, a Address) (slotValue, error) {
	ctx, cancel := withTimeout(ctx)
	defer cancel()
	answers := make(chan slotValue, 2)
	ask := func(after time.Duration, last lastFunc, believed func(slotValue) bool) {
		for {
			select {
			case <-time.After(after):
			case <-ctx.Done():
				return
			}
			if value, _, err := s.load(ctx, a, last); err == nil && believed(value) {
				answers <- value
				return
			}
			after = s.leaderWait
		}
	}
	go ask(0, s.engine.lastOfLeader, func(slotValue) bool { return true })
	go ask(s.leaderWait, s.engine.lastOfAny, func(v slotValue) bool { return v != nil })
	select {
	case value := <-answers:
		return value, nil
	case <-ctx.Done():
		return nil, ErrNotRead
	}
}

// put replaces the value of version replaces (zero: an empty slot). Of several that replace the same one, one succeeds.
// Putting the value that the slot holds succeeds too: it is a retry whose first answer was lost. mayGrow is asked before the
// slot gets longer by some bytes.
func (s *slots) put(ctx context.Context, a Address, value []byte, replaces uint64, mayGrow func(bytes int) error) error {
	v, err := parseSlotValue(a, value, replaces)
	if err != nil {
		return err
	}
	ctx, cancel := withTimeout(ctx)
	defer cancel()
	held, revision, err := s.load(ctx, a, s.engine.lastOfLeader)
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
	return s.swap(ctx, a, v, revision)
}

// swap stores a value if the slot is still at the bucket's revision.
func (s *slots) swap(ctx context.Context, a Address, v slotValue, revision uint64) error {
	msg := nats.NewMsg(s.subject(a))
	msg.Data = s.sealer.seal(msg.Subject, v)
	msg.Header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(revision, 10))
	err := s.engine.publish(ctx.Done(), requestTimeout, msg)
	var api *apiError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &api):
		return ErrNotWritten
	case api.is(server.JSStreamWrongLastSequenceErrF, server.JSStreamWrongLastSequenceConstantErr):
		// Perhaps by this very message: it is sent again when the engine's connection breaks.
		if held, _, err := s.load(ctx, a, s.engine.lastOfLeader); err == nil && bytes.Equal(held, v) {
			return nil
		}
		return ErrSlotRace
	case api.full():
		return ErrSlotsFull
	default:
		return ErrNotWritten
	}
}

// checkRoom refuses what would make the bucket larger than its limit.
func (s *slots) checkRoom(ctx context.Context, more int) error {
	status, err := s.kv.Status(ctx)
	if err != nil {
		return ErrNotWritten
	}
	if status.Bytes()+uint64(more) > s.limit {
		return ErrSlotsFull
	}
	return nil
}

// lastFunc is one way to ask for a stream's last message of a subject.
type lastFunc = func(ctx context.Context, stream, subject string) (stored, error)

// load returns a slot's value and the bucket's revision of it: nil and zero when it is empty.
func (s *slots) load(ctx context.Context, a Address, last lastFunc) (slotValue, uint64, error) {
	subject := s.subject(a)
	held, err := last(ctx, s.stream, subject)
	if errors.Is(err, errNoMessage) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, ErrNotRead
	}
	value, err := s.sealer.open(subject, held.data)
	if err != nil {
		return nil, 0, ErrNotRead
	}
	return value, held.sequence, nil
}

func (s *slots) subject(a Address) string {
	return "$KV." + s.engine.slotBucket + "." + s.tokens.of(a)
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
