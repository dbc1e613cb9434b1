package keys

import (
	"bytes"
	"testing"

	"filippo.io/age"
	"pgregory.net/rapid"
)

func TestBech32AgreesWithAge(t *testing.T) {
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	text := id.Recipient().String()
	raw, err := bech32Decode(recipientPrefix, text)
	if err != nil || bech32Encode(recipientPrefix, raw) != text {
		t.Errorf("a recipient changed: %v", err)
	}
}

func TestBech32(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOf(rapid.Byte()).Draw(t, "data")
		s := bech32Encode("test-", b)
		got, err := bech32Decode("test-", s)
		if err != nil || !bytes.Equal(got, b) {
			t.Fatalf("got %x, %v", got, err)
		}
	})
	good := bech32Encode("test-", []byte("hello"))
	for name, s := range map[string]string{
		"nothing":     "",
		"prefix":      "text-" + good[5:],
		"no checksum": good[:9],
		"cut":         good[:len(good)-1],
		"character":   good[:8] + "b" + good[9:],
		"mistyped":    good[:len(good)-1] + "q",
		// BIP 173: the padding must be zero.
		"padding": bech32Padded(),
	} {
		if got, err := bech32Decode("test-", s); err == nil {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

// bech32Padded returns one byte in two characters whose last two bits are not zero, with a good checksum.
func bech32Padded() string {
	sum, s := bech32Prefix("test-"), "test-1"
	for _, v := range []uint32{1, 1} {
		sum, s = bech32Step(sum, v), s+bech32Charset[v:v+1]
	}
	for range 6 {
		sum = bech32Step(sum, 0)
	}
	for i := range 6 {
		v := (sum ^ 1) >> (5 * (5 - i)) & 31
		s += bech32Charset[v : v+1]
	}
	return s
}
