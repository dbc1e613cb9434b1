package keys

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
)

// AccountID names an account: the SHA-256 of the first entry of its log.
type AccountID [32]byte

// String returns the id in hexadecimal.
func (id AccountID) String() string { return hex.EncodeToString(id[:]) }

// DeviceID names a device: its Ed25519 public key. Keys that are no devices have such ids too.
type DeviceID [32]byte

// String returns the id in hexadecimal.
func (id DeviceID) String() string { return hex.EncodeToString(id[:]) }

// Bounds of a log.
const (
	MaxEntries = 250 // devices added, keys added and revocations, all that ever were
	MaxMembers = 16  // devices and keys at a time
)

// An entry is 70 bytes: format, type, number from 0, the hash of the entry before (zeros in the first), the subject.
const (
	entryFormat  = 2
	entryDevice  = 1 // the subject is a device of the account from here on
	entryRevoked = 2 // the subject is no member any more, and never will be again
	entryKey     = 3 // the subject is a key that may add devices, and do nothing else
	entrySize    = 1 + 1 + 4 + 32 + 32
	signedSize   = entrySize + 32 + ed25519.SignatureSize
)

// signedEntry is one entry of a log, with the member that signed it.
type signedEntry struct {
	entry     []byte
	signer    DeviceID
	signature []byte
}

// deviceLog is an account's log: every entry names the hash of the one before and is signed by a member the log had then.
// The first adds the device that signs it.
type deviceLog []signedEntry

// members is who may speak for an account, each oldest first.
type members struct {
	devices []DeviceID
	keys    []DeviceID
	revoked []DeviceID
	added   uint8 // entries up to the last one that adds a device
}

// newLog returns the log of a new account, whose one device has the key.
func newLog(device ed25519.PrivateKey) deviceLog {
	return deviceLog{}.with(device, entryDevice, publicID(device))
}

// publicID returns the id of the member that has a key.
func publicID(key ed25519.PrivateKey) DeviceID { return DeviceID(key.Public().(ed25519.PublicKey)) }

// with returns the log with one more entry, signed by the holder of signer. It verifies nothing.
func (l deviceLog) with(signer ed25519.PrivateKey, kind byte, subject DeviceID) deviceLog {
	entry := make([]byte, 0, entrySize)
	entry = append(entry, entryFormat, kind)
	entry = binary.BigEndian.AppendUint32(entry, uint32(len(l)))
	before := [32]byte{}
	if len(l) > 0 {
		before = sha256.Sum256(l[len(l)-1].entry)
	}
	entry = append(entry, before[:]...)
	entry = append(entry, subject[:]...)
	return append(slices.Clip(l), signedEntry{
		entry:     entry,
		signer:    publicID(signer),
		signature: ed25519.Sign(signer, Statement(contextLog, entry)),
	})
}

// chain returns the hash of every entry, oldest first.
func (l deviceLog) chain() [][32]byte {
	hashes := make([][32]byte, len(l))
	for i, e := range l {
		hashes[i] = sha256.Sum256(e.entry)
	}
	return hashes
}

// head returns the hash of the newest entry.
func (l deviceLog) head() [32]byte { return sha256.Sum256(l[len(l)-1].entry) }

// startsWith reports whether old is this log as it once was.
func (l deviceLog) startsWith(old deviceLog) bool {
	if len(old) > len(l) {
		return false
	}
	for i, e := range old {
		if !bytes.Equal(e.entry, l[i].entry) {
			return false
		}
	}
	return true
}

// verify returns who may speak for the account, or why the log is not to be believed.
func (l deviceLog) verify() (m members, err error) {
	if len(l) == 0 || len(l) > MaxEntries {
		return members{}, errors.New("device log has no entry or too many")
	}
	before := [32]byte{}
	for i, e := range l {
		r := reader{b: e.entry}
		format, kind := r.uint8(), r.uint8()
		number := r.take(4)
		previous, subject := r.bytes32(), DeviceID(r.bytes32())
		switch {
		case !r.done():
			return members{}, errors.New("device log entry has a wrong size")
		case format > entryFormat:
			return members{}, fmt.Errorf("device log entry is of an unknown format: %w", ErrNewer)
		case format != entryFormat:
			return members{}, errors.New("device log entry is of an unknown format")
		case binary.BigEndian.Uint32(number) != uint32(i) || previous != before:
			return members{}, errors.New("device log entry does not follow the one before")
		case i == 0 && (e.signer != subject || kind != entryDevice):
			return members{}, errors.New("device log does not begin with the device that signed it")
		}
		if err := m.apply(i == 0, byte(kind), e.signer, subject); err != nil {
			return members{}, err
		}
		if kind == entryDevice {
			m.added = uint8(i + 1)
		}
		if !ed25519.Verify(e.signer[:], Statement(contextLog, e.entry), e.signature) {
			return members{}, errors.New("device log entry has a bad signature")
		}
		before = sha256.Sum256(e.entry)
	}
	return m, nil
}

// apply does what an entry says, if its signer may say it.
func (m *members) apply(first bool, kind byte, signer, subject DeviceID) error {
	byDevice := first || slices.Contains(m.devices, signer)
	byKey := slices.Contains(m.keys, signer)
	known := slices.Contains(m.devices, subject) || slices.Contains(m.keys, subject)
	switch {
	case !byDevice && (!byKey || kind != entryDevice):
		return errors.New("device log entry is signed by one that may not")
	case kind != entryRevoked && (known || slices.Contains(m.revoked, subject)):
		return errors.New("device log adds a member twice")
	case kind != entryRevoked && len(m.devices)+len(m.keys) >= MaxMembers:
		return errors.New("device log has too many members")
	}
	switch kind {
	case entryDevice:
		m.devices = append(m.devices, subject)
	case entryKey:
		m.keys = append(m.keys, subject)
	case entryRevoked:
		if !known {
			return errors.New("device log revokes one that is no member")
		}
		is := func(id DeviceID) bool { return id == subject }
		m.devices, m.keys = slices.DeleteFunc(m.devices, is), slices.DeleteFunc(m.keys, is)
		m.revoked = append(m.revoked, subject)
		if len(m.devices) == 0 {
			return errors.New("device log revokes the last device")
		}
	default:
		return fmt.Errorf("device log entry is of an unknown type: %w", ErrNewer)
	}
	return nil
}

// appendTo encodes the log: a count byte, then each entry, signer and signature.
func (l deviceLog) appendTo(b []byte) []byte {
	b = append(b, byte(len(l)))
	for _, e := range l {
		b = append(b, e.entry...)
		b = append(b, e.signer[:]...)
		b = append(b, e.signature...)
	}
	return b
}

// log reads what appendTo wrote. It verifies nothing.
func (r *reader) log() deviceLog {
	n := r.uint8()
	if n > MaxEntries || n*signedSize > len(r.b) {
		r.bad = true
		return nil
	}
	l := make(deviceLog, 0, n)
	for range n {
		l = append(l, signedEntry{r.take(entrySize), r.bytes32(), r.take(ed25519.SignatureSize)})
	}
	return l
}
