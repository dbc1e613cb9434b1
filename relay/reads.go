package relay

import (
	"slices"
	"time"

	"ringfork/relay/store"
)

// reads is the order in which a connection's backlogs are read: one page of one of them at a time, and only while the writer
// keeps up.
//
// Asking for a mailbox that is full costs a client a hundred bytes, and the engine four megabytes: so a client's frames are
// counted as they are read, for all its connections, and when they were too many the next page waits.
type reads struct {
	waiting []turn // whose next page is to be read
	again   []turn // the same for later reads, which nobody waits for: they come after all others
	later   []turn // reads to come, the soonest first

	active   *subscription // whose page is being read; nil: none
	page     uint64        // the number of that read
	found    int           // frames of that page that came
	asked    time.Time     // when that page was first asked for
	patience time.Duration // with the last question
	deadline time.Time     // for its answer

	owing time.Time // until when the client is to have no further page, because of what was read for it; zero: nothing
}

// read is how far the read of one backlog is.
type read struct {
	next uint64 // the first sequence not read yet
	upTo uint64 // where it ends; zero until the store said so
	scan bool   // there are too many for the usual way to ask
	left int    // how many more are to follow this one
	turn int    // of the one in the row that counts: others of this subscription are void
}

// turn is a subscription's place in a row.
type turn struct {
	sub *subscription
	n   int
	at  time.Time // in later
}

func (t turn) valid() bool { return t.sub.read.turn == t.n }

// start begins to read a subscription's backlog from the start, and does so again some time later: what the engine had taken
// but not yet shown to the first read, as a busy machine or a cluster brings about, is found by the next.
func (p *pump) start(s *subscription) {
	s.read.left = store.Rereads
	p.begin(s)
}

func (p *pump) begin(s *subscription) {
	p.cancel(s)
	s.read.next, s.read.upTo = 0, 0 // from the start: what a read missed may lie between what it found
	p.goOn(s)
}

// cancel ends the read of a subscription, under way or to come.
func (p *pump) cancel(s *subscription) {
	s.read.turn++
	if p.reads.active == s {
		p.endPage(store.PageFrames) // so many may be on their way
	}
}

// endPage ends the wait for a page, for which so many frames are read.
func (p *pump) endPage(frames int) {
	p.reads.active, p.reads.found = nil, 0
	p.c.relay.conns.pages.forget(p.reads.page)
	p.c.relay.limits.backlogs.Charge(p.c.client, time.Now(), frames)
}

// goOn puts a subscription in the row of those whose next page is to be read.
func (p *pump) goOn(s *subscription) {
	s.read.turn++
	row := &p.reads.again
	if s.feed.phase == catchingUp {
		row = &p.reads.waiting
	}
	if len(*row) >= 2*maxSubscriptions { // at most half of them count: the others are of who asked again
		*row = slices.DeleteFunc(*row, func(t turn) bool { return !t.valid() })
	}
	*row = append(*row, turn{sub: s, n: s.read.turn})
}

// row returns the row whose first turn is the next, nil if there is none.
func (r *reads) row() *[]turn {
	for _, row := range []*[]turn{&r.waiting, &r.again} {
		for ; len(*row) > 0; shift(row) {
			if (*row)[0].valid() {
				return row
			}
		}
	}
	return nil
}

// take takes the next subscription out of its row, nil if there is none.
func (r *reads) take() *subscription {
	row := r.row()
	if row == nil {
		return nil
	}
	defer shift(row)
	return (*row)[0].sub
}

func shift(row *[]turn) {
	(*row)[0] = turn{}
	if *row = (*row)[1:]; len(*row) == 0 {
		*row = nil
	}
}

// page takes a part of the answer to a page: a frame, or how it ends.
func (p *pump) page(page uint64, part store.Part) {
	r := &p.reads
	s := r.active
	if s == nil || page != r.page {
		return // of a read that was given up
	}
	switch part.Kind {
	case store.PartFrame, store.PartSkipped:
		s.read.next = max(s.read.next, part.Sequence+1)
		r.found++
		if part.Kind == store.PartFrame && s.feed.stored(part.ID) {
			p.deliver(s, part.ID, part.Age, part.Frame)
		}
	case store.PartEndOfPage:
		p.endPage(r.found)
		s.read.upTo = part.UpTo
		p.goOn(s)
	case store.PartEnd:
		p.endPage(r.found)
		p.endRead(s)
	case store.PartTooMany:
		if !s.read.scan {
			p.endPage(r.found)
			s.read.scan = true
			p.goOn(s)
			break
		}
		fallthrough
	case store.PartUnavailable:
		r.deadline = time.Now().Add(p.c.relay.cfg.tuning.pageTimeout / 4)
	}
	p.advance()
}

// endRead ends a backlog read. After the first one the client is told.
func (p *pump) endRead(s *subscription) {
	if s.feed.phase == catchingUp {
		p.c.push(outgoing{kind: msgEnd, address: s.address})
		p.held -= len(s.feed.held)
		for _, h := range s.feed.endOfBacklog() {
			p.deliver(s, h.id, 0, h.frame)
		}
	}
	if s.read.left == 0 || s.feed.complete() {
		s.feed.endOfRecheck()
		return
	}
	s.read.left--
	s.read.turn++
	p.reads.later = append(p.reads.later, turn{s, s.read.turn, time.Now().Add(p.c.relay.cfg.tuning.rereadAfter)})
}

// advance starts what is due and what there is room for, and sets the timer for what is next.
func (p *pump) advance() {
	p.account()
	r := &p.reads
	idle := r.active == nil && len(r.later) == 0 && len(r.waiting) == 0 && len(r.again) == 0
	if idle && !p.lagged && p.resyncAt.IsZero() || p.c.ended {
		return
	}
	now, tuning := time.Now(), p.c.relay.cfg.tuning
	if p.lagged && len(p.c.queue) == 0 {
		p.catchUp()
	}
	if !p.resyncAt.IsZero() && !now.Before(p.resyncAt) {
		p.resync()
	}
	for len(r.later) > 0 && !now.Before(r.later[0].at) {
		t := r.later[0]
		if r.later = r.later[1:]; len(r.later) == 0 {
			r.later = nil
		}
		if t.valid() {
			p.begin(t.sub)
		}
	}
	r.owing = time.Time{}
	for r.active == nil && !p.lagged && (len(p.c.queue) == 0 || len(p.c.queue) < store.PageFrames && !p.crowded()) {
		if r.row() == nil {
			break
		}
		if debt := p.c.relay.limits.backlogs.Debt(p.c.client, now); debt > 0 {
			r.owing = now.Add(debt)
			break
		}
		r.active, r.asked, r.patience = r.take(), now, tuning.pageTimeout
		p.ask(now)
	}
	if r.active != nil && !now.Before(r.deadline) {
		// A server that hangs, or dies with the question, does not answer. Another one will.
		if now.Sub(r.asked) >= tuning.readTimeout {
			p.c.stop(closeUnavailable)
			return
		}
		r.patience = min(2*r.patience, tuning.readTimeout/4)
		p.c.relay.conns.pages.forget(r.page)
		p.ask(now)
	}
	p.setTimer(now)
}

// ask asks for the active subscription's next page, perhaps not for the first time.
func (p *pump) ask(now time.Time) {
	r := &p.reads
	p.c.relay.metrics.backlogReads.Inc()
	r.page = p.c.relay.conns.pages.expect(p.c)
	r.deadline = now.Add(r.patience)
	s := r.active
	// An error means that too much waits for the engine already: the deadline passes, and then there may be room.
	_ = p.c.relay.store.AskPage(r.page, s.address, s.read.next, s.read.upTo, s.read.scan)
}

// setTimer sets the timer, unless it fires early enough.
func (p *pump) setTimer(now time.Time) {
	r := &p.reads
	wake := p.resyncAt
	sooner := func(at time.Time) {
		if wake.IsZero() || at.Before(wake) {
			wake = at
		}
	}
	if !r.owing.IsZero() {
		sooner(r.owing)
	}
	if r.active != nil {
		sooner(r.deadline)
	}
	if len(r.later) > 0 {
		sooner(r.later[0].at)
	}
	if wake.IsZero() || !p.wake.IsZero() && !wake.Before(p.wake) {
		return
	}
	if p.wake = wake; p.timer == nil {
		p.timer = time.AfterFunc(wake.Sub(now), p.c.tick)
	} else {
		p.timer.Reset(wake.Sub(now))
	}
}
