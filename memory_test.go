package main

import (
	"math"
	"os"
	"runtime/debug"
	"testing"
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
	tuneMemory()
	if percent, limit := now(); percent != heapGrowth || limit < 64<<20 || limit == math.MaxInt64 {
		t.Errorf("the heap grows by %d %% up to %d bytes", percent, limit)
	}
}

func TestTuneMemoryObeysEnvironment(t *testing.T) {
	t.Setenv("GOGC", "100")
	t.Setenv("GOMEMLIMIT", "1GiB")
	now := settings(t)
	debug.SetMemoryLimit(1 << 30)
	tuneMemory()
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
	tuneMemory()
	if percent, _ := now(); percent != 100 {
		t.Errorf("the heap grows by %d %% without any limit", percent)
	}
}
