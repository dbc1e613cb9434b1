package phone

import (
	"errors"
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
		p.drop(err.Error())
		return
	}
	if e == nil {
		return
	}
	if err := s.judge(e); err != nil {
		p.askOrDrop(s, e, age, err)
		return
	}
	p.believed(s, e, age)
}

// judge says whether a message of a call is to be believed.
func (s *session) judge(e *frame.Envelope) error {
	switch {
	case s.called != nil:
		return s.called.Check(e)
	case s.caller == nil:
		return errNoRing
	}
	if err := s.caller.Check(e); err != nil {
		return err
	}
	return frame.Trust(e, s.contact.Public)
}

var errNoRing = frame.DropError{Reason: frame.ReasonUnexpected}

// askOrDrop looks the called account up where a device or a log's head is unknown: once a call, for the account may have
// changed. The message waits. What is not explained by that is dropped.
func (p *Phone) askOrDrop(s *session, e *frame.Envelope, age time.Duration, err error) {
	var d frame.DropError
	if !errors.As(err, &d) || d.Reason != frame.ReasonDevice && d.Reason != frame.ReasonLogHead || s.asked || s.called != nil {
		p.drop(err.Error())
		return
	}
	s.asked = true
	came := time.Now()
	p.freshen(s.contact, func(c keys.Contact) {
		p.ringAnew(s, c)
		if err := s.judge(e); err != nil {
			p.drop(err.Error())
			return
		}
		p.believed(s, e, age+time.Since(came))
	})
}

func (p *Phone) believed(s *session, e *frame.Envelope, age time.Duration) {
	if s.caller != nil {
		if head, ok := frame.PeerHead(e); ok && !p.own().Knows(head) {
			p.ownHeadUnknown()
			return
		}
		s.learn(e)
	}
	p.step(signalcore.Received{Call: e.Call, From: e.From, ID: e.ID, Msg: e.Msg, Age: age})
}

// ownHeadUnknown refuses a message whose sender knows another log of this account than this device does: either this device
// slept while another one changed the account, or somebody shows a second log.
func (p *Phone) ownHeadUnknown() {
	p.drop("own log head unknown")
	p.catchUp()
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
