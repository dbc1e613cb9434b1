package keys

import (
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// SlotSize is the size of every slot value, whatever it holds: version (8 bytes, big endian), Ed25519 public key (32),
// signature (64), and the sealed public part (nonce, then ciphertext).
const SlotSize = 4096

// ErrSlot is in every error that OpenSlot returns.
var ErrSlot = errors.New("invalid slot value")

var errOtherAccount = errors.New("it belongs to another account than the card")

const (
	slotHeader   = 8 + ed25519.PublicKeySize + ed25519.SignatureSize
	slotOverhead = chacha20poly1305.NonceSizeX + chacha20poly1305.Overhead
	slotPlain    = SlotSize - slotHeader - slotOverhead
)

// A full log, with everything else at its longest, fits.
var _ [slotPlain - (1 + maxSignedBytes + 20 + RecipientSize + 1 + MaxName)]struct{}

// sealSlot returns the complete slot value that holds p.
func sealSlot(key ed25519.PrivateKey, secret [32]byte, version uint64, p publicPart) ([]byte, error) {
	aead, err := slotCipher(secret)
	if err != nil {
		return nil, err
	}
	plain := make([]byte, slotPlain) // zeros behind the public part
	if n := len(p.appendTo(plain[:0])); n > slotPlain {
		panic("internal error: a public part does not fit a slot")
	}
	publicKey := key.Public().(ed25519.PublicKey)
	address := addressOf(publicKey)
	v := binary.BigEndian.AppendUint64(make([]byte, 0, 8), version)
	nonce := make([]byte, chacha20poly1305.NonceSizeX, SlotSize)
	rand.Read(nonce)
	sealed := aead.Seal(nonce, nonce, plain, slotData(address, v))

	value := make([]byte, 0, SlotSize)
	value = append(value, v...)
	value = append(value, publicKey...)
	value = append(value, ed25519.Sign(key, Statement(contextSlot, address[:], v, sealed))...)
	return append(value, sealed...), nil
}

// OpenSlot verifies a slot value against the card and returns the account's public part: the value is signed by the key
// that the slot's address names, sealed under the card's secret for this slot and version, and its log starts with the
// entry that the account's id names and is signed throughout. Its errors wrap ErrSlot.
func OpenSlot(c Card, value []byte) (Public, error) {
	p, err := openSlot(c, value)
	if err != nil {
		return Public{}, fmt.Errorf("%w: %v", ErrSlot, err)
	}
	return p, nil
}

func openSlot(c Card, value []byte) (Public, error) {
	if len(value) != SlotSize {
		return Public{}, errors.New("it has a wrong size")
	}
	r := reader{b: value}
	v, publicKey, signature, sealed := r.take(8), r.take(32), r.take(64), r.b
	if addressOf(publicKey) != c.Slot {
		return Public{}, errors.New("it belongs to another slot")
	}
	if !ed25519.Verify(publicKey, Statement(contextSlot, c.Slot[:], v, sealed), signature) {
		return Public{}, errors.New("it has a bad signature")
	}
	aead, err := slotCipher(c.Secret)
	if err != nil {
		return Public{}, err
	}
	nonce, ciphertext := sealed[:aead.NonceSize()], sealed[aead.NonceSize():]
	plain, err := aead.Open(nil, nonce, ciphertext, slotData(c.Slot, v))
	if err != nil {
		return Public{}, errors.New("the card's secret does not open it")
	}
	pr := reader{b: plain}
	part := pr.publicPart()
	for _, b := range pr.b {
		if b != 0 {
			pr.bad = true
		}
	}
	if pr.bad {
		return Public{}, errors.New("it is malformed, or of a newer version")
	}
	p, err := part.verify(c.Account)
	if err != nil {
		return Public{}, err
	}
	p.Version = binary.BigEndian.Uint64(v)
	return p, nil
}

// slotCipher derives the slot's key from the card's secret. The key is used for few values and the nonce is 24 random
// bytes, so it never repeats.
func slotCipher(secret [32]byte) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, secret[:], nil, contextSlot, chacha20poly1305.KeySize)
	if err != nil {
		return nil, fmt.Errorf("failed to derive the slot key: %w", err)
	}
	return chacha20poly1305.NewX(key)
}

// slotData binds a sealed public part to its slot and version.
func slotData(address Address, version []byte) []byte {
	return Statement(contextSlot, address[:], version)
}
