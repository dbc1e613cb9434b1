package client

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
)

// Error is what a method of Client fails with.
//
// Code is the relay's ("rate-limited", "mailbox-full", "slot-conflict" ...), or one of the client's own:
// "relay-unreachable" when there was no answer, "bad-answer" when it was not a relay's, "bad-size" when what was to be sent
// has the wrong length. errors.Is tells an empty slot as fs.ErrNotExist and a conflict as fs.ErrExist.
type Error struct {
	Code   string
	Status int // of the HTTP answer; 0 if there was none
	Err    error
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
