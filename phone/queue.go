package phone

import (
	"sync"
	"time"
)

// queue is what the pump works off: functions, in the order in which they were put in. It has no bound of its own; what
// feeds it has (frames a second by mailbox, messages by peer connection).
type queue struct {
	mu     sync.Mutex
	todo   []func()
	closed bool
	poke   chan struct{}
}

func newQueue() *queue { return &queue{poke: make(chan struct{}, 1)} }

// put reports whether f will run: not after close.
func (q *queue) put(f func()) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.todo = append(q.todo, f)
	select {
	case q.poke <- struct{}{}:
	default:
	}
	return true
}

func (q *queue) take() func() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.todo) == 0 {
		return nil
	}
	f := q.todo[0]
	q.todo[0] = nil
	q.todo = q.todo[1:]
	return f
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.todo = nil
}

// pump runs what is put into the queue, and the machine when its deadline comes, until done is closed.
func (p *Phone) pump() {
	defer close(p.stopped)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		for f := p.queue.take(); f != nil; f = p.queue.take() {
			f()
		}
		wake := time.Hour
		if at := p.machine.Deadline(); !at.IsZero() {
			wake = max(0, time.Until(at))
		}
		timer.Reset(wake)
		select {
		case <-p.queue.poke:
		case <-timer.C:
			p.tick()
		case <-p.done:
			return
		}
	}
}
