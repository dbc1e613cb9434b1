package client

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"sync"
	"time"
)

const (
	tokenSize = 8 + 32 // expiry in seconds since 1970 (big endian), MAC

	// tokenMargin is how long before its end a token is not used any more: the way to the relay takes its time.
	tokenMargin = 5 * time.Second
	// tokenAgain is how long a token is used that seems to have expired when it comes: this clock is wrong, or that one.
	tokenAgain = 10 * time.Second
	// tokenTime bounds one call of Options.Token.
	tokenTime = 10 * time.Second
)

var tokenEncoding = base64.RawURLEncoding.Strict()

// token is the publish token at hand, and where the next one comes from.
type token struct {
	ask func(context.Context) (string, error) // nil: there are none

	asking  sync.Mutex // held over ask
	mu      sync.Mutex
	current []byte
	stale   time.Time // from when another one is asked for
	dead    time.Time // from when this one is of no use any more
}

// get returns the token to send, nil if there is none.
func (t *token) get(ctx context.Context) ([]byte, error) {
	if t.ask == nil {
		return nil, nil
	}
	if current, fresh := t.at(time.Now()); fresh {
		return current, nil
	}
	t.asking.Lock()
	defer t.asking.Unlock()
	current, fresh := t.at(time.Now()) // another request was faster
	if fresh {
		return current, nil
	}
	next, err := t.fetch(ctx)
	if err != nil && current == nil {
		return nil, err
	}
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		t.stale = now.Add(tokenAgain) // the one at hand will do for a while
		return current, nil
	}
	life := time.Unix(int64(binary.BigEndian.Uint64(next)), 0).Sub(now) - tokenMargin
	if life <= 0 {
		life = tokenAgain
	}
	t.current, t.stale, t.dead = next, now.Add(life/2), now.Add(life)
	return next, nil
}

// at returns the token at hand, nil if there is none, and whether no other is to be asked for.
func (t *token) at(now time.Time) (current []byte, fresh bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current == nil || !now.Before(t.dead) {
		return nil, false
	}
	return t.current, now.Before(t.stale)
}

func (t *token) fetch(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, tokenTime)
	defer cancel()
	text, err := t.ask(ctx)
	if err != nil {
		return nil, &Error{Code: "token-failed", Err: err}
	}
	b, err := tokenEncoding.DecodeString(text)
	if err != nil || len(b) != tokenSize {
		return nil, &Error{Code: "bad-token", Err: errors.New("what the token function gave is none that a relay takes")}
	}
	return b, nil
}

// drop forgets a token that the relay refused.
func (t *token) drop(refused []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if bytes.Equal(t.current, refused) {
		t.current = nil
	}
}

// withToken makes a request that carries a token, once more with a new one if the token is refused.
func (c *Client) withToken(ctx context.Context, request func(token []byte) error) error {
	first, err := c.token.get(ctx)
	if err != nil {
		return err
	}
	err = request(first)
	var e *Error
	if c.token.ask == nil || !errors.As(err, &e) || !strings.Contains(e.Code, "token") {
		return err
	}
	c.token.drop(first)
	second, again := c.token.get(ctx)
	if again != nil || bytes.Equal(first, second) {
		return err
	}
	return request(second)
}
