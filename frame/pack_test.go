package frame

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"ringfork/signalcore"
)

func TestDescriptionsPackWell(t *testing.T) {
	for name, most := range map[string]int{
		"chromium-offer":          500,
		"chromium-offer-stream":   560,
		"chromium-offer-gathered": 720,
		"chromium-answer":         480,
		"firefox-offer":           500,
		"pion-offer":              1200,
		"pion-answer":             1000,
	} {
		s := description(t, name)
		p, err := pack(s)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d bytes in %d", name, len(s), len(p))
		if len(p) > most {
			t.Errorf("%s takes %d bytes, want at most %d", name, len(p), most)
		}
		if got, err := unpack(p); err != nil || got != s {
			t.Errorf("%s changed: %v", name, err)
		}
	}
}

func TestManyCandidatesFitOneFrame(t *testing.T) {
	alice, bob := newParty(t, ""), newParty(t, "")
	m := signalcore.Offer{Label: strings.Repeat("a", 64), SDP: description(t, "chromium-offer"), Candidates: candidates(16),
		Seed: [32]byte{1}, LogHead: signalcore.Hash{1}, Mailbox: signalcore.Address{1}}
	if frames, _ := alice.seal(t, m, bob, 1); len(frames) != 1 {
		t.Errorf("an offer with 16 candidates takes %d frames", len(frames))
	}
}

func TestUnpackReversesPack(t *testing.T) {
	word := rapid.SampledFrom(strings.SplitAfter(dictionary(), " "))
	rapid.Check(t, func(t *rapid.T) {
		s := strings.Join(rapid.SliceOf(rapid.OneOf(word, rapid.String())).Draw(t, "text"), "")
		s = s[:min(len(s), maxText)]
		p, err := pack(s)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := unpack(p); err != nil || got != s {
			t.Fatalf("got %q, %v", got, err)
		}
	})
}

func TestPackBounds(t *testing.T) {
	for _, s := range []string{"", "a", "aaaa", strings.Repeat("a", maxText), strings.Repeat(dictionary(), 3)} {
		p, err := pack(s)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := unpack(p); err != nil || got != s {
			t.Errorf("%d bytes changed: %v", len(s), err)
		}
	}
	if _, err := pack(strings.Repeat("a", maxText+1)); err == nil {
		t.Error("a longer text was packed")
	}
}

func TestUnpackRefuses(t *testing.T) {
	packed := func(numbers ...uint64) []byte {
		b := []byte{dictionaryVersion}
		for _, n := range numbers {
			b = binary.AppendUvarint(b, n)
		}
		return b
	}
	all := uint64(len(dictionary()))
	if got, err := unpack(packed(4, 4<<1|runCopy, all)); err != nil || got != dictionary()[:4] {
		t.Fatalf("got %q, %v", got, err)
	}
	for name, b := range map[string][]byte{
		"nothing":        {},
		"no length":      packed(),
		"no run":         packed(1),
		"empty run":      packed(1, 0),
		"too long":       packed(maxText+1, (maxText+1)<<1|runCopy, 1),
		"run past end":   packed(4, 5<<1|runCopy, 9),
		"copy of itself": packed(4, 4<<1|runCopy, 0),
		"before all":     packed(4, 4<<1|runCopy, all+1),
		"literal cut":    append(packed(4, 4<<1|runLiteral), "abc"...),
		"trailing":       append(packed(3, 3<<1|runLiteral), "abcd"...),
		"trailing empty": packed(0, 0),
		"long number":    append(packed(), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01),
	} {
		got, err := unpack(b)
		if err == nil {
			t.Errorf("%s: got %q", name, got)
		}
		wantDrop(t, err, ReasonMalformed)
	}
	_, err := unpack([]byte{dictionaryVersion + 1, 0})
	wantDrop(t, err, ReasonDictionary)
}

// Older versions read with the dictionary they have: it never changes.
func TestDictionaryStays(t *testing.T) {
	sum := sha256.Sum256([]byte(dictionary()))
	if got := hex.EncodeToString(sum[:8]); got != "463c8e0aa1f5374c" {
		t.Errorf("the dictionary changed (%s): give the new one a version of its own, and keep this one", got)
	}
}

func TestCandidatesPack(t *testing.T) {
	for _, list := range [][]signalcore.Candidate{nil, {{}}, {{}, {Line: "candidate:1", Mid: "0"}}, candidates(maxCandidates)} {
		p, err := packCandidates(list)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := unpackCandidates(p); err != nil || !reflect.DeepEqual(got, list) {
			t.Errorf("got %v, %v", got, err)
		}
	}
	for name, s := range map[string]string{
		"cut":          "\x01",
		"two of three": "\x01a\x01b",
		"too long":     "\x81\x04" + strings.Repeat("a", 513) + "\x00\x00",
		"too many":     strings.Repeat("\x00\x00\x00", maxCandidates+1),
		"long number":  strings.Repeat("\xff", 12),
	} {
		p, err := pack(s)
		if err != nil {
			t.Fatal(err)
		}
		if list, err := unpackCandidates(p); err == nil {
			t.Errorf("%s: got %v", name, list)
		}
	}
}

func BenchmarkPack(b *testing.B) {
	s := description(b, "chromium-offer")
	for b.Loop() {
		if _, err := pack(s); err != nil {
			b.Fatal(err)
		}
	}
}
