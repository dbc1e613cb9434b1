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
	"slices"

	"golang.org/x/crypto/chacha20poly1305"
)

// A slot value has one of four sizes, whatever it holds. It is: version (8 bytes, big endian), the writer's Ed25519 public
// key (32), the public key that may write the next value (32), the writer's signature (64), and the sealed content (nonce,
// then ciphertext). The first value's writer is the one that the slot's address names. So an account that revokes a device
// takes the pen away from it: the relay accepts nothing more of the old key.
var slotSizes = [...]int{4 << 10, 16 << 10, 64 << 10, 256 << 10}

// MaxSlotSize is the size of the largest slot value.
const MaxSlotSize = 256 << 10

// ErrSlot is in every error about a slot value that is not what it should be.
var ErrSlot = errors.New("invalid slot value")

// ErrPen says that a slot is written by a key that this account does not have: it was revoked, or is late.
var ErrPen = errors.New("the slot is written by a key that this account does not have")

const (
	slotHeader   = 8 + 2*ed25519.PublicKeySize + ed25519.SignatureSize
	slotOverhead = chacha20poly1305.NonceSizeX + chacha20poly1305.Overhead
)

// SlotVersion returns the version of a slot value, 0 of none.
func SlotVersion(value []byte) uint64 {
	if len(value) < slotHeader {
		return 0
	}
	return binary.BigEndian.Uint64(value)
}

// slot is where a value is kept, and under what secret.
type slot struct {
	address Address
	secret  [32]byte
}

// pens are the keys that may have the right to write a slot, as seeds: the newest first, the one that the slot's address
// names last.
type pens [][32]byte

// maxPens bounds how many are kept. An account whose slot was not written since that many revocations cannot write it.
const maxPens = 8

// with returns the pens with a new one. The oldest stays: it is needed where a relay lost the slot.
func (p pens) with(seed [32]byte) pens {
	p = append(pens{seed}, p...)
	if len(p) > maxPens {
		p = append(p[:maxPens-1:maxPens-1], p[len(p)-1])
	}
	return p
}

// address returns the address of the slot that these pens write.
func (p pens) address() Address {
	return addressOf(ed25519.NewKeyFromSeed(p[len(p)-1][:]).Public().(ed25519.PublicKey))
}

// seal returns the value that takes the place of another one, nil where the slot is empty. It fails where the content is
// too long or the value there names a key that is not among the pens.
func (p pens) seal(s slot, replaces, content []byte) ([]byte, error) {
	writer := ed25519.NewKeyFromSeed(p[len(p)-1][:])
	if len(replaces) >= slotHeader {
		i := slices.IndexFunc(p, func(seed [32]byte) bool {
			return string(ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey)) == string(replaces[40:72])
		})
		if i < 0 {
			return nil, ErrPen
		}
		writer = ed25519.NewKeyFromSeed(p[i][:])
	}
	next := ed25519.NewKeyFromSeed(p[0][:]).Public().(ed25519.PublicKey)
	aead, err := s.cipher()
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(slotSizes[:], func(size int) bool { return slotHeader+slotOverhead+4+len(content) <= size })
	if i < 0 {
		return nil, errors.New("it has more content than a slot takes")
	}
	plain := make([]byte, slotSizes[i]-slotHeader-slotOverhead) // zeros behind the content
	binary.BigEndian.PutUint32(plain, uint32(len(content)))
	copy(plain[4:], content)

	version := binary.BigEndian.AppendUint64(nil, SlotVersion(replaces)+1)
	nonce := make([]byte, chacha20poly1305.NonceSizeX, len(plain)+slotOverhead)
	rand.Read(nonce)
	sealed := aead.Seal(nonce, nonce, plain, s.data())
	value := make([]byte, 0, slotSizes[i])
	value = append(value, version...)
	value = append(value, writer.Public().(ed25519.PublicKey)...)
	value = append(value, next...)
	value = append(value, ed25519.Sign(writer, Statement(contextSlot, s.address[:], version, next, sealed))...)
	return append(value, sealed...), nil
}

// wrote reports whether who has the newest of the pens wrote a value, or handed the slot over to it. That is nobody who was
// revoked, but for one who is shown the newest pen's public key by a relay that then takes what it must not.
func (p pens) wrote(s slot, value []byte) bool {
	if len(value) < slotHeader {
		return false
	}
	version, writer, next, signature, sealed := value[:8], value[8:40], value[40:72], value[72:slotHeader], value[slotHeader:]
	public := func(seed [32]byte) string {
		return string(ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey))
	}
	return string(next) == public(p[0]) && slices.ContainsFunc(p, func(seed [32]byte) bool { return string(writer) == public(seed) }) &&
		ed25519.Verify(writer, Statement(contextSlot, s.address[:], version, next, sealed), signature)
}

// open returns a value's content. The relay judges who may write a slot; whether the content is to be believed is for who
// opens it to judge, by the signatures in it. Its errors wrap ErrSlot.
func (s slot) open(value []byte) ([]byte, error) {
	if !slices.Contains(slotSizes[:], len(value)) {
		return nil, fmt.Errorf("%w: it has a wrong size", ErrSlot)
	}
	aead, err := s.cipher()
	if err != nil {
		return nil, err
	}
	sealed := value[slotHeader:]
	plain, err := aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], s.data())
	if err != nil {
		return nil, fmt.Errorf("%w: the secret does not open it", ErrSlot)
	}
	n := binary.BigEndian.Uint32(plain)
	if plain = plain[4:]; int64(n) > int64(len(plain)) {
		return nil, fmt.Errorf("%w: its content is malformed", ErrSlot)
	}
	for _, b := range plain[n:] {
		if b != 0 {
			return nil, fmt.Errorf("%w: its content is malformed", ErrSlot)
		}
	}
	return plain[:n:n], nil
}

// cipher derives the slot's key from the secret. The key is used for few values and the nonce is 24 random bytes, so it
// never repeats.
func (s slot) cipher() (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, s.secret[:], nil, contextSlot, chacha20poly1305.KeySize)
	if err != nil {
		return nil, fmt.Errorf("failed to derive the slot key: %w", err)
	}
	return chacha20poly1305.NewX(key)
}

// data binds a sealed content to its slot.
func (s slot) data() []byte { return Statement(contextSlot, s.address[:]) }
