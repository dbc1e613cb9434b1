package keys

import (
	"crypto/hkdf"
	"crypto/sha256"

	"filippo.io/age"
)

// What the endpoints of one account tell each other goes to a mailbox of their own, sealed to a key of their own. Both are
// derived from the slot's key, which all of the account's devices have and nobody else.

// SyncMailbox returns the mailbox in which the account's own endpoints hear each other.
func (a *Account) SyncMailbox() Mailbox { return mailboxFromSeed(a.derived("ringfork/1/sync mailbox")) }

// SyncIdentity returns the age identity that opens what comes there.
func (a *Account) SyncIdentity() *age.HybridIdentity {
	return HybridFromSeed(a.derived("ringfork/1/sync identity"))
}

func (a *Account) derived(what string) (seed [32]byte) {
	key, err := hkdf.Key(sha256.New, a.seeds.slot[:], nil, what, len(seed))
	if err != nil {
		panic("internal error: " + err.Error()) // the length is the only reason, and it is constant
	}
	copy(seed[:], key)
	return seed
}
