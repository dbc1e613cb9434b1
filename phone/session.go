package phone

import (
	"context"
	"time"

	"filippo.io/age"

	"ringfork/frame"
	"ringfork/keys"
	"ringfork/signalcore"
)

// session is the sealed side of one call: its mailbox, its keys, who is believed, and what was sent, to be sent again
// byte for byte. When it is dropped, nothing of the call can be opened any more but its ring.
type session struct {
	mailbox     keys.Mailbox
	unsubscribe func()
	opener      *frame.Opener
	sent        map[signalcore.MessageID]sentMessage
	before      chan struct{} // of a called endpoint: closed when the message before is published

	// Of the caller.
	caller    *frame.Caller // nil until the ring is sealed
	identity  *age.HybridIdentity
	contact   keys.Contact
	endpoints map[signalcore.EndpointID]*replyTo

	// Of a called endpoint.
	called *frame.Called
	ring   *frame.Envelope
	card   keys.Card
	seed   [32]byte
	reply  replyTo
}

// replyTo is where one endpoint reads, and by which key.
type replyTo struct {
	mailbox   signalcore.Address
	recipient age.Recipient
	answers   signalcore.Hash // the message of theirs that an answer answers
}

type sentMessage struct {
	to     signalcore.Address
	frames [][]byte
}

// openSession makes mailbox and keys of a call, subscribed before any message gives the address out.
func (p *Phone) openSession(out signalcore.OpenMailbox) {
	s := &session{mailbox: keys.NewMailbox(), sent: map[signalcore.MessageID]sentMessage{}}
	if out.Incoming {
		r := p.rings[out.Call]
		if r == nil {
			panic("internal error: mailbox for a ring that is not there")
		}
		delete(p.rings, out.Call)
		s.ring, s.card = r.envelope, r.card
		s.called = frame.NewCalled(p.self, r.envelope)
		s.reply = replyTo{mailbox: r.ring.Mailbox, recipient: r.recipient}
		s.seed = frame.NewSeed()
		s.opener = frame.NewOpener(frame.IdentityFromSeed(s.seed))
	} else {
		s.contact, _ = p.contact(keys.AccountID(out.To))
		s.identity = frame.NewCallIdentity()
		s.endpoints = map[signalcore.EndpointID]*replyTo{}
		s.opener = frame.NewOpener(s.identity)
	}
	p.sessions[out.Call] = s
	call := out.Call
	s.unsubscribe = p.cfg.Transport.Subscribe(s.mailbox,
		func(f []byte, age time.Duration) { p.queue.put(func() { p.callFrame(call, f, age) }) }, func() {})
}

func (p *Phone) closeSession(call signalcore.CallID) {
	if s := p.sessions[call]; s != nil {
		s.unsubscribe()
		delete(p.sessions, call)
	}
	delete(p.rings, call)
}

// post seals a message of the machine's and publishes it.
func (p *Phone) post(out signalcore.Post) {
	s := p.sessions[out.Call]
	if s == nil {
		p.drop("post without session")
		return
	}
	h := frame.Header{ID: out.ID, Call: out.Call, From: p.self}
	msg := out.Msg
	var to replyTo
	switch {
	case s.called != nil:
		to = s.reply
		h.To, h.ToEndpoint = s.ring.From.Account, s.ring.From.Endpoint
		if o, ok := msg.(signalcore.Offer); ok {
			o.LogHead, o.Seed, o.Mailbox = p.account.LogHead(), s.seed, s.mailbox.Address()
			msg, h.Ref = o, s.ring.Hash
		}
	case out.To == signalcore.EndpointID{}:
		recipient, err := s.contact.Public.Recipient()
		if err != nil {
			p.drop("contact without key")
			return
		}
		to = replyTo{mailbox: signalcore.Address(s.contact.Public.Inbox), recipient: recipient}
		h.To = signalcore.AccountID(s.contact.ID())
		if r, ok := msg.(signalcore.Ring); ok {
			msg = frame.Introduce(r, p.account, s.contact.Public, s.mailbox, frame.RecipientBytes(s.identity.Recipient()))
		}
	default:
		e := s.endpoints[out.To]
		if e == nil {
			p.drop("post to an unknown endpoint")
			return
		}
		to = *e
		h.To, h.ToEndpoint = signalcore.AccountID(s.contact.ID()), out.To
		if _, ok := msg.(signalcore.Answer); ok {
			h.Ref = to.answers
		}
	}
	frames, hash, err := frame.Seal(h, msg, p.account.Sign, to.recipient)
	if err != nil {
		p.drop("message not sealed")
		return
	}
	switch m := msg.(type) {
	case signalcore.Ring:
		s.caller = frame.NewCaller(out.Call, p.self, signalcore.AccountID(s.contact.ID()), hash, p.deviceOf(s))
	case signalcore.Offer:
		s.called.SentOffer(hash)
	case signalcore.Accept:
		if m.SDP != "" {
			s.called.SentAccept(hash)
		}
	}
	s.sent[out.ID] = sentMessage{to: to.mailbox, frames: frames}
	p.publish(out.Call, out.ID)
}

// deviceOf returns who says whether a device is one of the account that a session calls.
func (p *Phone) deviceOf(s *session) func(signalcore.DeviceID) bool {
	return func(d signalcore.DeviceID) bool { return s.contact.Public.Has(keys.DeviceID(d)) }
}

// orderTime is how long a message waits for the one before it: a relay that hangs must not hold up an accept.
const orderTime = 300 * time.Millisecond

// publishTime bounds one attempt: the machine's retries are the next.
const publishTime = 10 * time.Second

// publish hands all frames of a message to the relay. When it took them the machine hears of it.
func (p *Phone) publish(call signalcore.CallID, id signalcore.MessageID) {
	s := p.sessions[call]
	if s == nil {
		return
	}
	m, ok := s.sent[id]
	if !ok {
		return
	}
	var before, done chan struct{}
	if s.called != nil { // all goes to one mailbox, and an accept must not overtake its offer
		before, done = s.before, make(chan struct{})
		s.before = done
	}
	p.running.Add(1)
	p.effect(func() {
		defer p.running.Add(-1)
		if done != nil {
			defer close(done)
		}
		if before != nil {
			select {
			case <-before:
			case <-time.After(orderTime):
			}
		}
		ctx, cancel := context.WithTimeout(p.ctx, publishTime)
		defer cancel()
		for _, f := range m.frames {
			if err := p.cfg.Transport.Publish(ctx, m.to, f); err != nil {
				p.queue.put(func() { p.drop("frame not published") })
				return
			}
		}
		p.queue.put(func() { p.step(signalcore.Posted{Call: call, ID: id}) })
	})
}

// callFrame takes a frame from a call's own mailbox.
func (p *Phone) callFrame(call signalcore.CallID, f []byte, age time.Duration) {
	s := p.sessions[call]
	if s == nil {
		return
	}
	e, err := s.opener.Open(time.Now(), f)
	if err != nil {
		p.drop(err.Error())
		return
	}
	if e == nil {
		return
	}
	if s.called != nil {
		err = s.called.Check(e)
	} else if err = errNoRing; s.caller != nil {
		err = s.caller.Check(e)
	}
	if err != nil {
		p.drop(err.Error())
		return
	}
	if s.caller != nil && !s.learn(e) {
		p.drop("offer with a bad key")
		return
	}
	p.step(signalcore.Received{Call: e.Call, From: e.From, ID: e.ID, Msg: e.Msg, Age: age})
}

var errNoRing = frame.DropError{Reason: frame.ReasonUnexpected}

// learn notes from a believed message where its endpoint reads.
func (s *session) learn(e *frame.Envelope) bool {
	switch m := e.Msg.(type) {
	case signalcore.Offer:
		if s.endpoints[e.From.Endpoint] != nil {
			return true
		}
		s.endpoints[e.From.Endpoint] = &replyTo{mailbox: m.Mailbox,
			recipient: frame.IdentityFromSeed(m.Seed).Recipient(), answers: e.Hash}
	case signalcore.Accept:
		if to := s.endpoints[e.From.Endpoint]; to != nil && m.SDP != "" {
			to.answers = e.Hash
		}
	}
	return true
}
