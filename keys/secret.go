package keys

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"time"

	"filippo.io/age"
)

// A Secret opens an account on a device that is new: the application derives one from its login, and each backup holds one.
// It makes a key that may add devices to the account's log, an age identity to which the private part is sealed too, and a
// slot in which the account is found.
type Secret [32]byte

// What a secret makes.
const (
	secretSigner   = "ringfork/1/secret signer"
	secretIdentity = "ringfork/1/secret identity"
	secretSlot     = "ringfork/1/secret slot"
	secretCipher   = "ringfork/1/secret cipher"
)

func (s Secret) signer() ed25519.PrivateKey {
	seed := deriveSeed(s, []byte(secretSigner))
	return ed25519.NewKeyFromSeed(seed[:])
}

func (s Secret) identity() *age.HybridIdentity {
	return HybridFromSeed(deriveSeed(s, []byte(secretIdentity)))
}

func (s Secret) pens() pens { return pens{deriveSeed(s, []byte(secretSlot))} }

func (s Secret) slot() slot { return slot{s.Address(), deriveSeed(s, []byte(secretCipher))} }

// Address returns the address of the slot in which the secret's account is found.
func (s Secret) Address() Address { return s.pens().address() }

// String hides the secret from logs.
func (s Secret) String() string { return "keys.Secret" }

// Locator says where an account is found: enough for one of its devices, or for who holds a Secret of its.
type Locator struct {
	Card    Card
	Private Address  // where the private part lies
	outer   [32]byte // opens its outer seal
}

// LocatorSize is the size of a locator in bytes.
const LocatorSize = CardSize + 20 + 32

// Bytes returns the locator as LocatorSize bytes. They are secret.
func (l Locator) Bytes() []byte {
	b := append(l.Card.Bytes(), l.Private[:]...)
	return append(b, l.outer[:]...)
}

// LocatorFromBytes reads what Bytes wrote.
func LocatorFromBytes(b []byte) (Locator, error) {
	if len(b) != LocatorSize {
		return Locator{}, errors.New("a locator has a wrong size")
	}
	card, err := CardFromBytes(b[:CardSize])
	r := reader{b: b[CardSize:]}
	return Locator{card, r.bytes20(), r.bytes32()}, err
}

// String hides the locator from logs.
func (l Locator) String() string { return "keys.Locator" }

// Locator returns where this account is found.
func (a *Account) Locator() Locator { return Locator{a.Card(), a.PrivateAddress(), a.shared.outer} }

// SlotValue returns the complete value to put into the secret's slot, which is empty or holds replaces.
func (s Secret) SlotValue(replaces []byte, l Locator) ([]byte, error) {
	return s.pens().seal(s.slot(), replaces, l.Bytes())
}

// OpenSlot returns what the secret's slot says. Its errors wrap ErrSlot.
func (s Secret) OpenSlot(value []byte) (Locator, error) {
	content, err := s.slot().open(value)
	if err != nil {
		return Locator{}, err
	}
	l, err := LocatorFromBytes(content)
	if err != nil {
		return Locator{}, fmt.Errorf("%w: %v", ErrSlot, err)
	}
	return l, nil
}

// AddSecret adds a secret's key to an account, see Account.AddDevice.
func (a *Account) AddSecret(s Secret, kind MemberKind, label string, now time.Time) error {
	return a.addMember(a.key, Member{publicID(s.signer()), kind, CleanName(label), now.Truncate(time.Second),
		RecipientBytes(s.identity().Recipient())})
}

// HasSecret reports whether a secret's key is a member of the account.
func (a *Account) HasSecret(s Secret) bool { return a.shared.member(publicID(s.signer())) != nil }

// NewDevice is what an account learns of a device that is to be added to it.
type NewDevice struct {
	ID        DeviceID
	Recipient []byte // its age recipient, RecipientSize bytes
	Label     string
}

// Joiner is a device before it belongs to an account.
type Joiner struct {
	local local
	label string
}

// NewJoiner returns a new device.
func NewJoiner(label string) *Joiner {
	return &Joiner{local{device: NewSeed(), age: NewSeed()}, CleanName(label)}
}

// Device returns what the account has to learn.
func (j *Joiner) Device() NewDevice {
	m := j.local.member(j.label, time.Unix(0, 0))
	return NewDevice{m.ID, m.recipient, m.Label}
}

// Sign returns the device's Ed25519 signature of msg, which a Statement made.
func (j *Joiner) Sign(msg []byte) []byte {
	return ed25519.Sign(ed25519.NewKeyFromSeed(j.local.device[:]), msg)
}

// Open opens the private part of an account that this device was added to by another device.
func (j *Joiner) Open(l Locator, value []byte) (*Account, *Contacts, error) {
	p, _, err := openPrivate(slot{l.Private, l.outer}, l.Card.Account, value, HybridFromSeed(j.local.age))
	if err != nil {
		return nil, nil, err
	}
	a, err := j.account(l, p)
	if err != nil {
		return nil, nil, err
	}
	return a, p.contacts, a.derive()
}

// Enter opens the private part of an account by a secret of its, and adds this device: the change holds once the private
// part was written, see Account.AddDevice.
func (j *Joiner) Enter(l Locator, s Secret, value []byte, now time.Time) (*Account, *Contacts, error) {
	p, _, err := openPrivate(slot{l.Private, l.outer}, l.Card.Account, value, s.identity())
	if err != nil {
		return nil, nil, err
	}
	return j.enter(l, s, p, now)
}

func (j *Joiner) enter(l Locator, s Secret, p *Private, now time.Time) (*Account, *Contacts, error) {
	a, err := j.account(l, p)
	if err != nil {
		return nil, nil, err
	}
	if a.members, err = a.shared.verify(); err != nil {
		return nil, nil, err
	}
	if !slices.Contains(a.members.keys, publicID(s.signer())) {
		return nil, nil, ErrRevoked
	}
	d := j.Device()
	err = a.addMember(s.signer(), Member{d.ID, DeviceMember, d.Label, now.Truncate(time.Second), d.Recipient})
	return a, p.contacts, err
}

// account returns the account as this device would hold it. Who shows a log older than the locator's is refused.
func (j *Joiner) account(l Locator, p *Private) (*Account, error) {
	if !slices.Contains(p.shared.log.chain(), l.Card.Head) {
		return nil, ErrOlder
	}
	a := &Account{local: j.local, shared: p.shared}
	a.key = ed25519.NewKeyFromSeed(j.local.device[:])
	a.local.ageEpoch = p.shared.epochs[0].number
	return a, nil
}

// Backup returns what a backup holds: a secret whose key is a member of the account, and the account as it is now.
func (a *Account) Backup(s Secret, contacts *Contacts) []byte {
	b := append([]byte{backupFormat}, s[:]...)
	b = append(b, a.Locator().Bytes()...)
	b = a.shared.appendTo(b)
	return append(b, contacts.MarshalShared()...)
}

const backupFormat = 1

// Saved is what a backup holds.
type Saved struct {
	Secret  Secret
	Locator Locator
	private *Private
}

// ParseBackup reads what Backup wrote.
func ParseBackup(b []byte) (*Saved, error) {
	r := reader{b: b}
	switch format := r.uint8(); {
	case format > backupFormat:
		return nil, ErrNewer
	case r.ok() && format != backupFormat:
		return nil, errors.New("the format of the backup is unknown")
	}
	s := &Saved{Secret: r.bytes32()}
	var err error
	if s.Locator, err = LocatorFromBytes(r.take(LocatorSize)); err != nil {
		return nil, err
	}
	s.private, _, err = parsePrivate(r.b, s.Locator.Card.Account)
	return s, err
}

// Enter adds the device to the account as the backup knows it: for where the relay has nothing newer.
func (s *Saved) Enter(j *Joiner, now time.Time) (*Account, *Contacts, error) {
	return j.enter(s.Locator, s.Secret, s.private, now)
}

// Requester returns this device's side of a linking.
func (j *Joiner) Requester() *Requester {
	return NewRequester(ed25519.NewKeyFromSeed(j.local.device[:]), j.Device().Recipient, j.label)
}

// HadSecret reports whether a secret's key is a member of the account or was one: it does not come back.
func (a *Account) HadSecret(s Secret) bool {
	return a.HasSecret(s) || a.Revoked(publicID(s.signer()))
}
