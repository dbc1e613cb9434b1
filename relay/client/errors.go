package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Error is what a method of Client fails with.
//
// Code is the relay's ("rate-limited", "mailbox-full", "slot-conflict" ...; docs/RELAY.md has them all), or one of the client's
// own: "relay-unreachable" when there was no answer or a proxy's, "bad-answer" when it was not a relay's, "bad-size" when what was to be sent
// has the wrong length, "token-failed" when Options.Token did. errors.Is tells an empty slot as fs.ErrNotExist and a conflict as fs.ErrExist.
type Error struct {
	Code       string
	Status     int           // of the HTTP answer; 0 if there was none
	RetryAfter time.Duration // when the relay wants to be asked again, a minute at most; 0 if it did not say
	Err        error
}

// Final reports whether another attempt fails as well until the program's user, or the relay's operator, does something.
func (e *Error) Final() bool {
	switch e.Code {
	case "bad-origin", "bad-token", "token-missing", "token-expired":
		return true
	}
	return false
}

func (e *Error) Error() string {
	switch {
	case e.Err != nil:
		return fmt.Sprintf("relay: %s: %v", e.Code, e.Err)
	case e.Status != 0:
		return fmt.Sprintf("relay: %s (status %d)", e.Code, e.Status)
	}
	return "relay: " + e.Code
}

// RefusalCode returns Code, for who knows this type by its methods only.
func (e *Error) RefusalCode() string { return e.Code }

// RefusalWait returns RetryAfter, likewise.
func (e *Error) RefusalWait() time.Duration { return e.RetryAfter }

// Unwrap returns the cause: of a request that was given up, its context's error.
func (e *Error) Unwrap() error { return e.Err }

// Is makes errors.Is answer for the two outcomes that callers handle.
func (e *Error) Is(target error) bool {
	return target == fs.ErrNotExist && e.Code == "slot-empty" || target == fs.ErrExist && e.Code == "slot-conflict"
}

// unreachable wraps an error of net/http without the URL in it, which names a slot's address.
func unreachable(err error) *Error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return &Error{Code: "relay-unreachable", Err: err}
}

// refusal makes an Error of an answer that says no, and of what was read of its body.
func refusal(res *http.Response, body []byte) *Error {
	var said struct {
		Code  string `json:"code"`
		Error string `json:"error"`
	}
	e := &Error{Code: "bad-answer", Status: res.StatusCode}
	switch { // a proxy's answer, mostly
	case res.StatusCode == http.StatusTooManyRequests:
		e.Code = "rate-limited"
	case res.StatusCode >= 500:
		e.Code = "relay-unreachable"
	}
	if json.Unmarshal(body, &said) == nil && said.Code != "" && len(said.Code) <= 64 && len(said.Error) <= 256 {
		if e.Code = said.Code; said.Error != "" {
			e.Err = fmt.Errorf("%q", said.Error)
		}
	}
	if s, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && s > 0 {
		// A minute is the longest that a relay asks for. Proxies before it ask for hours, in which no phone would ring.
		e.RetryAfter = time.Duration(min(s, 60)) * time.Second
	}
	return e
}
