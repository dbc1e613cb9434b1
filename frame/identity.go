package frame

import (
	"filippo.io/age"

	"ringfork/keys"
)

// NewSeed returns a fresh random seed for IdentityFromSeed.
func NewSeed() [32]byte { return keys.NewSeed() }

// NewCallIdentity returns a fresh age identity, made for one call.
func NewCallIdentity() *age.HybridIdentity { return keys.HybridFromSeed(keys.NewSeed()) }

// IdentityFromSeed returns the age identity that the seed makes: always the same one.
func IdentityFromSeed(seed [32]byte) *age.HybridIdentity { return keys.HybridFromSeed(seed) }

// RecipientBytes returns the recipient as 1,216 raw bytes, as a ring carries it.
func RecipientBytes(r *age.HybridRecipient) []byte { return keys.RecipientBytes(r) }

// ParseRecipient reads what RecipientBytes wrote. Where raw came in a ring it may be hostile: an error means drop it.
func ParseRecipient(raw []byte) (*age.HybridRecipient, error) { return keys.ParseRecipient(raw) }
