package relay

import (
	"testing"
	"time"

	"ringfork/relay/store"
)

// The store's goroutine is held up twice, for so long that NATS has no room for what else comes and drops it. What was dropped is
// found in the backlog each time: NATS itself tells of the first time only, for a mailbox that heard nothing in between.
func TestOverflowIsReadFromTheBacklog(t *testing.T) {
	r := startRelay(t, func(c *Config) { c.tuning.rereadAfter = 50 * time.Millisecond })
	quiet, busy := newMailbox(), newMailbox()
	other := r.dial(t)
	other.write(busy.subscribe(r.origin, other.nonce))
	other.expect("end")
	blocked := r.theConn()
	reader := r.dial(t)
	reader.write(quiet.subscribe(r.origin, reader.nonce))
	reader.expect("end")
	for n := range 2 {
		waitFor(t, func() bool { return r.store.Queued() == 0 })
		time.Sleep(400 * time.Millisecond) // for rereads: what one of them found would prove nothing
		blocked.mu.Lock()
		f := frame(n) // which holds it up
		for range store.QueueSize + 1000 {
			if err := r.store.Conn().Publish(r.store.Subject(busy.address)+".x", f); err != nil {
				t.Error(err)
			}
			f = nil // no frame: its length is wrong
		}
		waitFor(t, func() bool { return r.store.Queued() == store.QueueSize })
		r.mustPost(t, quiet.address, frame(n))
		blocked.mu.Unlock()
		for frameNumber(reader.read().rest) != n { // those before it come once more
		}
	}
}
