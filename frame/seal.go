package frame

import (
	"bytes"
	"errors"
	"fmt"

	"filippo.io/age"

	"ringfork/signalcore"
)

// Seal encodes m, signs it with the sending device's key (keys.Account.Sign) and seals it to one hybrid recipient. It
// returns one to MaxParts frames of Size bytes, to be sent in any order, and the hash by which replies refer to m.
//
// The header's Kind may be left zero. The signature is deterministic: the same header and message sealed to another
// recipient are the same message and have the same hash. Errors are misuse (a message too long, a ring without its
// sealing's fields), except where the recipient came from outside and is hostile.
func Seal(h Header, m signalcore.Message, sign func([]byte) []byte, to age.Recipient) ([][]byte, signalcore.Hash, error) {
	frames, hash, err := seal(h, m, sign, to)
	if err != nil {
		return nil, signalcore.Hash{}, fmt.Errorf("failed to seal message: %w", err)
	}
	return frames, hash, nil
}

func seal(h Header, m signalcore.Message, sign func([]byte) []byte, to age.Recipient) ([][]byte, signalcore.Hash, error) {
	if h.Kind != 0 && h.Kind != m.Kind() {
		return nil, signalcore.Hash{}, errors.New("the header's kind is not the message's")
	}
	if h.ID == 0 {
		return nil, signalcore.Hash{}, errors.New("message ids count from 1")
	}
	h.Kind = m.Kind()
	body, err := marshalBody(m)
	if err != nil {
		return nil, signalcore.Hash{}, err
	}
	var frames [][]byte
	for _, p := range split(h, body) {
		if copy(p.signature[:], sign(p.statement())) != signatureSize {
			return nil, signalcore.Hash{}, errors.New("the signature has a wrong size")
		}
		f, err := sealPart(p, to)
		if err != nil {
			return nil, signalcore.Hash{}, err
		}
		frames = append(frames, f)
	}
	return frames, h.hash(body), nil
}

// split cuts a body into parts, all but the last full.
func split(h Header, body []byte) []*part {
	n := (len(body) + maxPart - 1) / maxPart
	parts := make([]*part, n)
	for i := range parts {
		parts[i] = &part{Header: h, part: uint8(i + 1), parts: uint8(n), body: body[i*maxPart : min((i+1)*maxPart, len(body))]}
	}
	return parts
}

func sealPart(p *part, to age.Recipient) ([]byte, error) {
	f, err := encrypt(p.marshal(), to)
	if err != nil {
		return nil, err
	}
	if len(f) != Size {
		return nil, errors.New("the recipient is not one hybrid recipient")
	}
	return f, nil
}

func encrypt(plain []byte, to age.Recipient) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(Size)
	w, err := age.Encrypt(&b, to)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(plain); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
