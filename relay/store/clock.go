package store

import (
	"log/slog"
	"sync"
	"time"
)

// clock knows how far the clock of the server that stamps frames is ahead of this machine's, so that a frame has the age that
// it has, whatever this machine's clock says. It learns that from messages of its own: they are stamped after they were sent,
// and before the answer came.
type clock struct {
	wall func() time.Time // this machine's clock
	log  *slog.Logger

	mu    sync.Mutex
	ahead time.Duration // zero until it is shown to be something else
	sent  map[string]sent
	told  bool // the operator
}

// sent is when a message was sent, and when it was answered; zero: not yet.
type sent struct{ at, answered time.Time }

// A clock that is wrong by more than this is worth a line in the log: the servers' own may be the wrong ones, and they forget
// frames by them.
const clockTolerance = 5 * time.Second

func newClock(log *slog.Logger, wall func() time.Time) *clock {
	return &clock{wall: wall, log: log, sent: map[string]sent{}}
}

// now is what this machine's clock shows. It is not for measuring how long something takes.
func (c *clock) now() time.Time { return c.wall().Round(0) }

// age returns how long ago something was stamped. A nil clock is that of an engine in this process.
func (c *clock) age(stamp time.Time) time.Duration {
	if c == nil {
		return time.Since(stamp)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now().Add(c.ahead).Sub(stamp)
}

// sending takes a message that is about to be sent, answered that it was stored. One that was not is forgotten.
func (c *clock) sending(subject string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.sent) > 100 { // nothing of all that was ever read
		clear(c.sent)
	}
	c.sent[subject] = sent{at: c.now()}
}

func (c *clock) answered(subject string, stored bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, ok := c.sent[subject]
	switch {
	case !ok: // it was read already
	case stored:
		s.answered = c.now()
		c.sent[subject] = s
	default:
		delete(c.sent, subject)
	}
}

// stamped takes a message that was read, of anybody, and when it was stamped.
func (c *clock) stamped(subject string, stamp time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, ours := c.sent[subject]
	if !ours {
		return
	}
	delete(c.sent, subject)
	if s.answered.IsZero() {
		s.answered = c.now()
	}
	c.ahead = min(max(c.ahead, stamp.Sub(s.answered)), stamp.Sub(s.at))
	wrong := c.ahead.Abs() > clockTolerance
	if wrong && !c.told {
		c.log.Warn("the clocks of NATS and of this machine differ", "by", c.ahead.Abs().Round(time.Second))
	}
	c.told = wrong
}
