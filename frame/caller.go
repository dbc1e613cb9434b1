package frame

import "ringfork/signalcore"

// Bounds of the endpoints that one Caller remembers. The machine allows fewer at a time; these also count those gone.
const (
	maxEndpoints          = 64
	maxEndpointsPerDevice = 32
)

// Caller judges what comes to the reply mailbox of a call that this endpoint placed:
//
//   - offer: from a current device of the called account, in reply to this ring;
//   - accept, candidates, restart, hangup: from exactly the endpoint that signed an offer;
//   - decline, busy: from a current device of the called account, for its own endpoint.
//
// It is not safe for use by several goroutines.
type Caller struct {
	call     signalcore.CallID
	self     signalcore.Sender
	called   signalcore.AccountID
	ring     signalcore.Hash
	isDevice func(signalcore.DeviceID) bool
	offered  map[signalcore.EndpointID]signalcore.DeviceID
}

// NewCaller returns the judge of a call whose ring has this hash. isDevice reports whether a device is a current one of the
// called account; it is asked anew every time.
func NewCaller(call signalcore.CallID, self signalcore.Sender, called signalcore.AccountID, ring signalcore.Hash,
	isDevice func(signalcore.DeviceID) bool) *Caller {
	return &Caller{call, self, called, ring, isDevice, make(map[signalcore.EndpointID]signalcore.DeviceID)}
}

// Check returns nil where the message is to be believed, and remembers offers. Its errors are DropErrors; with ReasonDevice
// fetch the called account's slot once and check again.
func (c *Caller) Check(e *Envelope) error {
	device, offered := c.offered[e.From.Endpoint]
	switch {
	case e.Call != c.call:
		return drop(ReasonCall)
	case e.To != c.self.Account || e.ToEndpoint != c.self.Endpoint:
		return drop(ReasonRecipient)
	case e.From.Account != c.called:
		return drop(ReasonSender)
	case !c.isDevice(e.From.Device):
		return drop(ReasonDevice)
	case offered && device != e.From.Device: // another device's endpoint
		return drop(ReasonSender)
	}
	switch e.Msg.(type) {
	case signalcore.Offer:
		if e.Ref != c.ring {
			return drop(ReasonRef)
		}
		if !offered {
			return c.remember(e.From)
		}
		return nil
	case signalcore.Accept, signalcore.Candidates, signalcore.Restart, signalcore.Hangup:
		if !offered {
			return drop(ReasonNoOffer)
		}
		return nil
	case signalcore.Decline, signalcore.Busy:
		return nil
	}
	return drop(ReasonUnexpected)
}

func (c *Caller) remember(from signalcore.Sender) error {
	n := 0
	for _, device := range c.offered {
		if device == from.Device {
			n++
		}
	}
	if n == maxEndpointsPerDevice || len(c.offered) == maxEndpoints {
		return drop(ReasonTooMany)
	}
	c.offered[from.Endpoint] = from.Device
	return nil
}

// Strangers returns the endpoints that were believed and are of no current device any more.
func (c *Caller) Strangers() []signalcore.EndpointID {
	var out []signalcore.EndpointID
	for endpoint, device := range c.offered {
		if !c.isDevice(device) {
			out = append(out, endpoint)
		}
	}
	return out
}
