package store

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"slices"
)

// SlotSizes are the lengths that a slot's value may have, in bytes. There are few, so that a length tells little.
var SlotSizes = [...]int{4096, 16384, 65536, MaxSlotSize}

// SlotHeader is the length of what stands before a value's content: version (8, big endian), the key of its writer (32), the
// key of the next value's writer (32), and the writer's signature (64) over the address and all of the rest.
const SlotHeader = 8 + 2*ed25519.PublicKeySize + ed25519.SignatureSize

// slotValue is what a slot keeps: a slice of the whole, whose length is one of SlotSizes. Nil is the value of an empty slot.
type slotValue []byte

// version returns the value's version, zero of none.
func (v slotValue) version() uint64 {
	if v == nil {
		return 0
	}
	return binary.BigEndian.Uint64(v)
}

func (v slotValue) writer() ed25519.PublicKey { return ed25519.PublicKey(v[8:40]) }
func (v slotValue) next() ed25519.PublicKey   { return ed25519.PublicKey(v[40:72]) }
func (v slotValue) signature() []byte         { return v[72:SlotHeader] }
func (v slotValue) content() []byte           { return v[SlotHeader:] }

// parseSlotValue checks all that a value says about itself at this address. It takes bytes of one of SlotSizes. Whether its
// writer may write is told by the value that is there: see mayReplace.
func parseSlotValue(a Address, b []byte, replaces uint64) (slotValue, error) {
	if !slices.Contains(SlotSizes[:], len(b)) {
		return nil, ErrBadSize
	}
	v := slotValue(b)
	if v.version() == 0 || v.version() != replaces+1 {
		return nil, ErrBadVersion
	}
	if !ed25519.Verify(v.writer(), SignedBytes("ringfork/1/slot", a[:], v[:8], v.next(), v.content()), v.signature()) {
		return nil, ErrBadSignature
	}
	return v, nil
}

// mayReplace checks that v follows held, the value that the slot at a has. An empty slot is its key's, whose hash is the
// address; each value names the key of the next one's writer, and so leaves out whoever shall write no more. Of a version
// that is not the next one the writer does not matter: who lost a race is to read first, and learns from what it reads.
func (v slotValue) mayReplace(a Address, held slotValue) error {
	if v.version() != held.version()+1 {
		return ErrSlotConflict
	}
	if held == nil && AddressOf(v.writer()) != a || held != nil && !bytes.Equal(v.writer(), held.next()) {
		return ErrNotTheWriter
	}
	return nil
}
