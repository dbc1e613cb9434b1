package relay

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

const (
	nonceSize     = 32
	addressSize   = 20
	keySize       = ed25519.PublicKeySize
	signatureSize = ed25519.SignatureSize
)

// address names a mailbox or a slot: the first 20 bytes of the SHA-256 of its Ed25519 public key.
type address [addressSize]byte

func addressOf(key ed25519.PublicKey) address {
	sum := sha256.Sum256(key)
	return address(sum[:addressSize])
}

// parseAddress reads an address from its one textual form: 40 lower case hexadecimal digits.
func parseAddress(s string) (address, bool) {
	var a address
	if len(s) != 2*addressSize {
		return a, false
	}
	if _, err := hex.Decode(a[:], []byte(s)); err != nil {
		return address{}, false
	}
	return a, hex.EncodeToString(a[:]) == s
}

// signedBytes is what a signature covers: each field behind its length as uint32 big endian, the context first.
func signedBytes(context string, fields ...[]byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(context)))
	b = append(b, context...)
	for _, f := range fields {
		b = binary.BigEndian.AppendUint32(b, uint32(len(f)))
		b = append(b, f...)
	}
	return b
}

// proves reports whether signature shows, for this nonce and one of these origins, that its maker holds key.
func proves(origins []string, nonce [nonceSize]byte, key ed25519.PublicKey, signature []byte) bool {
	a := addressOf(key)
	for _, o := range origins {
		if ed25519.Verify(key, signedBytes("ringfork/1/mailbox", []byte(o), nonce[:], a[:]), signature) {
			return true
		}
	}
	return false
}
