package keys

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"
)

// AccountID names an account: the SHA-256 of the first entry of its log.
type AccountID [32]byte

// String returns the id in hexadecimal.
func (id AccountID) String() string { return hex.EncodeToString(id[:]) }

// DeviceID names a device: its Ed25519 public key.
type DeviceID [32]byte

// MaxDevices is the most entries a log, and so the most devices an account, may have: what fits a slot.
const MaxDevices = 12

// An entry is 70 bytes: format, type, number from 0, the hash of the entry before (zeros in the first), the device.
const (
	entryFormat    = 1
	entryAdds      = 1 // the device belongs to the account from here on
	entrySize      = 1 + 1 + 4 + 32 + 32
	signedSize     = entrySize + 32 + ed25519.SignatureSize
	maxSignedBytes = 1 + MaxDevices*signedSize
)

// signedEntry is one entry of a log, with the device that signed it.
type signedEntry struct {
	entry     []byte
	signer    DeviceID
	signature []byte
}

// deviceLog is an account's log: every entry names the hash of the one before and is signed by a device the log had then.
// The first is signed by the device it adds.
type deviceLog []signedEntry

// newLog returns the log of a new account, whose one device has the key.
func newLog(device ed25519.PrivateKey) deviceLog {
	return deviceLog{}.add(device, DeviceID(device.Public().(ed25519.PublicKey)))
}

// add returns the log with one more entry, by which the holder of signer adds a device.
func (l deviceLog) add(signer ed25519.PrivateKey, device DeviceID) deviceLog {
	entry := make([]byte, 0, entrySize)
	entry = append(entry, entryFormat, entryAdds)
	entry = binary.BigEndian.AppendUint32(entry, uint32(len(l)))
	before := [32]byte{}
	if len(l) > 0 {
		before = sha256.Sum256(l[len(l)-1].entry)
	}
	entry = append(entry, before[:]...)
	entry = append(entry, device[:]...)
	return append(slices.Clip(l), signedEntry{
		entry:     entry,
		signer:    DeviceID(signer.Public().(ed25519.PublicKey)),
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

// verify returns the log's devices, oldest first, or why the log is not to be believed.
func (l deviceLog) verify() ([]DeviceID, error) {
	if len(l) == 0 || len(l) > MaxDevices {
		return nil, errors.New("device log has no entry or too many")
	}
	var devices []DeviceID
	before := [32]byte{}
	for i, e := range l {
		r := reader{b: e.entry}
		format, kind := r.uint8(), r.uint8()
		number := r.take(4)
		previous, device := r.bytes32(), DeviceID(r.bytes32())
		switch {
		case !r.done():
			return nil, errors.New("device log entry has a wrong size")
		case format != entryFormat || kind != entryAdds:
			return nil, errors.New("device log entry is of an unknown type: update Ringfork to read it")
		case binary.BigEndian.Uint32(number) != uint32(i) || previous != before:
			return nil, errors.New("device log entry does not follow the one before")
		case i == 0 && e.signer != device, i > 0 && !slices.Contains(devices, e.signer):
			return nil, errors.New("device log entry is signed by a device that may not")
		case slices.Contains(devices, device):
			return nil, errors.New("device log adds a device twice")
		case !ed25519.Verify(e.signer[:], Statement(contextLog, e.entry), e.signature):
			return nil, errors.New("device log entry has a bad signature")
		}
		devices = append(devices, device)
		before = sha256.Sum256(e.entry)
	}
	return devices, nil
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
	if n > MaxDevices {
		r.bad = true
		return nil
	}
	var l deviceLog
	for range n {
		l = append(l, signedEntry{r.take(entrySize), r.bytes32(), r.take(ed25519.SignatureSize)})
	}
	return l
}
