package relay

import (
	"bytes"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A relay whose clock is wrong delivers what waits, with the age that it has, and its operator is told.
func TestAgesWithAWrongClock(t *testing.T) {
	url := natsServer(t, nil)
	for _, off := range []time.Duration{0, -10 * time.Minute, 10 * time.Minute} {
		t.Run(off.String(), func(t *testing.T) {
			var log lockedBuffer
			began := time.Now()
			r := startRelay(t, func(c *Config) {
				c.NATS = NATSConfig{URLs: []string{url}, Replicas: 1, Key: bytes.Repeat([]byte{1}, NATSKeySize)}
				c.Log = slog.New(slog.NewTextHandler(&log, nil))
				c.tuning.journalEvery = 20 * time.Millisecond
				c.tuning.clockOff = off
			})
			m := newMailbox()
			r.mustPost(t, m.address, frame(1))
			right := func() bool {
				r.journal.clock.mu.Lock()
				defer r.journal.clock.mu.Unlock()
				return (r.journal.clock.ahead + off).Abs() < time.Since(began)
			}
			waitFor(t, right)
			c := r.dial(t)
			c.write(m.subscribe(r.origin, c.nonce))
			if got := c.expect("frame 1", "end")[0]; got.age == 0 || got.age > 2*time.Since(began) {
				t.Errorf("%v has an age of %v", got, got.age)
			}
			if told := strings.Contains(log.String(), "clocks"); told != (off != 0) {
				t.Errorf("the log says %q", log.String())
			}
		})
	}
}

// The clock moves as far as it is shown to be wrong, and no further: a slow answer shows little.
func TestClockIsShown(t *testing.T) {
	c := newClock(slog.New(slog.DiscardHandler), 0)
	at := time.Unix(1e9, 0)
	show := func(sentAt, answered, stamp time.Duration) time.Duration {
		c.sent["x"] = sent{at.Add(sentAt), at.Add(answered)}
		c.stamped("x", at.Add(stamp))
		return c.ahead
	}
	for _, x := range []struct{ sent, answered, stamp, want time.Duration }{
		{0, 10, 5, 0},
		{0, 10, 0, 0},
		{0, 10, 40, 30}, // between 30 and 40
		{0, 1000, 40, 30},
		{0, 1000, 20, 20}, // 20 at most
		{0, 10, -5, -5},
		{0, 1000, 2000, 1000},
	} {
		if got := show(x.sent, x.answered, x.stamp); got != x.want {
			t.Errorf("sent at %d, answered at %d, stamped %d: ahead by %d, want %d", x.sent, x.answered, x.stamp, got, x.want)
		}
	}
	if c.stamped("another's", at); c.ahead != 1000 {
		t.Error("a message of somebody else moves the clock")
	}
	c.sending("lost")
	c.answered("lost", false)
	if len(c.sent) != 0 {
		t.Error("a message is remembered that nobody will read")
	}
	for i := range 1000 {
		c.sending(strconv.Itoa(i))
	}
	if len(c.sent) > 200 {
		t.Errorf("%d messages are remembered", len(c.sent))
	}
}

// lockedBuffer is a buffer that many write to.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
