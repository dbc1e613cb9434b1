package signalcore

import (
	"maps"
	"slices"
	"time"
)

// post carries a message to everybody who reads the mailbox.
func (w *sim) post(n *simEnd, p Post) {
	if w.outage || n.offline {
		w.input(w.between(time.Millisecond, 80*time.Millisecond), n, Unposted{Call: p.Call, ID: p.ID})
		return
	}
	c := w.calls[p.Call]
	if c == nil || w.chance(w.loss) {
		return
	}
	if !w.chance(w.ackLoss) {
		w.input(w.between(10*time.Millisecond, 80*time.Millisecond), n, Posted{Call: p.Call, ID: p.ID})
	}
	in := Received{Call: p.Call, From: n.self, ID: p.ID, Msg: p.Msg}
	if c.caller != n {
		w.frame(c.caller, in)
		return
	}
	if p.To == (EndpointID{}) {
		in.Stranger = w.stranger(w.accountOf(n.self.Account), c.to)
		to := simAccount(c.to)
		list := w.mail[to]
		for len(list) > 0 && list[0].sent < w.now-120*time.Second {
			list = list[1:]
		}
		w.mail[to] = append(list, simLetter{in, w.now})
		for _, q := range w.accounts[c.to] {
			if q.end != nil {
				w.frame(q.end, in)
			}
		}
		return
	}
	if to := w.ends[p.To]; to != nil {
		w.frame(to, in)
	}
}

// stranger says whether two accounts do not know each other; a tenth of all pairs.
func (w *sim) stranger(a, b int) bool { return (min(a, b)*31+max(a, b)*17)%10 == 0 }

// frame brings one frame to an endpoint, once or twice, soon or late.
func (w *sim) frame(n *simEnd, in Received) {
	sent := w.now
	for {
		d := w.between(10*time.Millisecond, 60*time.Millisecond)
		if w.chance(w.slow) {
			d = w.between(0, 4*time.Second)
		}
		w.after(d, func() {
			if n.offline {
				n.pending = append(n.pending, simLetter{in, sent})
				return
			}
			if _, ring := in.Msg.(Ring); !ring && n.boxes[in.Call] == nil && in.Msg.Kind() != KindSettled {
				return // its keys are gone
			}
			in.Age = w.now - sent
			w.step(n, in)
		})
		if !w.chance(w.dup) {
			return
		}
	}
}

func (x *simWire) side(n *simEnd) int {
	if x.end[0] == n {
		return 0
	}
	return 1
}

// to brings an input over a wire, in order.
func (w *sim) to(x *simWire, side int, in Input) {
	at := max(w.now+w.between(2*time.Millisecond, 40*time.Millisecond), x.last[side], x.opens[side]+1)
	x.last[side] = at
	w.queue.push(simEvent{at: at, end: x.end[side], in: in, wire: x, side: side})
}

func (w *sim) tell(n *simEnd, out Tell) {
	x := n.wires[out.Conn]
	if x == nil || !x.open[x.side(n)] || x.broken {
		return
	}
	side := 1 - x.side(n)
	w.to(x, side, Heard{Conn: x.conn[side], ID: out.ID, Msg: out.Msg})
}

func (w *sim) gather(n *simEnd, id ConnID, x *simWire, side int, sdp string) {
	if w.chance(w.wires1() / 10) {
		w.input(w.between(0, 20*time.Millisecond), n, Broken{Conn: id})
		return
	}
	in := func(d time.Duration, in Input) {
		w.queue.push(simEvent{at: w.now + d, end: n, in: in})
	}
	in(w.between(2*time.Millisecond, 15*time.Millisecond), Described{Conn: id, SDP: sdp})
	in(w.between(16*time.Millisecond, 30*time.Millisecond), Found{Conn: id, Candidate: Candidate{Line: "host"}})
	if w.chance(0.5) {
		in(w.between(40*time.Millisecond, 250*time.Millisecond), Found{Conn: id, Candidate: Candidate{Line: "relay"}})
	}
	in(w.between(250*time.Millisecond, 300*time.Millisecond), FoundAll{Conn: id})
}

// wires1 is how bad connections are now: once all is quiet they are good.
func (w *sim) wires1() float64 {
	if w.quiet {
		return 0
	}
	return w.weather.wires
}

func (w *sim) apart(x *simWire) bool {
	return w.split && (x.end[0].phone.account+x.end[1].phone.account)%2 == 1
}

// check lets a connection open when both sides have descriptions and one has a candidate to try.
func (w *sim) check(x *simWire) {
	if x.started || !x.described[0] || !x.described[1] || !x.cand[0] && !x.cand[1] || x.end[1] == nil {
		return
	}
	x.started = true
	if x.gone[0] || x.gone[1] || w.apart(x) || w.chance(w.wires1()/4) {
		w.neverOpens(x)
		return
	}
	for side := range 2 {
		d := w.between(10*time.Millisecond, 100*time.Millisecond)
		x.opens[side] = w.now + d
		w.after(d, func() {
			if x.gone[0] || x.gone[1] {
				return
			}
			x.open[side] = true
			w.step(x.end[side], Changed{Conn: x.conn[side], State: ConnConnected})
			w.step(x.end[side], Opened{Conn: x.conn[side]})
		})
	}
	if w.chance(w.wires1()) {
		w.after(time.Duration(w.rng.ExpFloat64()*float64(4*time.Second)), func() { w.breakWire(x) })
	}
}

func (w *sim) neverOpens(x *simWire) {
	for side := range 2 {
		w.state(x, side, w.between(5*time.Second, 30*time.Second), ConnFailed)
	}
}

func (w *sim) state(x *simWire, side int, d time.Duration, s ConnState) {
	w.after(d, func() {
		if x.end[side] != nil && !x.gone[side] {
			w.step(x.end[side], Changed{Conn: x.conn[side], State: s})
		}
	})
}

// breakWire lets a connection carry nothing any more: for a moment or for good, noticed by both sides, by one or by none.
func (w *sim) breakWire(x *simWire) {
	if x.gone[0] || x.gone[1] || x.broken || w.quiet {
		return
	}
	x.broken = true
	comesBack := w.chance(0.4)
	back := w.between(time.Second, 12*time.Second)
	if comesBack {
		w.after(back, func() { x.broken = false })
	}
	for side := range 2 {
		if w.chance(0.2) {
			continue // this side notices nothing
		}
		notice := w.between(500*time.Millisecond, 8*time.Second)
		switch {
		case !comesBack:
			w.state(x, side, notice, ConnDisconnected)
			w.state(x, side, notice+w.between(0, 15*time.Second), ConnFailed)
		case notice < back:
			w.state(x, side, notice, ConnDisconnected)
			w.state(x, side, back, ConnConnected)
		}
	}
}

// hangWire closes one side of a connection. The other side hears of it, if it can, and what was said last may be lost.
func (w *sim) hangWire(x *simWire, side int) {
	if x.gone[side] {
		return
	}
	x.gone[side] = true
	other := 1 - side
	if x.end[other] == nil || x.gone[other] {
		return
	}
	switch {
	case x.broken:
	case x.open[other] || x.opens[other] > 0 && x.opens[other] <= w.now:
		if w.weather.wires > 0 && w.chance(0.3) {
			x.cut[other] = true
			w.after(w.between(0, 40*time.Millisecond), func() {
				if !x.gone[other] {
					w.step(x.end[other], Closed{Conn: x.conn[other]})
				}
			})
			return
		}
		w.to(x, other, Closed{Conn: x.conn[other]})
	case x.started:
		w.state(x, other, w.between(5*time.Second, 30*time.Second), ConnFailed)
	}
}

// crash ends an endpoint without a word. Its peers notice as browsers do.
func (w *sim) crash(n *simEnd) {
	n.dead = true
	n.phone.end = nil
	for _, id := range slices.Sorted(maps.Keys(n.wires)) {
		x := n.wires[id]
		side := x.side(n)
		x.gone[side] = true
		if x.end[1-side] != nil {
			w.state(x, 1-side, w.between(6*time.Second, 8*time.Second), ConnDisconnected)
			w.state(x, 1-side, w.between(17*time.Second, 29*time.Second), ConnFailed)
		}
	}
	for _, c := range n.m.calls {
		if k := w.calls[c.id]; k != nil {
			k.crashed = true
		}
	}
}

// mishap happens to one endpoint.
func (w *sim) mishap() {
	p := w.phones[w.rng.IntN(len(w.phones))]
	if w.chance(0.7) { // more to tell where something goes on
		for range 20 {
			if p.end != nil && len(p.end.m.calls) > 0 {
				break
			}
			p = w.phones[w.rng.IntN(len(w.phones))]
		}
	}
	n := p.end
	if n == nil {
		return
	}
	again := func(d time.Duration) {
		w.after(d, func() {
			if p.end == nil {
				w.start(p)
			}
		})
	}
	switch w.rng.IntN(5) {
	case 0:
		w.crash(n)
		again(w.between(200*time.Millisecond, 20*time.Second))
	case 1: // reload: it says goodbye and is gone
		w.step(n, Leave{})
		w.after(50*time.Millisecond, func() {
			if !n.dead {
				w.crash(n)
				again(w.between(200*time.Millisecond, 2*time.Second))
			}
		})
	case 2:
		w.offline(n, w.between(time.Second, 40*time.Second))
	case 3: // its network changes
		for _, id := range slices.Sorted(maps.Keys(n.wires)) {
			w.breakWire(n.wires[id])
		}
	case 4: // the tab is suspended
		if n.asleep {
			return
		}
		n.asleep = true
		w.after(w.between(time.Second, 70*time.Second), func() {
			n.asleep = false
			missed := n.missed
			n.missed = nil
			w.step(n, Tick{})
			for _, in := range missed {
				w.step(n, in)
			}
		})
	}
}

func (w *sim) offline(n *simEnd, d time.Duration) {
	if n.offline || n.dead {
		return
	}
	n.offline = true
	w.after(d, func() {
		if n.offline && !n.dead && !w.outage {
			w.online(n)
		}
	})
}

// disaster happens to everybody: the relay is gone, or half of the network.
func (w *sim) disaster() {
	d := w.between(2*time.Second, 20*time.Second)
	if w.chance(0.5) {
		w.outage = true
		for _, p := range w.phones {
			if p.end != nil {
				w.offline(p.end, d+w.between(time.Millisecond, time.Second))
			}
		}
		w.after(d, func() { w.outage = false })
		return
	}
	w.split = true
	for _, x := range w.wires {
		if x.end[1] != nil && x.started && w.apart(x) {
			w.breakWire(x)
		}
	}
	w.after(d, func() { w.split = false })
}
