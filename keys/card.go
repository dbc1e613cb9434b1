package keys

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// Card is the link by which an account is found. Whoever has it can read the account's slot, and so ring it.
type Card struct {
	Account AccountID
	Slot    Address
	Secret  [32]byte // opens the slot
	Head    [32]byte // the newest entry of the account's log when the card was made: nobody can show an older log
}

// CardSize is the size of a card in bytes.
const CardSize = 32 + 20 + 32 + 32

// ErrCard is in every error that ParseCard and CardFromBytes return. The text around it tells a person what to do.
var ErrCard = errors.New("not a usable card")

const (
	codePrefix   = "rf1"
	linkKey      = "card="
	checksumSize = 4
	delimiters   = " \t\r\n\"'<>()[]{}&,;"
	codeAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
)

var (
	codeEncoding = base64.RawURLEncoding.Strict()
	codeLength   = len(codePrefix) + codeEncoding.EncodedLen(CardSize+checksumSize)
)

// Code returns the card as one word of text: "rf1" and base64url, with a checksum.
func (c Card) Code() string {
	b := c.Bytes()
	return codePrefix + codeEncoding.EncodeToString(append(b, checksum(b)...))
}

// Link returns the card as a link to the page at origin. The code is in the fragment, which browsers do not send.
func (c Card) Link(origin string) string { return origin + "/#" + linkKey + c.Code() }

// Bytes returns the card as CardSize bytes.
func (c Card) Bytes() []byte {
	b := make([]byte, 0, CardSize+checksumSize)
	b = append(b, c.Account[:]...)
	b = append(b, c.Slot[:]...)
	b = append(b, c.Secret[:]...)
	return append(b, c.Head[:]...)
}

// String hides the card from logs: it is a secret.
func (c Card) String() string { return "keys.Card" }

// CardFromBytes reads what Bytes wrote.
func CardFromBytes(b []byte) (Card, error) {
	r := reader{b: b}
	c := Card{r.bytes32(), r.bytes20(), r.bytes32(), r.bytes32()}
	if !r.done() {
		return Card{}, fmt.Errorf("%w: it has %d bytes instead of %d", ErrCard, len(b), CardSize)
	}
	return c, nil
}

// ParseCard finds the card in a code, a link, or a text with one of them in it. Its errors wrap ErrCard and tell whether
// the card is cut off, mistyped or none at all.
func ParseCard(s string) (Card, error) {
	code := findCode(s, linkKey, codePrefix[:2])
	switch {
	case strings.TrimSpace(s) == "":
		return Card{}, fmt.Errorf("%w: it is empty, paste the link that you were sent", ErrCard)
	case !strings.HasPrefix(code, codePrefix) && otherVersion(code):
		return Card{}, fmt.Errorf("%w: it was made by another version, update or ask for a new one", ErrCard)
	case !strings.HasPrefix(code, codePrefix):
		return Card{}, fmt.Errorf("%w: a card is a link with #%s%s... in it, paste that link", ErrCard, linkKey, codePrefix)
	case strings.Trim(code, codeAlphabet) != "":
		return Card{}, fmt.Errorf("%w: it has a typing error, copy the link instead of typing it", ErrCard)
	case len(code) < codeLength:
		return Card{}, fmt.Errorf("%w: it is cut off after %d of %d characters, copy the whole link again",
			ErrCard, len(code), codeLength)
	case len(code) > codeLength:
		return Card{}, fmt.Errorf("%w: it is %d characters too long, copy the link alone", ErrCard, len(code)-codeLength)
	}
	b, err := codeEncoding.DecodeString(code[len(codePrefix):])
	if err != nil || !bytes.Equal(checksum(b[:CardSize]), b[CardSize:]) {
		return Card{}, fmt.Errorf("%w: it has a typing error, copy the link instead of typing it", ErrCard)
	}
	return CardFromBytes(b[:CardSize])
}

// findCode returns what stands where a code belongs: after the key in a link's fragment, or the word that starts like one.
func findCode(s, key, start string) string {
	_, code, found := strings.Cut(s, "#"+key)
	if !found {
		for word := range strings.FieldsSeq(s) {
			if word = strings.TrimLeft(word, delimiters); strings.HasPrefix(word, start) {
				code = word
				break
			}
		}
	}
	if i := strings.IndexAny(code, delimiters); i >= 0 {
		code = code[:i]
	}
	return strings.TrimRight(code, ".:!?")
}

func otherVersion(code string) bool {
	return len(code) > codeLength/2 && strings.HasPrefix(code, codePrefix[:2]) && '0' <= code[2] && code[2] <= '9'
}

func checksum(card []byte) []byte {
	sum := sha256.Sum256(Statement(contextCard, card))
	return sum[:checksumSize]
}
