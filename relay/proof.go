package relay

import (
	"crypto/ed25519"

	"ringfork/relay/store"
)

const (
	nonceSize     = 32
	addressSize   = len(address{})
	keySize       = ed25519.PublicKeySize
	signatureSize = ed25519.SignatureSize
)

// address names a mailbox or a slot.
type address = store.Address

// proves reports whether signature shows, for this nonce and one of these origins, that its maker holds key.
func proves(origins []string, nonce [nonceSize]byte, key ed25519.PublicKey, signature []byte) bool {
	a := store.AddressOf(key)
	for _, o := range origins {
		if ed25519.Verify(key, store.SignedBytes("ringfork/1/mailbox", []byte(o), nonce[:], a[:]), signature) {
			return true
		}
	}
	return false
}
