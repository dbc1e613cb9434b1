//go:build !js

package peer

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
)

// patience bounds what takes milliseconds on a machine that does nothing else.
const patience = time.Minute

// side is a connection with everything that was reported of it.
type side struct {
	*Conn
	name   string
	tracks chan received
	found  chan Event // CandidateFound and CandidatesEnd

	mu     sync.Mutex
	more   chan struct{} // closed and replaced at each event
	events []Event
}

type received struct {
	kind  Kind
	track *webrtc.TrackRemote
	at    *webrtc.RTPReceiver
}

func newSide(t *testing.T, name string, cfg Config) *side {
	t.Helper()
	s := &side{name: name, more: make(chan struct{}), tracks: make(chan received, 8), found: make(chan Event, 256)}
	c, err := New(cfg, s.record)
	if err != nil {
		t.Fatal(err)
	}
	s.Conn = c
	c.OnTrack(func(k Kind, track *webrtc.TrackRemote, at *webrtc.RTPReceiver) { s.tracks <- received{k, track, at} })
	t.Cleanup(func() { c.Close() })
	return s
}

func (s *side) record(e Event) {
	switch e.(type) {
	case CandidateFound, CandidatesEnd:
		s.found <- e
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, e)
	close(s.more)
	s.more = make(chan struct{})
}

func (s *side) seen() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.events[:len(s.events):len(s.events)]
}

// await waits until what was reported fulfills done.
func (s *side) await(t *testing.T, what string, done func([]Event) bool) {
	t.Helper()
	timeout := time.After(patience)
	for {
		s.mu.Lock()
		events, more := s.events, s.more
		s.mu.Unlock()
		if done(events) {
			return
		}
		select {
		case <-more:
		case <-timeout:
			t.Fatalf("%s: no %s, only %v", s.name, what, events)
		}
	}
}

func has[E Event](events []Event) bool { return count[E](events) > 0 }

func count[E Event](events []Event) (n int) {
	for _, e := range events {
		if _, ok := e.(E); ok {
			n++
		}
	}
	return n
}

func hasState(state State) func([]Event) bool {
	return func(events []Event) bool {
		for _, e := range events {
			if e == Event(StateChanged{state}) {
				return true
			}
		}
		return false
	}
}

// trickle carries the candidates of one side to the other until they end.
func trickle(ctx context.Context, from, to *side) error {
	for {
		select {
		case e := <-from.found:
			var err error
			if found, ok := e.(CandidateFound); ok {
				err = to.AddCandidates(ctx, []Candidate{found.Candidate}, false)
			} else {
				return to.AddCandidates(ctx, nil, true)
			}
			if err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// connect negotiates and waits until the channel is open on both sides.
func connect(t *testing.T, endpoint, caller *side) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	offer, err := endpoint.Offer(ctx)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := caller.Answer(ctx, offer)
	if err != nil {
		t.Fatal(err)
	}
	if err := endpoint.ApplyAnswer(ctx, answer); err != nil {
		t.Fatal(err)
	}
	errs := make(chan error, 2)
	go func() { errs <- trickle(ctx, endpoint, caller) }()
	go func() { errs <- trickle(ctx, caller, endpoint) }()
	for range 2 {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range []*side{endpoint, caller} {
		s.await(t, "open channel", has[ChannelOpen])
		s.await(t, "connected", hasState(Connected))
	}
}

func pair(t *testing.T) (endpoint, caller *side) {
	t.Helper()
	cfg := Config{Loopback: true}
	endpoint, caller = newSide(t, "endpoint", cfg), newSide(t, "caller", cfg)
	connect(t, endpoint, caller)
	return endpoint, caller
}
