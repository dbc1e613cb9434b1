package relay

import (
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
)

// pageTimeout is how long the answer to one backlog read may take.
const pageTimeout = 10 * time.Second

// pump holds a connection's subscriptions, and turns the client's requests and what the engine says into messages for the
// client. It reads one page of one backlog at a time, and only while the writer keeps up. The connection's mu is held
// wherever its methods are called; none of them waits for the client.
type pump struct {
	c    *conn
	subs map[address]*subscription
	held int // frames held in the feeds of all subscriptions

	waiting  []*subscription // whose next page is to be read
	again    []*subscription // the same for second reads, which nobody waits for: they come after all others
	active   *subscription   // whose page is being read
	page     uint64          // the number of that read
	deadline time.Time       // for that page
	rechecks []recheck       // second reads to come, the soonest first

	timer *time.Timer // nil until it is needed
	wake  time.Time   // when it fires, zero if it does not
}

// subscription is one mailbox that the client reads.
type subscription struct {
	conn    *conn
	address address
	nats    *nats.Subscription
	feed    *feed
	next    uint64 // the first stream sequence not read yet
	upTo    uint64 // where this read ends; zero until the engine said so
	scan    bool   // there are too many for the usual way to ask
	gone    bool
}

type recheck struct {
	at  time.Time
	sub *subscription
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
	if len(p.subs) >= maxSubscriptions || !r.conns.hasRoom(p.c) {
		req.code = "too-many-subscriptions"
		p.refuse(req)
		return
	}
	s := &subscription{conn: p.c, address: req.address, feed: newFeed()}
	err := r.conns.own(s, func() (*nats.Subscription, error) {
		return r.engine.nc.ChanSubscribe(r.mailboxes.frames(req.address), r.dispatcher.messages)
	})
	if err != nil {
		p.c.stop(closeUnavailable)
		return
	}
	p.subs[req.address] = s
	p.waiting = append(p.waiting, s)
}

// drop ends a subscription. What it queued for the writer is still sent.
func (p *pump) drop(s *subscription) {
	if s == nil {
		return
	}
	s.gone = true
	p.held -= len(s.feed.held)
	delete(p.subs, s.address)
	p.c.relay.conns.disown(s)
	s.nats.Unsubscribe() // fails only when the engine is gone
	if p.active == s {
		p.endPage()
	}
}

// endPage ends the wait for a page.
func (p *pump) endPage() {
	p.active = nil
	p.c.relay.dispatcher.forget(p.page)
}

func (p *pump) close() {
	for _, s := range p.subs {
		p.drop(s)
	}
	if p.timer != nil {
		p.timer.Stop()
	}
	p.waiting, p.again, p.rechecks = nil, nil, nil
}

func (p *pump) refuse(req request) {
	p.c.relay.metrics.refused(req.code)
	p.c.push(outgoing{kind: msgRefused, address: req.address, body: []byte(req.code)})
}

// checkRoom ends a connection whose client does not read.
func (p *pump) checkRoom() {
	if len(p.c.queue)+p.held > p.c.relay.cfg.tuning.queueFrames {
		p.c.stop(closeSlow)
	}
}

// live takes a frame as it is posted.
func (p *pump) live(s *subscription, msg *nats.Msg) {
	if len(msg.Data) != FrameSize {
		return
	}
	if s.feed.live(frameID(msg.Subject), msg.Data) {
		p.c.push(outgoing{kind: msgFrame, address: s.address, body: msg.Data})
	} else {
		p.held++
		p.checkRoom()
	}
}

// answer takes an answer to a backlog read.
func (p *pump) answer(read uint64, msg *nats.Msg) {
	s := p.active
	if s == nil || read != p.page {
		return
	}
	switch msg.Header.Get("Status") {
	case "":
		f, ok := p.c.relay.mailboxes.parseStored(msg, time.Now())
		s.next = max(s.next, f.sequence+1)
		if ok && s.feed.stored(f.id) {
			p.c.push(outgoing{kind: msgFrame, address: s.address, age: f.age, body: f.frame})
		}
	case "204": // end of the page
		p.endPage()
		if msg.Header.Get("Nats-Num-Pending") != "0" {
			s.upTo, _ = strconv.ParseUint(msg.Header.Get("Nats-UpTo-Sequence"), 10, 64)
			p.readOn(s)
		} else {
			p.endRead(s)
		}
	case "404": // nothing
		p.endPage()
		p.endRead(s)
	case "413":
		if p.endPage(); s.scan {
			p.c.stop(closeUnavailable)
		}
		s.scan = true
		p.readOn(s)
	default:
		p.c.stop(closeUnavailable)
	}
	p.advance()
}

// readOn puts a subscription in the row of those whose next page is to be read.
func (p *pump) readOn(s *subscription) {
	if s.feed.phase == catchingUp {
		p.waiting = append(p.waiting, s)
	} else {
		p.again = append(p.again, s)
	}
}

// nextRead takes a subscription out of that row, nil if there is none.
func (p *pump) nextRead() *subscription {
	for _, row := range []*[]*subscription{&p.waiting, &p.again} {
		for len(*row) > 0 {
			s := (*row)[0]
			(*row)[0] = nil
			if *row = (*row)[1:]; len(*row) == 0 {
				*row = nil
			}
			if !s.gone {
				return s
			}
		}
	}
	return nil
}

// endRead ends a backlog read. After the first one the client is told; the second one finds what the engine had taken but
// not yet shown to the first, which happens when the engine is a cluster.
func (p *pump) endRead(s *subscription) {
	if s.feed.phase != catchingUp {
		s.feed.endOfRecheck()
		return
	}
	p.c.push(outgoing{kind: msgEnd, address: s.address})
	p.held -= len(s.feed.held)
	for _, frame := range s.feed.endOfBacklog() {
		p.c.push(outgoing{kind: msgFrame, address: s.address, body: frame})
	}
	p.rechecks = append(p.rechecks, recheck{time.Now().Add(p.c.relay.cfg.tuning.rereadAfter), s})
}

// advance starts what is due and what there is room for, and sets the timer for what is next.
func (p *pump) advance() {
	if p.active == nil && len(p.rechecks) == 0 && len(p.waiting) == 0 && len(p.again) == 0 || p.c.ended {
		return
	}
	now := time.Now()
	for len(p.rechecks) > 0 && !now.Before(p.rechecks[0].at) {
		s := p.rechecks[0].sub
		if p.rechecks = p.rechecks[1:]; len(p.rechecks) == 0 {
			p.rechecks = nil
		}
		if s.gone {
			continue
		}
		s.next, s.upTo = 0, 0 // from the start: what the first read missed may lie between what it found
		p.readOn(s)
	}
	for p.active == nil && len(p.c.queue) < pageFrames {
		s := p.nextRead()
		if s == nil {
			break
		}
		var reply string
		p.page, reply = p.c.relay.dispatcher.expect(p.c)
		p.c.relay.metrics.backlogReads.Inc()
		p.active, p.deadline = s, now.Add(pageTimeout)
		if p.c.relay.mailboxes.askPage(s.address, s.next, s.upTo, s.scan, reply) != nil {
			p.c.stop(closeUnavailable)
			return
		}
	}
	if p.active != nil && !now.Before(p.deadline) {
		p.c.stop(closeUnavailable)
		return
	}
	p.setTimer(now)
}

// setTimer sets the timer, unless it fires early enough.
func (p *pump) setTimer(now time.Time) {
	var wake time.Time
	if p.active != nil {
		wake = p.deadline
	}
	if len(p.rechecks) > 0 && (wake.IsZero() || p.rechecks[0].at.Before(wake)) {
		wake = p.rechecks[0].at
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

// tick is called by the pump's timer.
func (c *conn) tick() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pump.wake = time.Time{}
	c.pump.advance()
}
