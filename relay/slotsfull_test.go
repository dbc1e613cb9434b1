package relay

import (
	"fmt"
	"testing"
)

// A store that is full takes more when it is started again with more room: that is what its operator can do about it.
func TestFullSlotsGetRoom(t *testing.T) {
	dir, first := t.TempDir(), newMailbox()
	had := 0
	for room := range 3 {
		t.Run(fmt.Sprint(room), func(t *testing.T) {
			r := startRelay(t, func(c *Config) { c.DataDir, c.SlotBytes = dir, int64(room+1)*(40<<10) })
			if room == 0 {
				r.putSlot(t, first.address, first.valueFor(first.address, first, 1, "", 16384), 0)
			}
			now := 0
			for {
				k := newMailbox()
				status, code := r.putSlot(t, k.address, k.valueFor(k.address, k, 1, "", 16384), 0)
				if status == 503 && code == "slots-full" {
					break
				}
				if status != 204 || now > 8 {
					t.Fatalf("put %d: %d %s", now, status, code)
				}
				now++
			}
			if now == 0 {
				t.Errorf("with room for %d kB no slot was added to %d", (room+1)*40, had)
			}
			had += now
			if status, _ := r.getSlot(t, first.address); status != 200 {
				t.Errorf("what was there is not any more: %d", status)
			}
		})
	}
}
