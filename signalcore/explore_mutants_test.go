package signalcore

import (
	"runtime/debug"
	"testing"

	"ringfork/fork"
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

var xMutants = []xMutant{
	{
		name: "the caller lets a second accept win too", scenario: "fork/ringing", depth: 4,
		rules: []string{"the caller says won to two endpoints"},
		broken: func(_ *xNode, in Input, step func(Input) []Output) []Output {
			outs := step(in)
			if _, accept := messageIn(in).(Accept); !accept {
				return outs
			}
			for i, out := range outs {
				switch out := out.(type) {
				case Tell:
					if s, ok := out.Msg.(Settled); ok && s.Outcome == fork.Won && len(outs) == 1 {
						out.Msg = Won{}
						outs[i] = out
					}
				case Post:
					if s, ok := out.Msg.(Settled); ok && s.Outcome == fork.Won && len(outs) == 1 {
						out.Msg = Won{}
						outs[i] = out
					}
				}
			}
			return outs
		},
	}, {
		name: "an endpoint ignores that the call is settled", scenario: "fork/ringing", depth: 4,
		rules: []string{"a called endpoint heard that it lost, and is still ringing", "a called endpoint heard that it lost, and is still connecting"},
		broken: func(_ *xNode, in Input, step func(Input) []Output) []Output {
			if _, settled := messageIn(in).(Settled); settled {
				in = Tick{}
			}
			return step(in)
		},
	}, {
		name: "a late decline ends an accepted call", scenario: "fork/ringing", depth: 6,
		rules: []string{"a call that was won ended, though nothing failed and nobody hung up"},
		broken: func(n *xNode, in Input, step func(Input) []Output) []Output {
			outs := step(in)
			if d, decline := messageIn(in).(Decline); decline && d.Everywhere {
				for _, c := range n.m.calls {
					if c.dir == Outgoing && c.state != StateEnded {
						outs = append(outs, step(HangUp{Call: c.id})...)
					}
				}
			}
			return outs
		},
	}, {
		name: "a loser keeps its microphone", scenario: "fork/ringing", depth: 6,
		rules: []string{"a called endpoint heard that it lost, and keeps its microphone"},
		broken: func(_ *xNode, in Input, step func(Input) []Output) []Output {
			outs := step(in)
			if _, settled := messageIn(in).(Settled); !settled {
				return outs
			}
			return without(outs, func(out Output) bool { _, ok := out.(Detach); return ok })
		},
	}, {
		name: "the caller takes the failure of its only tine for the end", scenario: "fork/dialed", depth: 6,
		rules: []string{"a caller's call ended cancelled without a cause"},
		broken: func(n *xNode, in Input, step func(Input) []Output) []Output {
			outs := step(in)
			if ch, ok := in.(Changed); ok && ch.State == ConnFailed {
				for _, c := range n.m.calls {
					if c.dir == Outgoing && c.state == StateRinging && len(c.tines) == 1 {
						outs = append(outs, step(HangUp{Call: c.id})...)
					}
				}
			}
			return outs
		},
	}, {
		name: "in glare both yield", scenario: "glare/both dialed", depth: 3,
		rules: []string{"an endpoint is active in two calls", "more than two endpoints talk",
			"caller and called disagree: {caller:replaced in glare called:unanswered won:false trouble:false}",
			"somebody picked up, nothing failed, and nobody talked", "a call that was won ended, though nothing failed and nobody hung up"},
		broken: func(n *xNode, in Input, step func(Input) []Output) []Output {
			outs := step(in)
			for _, c := range n.m.calls {
				if c.held&holdGlare != 0 {
					n.m.out = nil
					n.m.release(c, holdGlare)
					n.m.notify()
					outs = append(outs, n.m.out...)
				}
			}
			return outs
		},
	}, {
		name: "in glare nobody yields", scenario: "glare/both dialed", depth: 3,
		rules: []string{"somebody picked up, nothing failed, and nobody talked", "a call waits without a deadline"},
		broken: func(n *xNode, in Input, step func(Input) []Output) []Output {
			if r, ok := in.(Received); ok {
				if _, ring := r.Msg.(Ring); ring {
					for _, o := range n.m.calls {
						if o.dir == Outgoing && o.state != StateEnded && o.peer.Account == r.From.Account {
							return []Output{Drop{Reason: "mutant: glare"}}
						}
					}
				}
			}
			return step(in)
		},
	}, {
		name: "the caller's ring has no end", scenario: "fork/dialed", depth: 3,
		rules: []string{"a machine waits without a deadline", "a call waits without a deadline"},
		broken: func(n *xNode, in Input, step func(Input) []Output) []Output {
			outs := step(in)
			for _, c := range n.m.calls {
				if c.dir == Outgoing {
					c.alarms.clear(alarmExpiry)
				}
			}
			return outs
		},
	}, {
		name: "a called endpoint's ring has no end", scenario: "fork/dialed", depth: 4,
		rules: []string{"a machine waits without a deadline", "a call waits without a deadline"},
		broken: func(n *xNode, in Input, step func(Input) []Output) []Output {
			outs := step(in)
			for _, c := range n.m.calls {
				if c.dir == IncomingCall {
					c.alarms.clear(alarmExpiry)
					c.alarms.clear(alarmGone)
				}
			}
			return outs
		},
	}, {
		name: "a connection is not closed when its call is forgotten", scenario: "fork/ringing", depth: 2,
		rules: []string{"all is over, and a connection was not closed"},
		broken: func(_ *xNode, in Input, step func(Input) []Output) []Output {
			return without(step(in), func(out Output) bool { _, ok := out.(Disconnect); return ok })
		},
	}, {
		name: "an endpoint claims to have answered, and its siblings believe it won", scenario: "fork/ringing", depth: 3,
		rules: []string{"an endpoint talks that did not win"},
		broken: func(n *xNode, in Input, step func(Input) []Output) []Output {
			outs := step(in)
			if _, accept := in.(PickUp); accept {
				for _, c := range n.m.calls {
					if t := c.talker(); c.dir == IncomingCall && c.state == StateConnecting && t.open {
						n.m.out = nil
						n.m.wonHere(c)
						n.m.notify()
						outs = append(outs, n.m.out...)
					}
				}
			}
			return outs
		},
	},
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
