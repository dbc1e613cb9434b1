package keys

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"time"

	"filippo.io/age"
)

// Account is the private part of an account, as one of its devices holds it. It is not safe for use by several goroutines
// while one of the methods that change it runs: see changes.go.
type Account struct {
	local  local
	shared shared

	// Made from the above.
	members members
	key     ed25519.PrivateKey
}

// local is what only this device has.
type local struct {
	device   [32]byte // its Ed25519 key, as a seed
	age      [32]byte // the identity that opens the private part
	ageOld   [32]byte // the one before, as long as the private part may be sealed to that; else zeros
	ageEpoch uint32   // of the inbox key when age was made: both are changed together
}

// accountFormat counts what MarshalBinary wrote over time.
const accountFormat = 2

// ErrRevoked says that the account does not list this device any more.
var ErrRevoked = errors.New("this device was removed from its account")

// NewAccount returns a new account with this device as its only one. The names are what the account claims to be called
// and what its owner calls the device, made clean by CleanName; they may be empty.
func NewAccount(name, label string, now time.Time) *Account {
	a := &Account{local: local{device: NewSeed(), age: NewSeed()}}
	key := ed25519.NewKeyFromSeed(a.local.device[:])
	a.shared = shared{
		name: CleanName(name), secret: NewSeed(), outer: NewSeed(), public: pens{NewSeed()}, private: pens{NewSeed()},
		epochs: []epoch{{0, now.Truncate(time.Second), NewSeed()}}, boxSeed: NewSeed(), syncSeed: NewSeed(), log: newLog(key),
	}
	a.shared.members = []Member{a.local.member(label, now)}
	if err := a.derive(); err != nil {
		panic("internal error: a new account does not verify: " + err.Error())
	}
	return a
}

// member returns this device as a member of an account.
func (l *local) member(label string, now time.Time) Member {
	return Member{publicID(ed25519.NewKeyFromSeed(l.device[:])), DeviceMember, CleanName(label), now.Truncate(time.Second),
		RecipientBytes(HybridFromSeed(l.age).Recipient())}
}

// ParseAccount reads what MarshalBinary wrote. Its error is ErrNewer where a newer version wrote it.
func ParseAccount(b []byte) (*Account, error) {
	if len(b) > MaxSlotSize { // most of it has to fit into a slot
		return nil, errors.New("failed to read account: it is too long")
	}
	r := reader{b: slices.Clone(b)} // not a part of b, which is the caller's
	switch format := r.uint8(); {
	case format > accountFormat:
		return nil, fmt.Errorf("failed to read account: %w", ErrNewer)
	case format != accountFormat:
		return nil, errors.New("failed to read account: its format is unknown")
	}
	a := &Account{local: local{r.bytes32(), r.bytes32(), r.bytes32(), r.uint32()}, shared: *r.shared()}
	switch {
	case r.newer:
		return nil, fmt.Errorf("failed to read account: %w", ErrNewer)
	case !r.done():
		return nil, errors.New("failed to read account: it is malformed")
	}
	if err := a.derive(); err != nil {
		return nil, fmt.Errorf("failed to read account: %w", err)
	}
	return a, nil
}

// MarshalBinary encodes the account, all secrets included. It always succeeds.
func (a *Account) MarshalBinary() ([]byte, error) {
	b := []byte{accountFormat}
	b = append(b, a.local.device[:]...)
	b = append(b, a.local.age[:]...)
	b = append(b, a.local.ageOld[:]...)
	b = append(b, byte(a.local.ageEpoch>>24), byte(a.local.ageEpoch>>16), byte(a.local.ageEpoch>>8), byte(a.local.ageEpoch))
	return a.shared.appendTo(b), nil
}

// Clone returns a copy that can be changed by itself.
func (a *Account) Clone() *Account {
	b, _ := a.MarshalBinary()
	c, err := ParseAccount(b)
	if err != nil {
		panic("internal error: an account does not survive its encoding: " + err.Error())
	}
	return c
}

func (a *Account) derive() (err error) {
	if a.members, err = a.shared.verify(); err != nil {
		return err
	}
	a.key = ed25519.NewKeyFromSeed(a.local.device[:])
	if !slices.Contains(a.members.devices, a.Device()) {
		return ErrRevoked
	}
	return nil
}

// ID returns the account's id.
func (a *Account) ID() AccountID { return a.shared.log.chain()[0] }

// Device returns the id of the device that holds this Account.
func (a *Account) Device() DeviceID { return publicID(a.key) }

// LogHead returns the hash of the log's newest entry.
func (a *Account) LogHead() [32]byte { return a.shared.log.head() }

// Name returns the name the account claims.
func (a *Account) Name() string { return a.shared.name }

// Label returns what the owner calls this device.
func (a *Account) Label() string { return a.shared.member(a.Device()).Label }

// Members returns the account's devices and the keys that may add some, in the order in which they were added.
func (a *Account) Members() []Member { return slices.Clone(a.shared.members) }

// Sign returns the device's Ed25519 signature of msg, which a Statement made.
func (a *Account) Sign(msg []byte) []byte { return ed25519.Sign(a.key, msg) }

// Card returns the account's card.
func (a *Account) Card() Card { return a.shared.card() }

// Inbox returns the mailbox that anybody with the card may ring. All devices of the account read it.
func (a *Account) Inbox() Mailbox { return a.shared.mailbox(inboxMailbox) }

// MailboxFor returns the mailbox that one contact is told to ring instead, so that nobody sees that it is the same account
// that others ring. It changes with Boxes.
func (a *Account) MailboxFor(contact AccountID) Mailbox {
	return a.shared.mailbox(contactMailbox, contact[:])
}

// Boxes counts the changes of the mailboxes' addresses.
func (a *Account) Boxes() uint32 { return a.shared.boxes }

// InboxIdentities returns the age identities that open what comes to these mailboxes: the current one, and up to two for
// callers who do not know it yet.
func (a *Account) InboxIdentities() []age.Identity {
	var out []age.Identity
	for _, e := range a.shared.epochs {
		out = append(out, HybridFromSeed(e.seed))
	}
	return out
}

// SyncMailbox returns the mailbox in which the account's own endpoints hear each other.
func (a *Account) SyncMailbox() Mailbox {
	return mailboxFromSeed(deriveSeed(a.shared.syncSeed, []byte(syncMailbox)))
}

// SyncIdentity returns the age identity that opens what comes there.
func (a *Account) SyncIdentity() *age.HybridIdentity {
	return HybridFromSeed(deriveSeed(a.shared.syncSeed, []byte(syncIdentity)))
}

// Public returns what OpenSlot would give of the account if its slot were written now.
func (a *Account) Public(now time.Time) Public {
	p, err := a.publicPart(now).verify(a.ID(), a.publicSlot().address)
	if err != nil {
		panic("internal error: an account does not verify: " + err.Error())
	}
	return p
}

func (a *Account) publicPart(now time.Time) publicPart {
	return publicPart{a.shared.log, a.shared.head(now).sign(a.ID(), a.publicSlot().address, a.key)}
}

// SlotValue returns the complete value to put into the account's slot at the relay, in place of the one that is there (nil:
// none).
func (a *Account) SlotValue(replaces []byte, now time.Time) ([]byte, error) {
	value, err := a.shared.public.seal(a.publicSlot(), replaces, a.publicPart(now).appendTo(nil))
	if err != nil {
		return nil, fmt.Errorf("failed to write the account's slot: %w", err)
	}
	return value, nil
}

func (a *Account) publicSlot() slot { return slot{a.shared.public.address(), a.shared.secret} }

// SlotState is how the value in an account's slot compares with what the account is.
type SlotState int

// The states.
const (
	SlotGood   SlotState = iota // it says the same, and will for a while
	SlotBehind                  // write it anew
	SlotAhead                   // another device changed the account: read the private part first
	SlotForked                  // it shows a second log, which no device of this account's may follow
)

// JudgeSlot compares a value of the account's slot with what the account is. Its error, if the value is not the account's at
// all, wraps ErrSlot. It wraps ErrNewer where a device of the account, with a newer version, wrote what this one does not
// understand: it must not be written over.
func (a *Account) JudgeSlot(value []byte, now time.Time) (SlotState, error) {
	card := a.Card()
	card.Head = card.Account // any log of this account's
	there, err := OpenSlot(card, value)
	switch {
	case errors.Is(err, ErrNewer) && !a.shared.public.wrote(a.publicSlot(), value):
		return SlotForked, fmt.Errorf("%w: what is not understood in it was written by one that is no device of the account", ErrSlot)
	case err != nil:
		return SlotForked, err
	}
	mine := a.Public(now)
	switch {
	case mine.LogHead == there.LogHead:
	case mine.Knows(there.LogHead):
		return SlotBehind, nil
	case there.Knows(mine.LogHead):
		return SlotAhead, nil
	default:
		return SlotForked, nil
	}
	switch {
	case there.Sequence > mine.Sequence:
		return SlotAhead, nil
	case there.Name == mine.Name && there.Inbox == mine.Inbox && string(there.InboxRecipient) == string(mine.InboxRecipient) &&
		there.Expires > now.Add(headTime/2).Unix():
		return SlotGood, nil
	}
	return SlotBehind, nil
}

// String hides the account's secrets from logs.
func (a *Account) String() string { return "keys.Account" }

// NewerThan reports whether the account was written after b, an earlier or later state of the same one.
func (a *Account) NewerThan(b *Account) bool { return a.shared.newerThan(&b.shared) }

// Has reports whether a device is one of the account's.
func (a *Account) Has(device DeviceID) bool { return slices.Contains(a.members.devices, device) }

// Knows reports whether head is the hash of an entry of the account's log.
func (a *Account) Knows(head [32]byte) bool { return slices.Contains(a.shared.log.chain(), head) }

// HasMember reports whether a device or a key is a member of the account.
func (a *Account) HasMember(id DeviceID) bool { return a.shared.member(id) != nil }

// Revoked reports whether one that was a member is none any more.
func (a *Account) Revoked(id DeviceID) bool { return slices.Contains(a.members.revoked, id) }
