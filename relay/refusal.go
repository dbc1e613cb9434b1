package relay

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"
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

func unavailable(text string) *refusal {
	return &refusal{http.StatusServiceUnavailable, "unavailable", text, time.Second}
}

// refuse counts err and writes it as the answer. One that is not a refusal is a bug and says nothing about itself.
func (relay *Relay) refuse(w http.ResponseWriter, err error) {
	var r *refusal
	if !errors.As(err, &r) {
		r = &refusal{http.StatusInternalServerError, "internal", "internal error", 0}
	}
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
