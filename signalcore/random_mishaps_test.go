package signalcore

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// something happens to somebody.
func (s *storm) something() {
	b := s.boats[s.rnd.IntN(len(s.boats))]
	media := Media{Audio: true, Video: s.chance(0.5)}
	call := CallID{0xff} // which nobody knows
	if len(s.calls) > 0 {
		call = s.calls[s.rnd.IntN(len(s.calls))]
	}
	what := s.rnd.IntN(100)
	switch {
	case what < 10:
		s.dial(b)
	case what < 35:
		s.step(b, PickUp{Call: call, Media: media})
	case what < 41:
		s.step(b, Refuse{Call: call, Everywhere: s.chance(0.3)})
	case what < 47:
		s.step(b, HangUp{Call: call})
	case what < 52:
		s.step(b, SetState{Call: call, Audio: s.chance(0.5), Video: s.chance(0.5)})
	case what < 56:
		s.step(b, Tick{})
	case what < 58:
		s.step(b, RelayOnline{})
	case what < 61 && len(s.boats) < 10:
		s.add(fmt.Sprintf("%s/%d", []string{"alice", "bob"}[s.rnd.IntN(2)], 4+len(s.boats)))
	case what < 64:
		s.step(b, Leave{})
	case s.calm:
	case what < 67:
		s.relay(!s.relayDown)
	case what < 70:
		s.crash(b)
	case what < 75:
		if !b.asleep {
			s.printf(b, "sleeps")
			b.asleep = true
			s.after(s.draw(20*time.Second), func() { s.wake(b) })
		}
	case what < 80:
		for _, l := range s.mailbox { // once more, by a relay that forgot what it delivered
			if l.to == b.self.Account && s.chance(0.5) {
				s.deliver(b, l.in, l.sent)
			}
		}
	default:
		s.disturb(b)
	}
}

func (s *storm) dial(b *boat) {
	to := account("bob")
	if b.self.Account == to {
		to = account("alice")
	}
	s.ids++
	s.calls = append(s.calls, CallID{s.ids})
	s.step(b, Dial{Call: CallID{s.ids}, To: to, Media: Media{Audio: true}})
}

func (s *storm) relay(up bool) {
	s.relayDown = !up
	for _, b := range s.boats {
		if up {
			s.step(b, RelayOnline{})
			s.backlog(b)
		} else if s.chance(0.5) {
			s.step(b, BacklogRead{Done: false})
		}
	}
}

func (s *storm) wake(b *boat) {
	if !b.asleep {
		return
	}
	b.asleep = false
	missed := b.missed
	b.missed = nil
	s.step(b, Tick{})
	for _, in := range missed {
		s.step(b, in)
	}
}

// crash ends an endpoint without a word.
func (s *storm) crash(b *boat) {
	s.printf(b, "crashes")
	b.gone = true
	for _, id := range slices.Sorted(maps.Keys(b.conns)) {
		l := b.conns[id]
		i := 1 - l.side(b)
		if other := l.boat[i]; other != nil && l.described[0] && l.described[1] {
			l.cut = true
			s.after(7*time.Second, func() { s.step(other, Changed{Conn: l.conn[i], State: ConnDisconnected}) })
			s.after(17*time.Second, func() { s.step(other, Changed{Conn: l.conn[i], State: ConnFailed}) })
		}
	}
}

// disturb does to one of an endpoint's connections what networks and browsers do.
func (s *storm) disturb(b *boat) {
	ids := slices.Sorted(maps.Keys(b.conns))
	if len(ids) == 0 {
		return
	}
	id := ids[s.rnd.IntN(len(ids))]
	l := b.conns[id]
	switch s.rnd.IntN(6) {
	case 0:
		if i := l.side(b); !l.spoke[i] || i == 0 && l.described[0] { // making a description failed, or applying the answer
			s.step(b, Broken{Conn: id})
		}
	case 1, 2:
		if l.open {
			s.step(b, Changed{Conn: id, State: ConnDisconnected})
			s.after(s.draw(4*time.Second), func() { s.step(b, Changed{Conn: id, State: ConnConnected}) })
		}
	case 3:
		l.open, l.cut = false, true
		for i := range 2 {
			if l.boat[i] != nil && l.described[0] && l.described[1] {
				s.after(s.draw(5*time.Second), func() { s.step(l.boat[i], Changed{Conn: l.conn[i], State: ConnDisconnected}) })
				s.after(5*time.Second+s.draw(20*time.Second), func() { s.step(l.boat[i], Changed{Conn: l.conn[i], State: ConnFailed}) })
			}
		}
	case 4:
		s.step(b, Changed{Conn: id, State: ConnConnected})
	case 5:
		s.step(b, FoundAll{Conn: id})
	}
}
