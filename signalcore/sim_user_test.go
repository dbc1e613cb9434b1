package signalcore

import (
	"encoding/binary"
	"time"
)

// someoneDials lets a user call somebody near, so that some call each other at once, or anybody.
func (w *sim) someoneDials() {
	a := w.rng.IntN(len(w.accounts))
	b := (a + 1 + w.rng.IntN(4)) % len(w.accounts)
	if w.chance(0.1) {
		b = w.rng.IntN(len(w.accounts))
	}
	w.dial(w.anyEnd(a), b)
	if w.chance(0.15) { // glare
		w.after(w.between(0, 200*time.Millisecond), func() { w.dial(w.anyEnd(b), a) })
	}
}

func (w *sim) anyEnd(a int) *simEnd {
	list := w.accounts[a]
	return list[w.rng.IntN(len(list))].end
}

func (w *sim) dial(n *simEnd, to int) {
	if n == nil || n.dead || n.asleep || w.quiet || n.phone.account == to || n.m.engaged(nil) {
		return
	}
	w.dialed++
	var id CallID
	binary.BigEndian.PutUint64(id[:], w.rng.Uint64())
	binary.BigEndian.PutUint64(id[8:], uint64(w.dialed))
	c := &simCall{id: id, caller: n, to: to, media: Media{Audio: true, Video: w.chance(0.3)}}
	for _, p := range w.accounts[to] { // does the other side ring this account?
		if p.end == nil {
			continue
		}
		for _, k := range p.end.m.calls {
			if k.dir == Outgoing && !k.over() && k.peer.Account == n.self.Account {
				c.glare = w.calls[k.id]
			}
		}
	}
	w.calls[id] = c
	w.order = append(w.order, c)
	n.dials[id] = to
	w.step(n, Dial{Call: id, To: simAccount(to), Media: c.media})
	if w.chance(0.25) {
		w.user(w.between(0, 12*time.Second), n, HangUp{Call: id})
	}
}

// user lets a user do something later, unless the phone is gone by then.
func (w *sim) user(d time.Duration, n *simEnd, in Input) {
	w.after(d, func() {
		if n.dead || n.asleep {
			return
		}
		switch in := in.(type) {
		case PickUp:
			if w.quiet {
				return
			}
			n.pressed[in.Call] = true
		case HangUp:
			if c := w.calls[in.Call]; c != nil && c.caller == n {
				c.users = true
			}
		}
		w.step(n, in)
	})
}

// userSees lets a user decide what to do with what the phone shows.
func (w *sim) userSees(n *simEnd, v View) {
	before := n.seen[v.Call]
	if before != 0 && before-1 == v.State {
		return
	}
	n.seen[v.Call] = v.State + 1
	switch v.State {
	case StateRinging:
		if v.Direction == Outgoing || w.quiet {
			return
		}
		soon := w.between(50*time.Millisecond, 7*time.Second)
		if w.chance(0.3) {
			soon = 2*time.Second - w.now%(time.Second) // the same instant as others
		}
		switch p := w.rng.Float64(); {
		case p < 0.45:
			w.user(soon, n, PickUp{Call: v.Call, Media: Media{Audio: true, Video: w.chance(0.3)}})
		case p < 0.55:
			w.user(soon, n, Refuse{Call: v.Call, Everywhere: true})
		case p < 0.65:
			w.user(soon, n, Refuse{Call: v.Call})
		}
	case StateConnecting:
		if w.chance(0.05) {
			w.user(w.between(0, 2*time.Second), n, HangUp{Call: v.Call})
		}
	case StateActive:
		if before != 0 && before-1 == StateReconnecting {
			return
		}
		d := min(time.Duration(w.rng.ExpFloat64()*float64(6*time.Second)), 40*time.Second)
		if w.quiet {
			d = min(d, 10*time.Second)
		}
		w.hangUpSurely(d, n, v.Call)
		if w.chance(0.2) {
			w.user(d/2, n, SetState{Call: v.Call, Audio: w.chance(0.5), Video: w.chance(0.5)})
		}
	case StateEnded:
		if c := w.calls[v.Call]; v.Direction == Outgoing && w.chance(0.2) {
			w.after(w.between(0, 300*time.Millisecond), func() { w.dial(n, c.to) })
		}
	}
}

// hangUpSurely hangs up, and again as long as the phone sleeps.
func (w *sim) hangUpSurely(d time.Duration, n *simEnd, id CallID) {
	w.after(d, func() {
		switch {
		case n.dead:
		case n.asleep:
			w.hangUpSurely(time.Second, n, id)
		default:
			if c := w.calls[id]; c != nil && c.caller == n {
				c.users = true
			}
			w.step(n, HangUp{Call: id})
		}
	})
}
