package store

import (
	"sync"
	"testing"
)

// NATS may tell that the connection was lost while the engine is being stopped. The race detector would see them meet.
func TestEngineStopsWhileItsConnectionIsLost(t *testing.T) {
	e := &engine{}
	e.newEpoch()
	epoch := e.epoch
	var wg sync.WaitGroup
	wg.Go(e.newEpoch)
	wg.Go(e.stop)
	wg.Wait()
	if epoch.Err() == nil {
		t.Error("the first epoch goes on")
	}
}
