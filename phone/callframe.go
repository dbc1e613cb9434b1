package phone

import (
	"time"

	"ringfork/frame"
	"ringfork/keys"
	"ringfork/signalcore"
)

// callFrame takes a frame from a call's own mailbox.
func (p *Phone) callFrame(call signalcore.CallID, f []byte, age time.Duration) {
	s := p.sessions[call]
	if s == nil {
		return
	}
	e, err := s.opener.Open(time.Now(), f)
	if err != nil {
		p.drop(reason(err))
		return
	}
	if e == nil {
		return
	}
	if err := p.judge(s, e); err != nil {
		p.askOrDrop(s, e, age, err)
		return
	}
	p.believed(s, e, age)
}

// judge says whether a message of a call is to be believed. An endpoint is remembered by an offer that passed everything.
func (p *Phone) judge(s *session, e *frame.Envelope) error {
	switch {
	case s.called != nil:
		return s.called.Check(e)
	case s.caller == nil:
		return errNoRing
	}
	if err := frame.Trust(e, s.contact.Public); err != nil {
		return err
	}
	if head, ok := frame.PeerHead(e); ok && !p.own().Knows(head) {
		p.ownHeadUnknown(s.contact, head)
		return errOwnHead
	}
	return s.caller.Check(e)
}

var (
	errNoRing  = frame.DropError{Reason: frame.ReasonUnexpected}
	errOwnHead = frame.DropError{Reason: "own log head unknown"}
)

// askOrDrop looks the called account up where a device or a log's head is unknown: once a call, for the account may have
// changed. The message waits. What is not explained by that is dropped.
func (p *Phone) askOrDrop(s *session, e *frame.Envelope, age time.Duration, err error) {
	if why := reason(err); why != frame.ReasonDevice && why != frame.ReasonLogHead || s.asked || s.called != nil {
		p.drop(why)
		return
	}
	came := time.Now()
	p.freshen(s.contact, func(c keys.Contact, err error) {
		s.asked = err == nil || unbelievable(err) // else the next message asks again: they are repeated
		if err != nil {
			return
		}
		p.ringAnew(s, c)
		if err := p.judge(s, e); err != nil {
			p.refuse(c, err)
			return
		}
		p.believed(s, e, age+time.Since(came))
	})
}

func (p *Phone) believed(s *session, e *frame.Envelope, age time.Duration) {
	if s.caller != nil {
		s.learn(e)
	}
	p.step(signalcore.Received{Call: e.Call, From: e.From, ID: e.ID, Msg: e.Msg, Age: age})
}

// ownHeadUnknown notes that a contact knows another log of this account than this device does: either this device slept while
// another one changed the account, or somebody shows the contact a second log. The next message is taken, or the user warned.
func (p *Phone) ownHeadUnknown(c keys.Contact, head signalcore.Hash) {
	p.heads[c.ID()] = head
	p.catchUp()
}

// judgeHeads warns of the contacts who know a log of this account that is not its own, now that this device is up to date.
func (p *Phone) judgeHeads() {
	for id, head := range p.heads {
		if !p.own().Knows(head) {
			p.warnOf(id, CodeLogForked)
		}
	}
	clear(p.heads)
}

// learn notes from a believed message where its endpoint reads.
func (s *session) learn(e *frame.Envelope) {
	switch m := e.Msg.(type) {
	case signalcore.Offer:
		if s.endpoints[e.From.Endpoint] == nil {
			s.endpoints[e.From.Endpoint] = &replyTo{mailbox: m.Mailbox,
				recipient: frame.IdentityFromSeed(m.Seed).Recipient(), answers: e.Hash}
		}
	case signalcore.Accept:
		if to := s.endpoints[e.From.Endpoint]; to != nil && m.SDP != "" {
			to.answers = e.Hash
		}
	}
}
