package main

import (
	"math"
	"os"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

const (
	// heapGrowth is by how many percent the heap of a server grows between two garbage collections. Each of them looks at all
	// connections and frames, and while it does so everything takes longer: Go's usual 100 means four times as many of them.
	heapGrowth = 400
	// heapShare is the part of the machine's memory, or of the control group's, beyond which it collects as often as it must.
	heapShare = 0.5
)

// tuneMemory trades memory that is there for fewer garbage collections. GOGC and GOMEMLIMIT in the environment are obeyed.
func tuneMemory() {
	machine := memlimit.ApplyFallback(memlimit.FromCgroup, memlimit.FromSystem)
	limit, err := memlimit.Set(memlimit.WithRatio(heapShare), memlimit.WithProvider(machine))
	if _, given := os.LookupEnv("GOGC"); !given && err == nil && limit < math.MaxInt64 {
		debug.SetGCPercent(heapGrowth)
	}
}
