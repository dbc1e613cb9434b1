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

// linkWay is one of the two ways in which a LinkSecret gets from one device to the other.
type linkWay struct {
	prefix  string // of a code, its version last
	key     string // of a link's fragment
	context string // of the checksum, so that a code of one way is none of the other, however it begins
	shownBy string
	readOn  string
}

var (
	linkRequest    = linkWay{"rfl1", "link=", contextLink + " code", "the new device", "a device of the account"}
	linkInvitation = linkWay{"rfj1", "join=", contextLink + " invitation", "a device of the account", "the new device"}
)

var linkCodeLength = len(linkRequest.prefix) + codeEncoding.EncodedLen(len(LinkSecret{})+checksumSize)

// Code returns the secret as one word of text, which a new device shows: "rfl1" and base64url, with a checksum.
func (s LinkSecret) Code() string { return linkRequest.code(s) }

// Link returns what Code does as a link to the page at origin. The code is in the fragment, which browsers do not send.
func (s LinkSecret) Link(origin string) string { return linkRequest.link(origin, s) }

// InvitationCode returns the secret as one word of text, which a device of an account shows: "rfj1" and base64url, with a checksum.
func (s LinkSecret) InvitationCode() string { return linkInvitation.code(s) }

// Invitation returns what InvitationCode does as a link to the page at origin.
func (s LinkSecret) Invitation(origin string) string { return linkInvitation.link(origin, s) }

// ParseLink finds the code that a new device shows in a code, a link, or a text with one of them in it. Its errors wrap ErrLink
// and tell whether the code is cut off, mistyped or none at all.
func ParseLink(text string) (LinkSecret, error) { return linkRequest.parse(text) }

// ParseInvitation finds the code that a device of an account shows as ParseLink finds that of a new device.
func ParseInvitation(text string) (LinkSecret, error) { return linkInvitation.parse(text) }

func (w linkWay) code(s LinkSecret) string {
	return w.prefix + codeEncoding.EncodeToString(append(s[:], w.checksum(s)...))
}

func (w linkWay) link(origin string, s LinkSecret) string { return origin + "/#" + w.key + w.code(s) }

func (w linkWay) checksum(s LinkSecret) []byte {
	sum := sha256.Sum256(Statement(w.context, s[:]))
	return sum[:checksumSize]
}

func (w linkWay) parse(text string) (LinkSecret, error) {
	code := findCode(text, w.key, w.prefix[:3])
	fail := func(format string, args ...any) (LinkSecret, error) {
		return LinkSecret{}, fmt.Errorf("%w: "+format, append([]any{ErrLink}, args...)...)
	}
	switch version := len(w.prefix) - 1; {
	case strings.TrimSpace(text) == "":
		return fail("it is empty, paste the code that %s shows", w.shownBy)
	case isCode(text, linkKey, codePrefix):
		return fail("it is a card, by which somebody is called; paste the code that %s shows", w.shownBy)
	case isCode(text, w.other().key, w.other().prefix[:version]):
		return fail("it is the code that %s shows, to be read on %s", w.other().shownBy, w.other().readOn)
	case !strings.HasPrefix(code, w.prefix[:version]), len(code) == version:
		return fail("it is a link with #%s%s... in it, paste that link", w.key, w.prefix)
	case code[version] != w.prefix[version] && '0' <= code[version] && code[version] <= '9':
		return fail("it was made by another version, update both devices")
	case !strings.HasPrefix(code, w.prefix), strings.Trim(code, codeAlphabet) != "":
		return fail("it has a typing error, copy the link instead of typing it")
	case len(code) < linkCodeLength:
		return fail("it is cut off after %d of %d characters, copy the whole link again", len(code), linkCodeLength)
	case len(code) > linkCodeLength:
		return fail("it is %d characters too long, copy the link alone", len(code)-linkCodeLength)
	}
	b, err := codeEncoding.DecodeString(code[len(w.prefix):])
	if err == nil {
		if s := LinkSecret(b[:len(LinkSecret{})]); bytes.Equal(w.checksum(s), b[len(s):]) {
			return s, nil
		}
	}
	return fail("it has a typing error, copy the link instead of typing it")
}

func (w linkWay) other() linkWay {
	if w == linkRequest {
		return linkInvitation
	}
	return linkRequest
}

// isCode reports whether a text is a code that starts like this, or has a link with this key in it.
func isCode(text, key, start string) bool {
	return strings.Contains(text, "#"+key) || strings.HasPrefix(strings.TrimSpace(text), start)
}
