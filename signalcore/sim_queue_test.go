package signalcore

import "time"

type simEvent struct {
	at   time.Duration
	seq  int
	end  *simEnd
	in   Input // nil: the endpoint's timer
	do   func()
	wire *simWire // in comes over it
	side int
}

// simQueue is a binary heap.
type simQueue struct {
	e   []simEvent
	seq int
}

func (q *simQueue) less(i, j int) bool {
	a, b := &q.e[i], &q.e[j]
	return a.at < b.at || a.at == b.at && a.seq < b.seq
}

func (q *simQueue) push(e simEvent) {
	q.seq++
	e.seq = q.seq
	q.e = append(q.e, e)
	for i := len(q.e) - 1; i > 0; {
		p := (i - 1) / 2
		if !q.less(i, p) {
			break
		}
		q.e[i], q.e[p] = q.e[p], q.e[i]
		i = p
	}
}

func (q *simQueue) pop() simEvent {
	top := q.e[0]
	n := len(q.e) - 1
	q.e[0], q.e[n] = q.e[n], simEvent{}
	q.e = q.e[:n]
	for i := 0; ; {
		c := 2*i + 1
		if c >= n {
			return top
		}
		if c+1 < n && q.less(c+1, c) {
			c++
		}
		if !q.less(c, i) {
			return top
		}
		q.e[i], q.e[c] = q.e[c], q.e[i]
		i = c
	}
}
