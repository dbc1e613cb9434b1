package relay

import (
	"errors"
	"fmt"
	"testing"

	"ringfork/relay/store"
)

// What clients are told of each error of the store is what they were always told.
func TestRefusalsOfTheStore(t *testing.T) {
	want := map[error]string{
		store.ErrNotStored:    "503 1s unavailable: the frame was not stored",
		store.ErrMailboxFull:  "503 1s mailbox-full: the relay keeps no more frames for now",
		store.ErrNotRead:      "503 1s unavailable: the slot could not be read",
		store.ErrNotWritten:   "503 1s unavailable: the slot was not written",
		store.ErrSlotsFull:    "503 1m0s slots-full: the relay keeps no more slots",
		store.ErrSlotConflict: "409 0s slot-conflict: the slot holds another version",
		store.ErrSlotRace:     "409 0s slot-conflict: the slot was written meanwhile",
		store.ErrNotTheWriter: "403 0s not-the-writer: the value that is there names another writer for the next one",
		store.ErrBadSize:      "400 0s bad-size: a slot's value is 4096, 16384, 65536 or 262144 bytes",
		store.ErrBadVersion:   "400 0s bad-version: the value's version does not follow the one it replaces",
		store.ErrBadSignature: "403 0s bad-signature: the value's signature is wrong",
		errors.New("a bug"):   "500 0s internal: internal error",
		draining():            "503 1s draining: this relay is about to end: connect again, to another",
	}
	for err, want := range want {
		r := refusalOf(err)
		if got := fmt.Sprint(r.status, " ", r.retry, " ", r); got != want {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
	if len(want) != len(ofStore)+2 {
		t.Errorf("%d errors of the store are known to the test, %d to the relay", len(want)-2, len(ofStore))
	}
}
