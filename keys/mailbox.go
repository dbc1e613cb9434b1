package keys

import (
	"crypto/ed25519"
	"crypto/sha256"
)

// Address names a mailbox or a slot at the relay: the first 20 bytes of the SHA-256 of its Ed25519 public key.
type Address [20]byte

func addressOf(publicKey []byte) (a Address) {
	sum := sha256.Sum256(publicKey)
	copy(a[:], sum[:])
	return a
}

// Mailbox is the key to a mailbox at the relay. Whoever knows its address can post; only who has the key can read.
// The zero Mailbox has no key and panics when used.
type Mailbox struct {
	key ed25519.PrivateKey
}

// NewMailbox returns a mailbox with a fresh random address.
func NewMailbox() Mailbox {
	seed := NewSeed()
	return mailboxFromSeed(seed)
}

func mailboxFromSeed(seed [32]byte) Mailbox {
	return Mailbox{ed25519.NewKeyFromSeed(seed[:])}
}

// Address returns the mailbox's address.
func (m Mailbox) Address() [20]byte { return addressOf(m.publicKey()) }

// Prove returns the mailbox's public key and the proof that lets its holder read it: a signature over the origin of the
// relay that asked, as the holder knows it, the relay's nonce and the address. It is worth nothing at another relay.
func (m Mailbox) Prove(origin string, nonce []byte) (publicKey, signature []byte) {
	address := m.Address()
	return m.publicKey(), ed25519.Sign(m.key, Statement(contextMailbox, []byte(origin), nonce, address[:]))
}

// String hides the key from logs.
func (m Mailbox) String() string { return "keys.Mailbox" }

func (m Mailbox) publicKey() ed25519.PublicKey { return m.key.Public().(ed25519.PublicKey) }
