package frame

import (
	"ringfork/keys"
	"ringfork/signalcore"
)

// The kinds of messages that are about accounts and not about calls: the call machine never sees them.
const (
	KindHello signalcore.Kind = 15
	KindLink  signalcore.Kind = 16
)

// HelloWhat says what a hello means.
type HelloWhat uint8

// What a hello means. Others, of a later version, are ignored.
const (
	HelloRequest HelloWhat = 1 // I have you as a contact: have me too
	HelloAccept  HelloWhat = 2 // I have you as a contact, as you have me
	HelloDecline HelloWhat = 3 // I will not have you
)

// Hello is what an account tells another one apart from calls: that it has it as a contact, and where to ring it.
type Hello struct {
	What    HelloWhat
	Number  uint64 // of two from one account the larger is newer: milliseconds since 1970
	Name    string // the name the sender claims, at most 64 bytes
	Card    []byte // the sender's card, encoded by package keys
	Mailbox signalcore.Address
	Boxes   uint32 // the sender's count of its mailboxes' changes when it told this one

	LogHead     signalcore.Hash // head of the sender's device log
	PeerLogHead signalcore.Hash // head of the other's, as the sender knows it
}

// Kind implements signalcore.Message.
func (Hello) Kind() signalcore.Kind { return KindHello }

// Link is one message of the linking of a device: bytes that package keys wrote.
type Link struct{ Body []byte }

// Kind implements signalcore.Message.
func (Link) Kind() signalcore.Kind { return KindLink }

func (w *writer) hello(m Hello) {
	w.uint(keyWhat, uint64(m.What))
	w.uint(keyNumber, m.Number)
	w.text(keyName, keys.CleanName(m.Name))
	w.bytes(keyCard, m.Card)
	w.fixed(keyMailbox, m.Mailbox[:])
	w.uint(keyBoxes, uint64(m.Boxes))
	w.fixed(keyLogHead, m.LogHead[:])
	w.fixed(keyPeerLogHead, m.PeerLogHead[:])
}

func (f *fields) hello() Hello {
	m := Hello{
		What:   HelloWhat(f.uint(keyWhat, 255)),
		Number: f.uint(keyNumber, maxSentAt),
		Name:   f.name(),
		Card:   f.bytes(keyCard, maxCard),
		Boxes:  uint32(f.uint(keyBoxes, 1<<32-1)),
	}
	f.fixed(keyMailbox, m.Mailbox[:])
	f.fixed(keyLogHead, m.LogHead[:])
	f.fixed(keyPeerLogHead, m.PeerLogHead[:])
	f.bad = f.bad || m.What == 0 || len(m.Card) == 0
	return m
}

// CheckHello judges what came to a mailbox of the account self as a hello: it is one, to self, from another account, with that
// account's card, which it returns. Whether its sender is a device of that account, Trust judges. Its errors are
// DropErrors.
func CheckHello(e *Envelope, self signalcore.AccountID) (Hello, keys.Card, error) {
	m, ok := e.Msg.(Hello)
	switch {
	case !ok:
		return Hello{}, keys.Card{}, drop(ReasonUnexpected)
	case e.To != self || e.ToEndpoint != (signalcore.EndpointID{}):
		return Hello{}, keys.Card{}, drop(ReasonRecipient)
	case e.From.Account == self:
		return Hello{}, keys.Card{}, drop(ReasonSelf)
	}
	card, err := keys.CardFromBytes(m.Card)
	if err != nil || signalcore.AccountID(card.Account) != e.From.Account {
		return Hello{}, keys.Card{}, drop(ReasonCard)
	}
	return m, card, nil
}
