package signalcore

import (
	"fmt"
	"time"
)

func (s *storm) do(b *boat, out Output) {
	switch out := out.(type) {
	case OpenMailbox:
		b.boxes[out.Call] = map[MessageID]Post{}
	case CloseMailbox:
		delete(b.boxes, out.Call)
	case Post:
		if b.boxes[out.Call] != nil {
			b.boxes[out.Call][out.ID] = out
		}
		s.post(b, out)
	case Repost:
		s.post(b, b.boxes[out.Call][out.ID])
	case Connect:
		l := &link{offer: fmt.Sprintf("offer %d of %s", out.Conn, b.name), boat: [2]*boat{b}, conn: [2]ConnID{out.Conn},
			never: s.chance(s.unlinked)}
		s.links[l.offer], b.conns[out.Conn] = l, l
		s.gather(b, out.Conn, l.offer)
	case Answering:
		l := s.links[out.SDP]
		if l == nil || l.boat[1] != nil {
			s.fail(b, "answers an offer twice, or one that nobody made")
			return
		}
		l.boat[1], l.conn[1], l.described[1] = b, out.Conn, true
		b.conns[out.Conn] = l
		s.gather(b, out.Conn, "answer to "+out.SDP)
	case Apply:
		l := b.conns[out.Conn]
		l.described[0] = true
		s.connect(l)
	case Tell:
		s.tell(b, out)
	case Disconnect:
		s.disconnect(b, out.Conn)
	case Detach:
		b.over[out.Call] = true
	case ShareOwn:
		for _, r := range s.boats {
			if r != b && r.self.Account == b.self.Account && !s.chance(s.loss) {
				s.after(s.draw(s.slow), func() { s.step(r, Synced{From: b.self.Endpoint, Msg: out.Msg}) })
			}
		}
	case Notify:
		b.views[out.View.Call] = out.View
		delete(b.views, out.View.Replaces) // the user's call goes on as this one
	}
}

func (s *storm) gather(b *boat, id ConnID, sdp string) {
	at := s.draw(100 * time.Millisecond)
	l := b.conns[id]
	s.after(at, func() {
		l.spoke[l.side(b)] = true
		s.step(b, Described{Conn: id, SDP: sdp})
	})
	for range s.rnd.IntN(4) {
		s.after(s.draw(300*time.Millisecond), func() { s.step(b, Found{Conn: id, Candidate: Candidate{Line: "host"}}) })
	}
	if s.chance(0.8) {
		s.after(s.draw(400*time.Millisecond), func() { s.step(b, FoundAll{Conn: id}) })
	}
}

// connect opens a connection whose sides have both descriptions, or lets it fail much later.
func (s *storm) connect(l *link) {
	if l.never || l.cut {
		for i := range 2 {
			s.after(15*time.Second, func() { s.step(l.boat[i], Changed{Conn: l.conn[i], State: ConnFailed}) })
		}
		return
	}
	l.open = true
	for i := range 2 {
		s.after(s.draw(200*time.Millisecond), func() {
			if s.chance(0.9) {
				s.step(l.boat[i], Changed{Conn: l.conn[i], State: ConnConnected})
			}
			s.step(l.boat[i], Opened{Conn: l.conn[i]})
		})
	}
}

func (l *link) side(b *boat) int {
	if l.boat[0] == b {
		return 0
	}
	return 1
}

// linkTime is how long a word takes over a connection: always the same, so that the order is kept, and longer than it takes
// both sides to open.
const linkTime = 200 * time.Millisecond

func (s *storm) tell(b *boat, out Tell) {
	l := b.conns[out.Conn]
	if l == nil || !l.open {
		return
	}
	i := 1 - l.side(b)
	s.after(linkTime, func() { s.step(l.boat[i], Heard{Conn: l.conn[i], ID: out.ID, Msg: out.Msg}) })
}

func (s *storm) disconnect(b *boat, id ConnID) {
	l := b.conns[id]
	delete(b.conns, id)
	if l == nil || l.cut {
		return
	}
	l.cut = true
	if i := 1 - l.side(b); l.boat[i] != nil && l.open {
		s.after(linkTime, func() { s.step(l.boat[i], Closed{Conn: l.conn[i]}) })
	}
	l.open = false
}

// post carries a message as a bad relay does.
func (s *storm) post(b *boat, p Post) {
	if s.relayDown {
		s.after(s.draw(s.slow), func() { s.step(b, Unposted{Call: p.Call, ID: p.ID}) })
		return
	}
	s.after(s.draw(s.slow), func() { s.step(b, Posted{Call: p.Call, ID: p.ID}) })
	in := Received{Call: p.Call, From: b.self, ID: p.ID, Msg: p.Msg}
	caller, incoming := b.caller[p.Call]
	to := p.To
	if incoming {
		to = caller.Endpoint
	}
	var readers []*boat
	for _, r := range s.boats {
		all := !incoming && to == EndpointID{}
		if c := b.m.call(p.Call); r.self.Endpoint == to || all && c != nil && r.self.Account == c.peer.Account {
			readers = append(readers, r)
		}
	}
	if len(readers) > 0 && !incoming && to == (EndpointID{}) && !s.chance(s.loss) {
		s.mailbox = append(s.mailbox, letter{to: readers[0].self.Account, in: in, sent: s.now})
	}
	for _, r := range readers {
		if !s.chance(s.loss) {
			s.deliver(r, in, s.now)
		}
		if s.chance(s.double) {
			s.deliver(r, in, s.now)
		}
	}
}

func (s *storm) deliver(r *boat, in Received, sent time.Time) {
	s.after(s.draw(s.slow), func() {
		in.Age = s.now.Sub(sent)
		if s.believes(r, in) {
			s.step(r, in)
		}
	})
}

// believes is what package frame and the driver make sure of before the machine hears a message.
func (s *storm) believes(r *boat, in Received) bool {
	switch in.Msg.(type) {
	case Ring:
		r.caller[in.Call] = in.From
		return true
	case Settled:
		return true
	}
	if r.boxes[in.Call] == nil {
		return false
	}
	if _, incoming := r.caller[in.Call]; incoming {
		return true
	}
	switch in.Msg.(type) {
	case Offer:
		if r.offered[in.Call] == nil {
			r.offered[in.Call] = map[EndpointID]bool{}
		}
		r.offered[in.Call][in.From.Endpoint] = true
	case Decline:
	default:
		return r.offered[in.Call][in.From.Endpoint]
	}
	return true
}
