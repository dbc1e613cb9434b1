package frame

import (
	"ringfork/keys"
	"ringfork/signalcore"
)

// Introduce fills in the fields of a ring that are the sealing's: who calls (account, with its log head), whom (called),
// and where and to what key replies go.
func Introduce(m signalcore.Ring, account *keys.Account, called keys.Public, replies keys.Mailbox,
	recipient []byte) signalcore.Ring {
	m.Name = account.Name()
	m.Card = account.Card().Bytes()
	m.LogHead = account.LogHead()
	m.PeerLogHead = called.LogHead
	m.Mailbox = replies.Address()
	m.Recipient = recipient
	return m
}

// CheckRing judges what came to the inbox of the account self as a ring: it is a ring, to self and all its endpoints, from
// another account, with that account's card. It returns the card, by whose slot Trust can judge the rest. Its errors are
// DropErrors.
func CheckRing(e *Envelope, self signalcore.AccountID) (keys.Card, error) {
	m, ok := e.Msg.(signalcore.Ring)
	if !ok {
		return keys.Card{}, drop(ReasonUnexpected)
	}
	if e.To != self || e.ToEndpoint != (signalcore.EndpointID{}) {
		return keys.Card{}, drop(ReasonRecipient)
	}
	if e.From.Account == self {
		return keys.Card{}, drop(ReasonSelf)
	}
	card, err := keys.CardFromBytes(m.Card)
	if err != nil || signalcore.AccountID(card.Account) != e.From.Account {
		return keys.Card{}, drop(ReasonCard)
	}
	return card, nil
}

// CheckSync judges what came from the own account's endpoints: it is signed by one of the account's devices, for this
// account. The call that a sync is about stands in the header. Its errors are DropErrors.
func CheckSync(e *Envelope, self signalcore.AccountID, isDevice func(keys.DeviceID) bool) (signalcore.Sync, error) {
	m, ok := e.Msg.(signalcore.Sync)
	switch {
	case !ok:
		return m, drop(ReasonUnexpected)
	case e.To != self || e.ToEndpoint != (signalcore.EndpointID{}):
		return m, drop(ReasonRecipient)
	case e.From.Account != self:
		return m, drop(ReasonSender)
	case !isDevice(keys.DeviceID(e.From.Device)):
		return m, drop(ReasonDevice)
	}
	m.Call = e.Call
	return m, nil
}

// PeerHead returns the head of the receiver's own log as the sender of a ring, an offer or a hello knows it. One that is not
// in the receiver's log means that somebody shows the sender another one.
func PeerHead(e *Envelope) (head signalcore.Hash, ok bool) {
	switch m := e.Msg.(type) {
	case signalcore.Ring:
		return m.PeerLogHead, true
	case signalcore.Offer:
		return m.PeerLogHead, m.PeerLogHead != signalcore.Hash{}
	case Hello:
		return m.PeerLogHead, true
	}
	return signalcore.Hash{}, false
}

// Trust judges whether the sender of a message is a current device of the account p, and whether the log head that a ring
// or an offer names is one that p knows. ReasonDevice and ReasonLogHead may mean that p is out of date: fetch the account's
// slot once, check that it Replaces p, and judge again. Its errors are DropErrors.
func Trust(e *Envelope, p keys.Public) error {
	if e.From.Account != signalcore.AccountID(p.Account) {
		return drop(ReasonSender)
	}
	if !p.Has(keys.DeviceID(e.From.Device)) {
		return drop(ReasonDevice)
	}
	var head signalcore.Hash
	switch m := e.Msg.(type) {
	case signalcore.Ring:
		head = m.LogHead
	case signalcore.Offer:
		head = m.LogHead
	case Hello:
		head = m.LogHead
	default:
		return nil
	}
	if !p.Knows(head) {
		return drop(ReasonLogHead)
	}
	return nil
}
