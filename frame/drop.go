package frame

// DropError says why something that was received is to be dropped and counted. It is the only type of error that this
// package returns for what came from outside.
type DropError struct {
	Reason string // one of the Reason constants
}

// The reasons to drop. They are stable.
const (
	// From Opener.Open and UnmarshalControl.
	ReasonSize       = "wrong-size"       // not a frame, or a control message too long
	ReasonBudget     = "over-budget"      // more frames a second than are opened for one mailbox
	ReasonSeal       = "not-for-this-key" // sealed to another recipient, or no age file
	ReasonMalformed  = "malformed"        // the header or the body does not parse
	ReasonVersion    = "unknown-version"
	ReasonSignature  = "bad-signature"
	ReasonKind       = "unknown-kind"
	ReasonPart       = "part-mismatch" // its header differs from that of the parts before
	ReasonDictionary = "unknown-dictionary"

	// From CheckRing, Trust, Caller.Check and Called.Check.
	ReasonUnexpected = "unexpected-kind" // this side does not take such a message
	ReasonCall       = "wrong-call"
	ReasonRecipient  = "wrong-recipient"
	ReasonSender     = "wrong-sender"
	ReasonSelf       = "own-account"
	ReasonCard       = "wrong-card"
	ReasonDevice     = "unknown-device"   // fetch the account's slot once, then judge again
	ReasonLogHead    = "unknown-log-head" // fetch the account's slot once, then judge again
	ReasonRef        = "wrong-reference"
	ReasonNoOffer    = "no-offer" // the endpoint has made none
	ReasonTooMany    = "too-many-endpoints"
)

// Error returns the reason.
func (e DropError) Error() string { return "dropped: " + e.Reason }

func drop(reason string) error { return DropError{reason} }
