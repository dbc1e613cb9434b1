package keys

import (
	"encoding/binary"
	"errors"
	"slices"
)

const contactsFormat = 1

// MarshalBinary encodes the list; equal lists give equal bytes. It always succeeds. The result holds the contacts' cards,
// which are secrets.
func (l *Contacts) MarshalBinary() ([]byte, error) {
	list := l.List()
	b := []byte{contactsFormat}
	b = binary.BigEndian.AppendUint16(b, uint16(len(list)))
	for _, c := range list {
		b = c.appendTo(b)
	}
	return b, nil
}

// ParseContacts reads what MarshalBinary wrote. What the list holds was verified when it came in and is not verified again.
func ParseContacts(b []byte) (*Contacts, error) {
	r := reader{b: b}
	if format := r.uint8(); r.ok() && format != contactsFormat {
		return nil, errors.New("failed to read contacts: their format is unknown")
	}
	l := &Contacts{}
	n := r.uint16()
	var last Contact
	for i := range n {
		c := r.contact()
		if !r.ok() || i > 0 && compareContacts(last, c) >= 0 || l.Add(c) != nil {
			return nil, errors.New("failed to read contacts: they are malformed")
		}
		last = c
	}
	if !r.done() {
		return nil, errors.New("failed to read contacts: they are malformed")
	}
	return l, nil
}

// A contact's flags.
const flagVerified = 1

func (c Contact) appendTo(b []byte) []byte {
	flags := byte(0)
	if c.Verified {
		flags |= flagVerified
	}
	p := c.Public
	b = append(b, flags)
	b = appendName(b, c.Name)
	b = append(b, c.Card.Bytes()...)
	b = binary.BigEndian.AppendUint64(b, p.Version)
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

func (r *reader) contact() (c Contact) {
	flags := r.uint8()
	if flags&^flagVerified != 0 {
		r.bad = true
	}
	c.Verified = flags&flagVerified != 0
	c.Name = r.name()
	c.Card = Card{r.bytes32(), r.bytes20(), r.bytes32()}
	p := &c.Public
	p.Account = c.Card.Account
	p.Version = r.uint64()
	for range r.count() {
		p.Devices = append(p.Devices, r.bytes32())
	}
	for range r.count() {
		p.Chain = append(p.Chain, r.bytes32())
	}
	if n := len(p.Chain); n > 0 {
		p.LogHead = p.Chain[n-1]
	}
	p.Inbox = r.bytes20()
	p.InboxRecipient = slices.Clone(r.take(RecipientSize))
	p.Name = r.name()
	return c
}

// count reads how many devices or log entries follow: at least one, at most MaxDevices.
func (r *reader) count() int {
	n := r.uint8()
	if n < 1 || n > MaxDevices {
		r.bad = true
		return 0
	}
	return n
}
