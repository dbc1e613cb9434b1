package relay

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
)

// engineBuffer is how many messages of the engine may wait for the dispatcher, which never waits for a client. The engine's
// client library drops what is beyond.
const engineBuffer = 1 << 16

// dispatcher hands what the engine says to the connections it is for. All of it, frames as they are posted and the answers to
// backlog reads, comes through one channel, so that its order is kept: feed relies on that.
type dispatcher struct {
	conns    *connSet
	journal  *journal
	messages chan *nats.Msg
	inbox    string // answers to backlog reads come to inbox.<number of the read>
	answers  *nats.Subscription
	overflow bool            // messages was full, and is not yet half empty
	readers  []*subscription // of one message; empty between two
	quit     chan struct{}
	wg       sync.WaitGroup

	mu    sync.Mutex
	last  uint64
	reads map[uint64]*conn // that wait for answers
}

func startDispatcher(nc *nats.Conn, conns *connSet, j *journal) (*dispatcher, error) {
	d := &dispatcher{
		conns: conns, journal: j, messages: make(chan *nats.Msg, engineBuffer), inbox: nats.NewInbox(), quit: make(chan struct{}),
		reads: map[uint64]*conn{},
	}
	var err error
	if d.answers, err = nc.ChanSubscribe(d.inbox+".*", d.messages); err != nil {
		return nil, fmt.Errorf("failed to subscribe to the engine's answers: %w", err)
	}
	d.wg.Go(d.run)
	return d, nil
}

// stop ends the dispatcher. Connections that are still there hear nothing any more.
func (d *dispatcher) stop() {
	close(d.quit)
	d.wg.Wait()
}

func (d *dispatcher) run() {
	for {
		select {
		case msg := <-d.messages:
			// NATS drops what there is no room for. It says so too, but of each subscription only once until that hears something
			// again, which may be the next frame that is dropped.
			d.overflow = d.overflow || len(d.messages) >= cap(d.messages)-1
			d.dispatch(msg)
			if d.overflow && len(d.messages) < cap(d.messages)/2 {
				d.overflow = false
				d.conns.resyncDropped(d.answers)
			}
		case <-d.quit:
			return
		}
	}
}

func (d *dispatcher) dispatch(msg *nats.Msg) {
	var live bool
	if d.readers, live = d.conns.fanouts.of(msg.Sub, d.readers[:0]); live {
		d.journal.hear(msg.Subject)
		for _, s := range d.readers {
			s.hear(msg)
		}
		clear(d.readers)
		return
	}
	number, ok := strings.CutPrefix(msg.Subject, d.inbox+".")
	if !ok || d.journal.answer(d.inbox, number, msg) {
		return // not ok: of a subscription that has just ended
	}
	read, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return
	}
	d.mu.Lock()
	c := d.reads[read]
	d.mu.Unlock()
	if c == nil {
		return // of a read that was given up
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pump.answer(read, msg)
}

// hear takes a message as it is posted.
func (s *subscription) hear(msg *nats.Msg) {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	if !s.gone {
		s.conn.pump.live(s, msg)
	}
}

// expect makes c the one that gets the answers to a new backlog read, until forget. They are to come to the subject reply.
func (d *dispatcher) expect(c *conn) (read uint64, reply string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last++
	d.reads[d.last] = c
	return d.last, d.inbox + "." + strconv.FormatUint(d.last, 10)
}

func (d *dispatcher) forget(read uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.reads, read)
}
