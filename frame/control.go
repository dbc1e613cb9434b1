package frame

import (
	"encoding/binary"
	"fmt"

	"ringfork/signalcore"
)

// A control message is version(1) kind(1) id(4) and the body. It needs no signature: the certificate fingerprint that the
// channel was made with came inside a signed description.
const controlHeader = 1 + 1 + 4

// MarshalControl encodes a message for a tine's data channel, in at most MaxBody+6 bytes.
func MarshalControl(id signalcore.MessageID, m signalcore.Message) ([]byte, error) {
	body, err := marshalBody(m)
	if err != nil {
		return nil, fmt.Errorf("failed to encode control message: %w", err)
	}
	b := make([]byte, 0, controlHeader+len(body))
	b = append(b, version, byte(m.Kind()))
	b = binary.BigEndian.AppendUint32(b, uint32(id))
	return append(b, body...), nil
}

// UnmarshalControl reads what MarshalControl wrote. Its errors are DropErrors. Rings, offers and answers make a tine and
// do not come over one, nor do words between own endpoints or about accounts: they are refused.
func UnmarshalControl(b []byte) (signalcore.MessageID, signalcore.Message, error) {
	if len(b) < controlHeader || len(b) > controlHeader+MaxBody {
		return 0, nil, drop(ReasonSize)
	}
	if b[0] != version {
		return 0, nil, drop(ReasonVersion)
	}
	k := signalcore.Kind(b[1])
	switch {
	case k == signalcore.KindRing, k == signalcore.KindOffer, k == signalcore.KindAnswer, k == signalcore.KindSync, k == KindHello, k == KindLink:
		return 0, nil, drop(ReasonUnexpected)
	case !known(k):
		return 0, nil, drop(ReasonKind)
	}
	m, err := unmarshalBody(k, b[controlHeader:])
	if err != nil {
		return 0, nil, err
	}
	return signalcore.MessageID(binary.BigEndian.Uint32(b[2:])), m, nil
}
