package signalcore

import (
	"slices"

	"ringfork/fork"
)

// The mutants: what others get wrong first of all, and what any such machine may get wrong.
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
		rules: []string{xEndedByNobody},
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
			"caller and called disagree: {caller:replaced in glare called:unanswered won:false trouble:false crash:false}",
			"somebody picked up, nothing failed, and nobody talked", xEndedByNobody},
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
	}, {
		name: "a busy device ends the call for all", scenario: "busy", depth: 4,
		rules: []string{"a caller's call ended cancelled without a cause"},
		broken: func(n *xNode, in Input, step func(Input) []Output) []Output {
			outs := step(in)
			if _, busy := messageIn(in).(Busy); busy {
				for _, c := range n.m.calls {
					if c.dir == Outgoing && c.fork.Outcome() == fork.Ringing {
						outs = append(outs, step(HangUp{Call: c.id})...)
					}
				}
			}
			return outs
		},
	}, {
		name: "a late busy ends an accepted call", scenario: "busy", depth: 5,
		rules: []string{xEndedByNobody},
		broken: func(n *xNode, in Input, step func(Input) []Output) []Output {
			outs := step(in)
			if r, ok := in.(Received); ok && r.Msg == (Busy{}) {
				if c := n.m.call(r.Call); c != nil && c.fork.Outcome() == fork.Won && c.state != StateEnded {
					outs = append(outs, step(HangUp{Call: c.id})...)
				}
			}
			return outs
		},
	}, {
		name: "siblings hear of an answer on the press, and not on won", scenario: "fork/ringing", depth: 4,
		rules: []string{
			"caller and called disagree: {caller:cancelled called:answered-elsewhere won:false trouble:false crash:false}",
			"caller and called disagree: {caller:declined called:answered-elsewhere won:false trouble:false crash:false}",
		},
		broken: func(n *xNode, in Input, step func(Input) []Output) []Output {
			outs := without(step(in), func(out Output) bool {
				s, ok := out.(ShareOwn)
				return ok && s.Msg.What == SyncAnswered
			})
			if p, ok := in.(PickUp); ok {
				n.m.out = nil
				n.m.sayOwn(Sync{What: SyncAnswered, Call: p.Call, Peer: account(xName(xCaller(p.Call))), Label: "bob"})
				outs = append(outs, n.m.out...)
			}
			return outs
		},
	}, {
		name: "candidates are given to a connection as they come", scenario: "one/trickle", depth: 7,
		rules: []string{"candidates are given to a connection before the description they belong to"},
		broken: func(n *xNode, in Input, step func(Input) []Output) []Output {
			if r, ok := in.(Received); ok {
				if list, ok := r.Msg.(Candidates); ok {
					for _, c := range n.m.calls {
						if t := c.tine(r.From.Endpoint); t != nil && c.id == r.Call && t.conn != 0 && !t.theirs {
							return append(step(in), AddCandidates{Conn: t.conn, List: list.List})
						}
					}
				}
			}
			return step(in)
		},
	}, {
		name: "the end of a call ends the redial that overtook it", scenario: "redial", depth: 5,
		rules: []string{"caller and called disagree: {caller:unanswered called:cancelled won:false trouble:false crash:false}"},
		broken: func(n *xNode, in Input, step func(Input) []Output) []Output {
			outs := step(in)
			if r, ok := in.(Received); ok {
				if s, ok := r.Msg.(Settled); ok && s.Outcome == fork.Cancelled {
					for _, c := range n.m.calls {
						if c.dir == IncomingCall && c.id != r.Call && c.peer == r.From && c.state == StateRinging && c.held == 0 {
							n.m.out = nil
							n.m.endRinging(c, EndCancelled, "")
							n.m.notify()
							outs = append(outs, n.m.out...)
						}
					}
				}
			}
			return outs
		},
	}, {
		name: "a loser that hangs up ends the winner's call", scenario: "fork/ringing", depth: 5,
		rules: []string{xEndedByNobody},
		broken: func(n *xNode, in Input, step func(Input) []Output) []Output {
			outs := step(in)
			if h, ok := messageIn(in).(Hangup); ok && !h.Ack {
				for _, c := range n.m.calls {
					if c.dir == Outgoing && c.fork.Outcome() == fork.Won && c.state != StateEnded {
						outs = append(outs, step(HangUp{Call: c.id})...)
					}
				}
			}
			return outs
		},
	}, {
		name: "in glare the siblings ring on", scenario: "glare/both dialed", depth: 3,
		rules: []string{"somebody talks, and an endpoint that did not dial rings on"},
		broken: func(n *xNode, in Input, step func(Input) []Output) []Output {
			return without(step(in), func(out Output) bool {
				switch out := out.(type) {
				case Post:
					s, ok := out.Msg.(Settled)
					return ok && s.Outcome == fork.Cancelled && n.acts&didHangUp == 0
				case ShareOwn:
					return true
				}
				return false
			})
		},
	}, {
		name: "a hangup is only told over a channel that may be gone", scenario: "fork/active", depth: 4,
		rules: []string{
			"caller and called disagree: {caller:hangup called:lost won:true trouble:true crash:false}",
			"caller and called disagree: {caller:lost called:hangup won:true trouble:true crash:false}",
		},
		broken: func(n *xNode, in Input, step func(Input) []Output) []Output {
			hangup := func(p Post) bool { _, ok := p.Msg.(Hangup); return ok }
			return without(step(in), func(out Output) bool {
				switch out := out.(type) {
				case Post:
					return hangup(out)
				case Repost: // of what the mutant never let go
					return !slices.ContainsFunc(n.call(out.Call).posts, func(p Post) bool { return p.ID == out.ID })
				}
				return false
			})
		},
	}, {
		name: "a message that the relay does not take ends the call", scenario: "fork/ringing", depth: 5,
		rules: []string{xEndedByNobody, "a caller's call ended hangup without a cause"},
		broken: func(n *xNode, in Input, step func(Input) []Output) []Output {
			var failed []CallID
			for _, c := range n.m.calls {
				for _, r := range c.retries {
					if r.kind == KindSettled && r.took == 0 && c.state != StateEnded && in == (Tick{}) {
						failed = append(failed, c.id)
					}
				}
			}
			outs := step(in)
			for _, id := range failed {
				outs = append(outs, step(HangUp{Call: id})...)
			}
			return outs
		},
	},
}
