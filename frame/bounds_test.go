package frame

import (
	"bytes"
	"math"
	"runtime"
	"strings"
	"testing"

	"ringfork/signalcore"
)

// allocated returns how many bytes f takes, at the least of a few times.
func allocated(f func()) uint64 {
	least := uint64(math.MaxUint64)
	var before, after runtime.MemStats
	for range 3 {
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}

// Whatever lengths and counts say, no more memory is taken than is there to be read, or may be there once it is unpacked.
func TestLengthsCostNothing(t *testing.T) {
	body := func(kind signalcore.Kind, b string) func() error {
		return func() error { _, err := unmarshalBody(kind, []byte(b)); return err }
	}
	const gigabyte = "\x40\x00\x00\x00"
	plain := make([]byte, PlainSize)
	copy(plain, "\x01\x06\x00\x00\x00\x01\x01\x01")
	plain[184], plain[185] = 0xff, 0xff
	cases := map[string]func() error{
		"part of 65,535 bytes":     func() error { _, err := unmarshalPart(plain); return err },
		"map of 4 G pairs":         body(signalcore.KindState, "\xdf\xff\xff\xff\xff\x01"),
		"description of 1 GB":      body(signalcore.KindAnswer, "\x81\x0c\xc6"+gigabyte),
		"description of 4 GB":      body(signalcore.KindAnswer, "\x81\x0c\xc6\xff\xff\xff\xff"),
		"candidates of 1 GB":       body(signalcore.KindCandidates, "\x81\x0d\xc6"+gigabyte),
		"name of 1 GB":             body(signalcore.KindOffer, "\x81\x06\xdb"+gigabyte),
		"card of 1 GB":             body(KindHello, "\x81\x07\xc6"+gigabyte),
		"link of 1 GB":             body(KindLink, "\x81\x1c\xc6"+gigabyte),
		"unknown bytes":            body(signalcore.KindState, "\x81\x3f\xc6"+gigabyte),
		"unknown text":             body(signalcore.KindState, "\x81\x3f\xdb"+gigabyte),
		"unknown array":            body(signalcore.KindState, "\x81\x3f\xdd"+gigabyte),
		"unknown map":              body(signalcore.KindState, "\x81\x3f\xdf"+gigabyte),
		"unknown extension":        body(signalcore.KindState, "\x81\x3f\xc9"+gigabyte+"\x01"),
		"unpacked text of 1 GB":    func() error { _, err := unpack([]byte("\x01\x80\x80\x80\x80\x04\x02a")); return err },
		"unpacked run of 1 GB":     func() error { _, err := unpack([]byte("\x01\x05\x80\x80\x80\x80\x08a")); return err },
		"copy of 1 GB from before": func() error { _, err := unpack([]byte("\x01\x05\x81\x80\x80\x80\x08\x01")); return err },
		"candidate of 1 GB": func() error {
			packed, err := pack("\x80\x80\x80\x80\x04a")
			if err == nil {
				_, err = unpackCandidates(packed)
			}
			return err
		},
		"control message": func() error {
			_, _, err := UnmarshalControl([]byte("\x01\x06\x00\x00\x00\x01\xdf\xff\xff\xff\xff"))
			return err
		},
	}
	long := make([]byte, 64<<20)
	cases["frame of 64 MB"] = func() error { _, err := newOpener().Open(start, long); return err }
	cases["control message of 64 MB"] = func() error { _, _, err := UnmarshalControl(long); return err }
	cases["frame whose age header never ends"] = func() error {
		f := append(bytes.Clone(frameStart), strings.Repeat("A", Size)...)
		_, err := newOpener().Open(start, f[:Size])
		return err
	}
	for name, parse := range cases {
		if err := parse(); err == nil {
			t.Errorf("%s: it was taken", name)
		}
		if n := allocated(func() { parse() }); n > 64<<10 {
			t.Errorf("%s: %d bytes were allocated", name, n)
		}
	}
	// The most that a description may unpack to is all that it costs.
	const bomb = "\x01\x80\x80\x02\x02a\xff\xff\x03\x01" // one byte, and 32,767 copies of it
	var text string
	if n := allocated(func() { text, _ = unpack([]byte(bomb)) }); len(text) != maxText || n > 3*maxText {
		t.Errorf("%d bytes unpack to %d, for which %d were allocated", len(bomb), len(text), n)
	}
}
