package hostile

import (
	"net/http"
	"time"
)

// Record is everything the relay has seen, in the order in which it came. Addresses and keys are in lower case hexadecimal
// digits; bytes are in base64 where the record is JSON. Fate lists the rules that had a say in it, by their Do.
type Record struct {
	Requests    []Request    `json:"requests"`
	Connections []Connection `json:"connections"`
	Messages    []Message    `json:"messages"`
	Frames      []Frame      `json:"frames"`
	Slots       []SlotPut    `json:"slots"`
}

// Request is an HTTP request, of any path but those of control.
type Request struct {
	At     time.Time   `json:"at"`
	From   string      `json:"from"` // IP address and port
	Method string      `json:"method"`
	Path   string      `json:"path"` // with the query
	Header http.Header `json:"header"`
	Length int         `json:"length"` // of the body; -1 if it was not read
	Status int         `json:"status"` // of the answer; 0 if front or a WebSocket gave it
	Code   string      `json:"code"`
	Fate   []string    `json:"fate"`
}

// Connection is a WebSocket that was opened by a request.
type Connection struct {
	Request int       `json:"request"` // its place in Requests
	Opened  time.Time `json:"opened"`
	Closed  time.Time `json:"closed"` // zero if it is open
}

// Message is what a client said on a connection.
type Message struct {
	At         time.Time `json:"at"`
	Connection int       `json:"connection"` // its place in Connections
	Kind       string    `json:"kind"`       // "subscribe", "unsubscribe", "unknown"
	Address    string    `json:"address"`
	Proved     bool      `json:"proved"` // a subscribe whose proof is right
	Bytes      []byte    `json:"bytes"`
	Fate       []string  `json:"fate"`
}

// Frame is a frame that was posted.
type Frame struct {
	At      time.Time `json:"at"`
	Request int       `json:"request"` // its place in Requests
	To      string    `json:"to"`
	Bytes   []byte    `json:"bytes"`
	Fate    []string  `json:"fate"`
}

// SlotPut is an attempt to put a value into a slot.
type SlotPut struct {
	At       time.Time `json:"at"`
	Request  int       `json:"request"` // its place in Requests
	Address  string    `json:"address"`
	Replaces string    `json:"replaces"`
	Version  uint64    `json:"version"`
	Writer   string    `json:"writer"`
	Next     string    `json:"next"`
	Value    []byte    `json:"value"`
	Code     string    `json:"code"` // why it was refused; empty if it was not
	Fate     []string  `json:"fate"`
}

// Record returns what the relay has seen so far.
func (r *Relay) Record() Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Record{
		Requests:    append([]Request{}, r.record.Requests...), // never nil, which JSON would tell apart
		Connections: append([]Connection{}, r.record.Connections...),
		Messages:    append([]Message{}, r.record.Messages...),
		Frames:      append([]Frame{}, r.record.Frames...),
		Slots:       append([]SlotPut{}, r.record.Slots...),
	}
}

// newRequest records a request and returns its place in the record.
func (r *Relay) newRequest(req *http.Request) int {
	header := req.Header.Clone()
	header.Set("Host", req.Host)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.record.Requests = append(r.record.Requests, Request{
		At: time.Now(), From: req.RemoteAddr, Method: req.Method, Path: req.URL.RequestURI(), Header: header, Length: -1, Fate: []string{},
	})
	return len(r.record.Requests) - 1
}

// answered records what was said to a request.
func (r *Relay) answered(request int, a answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.record.Requests[request].Status, r.record.Requests[request].Code = a.status, a.code
}
