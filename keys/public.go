package keys

import (
	"fmt"
	"slices"
	"time"

	"filippo.io/age"
)

// Public is what who has an account's card may know of it: everything needed to ring it and to judge what it says. The
// zero Public is that of an account that was not looked up.
type Public struct {
	Account        AccountID
	Devices        []DeviceID // current devices, oldest first
	LogHead        [32]byte   // hash of the newest log entry
	Chain          [][32]byte // hash of every log entry, oldest first; the last is LogHead
	Inbox          Address    // the mailbox that rings go to
	InboxRecipient []byte     // whom to seal them to: RecipientSize bytes
	Name           string     // as the account claims, clean, at most MaxName bytes
	Sequence       uint64     // a larger one is newer
	Boxes          uint32     // how often the account changed its mailboxes' addresses
	Added          uint8      // how many entries the log had after the last one that adds a device
	Expires        int64      // unix seconds: after that it says too little of what the account is now
}

// Known reports whether the account was looked up.
func (p Public) Known() bool { return len(p.Chain) > 0 }

// Recipient returns the age recipient to seal rings to. It fails only where InboxRecipient was not verified by this package.
func (p Public) Recipient() (age.Recipient, error) {
	r, err := ParseRecipient(p.InboxRecipient)
	if err != nil {
		return nil, err // not r: a nil pointer in an interface is not nil
	}
	return r, nil
}

// Has reports whether the device is one of the account's.
func (p Public) Has(device DeviceID) bool { return slices.Contains(p.Devices, device) }

// Knows reports whether head is the hash of an entry of the account's log.
func (p Public) Knows(head [32]byte) bool { return slices.Contains(p.Chain, head) }

// Expired reports whether p is too old to be believed: its account, or who hides its news, had two rotations to show a
// newer one. One that was made in the future is not believed either.
func (p Public) Expired(now time.Time) bool {
	return now.Unix() >= p.Expires || p.Expires > now.Add(headTime+maxAhead).Unix()
}

// Replaces reports whether p, just read, may stand where old stood: the same account and a log that only grew. The log decides;
// of two heads of one log the one with the larger sequence is newer.
func (p Public) Replaces(old Public) bool {
	return p.Account == old.Account && p.Knows(old.LogHead) && (len(p.Chain) > len(old.Chain) || p.Sequence >= old.Sequence)
}

// OpenSlot verifies the value of an account's slot against its card and returns the account's public part: the value is
// sealed under the card's secret for this slot, its log starts with the entry that the account's id names, holds the one
// that the card names, and is signed throughout, as is its head. Whether the value is news is for Follow to judge. Its
// errors wrap ErrSlot and, where a newer version wrote it, ErrNewer too; or, where the log is not the one that the card was
// made of, ErrForked.
func OpenSlot(c Card, value []byte) (Public, error) {
	content, err := slot{c.Slot, c.Secret}.open(value)
	if err != nil {
		return Public{}, err
	}
	r := reader{b: content}
	part := r.publicPart()
	switch {
	case r.newer:
		return Public{}, fmt.Errorf("%w: %w", ErrSlot, ErrNewer)
	case !r.done():
		return Public{}, fmt.Errorf("%w: it is malformed", ErrSlot)
	}
	p, err := part.verify(c.Account, c.Slot)
	if err != nil {
		return Public{}, fmt.Errorf("%w: %w", ErrSlot, err)
	}
	if !p.Knows(c.Head) {
		return Public{}, ErrForked
	}
	return p, nil
}
