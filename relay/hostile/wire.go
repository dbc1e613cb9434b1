package hostile

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// The first byte of a message on a connection says what it is: see package relay.
const (
	msgHello       = 0x01
	msgFrame       = 0x02
	msgEnd         = 0x03
	msgRefused     = 0x04
	msgSubscribe   = 0x11
	msgUnsubscribe = 0x12
)

// address names a mailbox or a slot.
type address [20]byte

func (a address) String() string { return hex.EncodeToString(a[:]) }

func addressOf(key []byte) address {
	sum := sha256.Sum256(key)
	return address(sum[:20])
}

// verify checks a signature over the context and the fields, each behind its length.
func verify(key, signature []byte, context string, fields ...[]byte) bool {
	b := append(binary.BigEndian.AppendUint32(nil, uint32(len(context))), context...)
	for _, f := range fields {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(f))), f...)
	}
	return ed25519.Verify(key, b, signature)
}
