package keys

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// LinkMessage is a LinkHere, LinkOpen, LinkAsk, LinkReveal or LinkGrant.
type LinkMessage interface {
	// MarshalBinary encodes the message for ParseLinkMessage. It always succeeds.
	MarshalBinary() ([]byte, error)
	append(b []byte) []byte
}

// LinkHere says that the new device has read the code that the approver shows.
type LinkHere struct{}

// LinkOpen commits the approver to a LinkReveal.
type LinkOpen struct {
	Commit [32]byte
}

// LinkAsk says who wants to become a device.
type LinkAsk struct {
	Nonce     [32]byte
	Device    DeviceID
	Recipient []byte // of the device, RecipientSize bytes: what its account will be sealed to
	Reply     []byte // made for this linking, RecipientSize bytes: what the grant is sealed to
	Label     string // clean, at most MaxName bytes
	Proof     [64]byte
}

// LinkReveal says who the approver is.
type LinkReveal struct {
	Nonce   [32]byte
	Account AccountID
	Device  DeviceID
}

// LinkGrant lets the new device in, or rejects it with an empty grant.
type LinkGrant struct {
	Grant     []byte
	Signature [64]byte
}

// MaxGrant is the most bytes a grant may have.
const MaxGrant = 1024

// A message is a format byte, a byte for its kind, and its fields.
const (
	linkFormat = 1

	kindOpen   = 1
	kindAsk    = 2
	kindReveal = 3
	kindGrant  = 4
	kindHere   = 5
)

// ParseLinkMessage reads what MarshalBinary wrote. It checks no signature. Its errors wrap ErrLinkMessage.
func ParseLinkMessage(b []byte) (LinkMessage, error) {
	r := reader{b: b}
	format, kind := r.uint8(), r.uint8()
	if r.ok() && format != linkFormat {
		return nil, fmt.Errorf("%w: it is of another version", ErrLinkMessage)
	}
	var m LinkMessage
	switch kind {
	case kindHere:
		m = LinkHere{}
	case kindOpen:
		m = LinkOpen{r.bytes32()}
	case kindAsk:
		m = LinkAsk{r.bytes32(), r.bytes32(), slices.Clone(r.take(RecipientSize)), slices.Clone(r.take(RecipientSize)), r.name(), r.bytes64()}
	case kindReveal:
		m = LinkReveal{r.bytes32(), r.bytes32(), r.bytes32()}
	case kindGrant:
		n := r.uint16()
		r.bad = r.bad || n > MaxGrant
		m = LinkGrant{slices.Clone(r.take(n)), r.bytes64()}
	}
	if m == nil || !r.done() {
		return nil, fmt.Errorf("%w: it is malformed", ErrLinkMessage)
	}
	return m, nil
}

// MarshalBinary implements LinkMessage.
func (m LinkHere) MarshalBinary() ([]byte, error) { return m.append(nil), nil }

// MarshalBinary implements LinkMessage.
func (m LinkOpen) MarshalBinary() ([]byte, error) { return m.append(nil), nil }

// MarshalBinary implements LinkMessage.
func (m LinkAsk) MarshalBinary() ([]byte, error) { return m.append(nil), nil }

// MarshalBinary implements LinkMessage.
func (m LinkReveal) MarshalBinary() ([]byte, error) { return m.append(nil), nil }

// MarshalBinary implements LinkMessage.
func (m LinkGrant) MarshalBinary() ([]byte, error) { return m.append(nil), nil }

func (m LinkHere) append(b []byte) []byte { return append(b, linkFormat, kindHere) }

func (m LinkOpen) append(b []byte) []byte {
	b = append(b, linkFormat, kindOpen)
	return append(b, m.Commit[:]...)
}

func (m LinkAsk) append(b []byte) []byte { return append(m.appendUnsigned(b), m.Proof[:]...) }

func (m LinkAsk) appendUnsigned(b []byte) []byte {
	b = append(b, linkFormat, kindAsk)
	b = append(b, m.Nonce[:]...)
	b = append(b, m.Device[:]...)
	b = append(b, m.Recipient...)
	b = append(b, m.Reply...)
	return appendName(b, m.Label)
}

func (m LinkReveal) append(b []byte) []byte {
	b = append(b, linkFormat, kindReveal)
	b = append(b, m.Nonce[:]...)
	b = append(b, m.Account[:]...)
	return append(b, m.Device[:]...)
}

func (m LinkGrant) append(b []byte) []byte {
	b = append(b, linkFormat, kindGrant)
	b = binary.BigEndian.AppendUint16(b, uint16(len(m.Grant)))
	b = append(b, m.Grant...)
	return append(b, m.Signature[:]...)
}

// clone returns the message with memory of its own.
func (m LinkAsk) clone() LinkAsk {
	m.Recipient, m.Reply = slices.Clone(m.Recipient), slices.Clone(m.Reply)
	return m
}

func (r *reader) bytes64() (f [64]byte) { copy(f[:], r.take(64)); return }
