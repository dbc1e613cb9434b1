package client

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"
)

const (
	requestTimeout = 15 * time.Second
	slotTimeout    = 40 * time.Second // a slot's value may be large, and the line slow
	maxAnswer      = 64 << 10
	maxSlotSize    = 256 << 10
)

// ICEServer is a STUN or TURN server.
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username"`
	Credential string   `json:"credential"`
}

// Publish posts a frame of FrameSize bytes to a mailbox: one attempt. Success means that the relay has it, not that anybody
// has read it. If the relay said lately to wait with this mailbox, it is waited for that long.
func (c *Client) Publish(ctx context.Context, to [20]byte, frame []byte) error {
	if len(frame) != FrameSize {
		return &Error{Code: "bad-size"}
	}
	if err := c.holds.wait(ctx, to); err != nil {
		return &Error{Code: "relay-unreachable", Err: err}
	}
	err := c.withToken(ctx, func(token []byte) error {
		_, err := c.do(ctx, http.MethodPost, "/v1/pub", slices.Concat(to[:], frame, token), nil, maxAnswer)
		return err
	})
	var e *Error
	if errors.As(err, &e) && e.RetryAfter > 0 {
		c.holds.add(to, e.RetryAfter)
	}
	return err
}

// GetSlot returns the signed value of a slot. If the slot is empty, errors.Is(err, fs.ErrNotExist).
func (c *Client) GetSlot(ctx context.Context, address [20]byte) ([]byte, error) {
	value, err := c.do(ctx, http.MethodGet, "/v1/slot/"+hex.EncodeToString(address[:]), nil, nil, maxSlotSize)
	switch {
	case err != nil:
		return nil, err
	case len(value) == 0:
		return nil, &Error{Code: "slot-empty"}
	}
	return value, nil
}

// PutSlot puts a signed value in the place of the version replaces (0: of nothing). If the slot holds another version,
// errors.Is(err, fs.ErrExist). If the value there names another writer for the next one, the Code is "not-the-writer".
func (c *Client) PutSlot(ctx context.Context, address [20]byte, value []byte, replaces uint64) error {
	if len(value) > maxSlotSize {
		return &Error{Code: "bad-size"}
	}
	path := "/v1/slot/" + hex.EncodeToString(address[:]) + "?replaces=" + strconv.FormatUint(replaces, 10)
	return c.withToken(ctx, func(token []byte) error {
		_, err := c.do(ctx, http.MethodPut, path, value, token, maxSlotSize)
		return err
	})
}

// ICEServers returns the STUN and TURN servers to use, and for how long they may be used.
func (c *Client) ICEServers(ctx context.Context) ([]ICEServer, time.Duration, error) {
	var body []byte
	err := c.withToken(ctx, func(token []byte) (err error) {
		body, err = c.do(ctx, http.MethodGet, "/v1/ice", nil, token, maxAnswer)
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	var answer struct {
		ICEServers []ICEServer `json:"iceServers"`
		TTL        int         `json:"ttl"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.TTL < 0 || answer.TTL > 1e6 {
		return nil, 0, &Error{Code: "bad-answer"}
	}
	return answer.ICEServers, time.Duration(answer.TTL) * time.Second, nil
}

// do makes one request, with a token in its header if there is one, and returns the body of a successful answer, which is of
// limit bytes at most.
func (c *Client) do(ctx context.Context, method, path string, body, token []byte, limit int) ([]byte, error) {
	timeout := requestTimeout
	if limit > maxAnswer {
		timeout = slotTimeout
	}
	if err := c.ctx.Err(); err != nil {
		return nil, unreachable(err)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)() // Close ends it too
	req, err := http.NewRequestWithContext(ctx, method, c.url(path), bytes.NewReader(body))
	if err != nil {
		return nil, unreachable(err)
	}
	if token != nil {
		req.Header.Set("Authorization", "Bearer "+tokenEncoding.EncodeToString(token))
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, unreachable(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, int64(limit)+1))
	if err != nil {
		return nil, unreachable(err)
	}
	if len(answer) > limit {
		return nil, &Error{Code: "bad-answer", Status: res.StatusCode}
	}
	if res.StatusCode == http.StatusOK || res.StatusCode == http.StatusNoContent {
		poke(c.reached)
		return answer, nil
	}
	return nil, refusal(res, answer)
}
