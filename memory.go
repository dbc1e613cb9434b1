package main

import (
	"context"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

const (
	// heapGrowth is by how many percent the heap of a server grows between two garbage collections. Each of them looks at all
	// connections and frames, and while it does so everything takes longer: Go's usual 100 means four times as many of them.
	heapGrowth = 400
	// heapShare is the part of the machine's memory, or of the control group's, beyond which it collects as often as it must.
	heapShare = 0.5
)

// tuneMemory trades memory that is there for fewer garbage collections, until ctx ends. GOGC and GOMEMLIMIT in the environment
// are obeyed.
func tuneMemory(ctx context.Context) {
	machine := memlimit.ApplyFallback(memlimit.FromCgroup, memlimit.FromSystem)
	limit, err := memlimit.Set(memlimit.WithRatio(heapShare), memlimit.WithProvider(machine))
	if _, given := os.LookupEnv("GOGC"); !given && err == nil && limit < math.MaxInt64 {
		debug.SetGCPercent(heapGrowth)
		go collectEarly(ctx)
	}
}

const (
	earlyEvery = 100 * time.Millisecond
	earlyHeap  = 64 << 20 // a smaller one is collected in no time
)

// collectEarly collects garbage before the runtime would: that begins late, by how busy the program has been, and when it has
// become busier since, everything that takes memory must help to be done in time. Then whatever is under way waits.
func collectEarly(ctx context.Context) {
	tick := time.NewTicker(earlyEvery)
	defer tick.Stop()
	heap := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}, {Name: "/gc/heap/goal:bytes"},
	}
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		metrics.Read(heap)
		if isEarly(heap[0].Value.Uint64(), heap[1].Value.Uint64(), heap[2].Value.Uint64()) {
			runtime.GC()
		}
	}
}

// isEarly reports whether it is time to collect a heap that had live bytes after the last time, has now so many, and is to have
// goal at most: at three quarters of the way. Where the way is short, because memory is, the runtime knows best.
func isEarly(live, now, goal uint64) bool {
	return now >= earlyHeap && goal >= 2*live && now-min(now, live) >= (goal-live)/4*3
}
