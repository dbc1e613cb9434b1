package relay

import (
	"maps"
	"slices"
	"sync"

	"ringfork/relay/store"
)

// What the store says comes here, all of it in one goroutine but for LostAll: it is told to the connections that it is for, and
// nothing here waits for a client. No lock of fanouts or pages is held while that of a connection is taken.

// Live takes a frame as it is posted.
func (o *fanout) Live(id string, frame []byte) {
	o.tell(func(s *subscription) { s.conn.pump.live(s, id, frame) })
}

// Overlooked has the frames read that did not come live, unless a read has found them or is to find them anyway.
func (o *fanout) Overlooked(ids []string) {
	o.tell(func(s *subscription) { s.conn.pump.overlook(s, ids) })
}

// tell calls do for all who read the mailbox, each with its connection's lock.
func (o *fanout) tell(do func(*subscription)) {
	f := o.all
	f.list = o.appendReaders(f.list[:0])
	for _, s := range f.list {
		s.conn.mu.Lock()
		if !s.gone {
			do(s)
		}
		s.conn.mu.Unlock()
	}
	clear(f.list)
}

// Page takes a part of the answer to a backlog read.
func (s *connSet) Page(read uint64, part store.Part) {
	c := s.pages.of(read)
	if c == nil {
		return // of a read that was given up
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pump.page(read, part)
}

// LostAll has every connection read its backlogs again: not all at the same moment, for the engine is in trouble, or has just
// come back.
func (s *connSet) LostAll() { resync(s.all()) }

// Lost does the same for those that read these mailboxes.
func (s *connSet) Lost(readers []store.Reader) {
	lost := map[*conn]bool{}
	for _, r := range readers {
		for _, sub := range r.(*fanout).appendReaders(nil) {
			lost[sub.conn] = true
		}
	}
	resync(slices.Collect(maps.Keys(lost)))
}

// pages knows which connection waits for which page of a backlog, by the number that the store was given with the question.
type pages struct {
	mu    sync.Mutex
	last  uint64
	asked map[uint64]*conn
}

// expect makes c the one that gets the page of a new number, until forget.
func (p *pages) expect(c *conn) (read uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last++
	p.asked[p.last] = c
	return p.last
}

func (p *pages) forget(read uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.asked, read)
}

func (p *pages) of(read uint64) *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked[read]
}
