package client

import (
	"crypto/sha256"
	"sync"
	"sync/atomic"
	"time"
)

// maxEvents is how many callbacks may wait for their turn. When a connection brings more it is given up; what is missed
// then is in the backlog of the next one, which is made when the callbacks have caught up. There may be 2,048 mailboxes, each
// with an end of its backlog and some frames.
const maxEvents = 8192

// events calls callbacks one at a time and in order, from one goroutine.
type events struct {
	mu     sync.Mutex
	wake   *sync.Cond
	queue  []func()
	closed bool
}

func newEvents() *events {
	e := &events{}
	e.wake = sync.NewCond(&e.mu)
	return e
}

// add appends a callback, and reports whether there is room for more.
func (e *events) add(f func()) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.queue = append(e.queue, f)
	e.wake.Broadcast()
	return len(e.queue) < maxEvents
}

// run calls callbacks until close.
func (e *events) run() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for {
		for len(e.queue) == 0 && !e.closed {
			e.wake.Wait()
		}
		if e.closed {
			return
		}
		f := e.queue[0]
		e.queue[0] = nil
		if e.queue = e.queue[1:]; len(e.queue) == 0 {
			e.queue = nil
			e.wake.Broadcast()
		}
		e.mu.Unlock()
		f()
		e.mu.Lock()
	}
}

// drained waits until no callback waits, or close.
func (e *events) drained() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for len(e.queue) > 0 && !e.closed {
		e.wake.Wait()
	}
}

func (e *events) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed, e.queue = true, nil
	e.wake.Broadcast()
}

// subscription is one mailbox that is read. The connection's reader calls its methods; the callbacks are called by events.
type subscription struct {
	mailbox      Mailbox
	address      [20]byte
	number       int // counts up
	onFrame      func(frame []byte, age time.Duration)
	onBacklogEnd func()
	cancelled    atomic.Bool
	seen         *seen // used by the reader only
	refusals     int   // in a row; used by the reader only
}

func (s *subscription) frame(frame []byte, age time.Duration) func() {
	return func() {
		if !s.cancelled.Load() {
			s.onFrame(frame, age)
		}
	}
}

func (s *subscription) backlogEnd() {
	if !s.cancelled.Load() {
		s.onBacklogEnd()
	}
}

// seen remembers the frames that were delivered in the last frameLife, so that the backlog of a new connection does not
// bring them again.
type seen struct {
	at    map[[32]byte]time.Time
	order [][32]byte
}

const (
	frameLife = 2*time.Minute + 10*time.Second // the relay's, and some more
	maxSeen   = 2048
)

func newSeen() *seen { return &seen{at: map[[32]byte]time.Time{}} }

// add records a frame and reports whether it is new.
func (s *seen) add(frame []byte, now time.Time) bool {
	for len(s.order) > 0 && (len(s.order) >= maxSeen || now.Sub(s.at[s.order[0]]) > frameLife) {
		delete(s.at, s.order[0])
		s.order = s.order[1:]
	}
	id := sha256.Sum256(frame)
	if _, ok := s.at[id]; ok {
		return false
	}
	s.at[id] = now
	s.order = append(s.order, id)
	return true
}
