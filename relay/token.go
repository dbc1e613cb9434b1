package relay

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"strings"
	"time"

	"ringfork/relay/store"
)

// A publish token says that the operator's own backend let somebody in, and not whom: it holds nothing but when it ends.
//
//	expiry (8 bytes, Unix seconds, big endian) || HMAC-SHA256(key, fields "ringfork/1/publish", expiry)
//
// As text it is base64url without padding (RFC 4648, section 5).
const (
	tokenSize  = 8 + sha256.Size
	tokenRound = 5 * time.Minute
	tokenLead  = 2 * tokenRound
	// tokenLife is how far ahead a token's end may be, so that a key that was lost and replaced soon matters no more.
	tokenLife = time.Hour

	// PublishKeySize is the length of a publish key in bytes.
	PublishKeySize = 32
)

var tokenEncoding = base64.RawURLEncoding.Strict()

// NewToken returns a publish token, in its textual form of 54 characters. Its end is expiry, in whole seconds, and may be an
// hour ahead at most. A token names nobody as long as many have the same one: see TokenExpiry.
func NewToken(key []byte, expiry time.Time) string {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, tokenSize), uint64(expiry.Unix()))
	return tokenEncoding.EncodeToString(append(b, tokenMAC(key, b)...))
}

// TokenExpiry returns the end of a token made now: ten to fifteen minutes ahead, at a multiple of five minutes since 1970 UTC.
// So all users of these minutes hold the same token, and posts that carry it cannot be linked by it.
func TokenExpiry(now time.Time) time.Time {
	step := int64(tokenRound / time.Second)
	return time.Unix((now.Add(tokenLead).Unix()+step-1)/step*step, 0)
}

func tokenMAC(key, expiry []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(store.SignedBytes("ringfork/1/publish", expiry))
	return h.Sum(nil)
}

// checkToken returns why a token does not let its bearer publish, nil if it does. Errors are refusals.
func checkToken(key, token []byte, now time.Time) error {
	switch {
	case len(token) == 0:
		return unauthorized("token-missing", "this relay takes nothing without a publish token")
	case len(token) != tokenSize || !hmac.Equal(token[8:], tokenMAC(key, token[:8])):
		return unauthorized("bad-token", "this is no publish token of this relay")
	}
	expiry, latest := binary.BigEndian.Uint64(token), uint64(now.Add(tokenLife).Unix())
	switch {
	case expiry > latest:
		return unauthorized("bad-token", "the publish token's end is more than an hour ahead")
	case expiry <= uint64(now.Unix()):
		return unauthorized("token-expired", "the publish token has ended: get another")
	}
	return nil
}

// bearerToken returns the token in a request's Authorization header (RFC 6750, section 2.1): empty without one, and never
// of the right length for what cannot be read.
func bearerToken(req *http.Request) []byte {
	scheme, text, ok := strings.Cut(req.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return nil
	}
	token, err := tokenEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(token) == 0 {
		return []byte{0}
	}
	return token
}

// mayPublish checks token where this relay asks for one.
func (r *Relay) mayPublish(token []byte) error {
	if len(r.cfg.PublishKey) == 0 {
		return nil
	}
	return checkToken(r.cfg.PublishKey, token, time.Now())
}

func unauthorized(code, text string) *refusal {
	return &refusal{http.StatusUnauthorized, code, text, 0}
}
