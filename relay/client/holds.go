package client

import (
	"context"
	"sync"
	"time"
)

const (
	maxHolds    = 256
	longestHold = 8 * time.Second // one attempt of a phone's ends after ten
)

// holds are the mailboxes for which the relay wants no frame for a while.
type holds struct {
	mu    sync.Mutex
	until map[[20]byte]time.Time
}

func (h *holds) add(to [20]byte, d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.until == nil || len(h.until) >= maxHolds {
		h.until = map[[20]byte]time.Time{}
	}
	h.until[to] = time.Now().Add(min(d, longestHold))
}

// wait returns when the mailbox may be posted to again. Its error is the context's.
func (h *holds) wait(ctx context.Context, to [20]byte) error {
	h.mu.Lock()
	d := time.Until(h.until[to])
	if d <= 0 {
		delete(h.until, to)
	}
	h.mu.Unlock()
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
