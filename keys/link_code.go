package keys

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
)

// ErrLink is in every error that ParseLink returns. The text around it tells a person what to do.
var ErrLink = errors.New("not a usable linking code")

const (
	linkCodePrefix  = "rfl1"
	linkFragmentKey = "link="
)

var linkCodeLength = len(linkCodePrefix) + codeEncoding.EncodedLen(len(LinkSecret{})+checksumSize)

// Code returns the secret as one word of text: "rfl1" and base64url, with a checksum.
func (s LinkSecret) Code() string {
	return linkCodePrefix + codeEncoding.EncodeToString(append(s[:], s.checksum()...))
}

// Link returns the secret as a link to the page at origin. The code is in the fragment, which browsers do not send.
func (s LinkSecret) Link(origin string) string { return origin + "/#" + linkFragmentKey + s.Code() }

func (s LinkSecret) checksum() []byte {
	sum := sha256.Sum256(Statement(contextLink+" code", s[:]))
	return sum[:checksumSize]
}

// ParseLink finds the linking code in a code, a link, or a text with one of them in it. Its errors wrap ErrLink and tell
// whether the code is cut off, mistyped or none at all.
func ParseLink(text string) (LinkSecret, error) {
	code := findCode(text, linkFragmentKey, linkCodePrefix[:3])
	fail := func(format string, args ...any) (LinkSecret, error) {
		return LinkSecret{}, fmt.Errorf("%w: "+format, append([]any{ErrLink}, args...)...)
	}
	switch version := len(linkCodePrefix) - 1; {
	case strings.TrimSpace(text) == "":
		return fail("it is empty, paste the code that the new device shows")
	case strings.Contains(text, "#"+linkKey), strings.HasPrefix(strings.TrimSpace(text), codePrefix):
		return fail("it is a card, by which somebody is called; paste the code that the new device shows")
	case !strings.HasPrefix(code, linkCodePrefix[:version]), len(code) == version:
		return fail("it is a link with #%s%s... in it, paste that link", linkFragmentKey, linkCodePrefix)
	case code[version] != linkCodePrefix[version] && '0' <= code[version] && code[version] <= '9':
		return fail("it was made by another version, update both devices")
	case !strings.HasPrefix(code, linkCodePrefix), strings.Trim(code, codeAlphabet) != "":
		return fail("it has a typing error, copy the link instead of typing it")
	case len(code) < linkCodeLength:
		return fail("it is cut off after %d of %d characters, copy the whole link again", len(code), linkCodeLength)
	case len(code) > linkCodeLength:
		return fail("it is %d characters too long, copy the link alone", len(code)-linkCodeLength)
	}
	b, err := codeEncoding.DecodeString(code[len(linkCodePrefix):])
	if err == nil {
		if s := LinkSecret(b[:len(LinkSecret{})]); bytes.Equal(s.checksum(), b[len(s):]) {
			return s, nil
		}
	}
	return fail("it has a typing error, copy the link instead of typing it")
}
