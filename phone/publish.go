package phone

import (
	"context"
	"time"

	"ringfork/signalcore"
)

// orderTime is how long a message waits for the one before it: a relay that hangs must not hold up an accept.
const orderTime = 300 * time.Millisecond

// publishTime bounds one attempt: the machine's retries are the next.
const publishTime = 10 * time.Second

// publish hands all frames of a message to the relay. When it took them the machine hears of it.
func (p *Phone) publish(call signalcore.CallID, id signalcore.MessageID) {
	s := p.sessions[call]
	if s == nil {
		return
	}
	m, ok := s.sent[id]
	if !ok {
		return // forgotten, or a ring for which nothing is known yet by which to ring
	}
	var before, done chan struct{}
	if s.called != nil { // all goes to one mailbox, and an accept must not overtake its offer
		before, done = s.before, make(chan struct{})
		s.before = done
	}
	p.running.Add(1)
	p.effect(func() {
		defer p.running.Add(-1)
		if done != nil {
			defer close(done)
		}
		if before != nil {
			select {
			case <-before:
			case <-after(orderTime):
			}
		}
		ctx, cancel := context.WithTimeout(p.ctx, publishTime)
		defer cancel()
		for _, x := range m {
			for _, f := range x.frames {
				if err := p.cfg.Transport.Publish(ctx, x.to, f); err != nil {
					p.queue.put(func() { p.unsent(call, id, err) })
					return
				}
			}
		}
		p.queue.put(func() { p.posted(call, id) })
	})
}
