//go:build !js

package disk

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Systems differ in how a lock can be waited for, and none lets the waiting be given up. So it is tried again and again.
const (
	firstWait = time.Millisecond
	maxWait   = 20 * time.Millisecond
)

// acquire waits for the lock that a file is, and holds it until release is called, which may be done again. The file stays.
func acquire(ctx context.Context, path string) (release func(), err error) {
	for wait := firstWait; ; wait = min(2*wait, maxWait) {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("failed to get the lock: %w", err)
		}
		free, err := tryLock(path)
		if err != nil {
			return nil, fmt.Errorf("failed to get the lock: %v", err)
		}
		if free != nil {
			return sync.OnceFunc(free), nil
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}
