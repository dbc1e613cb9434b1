package frame

import (
	"crypto/sha256"
	"encoding/binary"

	"ringfork/keys"
	"ringfork/signalcore"
)

// Header is what every part of a message says of it.
type Header struct {
	Kind       signalcore.Kind
	ID         signalcore.MessageID // from 1
	Call       signalcore.CallID
	From       signalcore.Sender
	To         signalcore.AccountID
	ToEndpoint signalcore.EndpointID // zero: to the whole account
	Ref        signalcore.Hash       // of the ring in an offer, of what it answers in an answer; else zero
}

// Envelope is a message as it arrived, signed by the device that the header names.
type Envelope struct {
	Header
	Msg  signalcore.Message
	Hash signalcore.Hash // by which an offer or an answer refers to the message
}

// A frame holds: version(1) kind(1) id(4) part(1) parts(1) call(16) account(32) device(32) endpoint(16) to(32)
// to-endpoint(16) ref(32) length(2) signature(64) body(length), and zeros. Parts count from 1.
const (
	version = 1

	// Size is the size of every frame.
	Size = 4096

	// PlainSize is how much an age file of Size bytes to one hybrid recipient holds.
	PlainSize = Size - ageOverhead

	// MaxBody is the longest body: MaxParts full parts.
	MaxBody = MaxParts * maxPart

	// MaxParts is the most frames that one message takes.
	MaxParts = 4

	ageOverhead   = 1659 // header 1,627, nonce 16, tag 16
	headerSize    = 1 + 1 + 4 + 1 + 1 + 16 + 32 + 32 + 16 + 32 + 16 + 32 + 2
	signatureSize = 64
	maxPart       = PlainSize - headerSize - signatureSize
)

const (
	contextFrame   = "ringfork/1/frame"
	contextMessage = "ringfork/1/message"
)

// part is one frame's share of a message.
type part struct {
	Header
	part, parts uint8
	signature   [signatureSize]byte
	body        []byte
}

// statement returns the bytes that the part's signature covers.
func (p *part) statement() []byte {
	return p.Header.statement(contextFrame, uint32s(uint32(p.part)), uint32s(uint32(p.parts)), p.body)
}

// hash returns the hash of the whole message.
func (h *Header) hash(body []byte) signalcore.Hash {
	return sha256.Sum256(h.statement(contextMessage, nil, nil, body))
}

func (h *Header) statement(context string, part, parts, body []byte) []byte {
	fields := [][]byte{uint32s(uint32(h.Kind)), uint32s(uint32(h.ID)), part, parts, h.Call[:], h.From.Account[:],
		h.From.Device[:], h.From.Endpoint[:], h.To[:], h.ToEndpoint[:], h.Ref[:], body}
	if part == nil { // a whole message
		fields = append(fields[:2], fields[4:]...)
	}
	return keys.Statement(context, fields...)
}

func uint32s(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// marshal returns the part as PlainSize bytes.
func (p *part) marshal() []byte {
	b := make([]byte, 0, PlainSize)
	b = append(b, version, byte(p.Kind))
	b = binary.BigEndian.AppendUint32(b, uint32(p.ID))
	b = append(b, p.part, p.parts)
	b = append(b, p.Call[:]...)
	b = append(b, p.From.Account[:]...)
	b = append(b, p.From.Device[:]...)
	b = append(b, p.From.Endpoint[:]...)
	b = append(b, p.To[:]...)
	b = append(b, p.ToEndpoint[:]...)
	b = append(b, p.Ref[:]...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(p.body)))
	b = append(b, p.signature[:]...)
	b = append(b, p.body...)
	return b[:PlainSize] // the rest is zeros
}

// unmarshalPart reads what marshal wrote. The body is a part of b.
func unmarshalPart(b []byte) (*part, error) {
	if len(b) != PlainSize {
		return nil, drop(ReasonMalformed)
	}
	if b[0] != version {
		return nil, drop(ReasonVersion)
	}
	p := &part{part: b[6], parts: b[7]}
	p.Kind = signalcore.Kind(b[1])
	p.ID = signalcore.MessageID(binary.BigEndian.Uint32(b[2:]))
	b = b[8:]
	for _, field := range [][]byte{p.Call[:], p.From.Account[:], p.From.Device[:], p.From.Endpoint[:], p.To[:],
		p.ToEndpoint[:], p.Ref[:]} {
		b = b[copy(field, b):]
	}
	n := int(binary.BigEndian.Uint16(b))
	b = b[2:]
	b = b[copy(p.signature[:], b):]
	if n > len(b) {
		return nil, drop(ReasonMalformed)
	}
	p.body = b[:n:n]
	for _, zero := range b[n:] {
		if zero != 0 {
			return nil, drop(ReasonMalformed)
		}
	}
	// Every part but the last is full, so that a message splits in one way only.
	last := p.part == p.parts
	if p.ID == 0 || p.part < 1 || p.part > p.parts || p.parts > MaxParts || !last && n != maxPart || last && n == 0 {
		return nil, drop(ReasonMalformed)
	}
	return p, nil
}
