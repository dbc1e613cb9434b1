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
	q.wake()
	return true
}

// wake lets the pump look around.
func (q *queue) wake() {
	select {
	case q.poke <- struct{}{}:
	default:
	}
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

// after is closed when a time is over. In a page it is surer than a timer's own channel, see pump.
func after(d time.Duration) <-chan struct{} {
	over := make(chan struct{})
	time.AfterFunc(d, func() { close(over) })
	return over
}

// pump runs what is put into the queue, and the machine when its deadline comes, until done is closed.
//
// The deadline pokes the queue. With the channel of a time.Timer in the select instead, as Go 1.26.8 has it, 10 of 24 pages in
// Chromium slept on past it when they placed a call while the profile was written: the runtime had set no timeout for it.
func (p *Phone) pump() {
	defer close(p.stopped)
	wake := time.AfterFunc(time.Hour, p.queue.wake)
	defer wake.Stop()
	for {
		for f := p.queue.take(); f != nil; f = p.queue.take() {
			f()
		}
		if at := p.machine.Deadline(); !at.IsZero() {
			left := time.Until(at)
			if left <= 0 {
				p.tick()
				continue
			}
			wake.Stop()
			wake = time.AfterFunc(left, p.queue.wake)
		}
		select {
		case <-p.queue.poke:
		case <-p.done:
			return
		}
	}
}
