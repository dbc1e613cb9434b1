package relay

import (
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
	"sync/atomic"
	"testing"
	"time"

	"ringfork/relay/store"
)

// slotValue is a value for m's slot that m writes now and the next time, of the smallest size.
func (m mailbox) slotValue(version uint64, content string) []byte {
	return m.valueFor(m.address, m, version, content, store.SlotSizes[0])
}

// valueFor is a value of size bytes for the slot at a, written by m; next writes the one after it.
func (m mailbox) valueFor(a address, next mailbox, version uint64, content string, size int) []byte {
	sealed := make([]byte, size-store.SlotHeader)
	copy(sealed, content)
	v := binary.BigEndian.AppendUint64(nil, version)
	sig := ed25519.Sign(m.key, store.SignedBytes("ringfork/1/slot", a[:], v, next.public(), sealed))
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

// Slots of a key that is lost would fill the folder for ever. Whoever has only mislaid it can put it back.
func TestFolderOfAnotherKey(t *testing.T) {
	dir, m := t.TempDir(), newMailbox()
	path := filepath.Join(dir, "slot.key")
	var key []byte
	serve := func(t *testing.T) *testRelay { return startRelay(t, func(c *Config) { c.DataDir = dir }) }
	steps := []struct {
		name string
		run  func(t *testing.T) error
	}{
		{"write", func(t *testing.T) error {
			if status, code := serve(t).putSlot(t, m.address, m.slotValue(1, "v"), 0); status != 204 {
				t.Errorf("put: %d %s", status, code)
			}
			return nil
		}},
		{"lose", func(t *testing.T) (err error) {
			if key, err = os.ReadFile(path); err != nil {
				return err
			}
			if err := os.Remove(path); err != nil {
				return err
			}
			for range 2 { // also when another key has been made
				r, err := New(t.Context(), Config{Origins: []string{"http://relay"}, DataDir: dir})
				if err == nil {
					r.Close()
				}
				if err == nil || !strings.Contains(err.Error(), "slot.key") || !strings.Contains(err.Error(), "jetstream") {
					t.Errorf("a relay with another key: %v", err)
				}
			}
			return nil
		}},
		{"find", func(t *testing.T) error {
			if err := os.WriteFile(path, key, 0o600); err != nil {
				return err
			}
			if status, v := serve(t).getSlot(t, m.address); status != 200 || v != string(m.slotValue(1, "v")) {
				t.Errorf("get: %d", status)
			}
			return nil
		}},
		{"begin anew", func(t *testing.T) error {
			if err := errors.Join(os.Remove(path), os.RemoveAll(filepath.Join(dir, "jetstream"))); err != nil {
				return err
			}
			if status, _ := serve(t).getSlot(t, m.address); status != 204 {
				t.Errorf("get: %d", status)
			}
			return nil
		}},
	}
	for _, step := range steps { // each ends its relay
		t.Run(step.name, func(t *testing.T) {
			if err := step.run(t); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// Of two relays with one folder each would lose what the other has acknowledged.
func TestFolderIsForOneRelay(t *testing.T) {
	cfg := Config{Origins: []string{"http://relay"}, DataDir: t.TempDir()}
	key := filepath.Join(cfg.DataDir, "slot.key")
	if err := os.WriteFile(key, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if r, err := New(t.Context(), cfg); err == nil || errors.Is(err, ErrDirInUse) {
		r.Close()
		t.Fatalf("with a bad key: %v", err)
	}
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	for range 2 { // one that failed, or ended, is in nobody's way
		first, err := New(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if second, err := New(t.Context(), cfg); !errors.Is(err, ErrDirInUse) {
			second.Close()
			t.Errorf("a second relay in one folder: %v", err)
		}
		if err := first.Close(); err != nil {
			t.Error(err)
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
			conn.SetDeadline(time.Now().Add(30 * time.Second))
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
