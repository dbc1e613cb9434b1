package relay

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"ringfork/relay/natstest"
	"ringfork/relay/store"
)

func conformSlots(t *testing.T, e *testEngine) {
	r := e.relay(t, nil)
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
	for _, at := range []int{0, 7, 8, 39, 40, 71, 72, store.SlotHeader - 1, store.SlotHeader, 4095} {
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
func conformSlotWriters(t *testing.T, e *testEngine) {
	r := e.relay(t, nil)
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

// Of several who replace the same version, at several relays, one succeeds.
func conformSlotHasOneWinner(t *testing.T, e *testEngine) {
	relays := e.relays(t, 2, nil)
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
				value := writer.valueFor(k.address, nexts[i], version, fmt.Sprint(i), store.SlotSizes[i%2])
				switch status, code := relays[i%2].putSlot(t, k.address, value, version-1); status {
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

func conformSlotsAreBounded(t *testing.T, e *testEngine) {
	dirs := []string{""}
	if e.cluster == nil {
		dirs = append(dirs, t.TempDir())
	}
	for _, dir := range dirs {
		r := e.relay(t, func(c *Config) { c.DataDir, c.SlotBytes = dir, 100<<10 })
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

// A slot is kept when its relay ends, and also when all of the cluster does.
func conformSlotsSurviveRestart(t *testing.T, e *testEngine) {
	k, dir := newMailbox(), ""
	if e.cluster == nil {
		dir = t.TempDir()
	}
	for version := uint64(1); version <= 3; version++ {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			r := e.relay(t, func(c *Config) { c.DataDir = dir })
			if version > 1 {
				if status, v := r.getSlot(t, k.address); status != 200 || v != string(k.slotValue(version-1, "v")) {
					t.Fatalf("get: %d %q", status, v)
				}
			}
			if status, code := r.putSlot(t, k.address, k.slotValue(version, "v"), version-1); status != 204 {
				t.Fatalf("put: %d %s", status, code)
			}
		})
		if version == 2 && e.cluster != nil {
			for i := range e.cluster.Size() {
				e.cluster.Kill(i)
			}
			restart(t, e.cluster, 0, 1, 2)
		}
	}
}

// restart starts servers of a cluster again and waits until they are whole.
func restart(t *testing.T, c *natstest.Cluster, servers ...int) {
	t.Helper()
	for _, i := range servers {
		if err := c.Restart(i); err != nil {
			t.Fatal(err)
		}
	}
	for _, i := range servers {
		if err := c.WaitReady(t.Context(), i); err != nil {
			t.Fatal(err)
		}
	}
}
