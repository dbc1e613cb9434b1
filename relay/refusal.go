package relay

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"ringfork/relay/store"
)

// refusal is an answer that is no success: an HTTP status, and a stable code with a sentence in the body.
type refusal struct {
	status int
	code   string
	text   string
	retry  time.Duration // when it may be worth trying again; zero: not said
}

func (r *refusal) Error() string { return r.code + ": " + r.text }

func rateLimited(text string, wait time.Duration) *refusal {
	return &refusal{http.StatusTooManyRequests, "rate-limited", text, max(wait, time.Millisecond)}
}

// ofStore has what a client is told when the store does not do what it was asked for; the sentence is the error's own.
var ofStore = []struct {
	err error
	refusal
}{
	{store.ErrNotStored, refusal{http.StatusServiceUnavailable, "unavailable", "", time.Second}},
	{store.ErrNotRead, refusal{http.StatusServiceUnavailable, "unavailable", "", time.Second}},
	{store.ErrNotWritten, refusal{http.StatusServiceUnavailable, "unavailable", "", time.Second}},
	{store.ErrMailboxFull, refusal{http.StatusServiceUnavailable, "mailbox-full", "", time.Second}},
	{store.ErrSlotsFull, refusal{http.StatusServiceUnavailable, "slots-full", "", time.Minute}},
	{store.ErrSlotConflict, refusal{http.StatusConflict, "slot-conflict", "", 0}},
	{store.ErrSlotRace, refusal{http.StatusConflict, "slot-conflict", "", 0}},
	{store.ErrNotTheWriter, refusal{http.StatusForbidden, "not-the-writer", "", 0}},
	{store.ErrBadSize, refusal{http.StatusBadRequest, "bad-size", "", 0}},
	{store.ErrBadVersion, refusal{http.StatusBadRequest, "bad-version", "", 0}},
	{store.ErrBadSignature, refusal{http.StatusForbidden, "bad-signature", "", 0}},
}

// refusalOf returns what err is to a client. One that is neither a refusal nor the store's is a bug and says nothing about
// itself.
func refusalOf(err error) *refusal {
	var r *refusal
	if errors.As(err, &r) {
		return r
	}
	for _, of := range ofStore {
		if errors.Is(err, of.err) {
			of.text = of.err.Error()
			return &of.refusal
		}
	}
	return &refusal{http.StatusInternalServerError, "internal", "internal error", 0}
}

// refuse counts err and writes it as the answer.
func (relay *Relay) refuse(w http.ResponseWriter, err error) {
	r := refusalOf(err)
	relay.metrics.refused(r.code)
	if r.retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(r.retry.Seconds()))))
	}
	if r.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer") // RFC 9110, section 11.6.1
	}
	writeJSON(w, r.status, struct {
		Code  string `json:"code"`
		Error string `json:"error"`
	}{r.code, r.text})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic("internal error: " + err.Error())
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(body, '\n'))
}
