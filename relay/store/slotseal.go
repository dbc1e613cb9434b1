package store

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"slices"
)

// slotSealer encrypts values for the engine's storage. A value names its writer's key, and the hash of a slot's first key is
// its address: what lies on a disk, or with those who run a cluster, would tell the addresses that its subjects hide.
//
// A sealed value is a nonce (12 bytes, random), the value in AES-256-GCM (NIST SP 800-38D), and the tag (16): longer than any
// value by 28 bytes. So those that an older version stored as they were are told by their length, and are read as well.
type slotSealer struct{ aead cipher.AEAD }

const sealOverhead = 12 + 16

// newSlotSealer derives the sealing key from the one that subjects are keyed with.
func newSlotSealer(key []byte) slotSealer {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("slot values at rest"))
	block, err := aes.NewCipher(h.Sum(nil))
	if err != nil {
		panic("internal error: " + err.Error())
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic("internal error: " + err.Error())
	}
	return slotSealer{aead}
}

// seal returns the value of the slot of a name as it is stored. It opens under this name only.
func (s slotSealer) seal(name string, v slotValue) []byte {
	return s.aead.Seal(nil, nil, v, []byte(name))
}

// open returns what seal was given, or what an older version stored.
func (s slotSealer) open(name string, stored []byte) (slotValue, error) {
	if slices.Contains(SlotSizes[:], len(stored)) {
		return stored, nil
	}
	v, err := s.aead.Open(nil, nil, stored, []byte(name))
	if err != nil || !slices.Contains(SlotSizes[:], len(v)) {
		return nil, errors.New("the stored value was changed, or is of another key")
	}
	return v, nil
}
