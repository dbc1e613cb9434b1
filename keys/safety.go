package keys

import (
	"bytes"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"strings"
)

// Safety is what the owners of two accounts compare, in person or where they know each other's voice, to be sure that nobody
// stands between them. It is the same on both sides, in three forms: the digits carry most and are for reading aloud, the emoji
// are for a look at two screens, the text is for a QR code. Any one of them is enough.
type Safety struct {
	Digits string   // 60 digits in 12 groups of 5, a space between groups: 30 digits for each account
	Emoji  []string // 12 of a table of 64
	Text   string   // ASCII, one word
}

// Errors of Match.
var (
	// ErrSafetyMismatch says that the two safety numbers are different: one side has another account in mind.
	ErrSafetyMismatch = errors.New("the safety numbers are different: do not trust this contact")

	// ErrSafetyText says that a text is no safety number, or one of another version: it says nothing of the contact.
	ErrSafetyText = errors.New("not a safety number, or one of another version: scan the one that the contact shows")
)

const (
	contextSafety = "ringfork/1/safety"
	safetyPrefix  = "rfs1"

	// Whoever wants to pass for an account needs another one of the same digits or emoji, and must hash this often for each that it tries.
	safetyRounds = 5200
)

// safetyEmoji are 64 pictures that are told apart at a glance and by name, one character each: all in Unicode 9, and shown as
// pictures without any mark behind them. Their order is part of the format.
const safetyEmoji = "" +
	"🐶🐱🦁🐴🐷🐘🐰🐼" +
	"🐔🐧🐢🐟🐙🦋🐝🐌" +
	"🦀🌵🌲🌻🍄🌙⭐🔥" +
	"🌈🍌🍎🍓🌽🍕🍰🍇" +
	"🥕🔑🔒🔨💡📕⏰🎁" +
	"🔔☔🎸🎺🥁👓🎩👑" +
	"💎⚓🚀🚲🚂⛵🚗🎈" +
	"⚽🏆🎲📷📞🔭👻⌛"

// SafetyNumber returns the safety number of two accounts, in either order. It takes some 15,600 hashes: a few milliseconds.
//
// For each account there is a fingerprint: H(0) = SHA-512(Statement("ringfork/1/safety", id)), H(n) = SHA-512(H(n-1) | id), and
// H(5200) it is. Each of its first six times five bytes, as a big-endian number modulo 100,000, gives five digits. The two accounts
// come in the order of their fingerprints. The emoji come from both in one, so that no table of accounts serves
// against more than one pair: G(0) = SHA-512(Statement("ringfork/1/safety emoji", lower fingerprint, higher fingerprint)),
// G(n) = SHA-512(G(n-1) | lower fingerprint); the low six bits of each of the first 12 bytes of G(5200). The text is "rfs1" and, in base64url,
// the first 32 bytes of each fingerprint.
func SafetyNumber(a, b AccountID) Safety {
	x, y := fingerprint(a), fingerprint(b)
	if bytes.Compare(x[:], y[:]) > 0 {
		x, y = y, x
	}
	var digits strings.Builder
	for i, f := range [2]*[64]byte{&x, &y} {
		for j := range 6 {
			if i+j > 0 {
				digits.WriteByte(' ')
			}
			n := uint64(f[5*j])<<32 | uint64(binary.BigEndian.Uint32(f[5*j+1:]))
			for unit := uint64(10000); unit > 0; unit /= 10 {
				digits.WriteByte('0' + byte(n/unit%10))
			}
		}
	}
	both := rounds(sha512.Sum512(Statement(contextSafety+" emoji", x[:], y[:])), x[:])
	table, emoji := []rune(safetyEmoji), make([]string, 12)
	for i := range emoji {
		emoji[i] = string(table[both[i]&63])
	}
	text := safetyPrefix + codeEncoding.EncodeToString(append(bytes.Clone(x[:32]), y[:32]...))
	return Safety{digits.String(), emoji, text}
}

// Match compares the number with the text of the other side, as scanned. The error is ErrSafetyMismatch or ErrSafetyText.
func (s Safety) Match(text string) error {
	text = strings.TrimSpace(text)
	switch {
	case text == s.Text:
		return nil
	case len(text) != len(s.Text) || !strings.HasPrefix(text, safetyPrefix) || strings.Trim(text, codeAlphabet) != "":
		return ErrSafetyText
	}
	return ErrSafetyMismatch
}

func fingerprint(id AccountID) [64]byte {
	return rounds(sha512.Sum512(Statement(contextSafety, id[:])), id[:])
}

func rounds(sum [64]byte, with []byte) [64]byte {
	b := make([]byte, 64, 64+len(with))
	b = append(b, with...)
	for range safetyRounds {
		copy(b, sum[:])
		sum = sha512.Sum512(b)
	}
	return sum
}
