package relay

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"time"

	"ringfork/relay/store"
)

// maxMissed is how many frames that a slow reader has missed are remembered one by one.
const maxMissed = 8192

// pump holds a connection's subscriptions, and turns the client's requests and what the engine says into messages for the
// client. The connection's mu is held wherever its methods are called; none of them waits for the client.
//
// What is live is queued for the writer as it comes. When too much waits there the reader is marked lagged: its frames are
// dropped, but for the first ones, and so is what comes live, until the writer has sent the rest. Then the backlogs of the
// mailboxes concerned are read again, which brings what was dropped at the pace of the reader. A reader is closed only when
// it takes nothing at all for a while, which the writer notices.
type pump struct {
	c     *conn
	subs  map[address]*subscription
	count int // of the subscriptions there ever were
	held  int // frames held in the feeds of all subscriptions
	reads reads

	counted int // what connSet.waiting has of this connection

	lagged   bool
	missed   int       // frames dropped since it is
	resyncAt time.Time // when all backlogs are to be read again; zero: never

	timer *time.Timer // nil until it is needed
	wake  time.Time   // when it fires, zero if it does not
}

// subscription is one mailbox that the client reads.
type subscription struct {
	conn    *conn
	address address
	number  int // counts up
	feed    *feed
	read    read
	lagged  bool // it missed frames because the reader is slow
	gone    bool

	fanout *fanout // of which it is readers[place]: see fanouts
	place  int
}

func newPump(c *conn) pump { return pump{c: c, subs: map[address]*subscription{}} }

func (p *pump) request(req request) {
	switch {
	case req.code != "":
		p.refuse(req)
	case req.kind == msgUnsubscribe:
		p.drop(p.subs[req.address])
	default:
		p.subscribe(req)
	}
	p.advance()
}

// subscribe starts a subscription, again if there is one: live first, so that nothing falls between it and the backlog.
func (p *pump) subscribe(req request) {
	p.drop(p.subs[req.address])
	r := p.c.relay
	p.count++
	s := &subscription{conn: p.c, address: req.address, number: p.count, feed: newFeed()}
	err := errNoRoom
	if len(p.subs) < maxSubscriptions {
		err = r.conns.own(s, r.store.Subscribe)
	}
	if errors.Is(err, errNoRoom) {
		req.code = "too-many-subscriptions"
		p.refuse(req)
		return
	}
	if err != nil {
		p.c.stop(closeUnavailable)
		return
	}
	p.subs[req.address] = s
	p.start(s)
}

// drop ends a subscription. Frames that it queued for the writer are still sent, and no end of its backlog: the client would
// take it for that of the subscription to the same mailbox which it may make next.
func (p *pump) drop(s *subscription) {
	if s == nil {
		return
	}
	p.c.queue = slices.DeleteFunc(p.c.queue, func(m outgoing) bool { return m.kind == msgEnd && m.address == s.address })
	s.gone = true
	p.held -= len(s.feed.held)
	delete(p.subs, s.address)
	p.c.relay.conns.disown(s)
	p.cancel(s)
}

func (p *pump) close() {
	for _, s := range p.subs {
		p.drop(s)
	}
	if p.timer != nil {
		p.timer.Stop()
	}
	p.reads = reads{}
}

// refuse tells the client. One that goes on asking and does not read what it is told is cut off.
func (p *pump) refuse(req request) {
	p.c.relay.metrics.refused(req.code)
	p.c.push(outgoing{kind: msgRefused, address: req.address, body: []byte(req.code)})
	if len(p.c.queue) > 4*p.c.relay.cfg.tuning.queueFrames {
		p.c.stop(closeSlow)
	}
}

// deliver queues a frame for the writer.
func (p *pump) deliver(s *subscription, id string, age time.Duration, frame []byte) {
	p.c.push(outgoing{kind: msgFrame, address: s.address, age: age, id: id, body: frame, at: time.Now()})
}

// live takes a frame as it is posted.
func (p *pump) live(s *subscription, id string, frame []byte) {
	switch {
	case p.lagged:
		p.miss(s, id)
		return
	case s.feed.live(id, frame):
		p.deliver(s, id, 0, frame)
	default:
		p.held++
	}
	p.account()
	most := p.c.relay.cfg.tuning.queueFrames
	if p.crowded() {
		most = min(most, store.PageFrames)
	}
	if len(p.c.queue)+p.held > most {
		p.lag()
	}
}

// overlook takes frames that are stored and did not come live.
func (p *pump) overlook(s *subscription, ids []string) {
	missed := 0
	for _, id := range ids {
		if s.feed.overlook(id) {
			missed++
		}
	}
	p.c.relay.metrics.framesMissed.Add(float64(missed))
	switch {
	case missed == 0:
	case p.lagged:
		s.lagged = true
	default:
		p.start(s)
		p.advance()
	}
}

// account keeps count of what waits for all readers.
func (p *pump) account() {
	n := len(p.c.queue) + p.held
	p.c.relay.conns.waiting.Add(int64(n - p.counted))
	p.counted = n
}

// crowded reports whether so much waits for all readers that little is to wait for each.
func (p *pump) crowded() bool { return p.c.relay.conns.waiting.Load() > maxWaiting }

// lag marks the reader as too slow for what comes live. What stays in the queue is sent; then catchUp.
func (p *pump) lag() {
	p.c.relay.metrics.readersLagged.Inc()
	p.lagged, p.missed = true, 0
	kept := min(len(p.c.queue), store.PageFrames)
	dropped := p.c.queue[kept:]
	p.c.queue = slices.Clone(p.c.queue[:kept])
	for _, m := range dropped {
		s := p.subs[m.address]
		switch {
		case m.kind == msgRefused:
			p.c.queue = append(p.c.queue, m)
		case s == nil: // unsubscribed since
		case m.kind == msgEnd:
			s.feed.missEnd()
			s.lagged = true
		default:
			p.miss(s, m.id)
		}
	}
	for _, s := range p.subs {
		if s.feed.missHeld() > 0 {
			s.lagged = true
		}
		if s.lagged {
			p.cancel(s) // its end would be told before what is dropped here: catchUp reads it from the start
		}
	}
	p.held = 0
	p.advance() // nothing may be queued: then it is the engine that is slow
}

// miss drops a frame. Those of one connection are remembered up to a number; beyond it all its backlogs will be read.
func (p *pump) miss(s *subscription, id string) {
	s.lagged = true
	if p.missed++; p.missed <= maxMissed {
		s.feed.miss(id)
	}
}

// catchUp ends lag: what was dropped is read from the backlog.
func (p *pump) catchUp() {
	p.lagged = false
	if p.missed > maxMissed {
		p.resync()
		return
	}
	for _, s := range p.inOrder() {
		if s.lagged {
			s.lagged = false
			p.start(s)
		}
	}
}

// resync reads all backlogs again, after live frames or answers to reads may have gone past.
func (p *pump) resync() {
	p.resyncAt = time.Time{}
	for _, s := range p.inOrder() {
		s.lagged = false
		s.feed.lose()
		p.start(s)
	}
}

// inOrder returns the subscriptions, the oldest first.
func (p *pump) inOrder() []*subscription {
	return slices.SortedFunc(maps.Values(p.subs), func(a, b *subscription) int { return cmp.Compare(a.number, b.number) })
}

// resync has the connection read all its backlogs again at a time.
func (c *conn) resync(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended {
		c.pump.resyncAt = at
		c.pump.advance()
	}
}

// tick is called by the pump's timer.
func (c *conn) tick() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pump.wake = time.Time{}
	c.pump.advance()
}
