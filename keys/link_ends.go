package keys

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"

	"filippo.io/age"
)

// Approver is the approver's side of one linking. It is not safe for use by several goroutines.
type Approver struct {
	sign       func(msg []byte) []byte
	open       LinkOpen
	reveal     LinkReveal
	ask        LinkAsk
	transcript [32]byte
	state      linkState
}

// linkState says what an end waits for.
type linkState int

const (
	awaitsOpen linkState = iota // the requester only
	awaitsAsk                   // the approver only
	awaitsReveal
	awaitsOwner // the approver: for Approve or Reject
	awaitsGrant
	linkDone
)

// NewApprover returns the approver's side for a device of an account, and the message with which it starts. sign makes the
// device's signatures, as Account.Sign does.
func NewApprover(account AccountID, device DeviceID, sign func(msg []byte) []byte) (*Approver, LinkOpen) {
	a := &Approver{sign: sign, state: awaitsAsk}
	a.reveal = LinkReveal{Nonce: NewSeed(), Account: account, Device: device}
	a.open = LinkOpen{a.reveal.commitment()}
	return a, a.open
}

// Take takes a message of the requester's, which must be the first LinkAsk, and returns the LinkReveal to send. From then on
// there are Ask and ShortCode. An error wraps ErrLinkMessage: drop the message.
func (a *Approver) Take(m LinkMessage) (LinkMessage, error) {
	ask, ok := m.(LinkAsk)
	if !ok || a.state != awaitsAsk {
		return nil, fmt.Errorf("%w: it comes out of order", ErrLinkMessage)
	}
	for _, raw := range [][]byte{ask.Recipient, ask.Reply} {
		if _, err := ParseRecipient(raw); err != nil {
			return nil, fmt.Errorf("%w: %v", ErrLinkMessage, err)
		}
	}
	if ask.Label != CleanName(ask.Label) || !signedBy(ask.Device, ask.statement(a.open), ask.Proof) {
		return nil, fmt.Errorf("%w: the new device's signature is bad", ErrLinkMessage)
	}
	a.ask, a.state = ask.clone(), awaitsOwner
	a.transcript = transcriptOf(a.open, a.ask, a.reveal)
	return a.reveal, nil
}

// Ask returns what the requester said of itself, and whether it did. It is the new device only if the owner finds the
// same short code on it.
func (a *Approver) Ask() (LinkAsk, bool) { return a.ask, a.state > awaitsAsk }

// ShortCode returns what the owner compares, such as "012 345"; nothing before Take succeeded.
func (a *Approver) ShortCode() string {
	if a.state <= awaitsAsk {
		return ""
	}
	return shortCode(a.transcript)
}

// Approve returns the grant to send, once the owner said that the short codes are the same. It has 1 to MaxGrant bytes. Seal it to
// Ask's Reply, not to the requester's end: who saw the code could read it there. It fails where Take did not succeed or the
// owner has answered already.
func (a *Approver) Approve(grant []byte) (LinkGrant, error) {
	if len(grant) == 0 || len(grant) > MaxGrant {
		return LinkGrant{}, errors.New("failed to approve the device: the grant has a wrong size")
	}
	return a.answer(grant)
}

// Reject returns the grant that says the owner did not approve. It is sealed like that of Approve, and fails where that does.
func (a *Approver) Reject() (LinkGrant, error) { return a.answer(nil) }

func (a *Approver) answer(grant []byte) (LinkGrant, error) {
	if a.state != awaitsOwner {
		return LinkGrant{}, errors.New("failed to answer the new device: it does not wait for an answer")
	}
	a.state = linkDone
	m := LinkGrant{Grant: slices.Clone(grant)}
	m.Signature = [64]byte(a.sign(m.statement(a.transcript)))
	return m, nil
}

// Requester is the requester's side of one linking. It is not safe for use by several goroutines.
type Requester struct {
	device     ed25519.PrivateKey
	reply      *age.HybridIdentity
	open       LinkOpen
	ask        LinkAsk
	reveal     LinkReveal
	grant      []byte
	transcript [32]byte
	state      linkState
}

// NewRequester returns the requester's side for a new device with its signing key, its raw age recipient and its label, which
// is made clean by CleanName.
func NewRequester(device ed25519.PrivateKey, recipient []byte, label string) *Requester {
	r := &Requester{device: device, reply: HybridFromSeed(NewSeed())}
	r.ask = LinkAsk{
		Nonce:     NewSeed(),
		Device:    DeviceID(device.Public().(ed25519.PublicKey)),
		Recipient: slices.Clone(recipient),
		Reply:     RecipientBytes(r.reply.Recipient()),
		Label:     CleanName(label),
	}
	return r
}

// ReplyIdentity returns the identity that opens the grant. It was made for this linking.
func (r *Requester) ReplyIdentity() *age.HybridIdentity { return r.reply }

// Take takes a message of the approver's and returns the one to send, or none: after the first LinkOpen a LinkAsk, after
// LinkReveal there is the ShortCode to show, after LinkGrant the Grant. An error is ErrLinkRejected, which ends the linking, or
// wraps ErrLinkMessage: drop the message.
func (r *Requester) Take(m LinkMessage) (LinkMessage, error) {
	switch m := m.(type) {
	case LinkOpen:
		if r.state == awaitsOpen {
			r.open, r.state = m, awaitsReveal
			r.ask.Proof = [64]byte(ed25519.Sign(r.device, r.ask.statement(m)))
			return r.ask.clone(), nil
		}
	case LinkReveal:
		if r.state == awaitsReveal {
			if !sameHash(m.commitment(), r.open.Commit) {
				return nil, fmt.Errorf("%w: it is not what the other device committed to", ErrLinkMessage)
			}
			r.reveal, r.state = m, awaitsGrant
			r.transcript = transcriptOf(r.open, r.ask, r.reveal)
			return nil, nil
		}
	case LinkGrant:
		if r.state == awaitsGrant {
			if !signedBy(r.reveal.Device, m.statement(r.transcript), m.Signature) {
				return nil, fmt.Errorf("%w: the other device's signature is bad", ErrLinkMessage)
			}
			r.state = linkDone
			if len(m.Grant) == 0 {
				return nil, ErrLinkRejected
			}
			r.grant = slices.Clone(m.Grant)
			return nil, nil
		}
	}
	return nil, fmt.Errorf("%w: it comes out of order", ErrLinkMessage)
}

// ShortCode returns what the owner compares, such as "012 345"; nothing before a LinkReveal was taken.
func (r *Requester) ShortCode() string {
	if r.state < awaitsGrant {
		return ""
	}
	return shortCode(r.transcript)
}

// Approver returns the account, and the device of it, that the short code covers: what the grant leads to must be of this
// account, and its log must have this device. Both are zero before a LinkReveal was taken.
func (r *Requester) Approver() (AccountID, DeviceID) { return r.reveal.Account, r.reveal.Device }

// Grant returns what was granted; nil before.
func (r *Requester) Grant() []byte { return r.grant }
