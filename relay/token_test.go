package relay

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Tokens as other programs must make them: these were made by the recipe for Node in docs/RELAY.md.
func TestTokenVectors(t *testing.T) {
	key := make([]byte, PublishKeySize)
	for i := range key {
		key[i] = byte(i)
	}
	for _, test := range []struct {
		key    []byte
		expiry int64
		want   string
	}{
		{key, 1_700_000_100, "AAAAAGVT8WQFWPRUyl8wbdOyB_x-sZu_9prRVl2Q_kFYRZZYUIF_aw"},
		{key, 0, "AAAAAAAAAAAoCjDzS7SoL6XgPVzkJGcov9zaHbo5w6JONxoc4hIIrg"},
		{bytes.Repeat([]byte{255}, PublishKeySize), 4_102_444_800, "AAAAAPSGVwC2oIfHobhPlEtGzWX7MdaLXcukdYPFTgCHBU5d_KGNEA"},
	} {
		got := NewToken(test.key, time.Unix(test.expiry, 0))
		if got != test.want {
			t.Errorf("expiry %d: %s, want %s", test.expiry, got, test.want)
		}
	}
}

func TestTokenExpiry(t *testing.T) {
	for now := int64(1_700_000_000); now < 1_700_000_700; now++ {
		end := TokenExpiry(time.Unix(now, 500)).Unix()
		if end%300 != 0 || end < now+600 || end >= now+900 {
			t.Fatalf("a token of %d ends at %d", now, end)
		}
	}
}

func TestCheckToken(t *testing.T) {
	key, other := bytes.Repeat([]byte{1}, PublishKeySize), bytes.Repeat([]byte{2}, PublishKeySize)
	now := time.Unix(1_700_000_000, 0)
	token := func(key []byte, ahead time.Duration) []byte {
		b, err := base64.RawURLEncoding.DecodeString(NewToken(key, now.Add(ahead)))
		if err != nil || len(b) != tokenSize {
			t.Fatalf("a token of %d bytes: %v", len(b), err)
		}
		return b
	}
	good := token(key, time.Minute)
	flipped := bytes.Clone(good)
	flipped[7] ^= 1 // a later end
	for _, test := range []struct {
		what  string
		token []byte
		code  string
	}{
		{"good", good, ""},
		{"of the last second", token(key, time.Second), ""},
		{"of an hour", token(key, time.Hour), ""},
		{"nothing", nil, "token-missing"},
		{"ended now", token(key, 0), "token-expired"},
		{"ended long ago", token(key, -1_700_000_000*time.Second), "token-expired"},
		{"too long", token(key, time.Hour+time.Second), "bad-token"},
		{"before 1970", token(key, -1_800_000_000*time.Second), "bad-token"},
		{"of another key", token(other, time.Minute), "bad-token"},
		{"of another key, and ended", token(other, -time.Minute), "bad-token"},
		{"changed", flipped, "bad-token"},
		{"short", good[:39], "bad-token"},
		{"long", append(bytes.Clone(good), 0), "bad-token"},
		{"one byte", []byte{0}, "bad-token"},
	} {
		err := checkToken(key, test.token, now)
		var r *refusal
		if errors.As(err, &r); test.code == "" && err != nil || test.code != "" && (r == nil || r.code != test.code || r.status != 401) {
			t.Errorf("%s: %v, want %q", test.what, err, test.code)
		}
	}
}

// What a relay with a key takes, and from whom.
func TestPublishKey(t *testing.T) {
	key := bytes.Repeat([]byte{7}, PublishKeySize)
	r := startRelay(t, func(c *Config) { c.PublishKey = key })
	m := newMailbox()
	token := NewToken(key, TokenExpiry(time.Now()))
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	old := NewToken(key, time.Now().Add(-time.Minute))
	rawOld, _ := base64.RawURLEncoding.DecodeString(old)

	body := append(m.address[:], frame(1)...)
	for _, test := range []struct {
		body []byte
		want string
	}{
		{body, "401 token-missing"},
		{append(bytes.Clone(body), rawOld...), "401 token-expired"},
		{append(bytes.Clone(body), make([]byte, tokenSize)...), "401 bad-token"},
		{append(bytes.Clone(body), raw[:39]...), "400 bad-size"},
		{append(bytes.Clone(body), raw...), "204 "},
	} {
		if got := r.ask(t, "POST", "/v1/pub", "", test.body); got != test.want {
			t.Errorf("a post of %d bytes: %s, want %s", len(test.body), got, test.want)
		}
	}
	slot := newMailbox()
	path := "/v1/slot/" + hex.EncodeToString(slot.address[:])
	value := slot.slotValue(1, "x")
	for _, test := range []struct{ authorization, want string }{
		{"", "401 token-missing"},
		{"Basic " + token, "401 token-missing"},
		{"Bearer", "401 token-missing"},
		{"Bearer " + strings.Repeat("!", 54), "401 bad-token"},
		{"Bearer " + old, "401 token-expired"},
		{"bearer " + token, "204 "},
	} {
		if got := r.ask(t, "PUT", path+"?replaces=0", test.authorization, value); got != test.want {
			t.Errorf("putting with %q: %s, want %s", test.authorization, got, test.want)
		}
		if got, want := r.ask(t, "GET", "/v1/ice", test.authorization, nil), strings.Replace(test.want, "204", "200", 1); got != want {
			t.Errorf("ICE servers with %q: %s, want %s", test.authorization, got, want)
		}
	}
	// Reading is the right of who has the key of what is read, or its address.
	if got := r.ask(t, "GET", path, "", nil); got != "200 " {
		t.Errorf("reading a slot without a token: %s", got)
	}
	c := r.dial(t)
	c.write(m.subscribe(r.origin, c.nonce))
	c.expect("frame 1", "end")

	if _, err := New(t.Context(), Config{Origins: []string{"https://a.example"}, PublishKey: []byte("short")}); err == nil {
		t.Error("a short publish key was taken")
	}
}

// A relay without a key ignores what clients of others send along.
func TestTokensAreIgnoredWithoutKey(t *testing.T) {
	r := startRelay(t, nil)
	m := newMailbox()
	if got := r.ask(t, "POST", "/v1/pub", "", append(append(m.address[:], frame(1)...), make([]byte, tokenSize)...)); got != "204 " {
		t.Errorf("a post with a token: %s", got)
	}
	c := r.dial(t)
	c.write(m.subscribe(r.origin, c.nonce))
	c.expect("frame 1", "end")
	if got := r.ask(t, "GET", "/v1/ice", "Bearer x", nil); got != "200 " {
		t.Errorf("ICE servers with a token: %s", got)
	}
}

// ask returns the answer's status and, if it is a refusal, its code.
func (r *testRelay) ask(t *testing.T, method, path, authorization string, body []byte) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.origin+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var refused struct{ Code string }
	if res.StatusCode >= 300 {
		if err := json.NewDecoder(res.Body).Decode(&refused); err != nil {
			t.Errorf("%s %s: a refusal without a code: %v", method, path, err)
		}
	}
	return fmt.Sprintf("%d %s", res.StatusCode, refused.Code)
}
