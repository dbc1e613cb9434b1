package store

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
)

// QueueSize is how many messages of NATS may wait to be handled. What is beyond is dropped, and Listener.Lost is called.
const QueueSize = 1 << 16

// dispatcher hands what NATS says to those it is for. All of it, frames as they are posted, pages of backlogs and what the
// journal asked for, comes through one channel and is handled by one goroutine, so that its order is kept.
type dispatcher struct {
	subs      *subscriptions
	journal   *journal
	mailboxes *mailboxes
	listener  Listener
	messages  chan *nats.Msg
	inbox     string // answers to AskPage come to inbox.<number of the read>
	answers   *nats.Subscription
	dropped   int  // answers that NATS had dropped when the listener was last told
	overflow  bool // messages was full, and is not yet half empty
	quit      chan struct{}
	wg        sync.WaitGroup
}

func newDispatcher(nc *nats.Conn, subs *subscriptions, l Listener) (*dispatcher, error) {
	d := &dispatcher{
		subs: subs, listener: l, messages: make(chan *nats.Msg, QueueSize), inbox: nats.NewInbox(), quit: make(chan struct{}),
	}
	var err error
	if d.answers, err = nc.ChanSubscribe(d.inbox+".*", d.messages); err != nil {
		return nil, fmt.Errorf("failed to subscribe to the engine's answers: %w", err)
	}
	return d, nil
}

func (d *dispatcher) start(m *mailboxes, j *journal) {
	d.mailboxes, d.journal = m, j
	d.wg.Go(d.run)
}

// stop ends the dispatcher. Readers that are still there hear nothing any more.
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
				d.tellLost()
			}
		case <-d.quit:
			return
		}
	}
}

// tellLost tells of which readers NATS dropped messages: of all of them if it was answers, for then nobody knows whose.
func (d *dispatcher) tellLost() {
	if n, _ := d.answers.Dropped(); n > d.dropped {
		d.dropped = n
		d.listener.LostAll()
	} else if readers := d.subs.missed(); len(readers) > 0 {
		d.listener.Lost(readers)
	}
}

func (d *dispatcher) dispatch(msg *nats.Msg) {
	if s := d.subs.of(msg.Sub); s != nil {
		d.journal.hear(msg.Subject)
		if len(msg.Data) == FrameSize {
			s.reader.Live(frameID(msg.Subject), msg.Data)
		}
		return
	}
	number, ok := strings.CutPrefix(msg.Subject, d.inbox+".")
	if !ok || d.journal.answer(d.inbox, number, msg) {
		return // not ok: of a subscription that has just ended
	}
	if read, err := strconv.ParseUint(number, 10, 64); err == nil {
		d.listener.Page(read, d.mailboxes.part(msg))
	}
}

// replyTo returns the subject to which the answers to a page are to come.
func (d *dispatcher) replyTo(read uint64) string { return d.inbox + "." + strconv.FormatUint(read, 10) }
