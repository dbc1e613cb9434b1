package keys

import (
	"encoding/binary"
)

// How a device keeps the public part of a contact: what it needs to ring it at once, without a look into its slot.
const (
	publicHeader = 8 + 4 + 8 + 1 + 1 + 1 + 20 + RecipientSize + 1 + MaxName
	maxPublic    = publicHeader + MaxMembers*32 + MaxEntries*32
)

// wellFormed reports whether p could have come from OpenSlot, as far as sizes go.
func (p Public) wellFormed() bool {
	n := len(p.Chain)
	return n > 0 && n <= MaxEntries && p.LogHead == p.Chain[n-1] && int(p.Added) <= n &&
		len(p.Devices) > 0 && len(p.Devices) <= MaxMembers && len(p.InboxRecipient) == RecipientSize
}

// appendPublic encodes a public part. The account is not in it.
func appendPublic(b []byte, p Public) []byte {
	b = binary.BigEndian.AppendUint64(b, p.Sequence)
	b = binary.BigEndian.AppendUint32(b, p.Boxes)
	b = binary.BigEndian.AppendUint64(b, uint64(p.Expires))
	b = append(b, p.Added)
	b = append(b, byte(len(p.Devices)))
	for _, d := range p.Devices {
		b = append(b, d[:]...)
	}
	b = append(b, byte(len(p.Chain)))
	for _, h := range p.Chain {
		b = append(b, h[:]...)
	}
	b = append(b, p.Inbox[:]...)
	b = append(b, p.InboxRecipient...)
	return appendName(b, p.Name)
}

// public reads what appendPublic wrote of an account. The result shares memory with what is read.
func (r *reader) public(account AccountID) (p Public) {
	p.Account = account
	p.Sequence = r.uint64()
	if boxes := r.take(4); boxes != nil {
		p.Boxes = binary.BigEndian.Uint32(boxes)
	}
	p.Expires = int64(r.uint64())
	p.Added = uint8(r.uint8())
	if n := r.uint8(); n <= MaxMembers && n*32 <= len(r.b) {
		p.Devices = make([]DeviceID, n)
	}
	for i := range p.Devices {
		p.Devices[i] = r.bytes32()
	}
	if n := r.uint8(); n <= MaxEntries && n*32 <= len(r.b) {
		p.Chain = make([][32]byte, n)
	}
	for i := range p.Chain {
		p.Chain[i] = r.bytes32()
	}
	if n := len(p.Chain); n > 0 {
		p.LogHead = p.Chain[n-1]
	}
	p.Inbox = r.bytes20()
	p.InboxRecipient = r.take(RecipientSize)
	p.Name = r.name()
	if !p.wellFormed() {
		r.bad = true
	}
	return p
}
