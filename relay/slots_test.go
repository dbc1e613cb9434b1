package relay

import (
	"crypto/ed25519"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func (m mailbox) slotValue(version uint64, sealed string) []byte {
	v := binary.BigEndian.AppendUint64(nil, version)
	sig := ed25519.Sign(m.key, signedBytes("ringfork/1/slot", m.address[:], v, []byte(sealed)))
	v = append(v, m.key.Public().(ed25519.PublicKey)...)
	return append(append(v, sig...), sealed...)
}

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
	put("another's value", other.slotValue(1, "x"), 0, 403, "bad-signature")
	forged := k.slotValue(1, "x")
	forged[len(forged)-1] = 'y'
	put("changed after signing", forged, 0, 403, "bad-signature")
	put("first", k.slotValue(1, "one"), 0, 204, "")
	put("first again", k.slotValue(1, "one"), 0, 204, "")
	put("another first", k.slotValue(1, "uno"), 0, 409, "slot-conflict")
	put("second", k.slotValue(2, "two"), 1, 204, "")
	put("an old one", k.slotValue(1, "one"), 0, 409, "slot-conflict")
	put("longest", k.slotValue(3, strings.Repeat("x", MaxSlotSize-slotHeader)), 2, 204, "")
	put("fourth", k.slotValue(4, "four"), 3, 204, "")
	status, value := r.getSlot(t, k.address)
	want("get", status, value, http.StatusOK, string(k.slotValue(4, "four")))
}

func TestSlotHasOneWinner(t *testing.T) {
	r := startRelay(t, nil)
	k := newMailbox()
	for version := uint64(1); version <= 5; version++ {
		var wins, conflicts atomic.Int32
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				switch status, code := r.putSlot(t, k.address, k.slotValue(version, fmt.Sprint(i)), version-1); status {
				case 204:
					wins.Add(1)
				case 409:
					conflicts.Add(1)
				default:
					t.Errorf("put: %d %s", status, code)
				}
			})
		}
		wg.Wait()
		if wins.Load() != 1 || conflicts.Load() != 7 {
			t.Errorf("version %d: %d wins and %d conflicts", version, wins.Load(), conflicts.Load())
		}
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
	// Neither the address nor its hash without the key is on the disk.
	found := false
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		found = found || strings.Contains(string(b), hex.EncodeToString(k.address[:]))
		return err
	})
	if err != nil || found {
		t.Errorf("address on disk: %v, %v", found, err)
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
	r := startRelay(t, func(c *Config) { c.SlotBytes = 32 << 10 })
	first := newMailbox()
	big := strings.Repeat("x", 7<<10)
	if status, code := r.putSlot(t, first.address, first.slotValue(1, big), 0); status != 204 {
		t.Fatalf("put: %d %s", status, code)
	}
	for i := 0; ; i++ {
		k := newMailbox()
		status, code := r.putSlot(t, k.address, k.slotValue(1, big), 0)
		if status == 503 && code == "slots-full" {
			break
		}
		if status != 204 || i > 8 {
			t.Fatalf("put %d: %d %s", i, status, code)
		}
	}
	// A slot that is there can still be replaced.
	if status, code := r.putSlot(t, first.address, first.slotValue(2, "small"), 1); status != 204 {
		t.Errorf("replace: %d %s", status, code)
	}
}
