package signalcore

// troubles lists what may go wrong with connections, endpoints and the relay.
func (e *explorer) troubles(s *xState) []xMove {
	var list []xMove
	for i := range s.wires {
		w, j := &s.wires[i], 0
		if w.state == wireBroken {
			continue
		}
		if w.node[0] < 0 {
			j = 1
		}
		if e.may(s, fault) {
			list = append(list, xMove{what: moveFail, node: w.node[j], conn: w.conn[j]})
		}
		if w.state == wireOpen && e.may(s, fade) {
			list = append(list, xMove{what: moveFade, node: w.node[j], conn: w.conn[j]})
		}
	}
	for i, n := range e.sc.nodes {
		if s.isGone(i) || e.twin(s, n) {
			continue
		}
		if e.may(s, crash) {
			list = append(list, xMove{what: moveCrash, node: int8(n)})
		}
		if e.may(s, roam) {
			list = append(list, xMove{what: moveRoam, node: int8(n)})
		}
		if e.may(s, leave) {
			list = append(list, xMove{what: moveLeave, node: int8(n)})
		}
	}
	switch {
	case s.down:
		list = append(list, xMove{what: moveReturn, node: int8(e.sc.nodes[0])})
	case e.may(s, outage):
		list = append(list, xMove{what: moveOutage, node: int8(e.sc.nodes[0])})
	}
	return list
}

func (s *xState) isGone(i int) bool { return s.gone>>i&1 == 1 }

// breakWire lets a connection carry nothing any more. All that its ends hear of it is news.
func (e *explorer) breakWire(w *xWire, news int32) {
	w.state = wireBroken
	for i := range 2 {
		w.queue[i] = nil
		if w.node[i] >= 0 {
			w.queue[i] = []int32{news}
		}
	}
}

// crash ends a node without a word. The other ends of its connections hear that they are disconnected.
func (e *explorer) crash(s *xState, n int) {
	for i := range s.wires {
		w := &s.wires[i]
		for j := range 2 {
			if int(w.node[j]) == n {
				if w.state != wireBroken {
					was := w.state
					e.breakWire(w, e.disconnected)
					if was == wireNew { // who never was connected hears nothing
						w.queue[1-j] = nil
					}
				}
				w.node[j], w.queue[j] = -1, nil
			}
		}
	}
	e.vanish(s, n)
}

// close ends a node whose page is closed, after its last words: its browser closes the connections.
func (e *explorer) close(s *xState, n int) {
	for _, c := range e.nodeAt(s, n).conns {
		e.disconnect(s, n, c.id)
	}
	e.vanish(s, n)
}

func (e *explorer) vanish(s *xState, n int) {
	s.gone |= 1 << e.sc.index(n)
	kept := s.mail[:0]
	for _, m := range s.mail {
		if int(m>>32) != n {
			kept = append(kept, m)
		}
	}
	s.mail = kept
	s.dropWires()
}

// all hands an event to every endpoint.
func (e *explorer) all(s *xState, ev int32) string {
	for _, n := range e.sc.nodes {
		if bad := e.step(s, n, ev, 0); bad != "" {
			return bad
		}
	}
	return ""
}
