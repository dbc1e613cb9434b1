package relay

import (
	"bytes"
	"log/slog"
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
				c.store.JournalEvery = 20 * time.Millisecond
				c.store.Now = func() time.Time { return time.Now().Add(off) }
			})
			m := newMailbox()
			r.mustPost(t, m.address, frame(1))
			if off != 0 { // its operator is told when it knows
				waitFor(t, func() bool { return strings.Contains(log.String(), "clocks") })
			}
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
