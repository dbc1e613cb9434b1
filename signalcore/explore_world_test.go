package signalcore

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// xState is one state of an explored world. Machines stand in it as numbers: a machine that is in the same state in two
// worlds is kept once, and what a Step makes of it is computed once.
//
// Times are absolute. Relative ones would merge no more: every call has a ring's expiry in it.
type xState struct {
	now   int64 // since the beginning
	node  []int32
	mail  []int64 // messages at the relay: recipient and event, sorted
	wires []xWire // peer connections
	used  [budgets]uint8
	slow  bool  // a timer ran while something was in flight
	down  bool  // the relay is
	gone  uint8 // endpoints that crashed or left, a bit for each
}

// What may go wrong, and how often.
const (
	loss   = iota // a message, or what was told before a channel closed
	double        // a message is delivered twice
	fault         // a connection fails
	fade          // a connection carries nothing any more, and its ends only hear that it is disconnected
	nap           // an endpoint's timer runs late
	crash         // an endpoint is gone without a word
	leave         // a user closes the page
	roam          // an endpoint is on another network
	outage        // the relay loses what it has, and takes nothing for a while
	budgets
)

// xWire is one peer connection. Side 0 is the one that offered.
type xWire struct {
	node      [2]int8 // -1: closed there, or not there yet
	conn      [2]ConnID
	stage     [2]uint8 // how far it gathered, see gather
	applied   bool     // side 0 has side 1's description
	candidate bool     // one side has a candidate to try
	state     uint8
	queue     [2][]int32 // what its sides hear next, in order
}

const (
	wireNew uint8 = iota
	wireOpen
	wireBroken
)

const (
	undescribed uint8 = iota
	described
	gathered
)

func (s *xState) copy() *xState {
	c := *s
	c.node, c.mail, c.wires = slices.Clone(s.node), slices.Clone(s.mail), slices.Clone(s.wires)
	for i := range c.wires {
		for j := range 2 {
			c.wires[i].queue[j] = slices.Clone(c.wires[i].queue[j])
		}
	}
	return &c
}

// print writes a state down in one way only.
func (s *xState) print(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(s.now))
	for _, n := range s.node {
		b = binary.AppendUvarint(b, uint64(n))
	}
	b = append(b, s.used[:]...)
	b = append(b, s.gone)
	if s.slow {
		b = append(b, 1)
	}
	if s.down {
		b = append(b, 2)
	}
	b = append(b, byte(len(s.mail)))
	for _, m := range s.mail {
		b = binary.AppendUvarint(b, uint64(m))
	}
	for i := range s.wires {
		w := &s.wires[i]
		b = append(b, byte(w.node[0]), byte(w.node[1]), w.stage[0], w.stage[1], w.state, byte(len(w.queue[0])), byte(len(w.queue[1])))
		b = binary.AppendUvarint(b, uint64(w.conn[0]))
		b = binary.AppendUvarint(b, uint64(w.conn[1]))
		if w.applied {
			b = append(b, 1)
		}
		if w.candidate {
			b = append(b, 2)
		}
		for j := range 2 {
			for _, e := range w.queue[j] {
				b = binary.AppendUvarint(b, uint64(e))
			}
		}
	}
	return b
}

// faultless reports whether nothing went wrong yet, not even slowly.
func (s *xState) faultless() bool { return s.used == [budgets]uint8{} && !s.slow }

// relayOnly reports whether nothing went wrong but at the relay, which repetition makes good.
func (s *xState) relayOnly() bool {
	u := s.used
	u[loss], u[double], u[outage] = 0, 0, 0
	return u == [budgets]uint8{} && !s.slow
}

// quiet reports whether nothing is in flight.
func (s *xState) quiet() bool {
	return len(s.mail) == 0 && !slices.ContainsFunc(s.wires, func(w xWire) bool {
		return len(w.queue[0])+len(w.queue[1]) > 0 || !w.gathered(0) || !w.gathered(1)
	})
}

func (w *xWire) gathered(side int) bool { return w.node[side] < 0 || w.stage[side] == gathered }

// wire finds the connection of a node.
func (s *xState) wire(n int, id ConnID) (*xWire, int) {
	for i := range s.wires {
		for j := range 2 {
			if w := &s.wires[i]; int(w.node[j]) == n && w.conn[j] == id {
				return w, j
			}
		}
	}
	return nil, 0
}

// xSDP names a connection by the side that offered, as its descriptions do.
func xSDP(n int, id ConnID) string { return fmt.Sprintf("%d.%d", n, id) }

func xSide(sdp string) (n int, id ConnID) {
	if _, err := fmt.Sscanf(sdp, "%d.%d", &n, &id); err != nil {
		panic("internal error: description " + sdp)
	}
	return n, id
}

var xNames = [...]string{"alice/1", "alice/2", "bob/1", "bob/2", "bob/3"}

func xName(n int) string { return xNames[n] }

func xNodeOf(e EndpointID) int {
	for n := range xNames {
		if self(xName(n)).Endpoint == e {
			return n
		}
	}
	return -1
}

// xCallID names the call that a node places. Of the calls of two nodes the one of the lower rank goes first in glare.
func xCallID(n, rank int) CallID {
	id := CallID{byte(n + 1)}
	for {
		if goesFirst(id, CallID{0xff, 0xff}) == (rank == 0) {
			return id
		}
		id[1]++
	}
}

func xCaller(id CallID) int { return int(id[0]) - 1 }
