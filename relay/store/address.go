package store

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

const addressSize = 20

// Address names a mailbox or a slot: the first 20 bytes of the SHA-256 of its Ed25519 public key.
type Address [addressSize]byte

// AddressOf returns the address that a key has.
func AddressOf(key ed25519.PublicKey) Address {
	sum := sha256.Sum256(key)
	return Address(sum[:addressSize])
}

// ParseAddress reads an address from its one textual form: 40 lower case hexadecimal digits.
func ParseAddress(s string) (Address, bool) {
	var a Address
	if len(s) != 2*addressSize {
		return a, false
	}
	if _, err := hex.Decode(a[:], []byte(s)); err != nil {
		return Address{}, false
	}
	return a, hex.EncodeToString(a[:]) == s
}

// SignedBytes is what a signature covers: each field behind its length as uint32 big endian, the context first.
func SignedBytes(context string, fields ...[]byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(context)))
	b = append(b, context...)
	for _, f := range fields {
		b = binary.BigEndian.AppendUint32(b, uint32(len(f)))
		b = append(b, f...)
	}
	return b
}
