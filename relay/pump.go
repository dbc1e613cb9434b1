package relay

import (
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// engineBuffer is how many messages of the engine may wait for the pump, which never waits for the client.
	engineBuffer = 512
	// pageTimeout is how long the answer to one backlog read may take.
	pageTimeout = 10 * time.Second
)

// pump is the one goroutine that owns a connection's subscriptions. It waits for the client's requests, the engine's
// messages (all subscriptions and the answers to backlog reads come over one channel, so their order is kept), its timer,
// and the writer. It reads one page of one backlog at a time, and only while the writer keeps up.
type pump struct {
	c      *conn
	engine chan *nats.Msg
	inbox  string // answers to backlog reads come to inbox.<number of the read>
	inSub  *nats.Subscription

	subs   map[address]*subscription
	byNATS map[*nats.Subscription]*subscription
	queue  []outgoing // for the writer
	held   int        // frames held in the feeds of all subscriptions

	waiting  []*subscription // whose next page is to be read
	again    []*subscription // the same for second reads, which nobody waits for: they come after all others
	active   *subscription   // whose page is being read
	page     uint64          // the number of that read
	deadline time.Time       // for that page
	rechecks []recheck       // second reads to come, the soonest first
}

// subscription is one mailbox that the client reads.
type subscription struct {
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

func (c *conn) pump() {
	p := &pump{
		c: c, engine: make(chan *nats.Msg, engineBuffer), inbox: nats.NewInbox(),
		subs: map[address]*subscription{}, byNATS: map[*nats.Subscription]*subscription{},
	}
	defer p.close()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	moving := c.moving
	for {
		if moving == nil && len(p.queue) == 0 && len(p.engine) == 0 {
			c.stop(closeMoving)
		}
		var to chan<- outgoing
		var head outgoing
		if len(p.queue) > 0 {
			to, head = c.outgoing, p.queue[0]
		}
		select {
		case req := <-c.requests:
			p.request(req)
		case msg := <-p.engine:
			p.message(msg)
		case to <- head:
			p.queue[0] = outgoing{}
			if p.queue = p.queue[1:]; len(p.queue) == 0 {
				p.queue = nil
			}
		case <-timer.C:
		case <-moving:
			moving = nil
		case <-c.ctx.Done():
			return
		}
		p.advance(time.Now(), timer)
	}
}

func (p *pump) request(req request) {
	switch {
	case req.code != "":
		p.refuse(req)
	case req.kind == msgUnsubscribe:
		p.drop(p.subs[req.address])
	default:
		p.subscribe(req)
	}
}

// subscribe starts a subscription, again if there is one: live first, so that nothing falls between it and the backlog.
func (p *pump) subscribe(req request) {
	p.drop(p.subs[req.address])
	if len(p.subs) >= maxSubscriptions || !p.c.relay.conns.hasRoom(p.c) {
		req.code = "too-many-subscriptions"
		p.refuse(req)
		return
	}
	nc := p.c.relay.engine.nc
	if p.inSub == nil {
		in, err := nc.ChanSubscribe(p.inbox+".*", p.engine)
		if err != nil {
			p.c.stop(closeUnavailable)
			return
		}
		p.inSub = in
		p.c.relay.conns.own(in, p.c)
	}
	live, err := nc.ChanSubscribe(p.c.relay.mailboxes.frames(req.address), p.engine)
	if err != nil {
		p.c.stop(closeUnavailable)
		return
	}
	p.c.relay.conns.own(live, p.c)
	s := &subscription{address: req.address, nats: live, feed: newFeed()}
	p.subs[req.address], p.byNATS[live] = s, s
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
	delete(p.byNATS, s.nats)
	p.c.relay.conns.disown(s.nats)
	s.nats.Unsubscribe() // fails only when the engine is gone
	if p.active == s {
		p.active = nil // its answers are told by their number, and ignored
	}
}

func (p *pump) close() {
	for _, s := range p.subs {
		p.drop(s)
	}
	if p.inSub != nil {
		p.c.relay.conns.disown(p.inSub)
		p.inSub.Unsubscribe()
	}
}

func (p *pump) refuse(req request) {
	p.c.relay.metrics.refused(req.code)
	p.send(outgoing{kind: msgRefused, address: req.address, body: []byte(req.code)})
}

// send queues a message for the writer. A client that lets too much pile up is cut off: it will come back and find what it
// missed in the backlog.
func (p *pump) send(m outgoing) {
	p.queue = append(p.queue, m)
	p.checkRoom()
}

func (p *pump) checkRoom() {
	if len(p.queue)+p.held > p.c.relay.cfg.tuning.queueFrames {
		p.c.stop(closeSlow)
	}
}

// message takes a message of the engine: a frame as it is posted, or an answer to a backlog read.
func (p *pump) message(msg *nats.Msg) {
	if msg.Sub == p.inSub {
		p.answer(msg)
		return
	}
	s := p.byNATS[msg.Sub]
	if s == nil || len(msg.Data) != FrameSize {
		return
	}
	if s.feed.live(frameID(msg.Subject), msg.Data) {
		p.send(outgoing{kind: msgFrame, address: s.address, body: msg.Data})
	} else {
		p.held++
		p.checkRoom()
	}
}

func (p *pump) answer(msg *nats.Msg) {
	s := p.active
	if s == nil || strings.TrimPrefix(msg.Subject, p.inbox+".") != strconv.FormatUint(p.page, 10) {
		return // of a read that was given up
	}
	switch msg.Header.Get("Status") {
	case "":
		f, ok := p.c.relay.mailboxes.parseStored(msg, time.Now())
		s.next = max(s.next, f.sequence+1)
		if ok && s.feed.stored(f.id) {
			p.send(outgoing{kind: msgFrame, address: s.address, age: f.age, body: f.frame})
		}
	case "204": // end of the page
		p.active = nil
		if msg.Header.Get("Nats-Num-Pending") != "0" {
			s.upTo, _ = strconv.ParseUint(msg.Header.Get("Nats-UpTo-Sequence"), 10, 64)
			p.readOn(s)
			return
		}
		p.endRead(s)
	case "404": // nothing
		p.active = nil
		p.endRead(s)
	case "413":
		if p.active = nil; s.scan {
			p.c.stop(closeUnavailable)
		}
		s.scan = true
		p.readOn(s)
	default:
		p.c.stop(closeUnavailable)
	}
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
	p.send(outgoing{kind: msgEnd, address: s.address})
	p.held -= len(s.feed.held)
	for _, frame := range s.feed.endOfBacklog() {
		p.send(outgoing{kind: msgFrame, address: s.address, body: frame})
	}
	p.rechecks = append(p.rechecks, recheck{time.Now().Add(p.c.relay.cfg.tuning.rereadAfter), s})
}

// advance starts what is due and sets the timer for what is next.
func (p *pump) advance(now time.Time, timer *time.Timer) {
	for len(p.rechecks) > 0 && !now.Before(p.rechecks[0].at) {
		s := p.rechecks[0].sub
		p.rechecks = p.rechecks[1:]
		if s.gone {
			continue
		}
		s.next, s.upTo = 0, 0 // from the start: what the first read missed may lie between what it found
		p.readOn(s)
	}
	for p.active == nil && len(p.queue) < pageFrames {
		s := p.nextRead()
		if s == nil {
			break
		}
		p.page++
		p.active, p.deadline = s, now.Add(pageTimeout)
		reply := p.inbox + "." + strconv.FormatUint(p.page, 10)
		if p.c.relay.mailboxes.askPage(s.address, s.next, s.upTo, s.scan, reply) != nil {
			p.c.stop(closeUnavailable)
		}
	}
	if p.active != nil && !now.Before(p.deadline) {
		p.c.stop(closeUnavailable)
	}
	wake := now.Add(time.Hour)
	if p.active != nil {
		wake = p.deadline
	}
	if len(p.rechecks) > 0 && p.rechecks[0].at.Before(wake) {
		wake = p.rechecks[0].at
	}
	timer.Reset(wake.Sub(now))
}
