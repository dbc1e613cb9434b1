package keys

import (
	"crypto/ed25519"
	"errors"
	"slices"
	"time"
)

// The methods in this file change an account. A change holds once the private part with it was written in place of the one
// that was just read: where another device was faster, read its value, Adopt it and make the change again.

// ErrFull says that an account has MaxMembers, ErrUsedUp that its log has no room for one more, ever, ErrNoMember that it has
// none with that id.
var (
	ErrFull     = errors.New("the account has as many devices, logins and backups as it may have: revoke one first")
	ErrUsedUp   = errors.New("the account has had as many devices, logins and backups as it ever may: only a new account takes more")
	ErrNoMember = errors.New("the account has no such device")
)

// AddDevice adds a device that was made elsewhere. A device that the account has already is no error.
func (a *Account) AddDevice(d NewDevice, now time.Time) error {
	return a.addMember(a.key, Member{d.ID, DeviceMember, CleanName(d.Label), now.Truncate(time.Second), d.Recipient})
}

// addMember adds a member; the log's entry is signed by the key of one that may.
func (a *Account) addMember(signer ed25519.PrivateKey, m Member) error {
	if a.shared.member(m.ID) != nil {
		return nil
	}
	if len(a.shared.log)+len(a.shared.members) >= MaxEntries { // all can be revoked
		return ErrUsedUp
	}
	if len(a.shared.members) >= MaxMembers {
		return ErrFull
	}
	if slices.Contains(a.members.revoked, m.ID) {
		return errors.New("the device was removed from this account before: it has to begin as a new one")
	}
	if _, err := ParseRecipient(m.recipient); err != nil {
		return err
	}
	kind := byte(entryKey)
	if m.Kind == DeviceMember {
		kind = entryDevice
	}
	a.shared.log = a.shared.log.with(signer, kind, m.ID)
	a.shared.members = append(slices.Clip(a.shared.members), m)
	return a.derive()
}

// Revoke removes a member: nothing that is sealed from then on is sealed to it, and no contact believes it once it read the
// account's slot. Keys, mailboxes and pens change at once, and the keys before are dropped.
func (a *Account) Revoke(id DeviceID, now time.Time) error {
	if a.shared.member(id) == nil {
		return ErrNoMember
	}
	if id == a.Device() {
		return errors.New("a device does not remove itself: use another one")
	}
	if len(a.shared.log) >= MaxEntries {
		return ErrUsedUp
	}
	s := &a.shared
	s.log = s.log.with(a.key, entryRevoked, id)
	s.members = slices.DeleteFunc(slices.Clone(s.members), func(m Member) bool { return m.ID == id })
	s.epochs = []epoch{{s.epochs[0].number + 1, now.Truncate(time.Second), NewSeed()}}
	s.boxes++
	s.sequence = 0 // a longer log is newer, whatever the one that is out wrote
	s.boxSeed, s.syncSeed = NewSeed(), NewSeed()
	s.public, s.private = s.public.with(NewSeed()), s.private.with(NewSeed())
	return a.derive()
}

// maxAhead is how far a clock of another device may be ahead of this one's.
const maxAhead = 24 * time.Hour

// RotationDue reports whether the inbox key is to be changed.
func (a *Account) RotationDue(now time.Time) bool {
	age := now.Sub(a.shared.epochs[0].made)
	return age >= RotateEvery || age < -maxAhead
}

// Rotate changes the inbox key. The two before stay, for callers who do not know the new one.
func (a *Account) Rotate(now time.Time) {
	e := epoch{a.shared.epochs[0].number + 1, now.Truncate(time.Second), NewSeed()}
	a.shared.epochs = append([]epoch{e}, a.shared.epochs[:min(len(a.shared.epochs), keptEpochs-1)]...)
}

// KeyDue reports whether this device's own age key is older than the inbox key, or a new one waits to be told.
func (a *Account) KeyDue() bool {
	return a.local.ageEpoch < a.shared.epochs[0].number || a.local.ageOld != [32]byte{}
}

// RefreshKey gives this device a new age key, once for each inbox key. Store the account before the private part is written:
// from then on only the new key opens it. Until then the old one is kept beside it.
func (a *Account) RefreshKey() {
	if a.local.ageEpoch < a.shared.epochs[0].number {
		if a.local.ageOld == [32]byte{} {
			a.local.ageOld, a.local.age = a.local.age, NewSeed()
		}
		a.local.ageEpoch = a.shared.epochs[0].number
	}
	m := a.shared.member(a.Device())
	a.shared.members = slices.Clone(a.shared.members)
	own := a.local.member(m.Label, m.Added)
	*a.shared.member(a.Device()) = own
}

// Written notes that the private part of this account was written: nothing is sealed to this device's old key any more.
func (a *Account) Written() { a.local.ageOld = [32]byte{} }

// SetName changes the name the account claims, made clean by CleanName. Others see it with the next slot value.
func (a *Account) SetName(name string) { a.shared.name = CleanName(name) }

// SetLabel changes what the owner calls this device.
func (a *Account) SetLabel(label string) {
	a.shared.members = slices.Clone(a.shared.members)
	a.shared.member(a.Device()).Label = CleanName(label)
}

// TakeKey gives this copy of an account the device's own age key of another one, and nothing else of it.
func (a *Account) TakeKey(from *Account) { a.local = from.local }
