package main

import (
	"context"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

// settings returns what the garbage collector goes by, and puts it back when the test ends.
func settings(t *testing.T) func() (percent int, limit int64) {
	limit := debug.SetMemoryLimit(-1)
	percent := debug.SetGCPercent(100)
	t.Cleanup(func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	})
	return func() (int, int64) {
		percent := debug.SetGCPercent(100)
		debug.SetGCPercent(percent)
		return percent, debug.SetMemoryLimit(-1)
	}
}

// unset takes a variable out of the environment for the time of a test.
func unset(t *testing.T, name string) {
	t.Setenv(name, "") // which puts it back
	os.Unsetenv(name)
}

func TestTuneMemory(t *testing.T) {
	unset(t, "GOGC")
	unset(t, "GOMEMLIMIT")
	now := settings(t)
	tuneMemory(t.Context())
	if percent, limit := now(); percent != heapGrowth || limit < 64<<20 || limit == math.MaxInt64 {
		t.Errorf("the heap grows by %d %% up to %d bytes", percent, limit)
	}
}

func TestTuneMemoryObeysEnvironment(t *testing.T) {
	t.Setenv("GOGC", "100")
	t.Setenv("GOMEMLIMIT", "1GiB")
	now := settings(t)
	debug.SetMemoryLimit(1 << 30)
	tuneMemory(t.Context())
	if percent, limit := now(); percent != 100 || limit != 1<<30 {
		t.Errorf("the heap grows by %d %% up to %d bytes", percent, limit)
	}
}

// Where nobody knows how much memory there is, it is not spent.
func TestTuneMemoryWithoutLimit(t *testing.T) {
	unset(t, "GOGC")
	t.Setenv("GOMEMLIMIT", "off")
	now := settings(t)
	debug.SetMemoryLimit(math.MaxInt64)
	tuneMemory(t.Context())
	if percent, _ := now(); percent != 100 {
		t.Errorf("the heap grows by %d %% without any limit", percent)
	}
}

func TestIsEarly(t *testing.T) {
	const mb = 1 << 20
	for _, test := range []struct {
		live, now, goal uint64
		want            bool
	}{
		{100 * mb, 399 * mb, 500 * mb, false},
		{100 * mb, 400 * mb, 500 * mb, true},
		{100 * mb, 600 * mb, 500 * mb, true},
		{10 * mb, 50 * mb, 50 * mb, false},     // small
		{100 * mb, 90 * mb, 500 * mb, false},   // freed since
		{900 * mb, 990 * mb, 1000 * mb, false}, // hardly any room: it would be done all the time
	} {
		if got := isEarly(test.live, test.now, test.goal); got != test.want {
			t.Errorf("live %d MB, now %d of %d: %v", test.live/mb, test.now/mb, test.goal/mb, got)
		}
	}
}

var garbage []byte

// A heap that grows is collected by it, and not by the runtime.
func TestCollectEarly(t *testing.T) {
	settings(t)
	debug.SetGCPercent(heapGrowth)
	held := make([]byte, 64<<20)
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	go collectEarly(ctx)
	for ctx.Err() == nil && after.NumForcedGC <= before.NumForcedGC {
		for range 10 {
			garbage = make([]byte, 1<<20)
		}
		time.Sleep(earlyEvery / 2) // slowly: 10 MB of the 256 that it may grow by
		runtime.ReadMemStats(&after)
	}
	if ctx.Err() != nil {
		t.Errorf("%d collections, none of them early", after.NumGC-before.NumGC)
	}
	runtime.KeepAlive(held)
}
