package phone

import "errors"

// Error is a failure with a stable code that applications can act on.
type Error struct {
	Code string
	Text string // what failed and what to do
	Err  error  // the cause, may be nil
}

// The codes.
const (
	CodeBadCard        = "bad-card"          // not a card, cut off, or mistyped
	CodeSelfCall       = "self-call"         // the own card or account
	CodeUnknownContact = "unknown-contact"   // no such contact
	CodeUnknownCall    = "unknown-call"      // no such call
	CodeWrongState     = "wrong-state"       // the call is not in a state for that
	CodeTooManyCalls   = "too-many-calls"    // the phone is in a call already
	CodeRelay          = "relay-unreachable" // try again
	CodeSlotEmpty      = "slot-empty"        // the card's owner has not been online at this relay
	CodeSlotInvalid    = "slot-invalid"      // what is there is not what the card names
	CodeStore          = "store-failed"      // the profile cannot be read or written
	CodeContactsFull   = "contacts-full"
	CodeUnknownRequest = "unknown-request" // nobody of that account asks to be a contact
	CodeUnknownDevice  = "unknown-device"  // no device of the account
	CodeDevicesFull    = "devices-full"    // the account takes no more members: at a time, or ever
	CodeSlotStale      = "slot-stale"      // what is there is older than what was there
	CodeSlotExpired    = "slot-expired"    // the card's owner was not online for two weeks, or the relay hides that
	CodeLogForked      = "log-forked"      // the relay shows a list of devices that must not be believed
	CodeSafetyMismatch = "safety-mismatch" // the safety numbers differ
	CodeBadLink        = "bad-link"        // not a linking code
	CodeLinkExpired    = "link-expired"    // the other device did not answer in time
	CodeLinkRejected   = "link-rejected"   // the other device did not approve
	CodeBadPassphrase  = "bad-passphrase"
	CodeBadBackup      = "bad-backup"
	CodeWrongSecret    = "wrong-secret"  // the login is another account's than the profile
	CodeRevoked        = "revoked"       // this device is no member of the account any more
	CodeStoreNewer     = "store-newer"   // a newer version wrote the profile
	CodeNewer          = "newer-version" // a newer version wrote what is in an account's slot
	CodeSlotTaken      = "slot-taken"    // the relay lets another key write in the place of this account
	CodeFull           = "account-full"  // the account has grown too large
	CodeClosed         = "closed"
)

// Error returns the text and the cause.
func (e *Error) Error() string {
	if e.Err != nil {
		return e.Text + ": " + e.Err.Error()
	}
	return e.Text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Code returns the code of an error of this package; empty for others.
func Code(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}
