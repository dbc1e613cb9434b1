package signalcore

import (
	"flag"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	simSeed  = flag.Uint64("sim.seed", 0, "play only this episode of the simulation, and trace the call it fails with")
	simRule  = flag.String("sim.rule", "", "with -sim.seed: trace the call that breaks this rule")
	simPick  = flag.String("sim.call", "", "with -sim.seed: trace the call whose id begins so")
	simCalls = flag.Int("sim.calls", 100_000, "how many calls to simulate")
)

// TestSimulation lets thousands of phones call each other: users who dial, accept, decline, hang up, cancel and redial at
// random, over a network that loses, repeats and reorders, with phones that crash, sleep and start again. Each episode is a
// world of its own, made from its seed alone, so a failing one replays exactly. What must hold is in checker (sim_check_test.go).
func TestSimulation(t *testing.T) {
	size, want := simFull, *simCalls
	if testing.Short() {
		size, want = simSmall, 400
	}
	if *simSeed != 0 {
		w := simEpisode(*simSeed, size, CallID{})
		s := w.sum()
		s.report(t)
		var id CallID
		if len(w.found) > 0 {
			id = w.found[max(0, slices.IndexFunc(w.found, func(f simFound) bool { return f.rule == *simRule }))].call
		}
		if i := slices.IndexFunc(w.order, func(c *simCall) bool { return strings.HasPrefix(c.id.String(), *simPick) }); *simPick != "" && i >= 0 {
			id = w.order[i].id
		}
		if id != (CallID{}) {
			w = simEpisode(*simSeed, size, id)
			t.Logf("trace of call %x:\n%s", w.traced[:4], w.trace.String())
		}
		return
	}
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	start := time.Now()
	var all simSum
	var lock sync.Mutex
	var wg sync.WaitGroup
	next := uint64(0)
	for range 2 {
		wg.Go(func() {
			for {
				lock.Lock()
				if all.calls >= want || len(all.fresh()) > 5 {
					lock.Unlock()
					return
				}
				next++
				seed := next
				lock.Unlock()
				s := simEpisode(seed, size, CallID{}).sum()
				lock.Lock()
				all.add(s)
				lock.Unlock()
			}
		})
	}
	wg.Wait()
	all.report(t)
	took := time.Since(start).Seconds()
	t.Logf("%d calls in %.1f s: %.0f calls/s, %.0f steps/s, %d phones", all.calls, took, float64(all.calls)/took, float64(all.steps)/took, all.phones)
}

// simSum is what episodes add up to.
type simSum struct {
	calls, steps, phones int
	found                []simFound
	ends                 map[string]int // the caller's end and the winner's
	drops                map[string]int
}

func (s *simSum) add(o simSum) {
	s.calls, s.steps, s.phones = s.calls+o.calls, s.steps+o.steps, s.phones+o.phones
	s.found = append(s.found, o.found...)
	if s.ends == nil {
		s.ends, s.drops = map[string]int{}, map[string]int{}
	}
	for k, n := range o.ends {
		s.ends[k] += n
	}
	for k, n := range o.drops {
		s.drops[k] += n
	}
}

// fresh returns what may not happen at all.
func (s *simSum) fresh() (out []simFound) {
	for _, f := range s.found {
		if simRare[f.rule] == "" {
			out = append(out, f)
		}
	}
	return out
}

func (s *simSum) report(t *testing.T) {
	known := map[string]int{}
	first := map[string]simFound{}
	slices.SortStableFunc(s.found, func(a, b simFound) int { return int(int64(a.seed) - int64(b.seed)) })
	for _, f := range s.found {
		if known[f.rule]++; known[f.rule] == 1 {
			first[f.rule] = f
		}
	}
	for _, rule := range slices.Sorted(maps.Keys(first)) {
		f := first[rule]
		line := fmt.Sprintf("%s (%d times): call %x at %.3f s: %s\n\treplay: go test -run TestSimulation ./signalcore -sim.seed=%d%s",
			rule, known[rule], f.call[:4], f.at.Seconds(), f.what, f.seed, shortFlag())
		if why := simRare[rule]; why != "" && known[rule]*1000 <= max(s.calls, 5000) {
			t.Logf("rare: %s\n\t%s", why, line)
		} else {
			t.Error(line)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(s.ends)) {
		t.Logf("ends %6d  %s", s.ends[k], k)
	}
}

func shortFlag() string {
	if testing.Short() {
		return " -short"
	}
	return ""
}

// simSize is how large an episode is.
type simSize struct{ accounts, calls int }

var (
	simFull  = simSize{accounts: 1000, calls: 4000}
	simSmall = simSize{accounts: 60, calls: 100}
)

func (w *sim) sum() simSum {
	return simSum{calls: w.dialed, steps: w.steps, phones: w.starts, found: w.found, ends: w.counts, drops: w.drops}
}

// BenchmarkSimulation measures how fast calls are simulated, with all that happens around them.
func BenchmarkSimulation(b *testing.B) {
	calls := 0
	for i := range b.N {
		s := simEpisode(uint64(i+1), simFull, CallID{}).sum()
		calls += s.calls
	}
	b.ReportMetric(float64(calls)/b.Elapsed().Seconds(), "calls/s")
}
