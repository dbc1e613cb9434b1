package signalcore

import (
	"runtime/debug"
	"testing"
)

// xMutant is a machine that was broken on purpose. The explorer has to find out.
type xMutant struct {
	name     string
	scenario string
	depth    int
	broken   func(n *xNode, in Input, step func(Input) []Output) []Output
	rules    []string // one of which is broken, and none is without the mutant
}

// messageIn returns the message that an input carries, nil if none.
func messageIn(in Input) Message {
	switch in := in.(type) {
	case Received:
		return in.Msg
	case Heard:
		return in.Msg
	}
	return nil
}

// without takes outputs away.
func without(outs []Output, drop func(Output) bool) []Output {
	var kept []Output
	for _, out := range outs {
		if !drop(out) {
			kept = append(kept, out)
		}
	}
	return kept
}

// TestExploreMutants shows that the explorer finds what is broken: each mutant is caught, and its shortest trace printed.
func TestExploreMutants(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	for _, mu := range xMutants {
		t.Run(mu.name, func(t *testing.T) {
			e := newExplorer(xNamed(mu.scenario))
			e.mutant = mu.broken
			e.stopAt = mu.rules
			e.explore(mu.depth, true)
			for _, f := range e.found {
				for _, rule := range mu.rules {
					if f.rule == rule {
						t.Logf("caught after %d states: %v", len(e.visited), f)
						return
					}
				}
			}
			t.Errorf("not caught within %d moves, %d states; found %v", mu.depth, len(e.visited), e.found)
		})
	}
}
