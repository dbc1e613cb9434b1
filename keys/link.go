package keys

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"

	"filippo.io/age"
)

// A new device, the requester, becomes a device of an account by the hand of one that is, the approver:
//
//	requester                            approver
//	shows a LinkSecret as a code ------> reads it
//	        <---------- LinkOpen ------- a commitment to what LinkReveal will say
//	         ---------- LinkAsk -------> the new device's keys and name, and a nonce
//	        <---------- LinkReveal ----- who the approver is, and its nonce
//	shows the short code                 shows the short code; the owner compares the two
//	        <---------- LinkGrant ------ after the owner's word; sealed to the key in LinkAsk
//
// Or the other way round: the approver shows the code, the requester reads it and says LinkHere, and the rest is the same.
//
// The mailboxes of both ends and the keys to which all but the grant is sealed come from the secret, so who saw the code can
// read and write here. Such a middleman would have to show both devices one short code. It cannot search for one: the approver's
// nonce is fixed by the commitment before the middleman sees the requester's, and is not shown before the approver
// has taken the one LinkAsk that it will take. So one try in a million succeeds. The grant is signed by the approver's device,
// which the short code covers, so a middleman cannot put its own in place either.

// LinkSecret is what a linking code holds.
type LinkSecret [32]byte

// NewLinkSecret returns a fresh secret, to be used for one linking.
func NewLinkSecret() LinkSecret { return NewSeed() }

// String hides the secret from logs.
func (s LinkSecret) String() string { return "keys.LinkSecret" }

// LinkEnd is one end of a linking: the mailbox it reads and the identity that opens what comes there. Whoever has the secret has
// both ends.
type LinkEnd struct {
	Mailbox  Mailbox
	Identity *age.HybridIdentity
}

// Approver returns the end of the device that is in the account.
func (s LinkSecret) Approver() LinkEnd { return s.end("approver") }

// Requester returns the end of the new device.
func (s LinkSecret) Requester() LinkEnd { return s.end("requester") }

func (s LinkSecret) end(who string) LinkEnd {
	seed := func(what string) [32]byte {
		key, err := hkdf.Key(sha256.New, s[:], nil, contextLink+" "+who+" "+what, 32)
		if err != nil {
			panic("internal error: " + err.Error()) // the length is the only reason, and it is constant
		}
		return [32]byte(key)
	}
	return LinkEnd{mailboxFromSeed(seed("mailbox")), HybridFromSeed(seed("identity"))}
}

const contextLink = "ringfork/1/link"

var (
	// ErrLinkMessage is in the errors about messages that are malformed, forged, out of order or repeated. Such a message
	// changes nothing: drop it and wait for the next.
	ErrLinkMessage = errors.New("invalid linking message")

	// ErrLinkRejected says that the account's owner did not approve.
	ErrLinkRejected = errors.New("the other device did not approve")
)

// commitment returns what LinkOpen says of the LinkReveal to come.
func (m LinkReveal) commitment() [32]byte {
	return sha256.Sum256(Statement(contextLink+" commit", m.Nonce[:], m.Account[:], m.Device[:]))
}

// statement returns what the requester's device signs in a LinkAsk, as an answer to a LinkOpen.
func (m LinkAsk) statement(open LinkOpen) []byte {
	return Statement(contextLink+" ask", open.Commit[:], m.appendUnsigned(nil))
}

// statement returns what the approver's device signs in a LinkGrant at the end of a transcript.
func (m LinkGrant) statement(transcript [32]byte) []byte {
	return Statement(contextLink+" grant", transcript[:], m.Grant)
}

// transcriptOf returns the hash of all that was said before the grant.
func transcriptOf(open LinkOpen, ask LinkAsk, reveal LinkReveal) [32]byte {
	return sha256.Sum256(Statement(contextLink+" transcript", open.append(nil), ask.append(nil), reveal.append(nil)))
}

// shortCode returns the six digits that the owner compares, such as "012 345".
func shortCode(transcript [32]byte) string {
	n := binary.BigEndian.Uint64(transcript[:]) % 1e6
	return fmt.Sprintf("%03d %03d", n/1000, n%1000)
}

func sameHash(a, b [32]byte) bool { return subtle.ConstantTimeCompare(a[:], b[:]) == 1 }

func signedBy(device DeviceID, msg []byte, signature [64]byte) bool {
	return ed25519.Verify(device[:], msg, signature[:])
}
