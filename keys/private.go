package keys

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"slices"

	"filippo.io/age"
)

// The private part is what the devices of an account share: its keys, its log, its members and its contacts. It lies in a
// slot of its own, whose address nobody learns but they. Its content is the signing device (32), its signature (64), and an
// age file to every member, all of it sealed once more, so that it does not show how many members there are.

// Private is a private part that was opened and is signed by a device of the account.
type Private struct {
	shared   shared
	contacts *Contacts
}

// PrivateAddress returns the address of the slot in which the private part lies.
func (a *Account) PrivateAddress() Address { return a.shared.private.address() }

func (a *Account) privateSlot() slot { return slot{a.PrivateAddress(), a.shared.outer} }

// PrivateValue returns the complete value to put into the private part's slot, in place of the one that is there (nil:
// none), and counts it: it is newer than all before.
func (a *Account) PrivateValue(replaces []byte, contacts *Contacts) ([]byte, error) {
	a.shared.sequence++
	value, err := a.privateValue(replaces, contacts)
	if err != nil {
		return nil, fmt.Errorf("failed to write the private part: %w", err)
	}
	return value, nil
}

// Sizes of what an age file has besides its content: all of it, for each recipient, and for each piece of the content (the
// format's specification, https://c2sp.org/age).
const (
	ageFixed     = len("age-encryption.org/v1\n") + len("--- \n") + 43 + 16
	ageRecipient = len("-> mlkem768x25519 \n") + 1494 + 43 + len("\n")
	agePiece     = 64 << 10
	ageTag       = 16
)

// HasRoomFor reports whether the private part with these contacts fits into the largest slot. What does not fit cannot be
// written: the account's other devices would never see it.
func (a *Account) HasRoomFor(contacts *Contacts) bool {
	plain := len(a.shared.appendTo(nil)) + len(contacts.MarshalShared())
	file := ageFixed + ageRecipient*len(a.shared.members) + plain + ageTag*((plain+agePiece-1)/agePiece)
	return slotHeader+slotOverhead+4+len(DeviceID{})+ed25519.SignatureSize+file <= MaxSlotSize
}

func (a *Account) privateValue(replaces []byte, contacts *Contacts) ([]byte, error) {
	var to []age.Recipient
	for _, m := range a.shared.members {
		r, err := ParseRecipient(m.recipient)
		if err != nil {
			return nil, err
		}
		to = append(to, r)
	}
	var file bytes.Buffer
	w, err := age.Encrypt(&file, to...)
	if err != nil {
		return nil, err
	}
	if _, err = w.Write(append(a.shared.appendTo(nil), contacts.MarshalShared()...)); err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, err
	}
	device := a.Device()
	content := append(device[:], a.Sign(privateStatement(a.ID(), file.Bytes()))...)
	return a.shared.private.seal(a.privateSlot(), replaces, append(content, file.Bytes()...))
}

func privateStatement(account AccountID, file []byte) []byte {
	return Statement(contextPrivate, account[:], file)
}

// openPrivate opens a private part's value with a member's identities and judges everything that can be judged by itself:
// the account, its log, and that one of its devices wrote the value.
func openPrivate(s slot, account AccountID, value []byte, with ...age.Identity) (*Private, members, error) {
	content, err := s.open(value)
	if err != nil {
		return nil, members{}, err
	}
	r := reader{b: content}
	signer, signature, file := DeviceID(r.bytes32()), r.take(ed25519.SignatureSize), r.b
	if !r.ok() || !ed25519.Verify(signer[:], privateStatement(account, file), signature) {
		return nil, members{}, fmt.Errorf("%w: the private part has a bad signature", ErrSlot)
	}
	plain, err := age.Decrypt(bytes.NewReader(file), with...)
	if err != nil {
		return nil, members{}, errNotForUs
	}
	b, err := io.ReadAll(plain)
	if err != nil {
		return nil, members{}, fmt.Errorf("%w: the private part is damaged", ErrSlot)
	}
	p, m, err := parsePrivate(b, account)
	if err != nil {
		return nil, members{}, err
	}
	if !slices.Contains(m.devices, signer) {
		return nil, members{}, fmt.Errorf("%w: the private part is signed by one that is no device of the account", ErrSlot)
	}
	return p, m, nil
}

// errNotForUs says that a private part is sealed to others: this device was revoked, or was asleep while somebody
// rolled back what it had changed.
var errNotForUs = errors.New("the private part is not sealed to this device")

func parsePrivate(b []byte, account AccountID) (*Private, members, error) {
	r := reader{b: b}
	p := &Private{shared: *r.shared()}
	switch {
	case r.newer:
		return nil, members{}, fmt.Errorf("%w: the private part: %w", ErrSlot, ErrNewer)
	case !r.ok():
		return nil, members{}, fmt.Errorf("%w: the private part is malformed", ErrSlot)
	}
	m, err := p.shared.verify()
	if err != nil {
		return nil, members{}, fmt.Errorf("%w: %w", ErrSlot, err)
	}
	if p.shared.log.chain()[0] != account {
		return nil, members{}, fmt.Errorf("%w: the private part is another account's", ErrSlot)
	}
	if p.contacts, err = ParseShared(r.b); err != nil {
		return nil, members{}, fmt.Errorf("%w: %w", ErrSlot, err)
	}
	return p, m, nil
}

// OpenPrivate opens a value of the private part's slot. What it holds is signed by one who is a device of the account as far
// as this device knows; whether it is news, Adopt judges. Where it is not sealed to this device the error says so by
// IsNotForUs: the account's own slot tells whether the device was revoked. The error wraps ErrNewer where a device of the
// account, with a newer version, wrote what this one does not understand: it must not be written over.
func (a *Account) OpenPrivate(value []byte) (*Private, error) {
	with := []age.Identity{HybridFromSeed(a.local.age)}
	if a.local.ageOld != [32]byte{} {
		with = append(with, HybridFromSeed(a.local.ageOld))
	}
	p, _, err := openPrivate(a.privateSlot(), a.ID(), value, with...)
	switch {
	case errors.Is(err, ErrNewer) && !a.Has(a.writerOf(value)):
		return nil, fmt.Errorf("%w: what is not understood in the private part is of one that is no device of the account", ErrSlot)
	case err != nil:
		return nil, err
	}
	return p, a.judgePrivate(p, value)
}

// writerOf returns who signed a private part's value that was opened before.
func (a *Account) writerOf(value []byte) (writer DeviceID) {
	content, err := a.privateSlot().open(value)
	if err == nil {
		copy(writer[:], content)
	}
	return writer
}

// judgePrivate compares a private part's log with the one that this device knows.
func (a *Account) judgePrivate(p *Private, value []byte) error {
	switch {
	case p.shared.log.startsWith(a.shared.log):
		return nil
	case a.shared.log.startsWith(p.shared.log): // an older value: a device revoked since then may have written it
		if !a.Has(a.writerOf(value)) {
			return fmt.Errorf("%w: the private part is signed by a device that was revoked", ErrSlot)
		}
		return nil
	}
	return ErrForked
}

// IsNotForUs reports whether an error of OpenPrivate says that the value is sealed to others.
func IsNotForUs(err error) bool { return errors.Is(err, errNotForUs) }

// Adopt takes over what a private part says of the account, if it is newer, and reports whether it was. What this device
// alone knows of itself stays: see RefreshKey. Of two that were written in one place, which a relay only pretended to take or
// lost one of, the one that it shows is the newer: all devices see that.
func (a *Account) Adopt(p *Private) (newer bool, err error) {
	twice := len(p.shared.log) == len(a.shared.log) && p.shared.sequence == a.shared.sequence && !p.shared.sameKeys(&a.shared)
	if !p.shared.log.startsWith(a.shared.log) || !p.shared.newerThan(&a.shared) && !twice {
		return false, nil
	}
	b := &Account{local: a.local, shared: p.shared}
	if twice {
		b.shared.sequence++
	}
	if err := b.derive(); err != nil {
		return false, err
	}
	if own := RecipientBytes(HybridFromSeed(a.local.age).Recipient()); string(b.shared.member(b.Device()).recipient) == string(own) {
		b.local.ageOld = [32]byte{} // nothing is sealed to it any more
	}
	*a = *b
	return true, nil
}

// Contacts returns the contacts in the private part, to be merged with those that this device knows.
func (p *Private) Contacts() *Contacts { return p.contacts }

// Holds reports whether a private part, the one at the relay, has all that this account and these contacts have: it need not
// be written again.
func (p *Private) Holds(a *Account, contacts *Contacts) bool {
	if a.shared.newerThan(&p.shared) || a.shared.name != p.shared.name {
		return false
	}
	mine, theirs := contacts.MarshalShared(), p.contacts.MarshalShared()
	own := RecipientBytes(HybridFromSeed(a.local.age).Recipient())
	there := p.shared.member(a.Device())
	return string(mine) == string(theirs) && there != nil && string(there.recipient) == string(own) && there.Label == a.Label()
}
