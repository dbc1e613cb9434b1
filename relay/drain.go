package relay

import (
	"context"
	"math/rand/v2"
	"net/http"
	"time"
)

// drainStep is how far apart readers are sent away on average, so that those who come back at once do not all come at once.
const drainStep = 2 * time.Millisecond

func draining() *refusal {
	return &refusal{http.StatusServiceUnavailable, "draining", "this relay is about to end: connect again, to another", time.Second}
}

// Ready returns nothing if the relay is ready to serve, and otherwise a code that says why not: "draining" after Drain or
// Close was called, "engine-lost" while the engine is not connected.
func (r *Relay) Ready() (code string) {
	switch {
	case r.conns.isDraining(), r.ctx.Err() != nil:
		return "draining"
	case !r.store.Connected():
		return "engine-lost"
	}
	return ""
}

// Drain prepares the relay's end: it takes no more reading connections, and sends those that are there away (close code 1012,
// reason "moving"), each at a random moment within the time given or 2 ms for each of them, whichever is less, and after it
// has got what waits for it. Posts and slots are served as before. Drain returns when no connection is left or ctx ends.
func (r *Relay) Drain(ctx context.Context, within time.Duration) {
	open, idle := r.conns.drain()
	r.cfg.Log.Info("draining", "connections", len(open))
	spread := min(within, time.Duration(len(open))*drainStep)
	for _, c := range open {
		at := time.Duration(rand.Int64N(int64(spread) + 1))
		time.AfterFunc(at, c.move) // of one that has ended by then it does nothing
		time.AfterFunc(at+r.cfg.tuning.moveGrace, func() { c.stop(closeMoving) })
	}
	select {
	case <-idle:
	case <-ctx.Done():
	}
}
