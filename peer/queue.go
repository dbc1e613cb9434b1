package peer

import "sync"

// queue delivers events one at a time, in order, from one goroutine of its own. Nothing waits to put one.
type queue struct {
	on   func(Event)
	wake chan struct{}

	mu       sync.Mutex
	events   []Event
	messages int // of events
	bytes    int // of messages
	closed   bool
}

func newQueue(on func(Event)) *queue {
	q := &queue{on: on, wake: make(chan struct{}, 1)}
	go q.run()
	return q
}

// put appends an event. A message for which there is no room is dropped: the other side decides how many there are.
func (q *queue) put(e Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	if m, ok := e.(ChannelMessage); ok {
		if q.messages >= maxWaiting || q.bytes+len(m.Data) > maxWaitingBytes {
			return
		}
		q.messages++
		q.bytes += len(m.Data)
	}
	q.events = append(q.events, e)
	q.poke()
}

// close drops what is waiting and ends the goroutine.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.events = nil
	q.poke()
}

func (q *queue) poke() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *queue) run() {
	for range q.wake {
		for {
			e, closed := q.next()
			if closed {
				return
			}
			if e == nil {
				break
			}
			q.on(e)
		}
	}
}

// next takes the first event, nil if there is none.
func (q *queue) next() (e Event, closed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return nil, true
	}
	if len(q.events) == 0 {
		q.events = nil
		return nil, false
	}
	e = q.events[0]
	q.events[0] = nil
	q.events = q.events[1:]
	if m, ok := e.(ChannelMessage); ok {
		q.messages--
		q.bytes -= len(m.Data)
	}
	return e, false
}
