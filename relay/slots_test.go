package relay

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// slotValue is a value for m's slot that m writes now and the next time, of the smallest size.
func (m mailbox) slotValue(version uint64, content string) []byte {
	return m.valueFor(m.address, m, version, content, slotSizes[0])
}

// valueFor is a value of size bytes for the slot at a, written by m; next writes the one after it.
func (m mailbox) valueFor(a address, next mailbox, version uint64, content string, size int) []byte {
	sealed := make([]byte, size-slotHeader)
	copy(sealed, content)
	v := binary.BigEndian.AppendUint64(nil, version)
	sig := ed25519.Sign(m.key, signedBytes("ringfork/1/slot", a[:], v, next.public(), sealed))
	return slices.Concat(v, m.public(), next.public(), sig, sealed)
}

func (m mailbox) public() ed25519.PublicKey { return m.key.Public().(ed25519.PublicKey) }

func (r *testRelay) putSlot(t *testing.T, a address, value []byte, replaces uint64) (int, string) {
	t.Helper()
	return r.do(t, "PUT", fmt.Sprintf("/v1/slot/%s?replaces=%d", hex.EncodeToString(a[:]), replaces), value)
}

func (r *testRelay) getSlot(t *testing.T, a address) (int, string) {
	t.Helper()
	return r.do(t, "GET", "/v1/slot/"+hex.EncodeToString(a[:]), nil)
}

func TestSlots(t *testing.T) {
	r := startRelay(t, nil)
	k, other := newMailbox(), newMailbox()
	want := func(what string, status int, code string, wantStatus int, wantCode string) {
		t.Helper()
		if status != wantStatus || code != wantCode {
			t.Errorf("%s: %d %q, want %d %q", what, status, code, wantStatus, wantCode)
		}
	}
	put := func(what string, value []byte, replaces uint64, wantStatus int, wantCode string) {
		t.Helper()
		status, code := r.putSlot(t, k.address, value, replaces)
		want(what, status, code, wantStatus, wantCode)
	}
	put("a version too many", k.slotValue(2, "x"), 0, 400, "bad-version")
	put("nothing to replace", k.slotValue(2, "x"), 1, 409, "slot-conflict")
	put("version wraps around", k.slotValue(0, "x"), 1<<64-1, 400, "bad-version")
	put("made for another slot", other.slotValue(1, "x"), 0, 403, "bad-signature")
	put("another's in an empty slot", other.valueFor(k.address, k, 1, "x", 4096), 0, 403, "not-the-writer")
	for _, at := range []int{0, 7, 8, 39, 40, 71, 72, slotHeader - 1, slotHeader, 4095} {
		changed := k.slotValue(1, "x")
		changed[at] ^= 1
		if status, code := r.putSlot(t, k.address, changed, 0); status == 204 {
			t.Errorf("byte %d changed after signing: %d %s", at, status, code)
		}
	}
	put("first", k.slotValue(1, "one"), 0, 204, "")
	put("first again", k.slotValue(1, "one"), 0, 204, "")
	put("another first", k.slotValue(1, "uno"), 0, 409, "slot-conflict")
	put("second", k.slotValue(2, "two"), 1, 204, "")
	put("an old one", k.slotValue(1, "one"), 0, 409, "slot-conflict")
	version := uint64(2)
	for _, size := range []int{4096, 16384, 65536, 262144, 4096} {
		for _, wrong := range []int{size - 1, size + 1} {
			wantStatus, wantCode := 400, "bad-size"
			if wrong > MaxSlotSize {
				wantStatus, wantCode = 413, "too-large"
			}
			put(fmt.Sprint(wrong, " bytes"), k.valueFor(k.address, k, version+1, "x", wrong), version, wantStatus, wantCode)
		}
		version++
		value := k.valueFor(k.address, k, version, fmt.Sprint(version), size)
		put(fmt.Sprint(size, " bytes"), value, version-1, 204, "")
		status, got := r.getSlot(t, k.address)
		if status != http.StatusOK || got != string(value) {
			t.Errorf("get of %d bytes: %d, %d bytes", size, status, len(got))
		}
	}
}

// Each value names who writes the next one. Whoever wrote before, and anybody else, is refused from then on.
func TestSlotWriters(t *testing.T) {
	r := startRelay(t, nil)
	first, second, third, stranger := newMailbox(), newMailbox(), newMailbox(), newMailbox()
	a := first.address
	for _, s := range []struct {
		what         string
		writer, next mailbox
		version      uint64
		status       int
		code         string
	}{
		{"the slot's own key opens it", first, first, 1, 204, ""},
		{"a stranger", stranger, stranger, 2, 403, "not-the-writer"},
		{"the writer hands over", first, second, 2, 204, ""},
		{"the former writer", first, first, 3, 403, "not-the-writer"},
		{"the former writer, naming the rightful one", first, second, 3, 403, "not-the-writer"},
		{"the former writer, replacing what it has read", first, first, 2, 409, "slot-conflict"},
		{"one whom nobody named", third, second, 3, 403, "not-the-writer"},
		{"the writer named", second, third, 3, 204, ""},
		{"the writer before", second, second, 4, 403, "not-the-writer"},
		{"the slot's own key, much later", first, first, 4, 403, "not-the-writer"},
		{"the slot's own key, as at the beginning", first, first, 1, 409, "slot-conflict"},
		{"the next one", third, third, 4, 204, ""},
	} {
		value := s.writer.valueFor(a, s.next, s.version, s.what, 4096)
		if status, code := r.putSlot(t, a, value, s.version-1); status != s.status || code != s.code {
			t.Errorf("%s: %d %q, want %d %q", s.what, status, code, s.status, s.code)
		}
		if status, held := r.getSlot(t, a); s.status == 204 && (status != 200 || held != string(value)) {
			t.Errorf("%s: the slot holds something else", s.what)
		}
	}
}

func TestSlotHasOneWinner(t *testing.T) {
	r := startRelay(t, nil)
	k := newMailbox()
	writer := k
	for version := uint64(1); version <= 5; version++ {
		var wins, conflicts atomic.Int32
		var wg sync.WaitGroup
		nexts := make([]mailbox, 8)
		winner := make(chan mailbox, len(nexts))
		for i := range nexts {
			nexts[i] = newMailbox()
			wg.Go(func() {
				// All may write, each would leave out the others.
				value := writer.valueFor(k.address, nexts[i], version, fmt.Sprint(i), slotSizes[i%2])
				switch status, code := r.putSlot(t, k.address, value, version-1); status {
				case 204:
					wins.Add(1)
					winner <- nexts[i]
				case 409:
					conflicts.Add(1)
				default:
					t.Errorf("put: %d %s", status, code)
				}
			})
		}
		wg.Wait()
		if wins.Load() != 1 || conflicts.Load() != 7 {
			t.Fatalf("version %d: %d wins and %d conflicts", version, wins.Load(), conflicts.Load())
		}
		writer = <-winner
	}
}

func TestSlotsSurviveRestart(t *testing.T) {
	dir, k := t.TempDir(), newMailbox()
	for version := uint64(1); version <= 3; version++ {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			r := startRelay(t, func(c *Config) {
				c.DataDir = dir
				c.FrameAge = time.Duration(version) * time.Second // a changed configuration is no obstacle
				c.SlotBytes = int64(version) << 20
			})
			if version > 1 {
				if status, v := r.getSlot(t, k.address); status != 200 || v != string(k.slotValue(version-1, "v")) {
					t.Fatalf("get: %d %q", status, v)
				}
			}
			if status, code := r.putSlot(t, k.address, k.slotValue(version, "v"), version-1); status != 204 {
				t.Fatalf("put: %d %s", status, code)
			}
		})
	}
}

// Values of an older version cannot be read or replaced by anybody: they make room.
func TestSlotsOfAnOlderVersionAreRemoved(t *testing.T) {
	dir := t.TempDir()
	for i := range 2 {
		r, err := New(Config{Origins: []string{"http://relay"}, DataDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.engine.js.KeyValue(t.Context(), oldSlotBucket); !errors.Is(err, jetstream.ErrBucketNotFound) {
			t.Errorf("start %d: the old slots: %v", i, err)
		}
		if _, err := r.engine.js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: oldSlotBucket}); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBadSlotKey(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "slot.key"), []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r, err := New(Config{Origins: []string{"http://relay"}, DataDir: dir}); err == nil {
		r.Close()
		t.Error("a slot key of 5 bytes was taken")
	}
}

func TestSlotsAreBounded(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		r := startRelay(t, func(c *Config) { c.DataDir, c.SlotBytes = dir, 100<<10 })
		var all []mailbox
		for {
			k := newMailbox()
			status, code := r.putSlot(t, k.address, k.valueFor(k.address, k, 1, "", 16384), 0)
			if status == 503 && code == "slots-full" {
				break
			}
			if status != 204 || len(all) > 8 {
				t.Fatalf("put %d: %d %s", len(all), status, code)
			}
			all = append(all, k)
		}
		if len(all) != 6 {
			t.Errorf("%d slots of 16 kB fit into 100 kB", len(all))
		}
		// A slot that is there can still be replaced, by a value of its size or a smaller one, as often as need be.
		for version := uint64(2); version < 12; version++ {
			for _, k := range all {
				if status, code := r.putSlot(t, k.address, k.valueFor(k.address, k, version, "", 16384), version-1); status != 204 {
					t.Fatalf("replace: %d %s", status, code)
				}
			}
		}
		k := all[0]
		if status, code := r.putSlot(t, k.address, k.valueFor(k.address, k, 12, "", 65536), 11); status != 503 || code != "slots-full" {
			t.Errorf("replace by more: %d %s", status, code)
		}
		if status, code := r.putSlot(t, k.address, k.slotValue(12, ""), 11); status != 204 {
			t.Errorf("replace by less: %d %s", status, code)
		}
	}
}

// What is announced costs nothing, and is refused before it comes.
func TestAnnouncedLengthCostsNothing(t *testing.T) {
	r := startRelay(t, nil)
	for path, want := range map[string]string{"POST /v1/pub": "400", "PUT /v1/slot/" + strings.Repeat("ab", 20) + "?replaces=0": "413"} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range 10 {
			conn, err := net.Dial("tcp", strings.TrimPrefix(r.origin, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(5 * time.Second))
			fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: relay\r\nContent-Length: 1073741824\r\n\r\n", path)
			answer := make([]byte, len("HTTP/1.1 400"))
			if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != "HTTP/1.1 "+want {
				t.Fatalf("%s: %q, %v", path, answer, err)
			}
		}
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 4<<20 {
			t.Errorf("%s: ten announcements of 1 GiB allocated %d bytes", path, grown)
		}
	}
}

// A body without an end, of a length that was not announced, is cut off.
func TestEndlessBodyIsCutOff(t *testing.T) {
	r := startRelay(t, nil)
	for method, path := range map[string]string{"POST": "/v1/pub", "PUT": "/v1/slot/" + strings.Repeat("ab", 20) + "?replaces=0"} {
		var sent atomic.Int64 // the client may still read when it has its answer
		body := readerFunc(func(p []byte) (int, error) { sent.Add(int64(len(p))); return len(p), nil })
		req, err := http.NewRequestWithContext(t.Context(), method, r.origin+path, body)
		if err != nil {
			t.Fatal(err)
		}
		if res, err := http.DefaultClient.Do(req); err == nil { // else the connection was closed while it was written to
			res.Body.Close()
			if res.StatusCode != 400 && res.StatusCode != 413 {
				t.Errorf("%s: %s", path, res.Status)
			}
		}
		if n := sent.Load(); n > 64<<20 {
			t.Errorf("%s: %d bytes were taken", path, n)
		}
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestPutsAreLimitedByTheirSize(t *testing.T) {
	r := startRelay(t, nil)
	k := newMailbox()
	for version := uint64(1); ; version++ {
		status, code := r.putSlot(t, k.address, k.valueFor(k.address, k, version, "", MaxSlotSize), version-1)
		if status == http.StatusTooManyRequests {
			break
		}
		if status != 204 || version > 40 {
			t.Fatalf("put %d: %d %s", version, status, code)
		}
	}
}

// FuzzSlotValue: no value makes the relay panic, and none is taken that its writer has not signed.
func FuzzSlotValue(f *testing.F) {
	m := mailbox{key: ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))}
	m.address = addressOf(m.public())
	good := m.slotValue(1, "content")
	f.Add(good, uint64(0))
	f.Add(good[:slotHeader], uint64(0))
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
