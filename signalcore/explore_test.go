package signalcore

import (
	"flag"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

var exploreDepth = flag.Int("explore.depth", 0, "explore so many moves deeper than usual")

// The worlds explored. Alice has the nodes 0 and 1, Bob 2, 3 and 4.
var xScenarios = []*xScenario{
	{
		name: "fork/dialed", nodes: []int{0, 2, 3, 4}, dials: []xDial{{from: 0, to: 2}},
		limit: [budgets]uint8{loss: 1, double: 1, fault: 1, nap: 1, crash: 1, leave: 1, roam: 1}, trouble: 1, depth: [2]int{2, 5},
	}, {
		name: "fork/ringing", nodes: []int{0, 2, 3, 4}, dials: []xDial{{from: 0, to: 2}}, declineHere: true,
		limit: [budgets]uint8{loss: 1, double: 1, fault: 1, fade: 1, crash: 1, leave: 1, roam: 1, outage: 1}, trouble: 1, depth: [2]int{1, 4},
		begin: func(e *explorer, s *xState) { e.drain(s, 0, 2, 3) },
	}, {
		name: "fork/expiring", nodes: []int{0, 2, 3, 4}, dials: []xDial{{from: 0, to: 2}}, expiring: true,
		limit: [budgets]uint8{loss: 1, nap: 1, crash: 1}, trouble: 2, depth: [2]int{1, 4},
		begin: func(e *explorer, s *xState) {
			e.drain(s, e.sc.nodes...)
			e.wait(s, xRingTime-100*time.Millisecond)
		},
	}, {
		name: "fork/active", nodes: []int{0, 2, 3}, dials: []xDial{{from: 0, to: 2}},
		limit: [budgets]uint8{loss: 2, double: 1, fault: 1, fade: 1, nap: 1, crash: 1, leave: 1, roam: 1, outage: 1}, trouble: 2, depth: [2]int{1, 6},
		begin: func(e *explorer, s *xState) {
			e.drain(s, e.sc.nodes...)
			e.must(s, 2, PickUp{Call: xCallID(0, 0), Media: Media{Audio: true}})
			e.drain(s, e.sc.nodes...)
			e.wait(s, 3*time.Second)
		},
	}, {
		name: "one/trickle", nodes: []int{0, 2}, dials: []xDial{{from: 0, to: 2}}, lazy: true,
		limit: [budgets]uint8{loss: 2, double: 1, fault: 1, nap: 1, roam: 1, outage: 1}, trouble: 2, depth: [2]int{3, 7},
	}, {
		name: "glare/both dialed", nodes: []int{0, 1, 2, 3}, dials: []xDial{{from: 0, to: 2}, {from: 2, to: 0, rank: 1}},
		limit: [budgets]uint8{loss: 1, double: 1, fault: 1, nap: 1, crash: 1, leave: 1}, trouble: 1, depth: [2]int{1, 5},
	}, {
		name: "glare/greater dials later", nodes: []int{0, 1, 2, 3}, dials: []xDial{{from: 0, to: 2}}, mayDial: []xDial{{from: 2, to: 0, rank: 1}},
		limit: [budgets]uint8{loss: 1, leave: 1}, trouble: 1, depth: [2]int{1, 5},
	}, {
		name: "glare/smaller dials later", nodes: []int{0, 1, 2, 3}, dials: []xDial{{from: 0, to: 2, rank: 1}}, mayDial: []xDial{{from: 2, to: 0}},
		limit: [budgets]uint8{loss: 1, leave: 1}, trouble: 1, depth: [2]int{1, 5},
	}, {
		name: "redial", nodes: []int{0, 2, 3}, dials: []xDial{{from: 0, to: 2}}, mayDial: []xDial{{from: 0, to: 2, rank: 1, again: true}},
		limit: [budgets]uint8{loss: 1, fault: 1, crash: 1}, trouble: 1, depth: [2]int{1, 5},
		begin: func(e *explorer, s *xState) { e.drain(s, 0, 2) },
	}, {
		name: "busy", nodes: []int{0, 1, 2, 3}, dials: []xDial{{from: 1, to: 2}}, mayDial: []xDial{{from: 0, to: 2}}, busy: true,
		limit: [budgets]uint8{loss: 1, double: 1, leave: 1}, trouble: 1, depth: [2]int{1, 5},
		begin: func(e *explorer, s *xState) {
			e.drain(s, e.sc.nodes...)
			e.must(s, 2, PickUp{Call: xCallID(1, 0), Media: Media{Audio: true}})
			e.drain(s, e.sc.nodes...)
			e.wait(s, 3*time.Second)
			e.must(s, 0, xDial{from: 0, to: 2}.input())
		},
	},
}

func xNamed(name string) *xScenario {
	return xScenarios[slices.IndexFunc(xScenarios, func(sc *xScenario) bool { return sc.name == name })]
}

// TestExplore tries every order of events up to a depth: what users do, what arrives, is lost or comes twice, what connects
// or fails, and which timer runs. After every move the rules of explore_watch_test.go and together hold, and from every
// state all comes to an end, as final wants it. `go test ./signalcore -run Explore -v -explore.depth 2` goes two moves deeper.
func TestExplore(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	var states atomic.Int64
	begin := time.Now()
	t.Run("from", func(t *testing.T) {
		for _, sc := range xScenarios {
			t.Run(sc.name, func(t *testing.T) {
				t.Parallel()
				e := newExplorer(sc)
				depth, begin := sc.depth[1], time.Now()
				if testing.Short() {
					depth = sc.depth[0]
				}
				e.explore(depth+*exploreDepth, false)
				states.Add(int64(len(e.visited)))
				took := time.Since(begin)
				t.Logf("%d states within %d moves of the beginning, %d moves, %d machine states, %d steps: %v, %.0f states/s",
					len(e.visited), depth+*exploreDepth, e.moved, len(e.nodes), len(e.steps), took.Round(time.Millisecond),
					float64(len(e.visited))/took.Seconds())
				for _, f := range e.found {
					if why := known(sc.name, f.rule); why != "" {
						t.Logf("KNOWN: %s\n%v", why, f)
					} else {
						t.Errorf("%v", f)
					}
				}
			})
		}
	})
	t.Logf("%d states, %.0f a second", states.Load(), float64(states.Load())/time.Since(begin).Seconds())
}

// knownOpen are rules that the machine is known to break in the scenarios that begin with a name, and what is to be done.
// What is not in this table fails the test.
var knownOpen = []struct{ scenario, rule, why string }{}

func known(scenario, rule string) string {
	for _, k := range knownOpen {
		if strings.HasPrefix(scenario, k.scenario) && rule == k.rule {
			return k.why
		}
	}
	return ""
}

// BenchmarkExplore measures how fast the explorer visits states.
func BenchmarkExplore(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // as in TestExplore
	states := 0
	for range b.N {
		e := newExplorer(xNamed("fork/dialed"))
		e.explore(5, false)
		states += len(e.visited)
	}
	b.ReportMetric(float64(states)/b.Elapsed().Seconds(), "states/s")
}
