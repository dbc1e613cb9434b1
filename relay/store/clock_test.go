package store

import (
	"log/slog"
	"strconv"
	"testing"
	"time"
)

// The clock moves as far as it is shown to be wrong, and no further: a slow answer shows little.
func TestClockIsShown(t *testing.T) {
	c := newClock(slog.New(slog.DiscardHandler), time.Now)
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
