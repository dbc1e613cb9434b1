// Package hostile is a relay for tests that does what no honest relay does.
//
// It speaks the protocol of package relay, from memory, and behaves until it is told otherwise: Relay.Add gives it a Rule by
// which it drops, delays, changes or misdirects what it carries, or lies about slots; Relay.Replay delivers what it carried
// once more; Relay.Cut breaks its connections. Relay.Record tells everything it has seen, which is all that a curious relay
// could know. What Go tests do by these methods, others do by POST /control and GET /control/record, from the same machine.
//
// A proof is taken if it is made out to the origin by which its client came: the relay needs to know no name of its own.
package hostile

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	frameSize  = 4096
	frameLife  = 120 * time.Second
	maxBody    = 1 << 20
	maxMessage = 1 << 10
)

// Relay is a relay in the wrong hands. It is an http.Handler. Its methods may be called from any goroutine.
type Relay struct {
	front  http.Handler
	ctx    context.Context // ends with Close
	cancel context.CancelFunc

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup // connections and what is delayed; added to only while not closed
	boxes   map[address]*box
	slots   map[address][]slotValue // every value that was taken, the last one is there
	conns   map[*conn]struct{}
	rules   []*activeRule
	chance  *rand.Rand
	record  Record
}

// New makes a relay. What is asked of it beside mailboxes, slots and control it passes on to front: pages, the module, the
// list of ICE servers. Front may be nil: then there are no pages, and that list is empty.
func New(front http.Handler) *Relay {
	r := &Relay{
		front: front, boxes: map[address]*box{}, slots: map[address][]slotValue{}, conns: map[*conn]struct{}{},
		chance: rand.New(rand.NewPCG(1, 2)), // the same in every run
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r
}

// Close breaks all connections, drops what is delayed, and returns when nothing of it runs any more.
func (r *Relay) Close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.cancel()
	r.running.Wait()
}

// Cut breaks the connections that are open. Clients will come again.
func (r *Relay) Cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.conns {
		c.cancel()
	}
}

// answer is what a request gets: a value, or a status with the code of a refusal.
type answer struct {
	status int
	code   string
	body   []byte
}

// ServeHTTP serves the relay's paths and control, and hands the rest to front. It records every request but those of control.
func (r *Relay) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	path := req.URL.Path
	if path == "/control" || strings.HasPrefix(path, "/control/") {
		r.serveControl(w, req)
		return
	}
	request := r.newRequest(req)
	relays := strings.HasPrefix(path, "/v1/")
	if relays {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Allow-Methods", "GET, POST, PUT")
		h.Set("Access-Control-Allow-Headers", "Content-Type")
		h.Set("Cache-Control", "no-store")
	}
	slot, isSlot := strings.CutPrefix(path, "/v1/slot/")
	known := path == "/v1/pub" || path == "/v1/sub" || isSlot
	var a answer
	if failed, ok := r.failure(request, req); ok {
		a = failed
	} else if relays && req.Method == http.MethodOptions {
		a = answer{status: http.StatusNoContent}
	} else if !known && r.front != nil {
		clear(w.Header()) // it says by itself who may read it, and a browser takes that once only
		r.front.ServeHTTP(w, req)
		return
	} else if path == "/v1/sub" {
		r.serveSub(w, req, request)
		return
	} else if a, ok = r.read(w, req, request); ok {
		switch {
		case path == "/v1/pub" && req.Method == http.MethodPost:
			a = r.post(request, a.body)
		case isSlot && req.Method == http.MethodGet:
			a = r.getSlot(request, slot)
		case isSlot && req.Method == http.MethodPut:
			a = r.putSlot(request, slot, req.URL.Query().Get("replaces"), a.body)
		case path == "/v1/ice":
			a = answer{status: http.StatusOK, body: []byte(`{"iceServers":[],"ttl":600}`)}
		default:
			a = answer{status: http.StatusNotFound, code: "not-found"}
		}
	}
	r.answered(request, a)
	if a.code != "" {
		a.body = []byte(`{"code":"` + a.code + `","error":"said by the test"}`)
	}
	w.WriteHeader(a.status)
	w.Write(a.body)
}

// read reads a request's body. It is false, with the answer, if there is none to be had.
func (r *Relay) read(w http.ResponseWriter, req *http.Request, request int) (answer, bool) {
	body, err := readAll(w, req)
	if err != nil {
		return answer{status: http.StatusRequestEntityTooLarge, code: "too-large"}, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.record.Requests[request].Length = len(body)
	return answer{body: body}, true
}

// enter counts one thing that runs, which ends with running.Done. It is false once the relay is closed. mu is held.
func (r *Relay) enter() bool {
	if !r.closed {
		r.running.Add(1)
	}
	return !r.closed
}

// after runs f, with mu held, when ms milliseconds have passed, or never if the relay closes before. mu is held.
func (r *Relay) after(ms int, f func()) {
	if ms <= 0 {
		f()
		return
	}
	if !r.enter() {
		return
	}
	go func() {
		defer r.running.Done()
		select {
		case <-time.After(time.Duration(ms) * time.Millisecond):
			r.mu.Lock()
			defer r.mu.Unlock()
			f()
		case <-r.ctx.Done():
		}
	}()
}
