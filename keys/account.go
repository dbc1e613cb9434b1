package keys

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"

	"filippo.io/age"
)

// Account is the private part of an account, as one of its devices holds it. It is not safe for use by several goroutines
// while SetName runs.
type Account struct {
	seeds seeds
	log   deviceLog
	name  string

	// Made from the above.
	device  ed25519.PrivateKey
	slot    ed25519.PrivateKey
	inbox   Mailbox
	hybrid  *age.HybridIdentity
	public  publicPart
	devices []DeviceID
}

// seeds are the secrets from which everything else is made.
type seeds struct {
	device [32]byte // this device's Ed25519 key
	slot   [32]byte // the slot's Ed25519 key
	inbox  [32]byte // the inbox mailbox's Ed25519 key
	hybrid [32]byte // the inbox's age identity
	card   [32]byte // the card's secret
}

// all returns the seeds in the order in which they are encoded.
func (s *seeds) all() []*[32]byte {
	return []*[32]byte{&s.device, &s.slot, &s.inbox, &s.hybrid, &s.card}
}

const accountFormat = 1

// NewAccount returns a new account with this device as its only one. The name is what it claims to be called, made clean
// by CleanName; it may be empty.
func NewAccount(name string) (*Account, error) {
	a := &Account{name: CleanName(name)}
	for _, s := range a.seeds.all() {
		*s = NewSeed()
	}
	a.log = newLog(ed25519.NewKeyFromSeed(a.seeds.device[:]))
	return a, a.derive()
}

// ParseAccount reads what MarshalBinary wrote.
func ParseAccount(b []byte) (*Account, error) {
	r := reader{b: b}
	format := r.uint8()
	if r.ok() && format != accountFormat {
		return nil, fmt.Errorf("failed to read account: its format %d is unknown", format)
	}
	a := &Account{}
	for _, s := range a.seeds.all() {
		*s = r.bytes32()
	}
	a.name = r.name()
	a.log = (&reader{b: slices.Clone(r.b)}).log() // not a part of b, which is the caller's
	r.log()
	if !r.done() {
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
	for _, s := range a.seeds.all() {
		b = append(b, s[:]...)
	}
	b = appendName(b, a.name)
	return a.log.appendTo(b), nil
}

func (a *Account) derive() (err error) {
	if a.devices, err = a.log.verify(); err != nil {
		return err
	}
	a.device = ed25519.NewKeyFromSeed(a.seeds.device[:])
	if !slices.Contains(a.devices, a.Device()) {
		return errors.New("its device is not in its log")
	}
	a.slot = ed25519.NewKeyFromSeed(a.seeds.slot[:])
	a.inbox = mailboxFromSeed(a.seeds.inbox)
	a.hybrid = HybridFromSeed(a.seeds.hybrid)
	a.public = publicPart{a.log, a.inbox.Address(), RecipientBytes(a.hybrid.Recipient()), a.name}
	return nil
}

// ID returns the account's id.
func (a *Account) ID() AccountID { return a.log.chain()[0] }

// Device returns the id of the device that holds this Account.
func (a *Account) Device() DeviceID { return DeviceID(a.device.Public().(ed25519.PublicKey)) }

// LogHead returns the hash of the log's newest entry.
func (a *Account) LogHead() [32]byte {
	chain := a.log.chain()
	return chain[len(chain)-1]
}

// Name returns the name the account claims.
func (a *Account) Name() string { return a.name }

// SetName changes the name the account claims, made clean by CleanName. Others see it with the next slot value.
func (a *Account) SetName(name string) {
	a.name = CleanName(name)
	a.public.name = a.name
}

// Sign returns the device's Ed25519 signature of msg, which a Statement made.
func (a *Account) Sign(msg []byte) []byte { return ed25519.Sign(a.device, msg) }

// Inbox returns the mailbox that rings come to. All devices of the account read it.
func (a *Account) Inbox() Mailbox { return a.inbox }

// InboxIdentity returns the age identity that opens what comes to the inbox.
func (a *Account) InboxIdentity() age.Identity { return a.hybrid }

// Card returns the account's card.
func (a *Account) Card() Card {
	return Card{a.ID(), addressOf(a.slot.Public().(ed25519.PublicKey)), a.seeds.card}
}

// Public returns what OpenSlot would give of the account, with Version 0.
func (a *Account) Public() Public {
	p, err := a.public.verify(a.ID())
	if err != nil {
		panic("internal error: an account does not verify: " + err.Error())
	}
	return p
}

// SlotValue returns the complete value to put into the account's slot at the relay, SlotSize bytes. The version is one
// more than that of the value it replaces, and 1 in an empty slot. Two values of one version differ.
func (a *Account) SlotValue(version uint64) ([]byte, error) {
	return sealSlot(a.slot, a.seeds.card, version, a.public)
}

// String hides the account's secrets from logs.
func (a *Account) String() string { return "keys.Account" }
