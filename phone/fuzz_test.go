package phone

import (
	"bytes"
	"math"
	"runtime"
	"testing"
	"time"

	"ringfork/keys"
	"ringfork/signalcore"
)

// FuzzRequests: the list of requests is encoded in one way only.
func FuzzRequests(f *testing.F) {
	card := keys.NewAccount("Alice", "", time.Unix(1_800_000_000, 0)).Card()
	f.Add([]byte{})
	f.Add(marshalRequests(nil))
	f.Add(marshalRequests([]Request{{Name: "Alice", Card: card, number: 1}, {Name: "Zoë", Card: card, device: signalcore.DeviceID{1}, number: 1 << 40, over: true}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := parseRequests(b)
		switch {
		case err != nil && Code(err) != CodeStore && Code(err) != CodeStoreNewer:
			t.Fatalf("the error is %v", err)
		case err == nil && len(b) > 0 && !bytes.Equal(marshalRequests(list), b):
			t.Fatalf("got %x, want %x", marshalRequests(list), b)
		case len(list) > maxRequests:
			t.Fatalf("there are %d requests", len(list))
		}
	})
}

// FuzzSeen: so are the calls that are over.
func FuzzSeen(f *testing.F) {
	f.Add(marshalSeen([]seenCall{{signalcore.CallID{1}, time.UnixMilli(1_800_000_000_000)}, {signalcore.CallID{2}, time.UnixMilli(0)}}))
	f.Add(bytes.Repeat([]byte{0xff}, 25))
	f.Fuzz(func(t *testing.T, b []byte) {
		list := parseSeen(b)
		if whole := b[:24*len(list)]; !bytes.Equal(marshalSeen(list), whole) {
			t.Fatalf("got %x, want %x", marshalSeen(list), whole)
		}
		if len(list) > maxSeen || len(list) < maxSeen && len(b)-24*len(list) >= 24 {
			t.Fatalf("%d bytes give %d calls", len(b), len(list))
		}
	})
}

// Whatever a store holds, it takes no more memory than is bounded.
func TestStoredLengthsCostNothing(t *testing.T) {
	long := make([]byte, 64<<20)
	long[0] = requestsFormat
	for name, parse := range map[string]func(){
		"255 requests":      func() { parseRequests([]byte{requestsFormat, 255}) },
		"requests of 64 MB": func() { parseRequests(long) },
		"calls of 64 MB":    func() { parseSeen(long) },
	} {
		least := uint64(math.MaxUint64)
		for range 3 { // others in this process allocate, too, some of the time
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			parse()
			runtime.ReadMemStats(&after)
			least = min(least, after.TotalAlloc-before.TotalAlloc)
		}
		if least > 1<<20 {
			t.Errorf("%s: %d bytes were allocated", name, least)
		}
	}
	if _, err := parseRequests([]byte{requestsFormat + 1, 0}); Code(err) != CodeStoreNewer {
		t.Errorf("requests of a newer version: %v", err)
	}
}
