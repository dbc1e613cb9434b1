package frame

import "ringfork/signalcore"

// Called judges what comes to an endpoint in a call whose ring it believed: everything only from exactly the device and
// endpoint that rang, and
//
//   - answer: in reply to a message of this endpoint that carried a description;
//   - won, candidates, restart, hangup: to this endpoint;
//   - settled: to this endpoint or to the whole account.
//
// It is not safe for use by several goroutines.
type Called struct {
	call signalcore.CallID
	self signalcore.Sender
	from signalcore.Sender
	sent []signalcore.Hash
}

// maxSent is how many messages an answer may refer to. There is one offer and at most one accept with a description.
const maxSent = 4

// NewCalled returns the judge of the call that the ring began. The ring was judged by CheckRing and Trust.
func NewCalled(self signalcore.Sender, ring *Envelope) *Called {
	return &Called{call: ring.Call, self: self, from: ring.From}
}

// SentOffer remembers the hash of an offer that this endpoint sent.
func (c *Called) SentOffer(hash signalcore.Hash) { c.remember(hash) }

// SentAccept remembers the hash of an accept that this endpoint sent, with a description in it.
func (c *Called) SentAccept(hash signalcore.Hash) { c.remember(hash) }

func (c *Called) remember(hash signalcore.Hash) {
	if len(c.sent) == maxSent {
		c.sent = c.sent[1:]
	}
	c.sent = append(c.sent, hash)
}

// Check returns nil where the message is to be believed. Its errors are DropErrors.
func (c *Called) Check(e *Envelope) error {
	toAll := e.ToEndpoint == signalcore.EndpointID{}
	_, settled := e.Msg.(signalcore.Settled)
	switch {
	case e.Call != c.call:
		return drop(ReasonCall)
	case e.From != c.from:
		return drop(ReasonSender)
	case e.To != c.self.Account, e.ToEndpoint != c.self.Endpoint && !(toAll && settled):
		return drop(ReasonRecipient)
	}
	switch e.Msg.(type) {
	case signalcore.Answer:
		for _, hash := range c.sent {
			if e.Ref == hash {
				return nil
			}
		}
		return drop(ReasonRef)
	case signalcore.Won, signalcore.Settled, signalcore.Candidates, signalcore.Restart, signalcore.Hangup:
		return nil
	}
	return drop(ReasonUnexpected)
}
