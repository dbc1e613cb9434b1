package keys

import (
	"crypto/rand"
	"errors"
	"strings"

	"filippo.io/age"
)

// RecipientSize is the size of a raw hybrid recipient: an ML-KEM-768 encapsulation key and an X25519 public key.
const RecipientSize = 1216

const (
	recipientPrefix = "age1pq"             // of the Bech32 form, as age writes it
	identityPrefix  = "age-secret-key-pq-" // in lower case; age reads and writes upper case
)

// NewSeed returns a fresh random seed for HybridFromSeed.
func NewSeed() (seed [32]byte) {
	rand.Read(seed[:])
	return seed
}

// HybridFromSeed returns the age identity (ML-KEM-768 + X25519) that the seed makes: always the same one. An age hybrid
// identity is nothing but such a seed.
func HybridFromSeed(seed [32]byte) *age.HybridIdentity {
	id, err := age.ParseHybridIdentity(strings.ToUpper(bech32Encode(identityPrefix, seed[:])))
	if err != nil {
		panic("internal error: every 32 bytes are an age hybrid identity: " + err.Error())
	}
	return id
}

// RecipientBytes returns the recipient as RecipientSize raw bytes.
func RecipientBytes(r *age.HybridRecipient) []byte {
	raw, err := bech32Decode(recipientPrefix, r.String())
	if err != nil || len(raw) != RecipientSize {
		panic("internal error: age wrote a hybrid recipient that is none")
	}
	return raw
}

// ParseRecipient returns the age recipient that raw encodes. It refuses what is not RecipientSize bytes or not a key.
func ParseRecipient(raw []byte) (*age.HybridRecipient, error) {
	if len(raw) != RecipientSize {
		return nil, errors.New("not an age hybrid recipient: wrong size")
	}
	r, err := age.ParseHybridRecipient(bech32Encode(recipientPrefix, raw))
	if err != nil {
		// The cause quotes the recipient, and no key may come into a log.
		return nil, errors.New("not an age hybrid recipient")
	}
	return r, nil
}
