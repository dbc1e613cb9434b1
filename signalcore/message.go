package signalcore

import (
	"time"

	"ringfork/fork"
)

// Kind numbers a kind of message on the wire. Numbers are never reused; 13 (move) is reserved.
type Kind uint8

// The kinds of messages.
const (
	KindRing       Kind = 1
	KindOffer      Kind = 2
	KindAnswer     Kind = 3
	KindCandidates Kind = 4
	KindAccept     Kind = 5
	KindWon        Kind = 6
	KindSettled    Kind = 7
	KindDecline    Kind = 8
	KindBusy       Kind = 9
	KindHangup     Kind = 10
	KindState      Kind = 11
	KindRestart    Kind = 12
	KindSync       Kind = 14
)

// Message is what one endpoint says to another: one of the types in this file.
type Message interface {
	Kind() Kind
}

// Media says which kinds of media a side means to send.
type Media struct {
	Audio, Video bool
}

// Candidate is one ICE candidate (RFC 8839, section 5.1), as RTCIceCandidateInit holds it.
type Candidate struct {
	Line  string // "candidate:..." without "a="
	Mid   string // the media line it belongs to
	Ufrag string // the ICE generation it belongs to
}

// Ring is the first message of a call, sent once to all endpoints of the account called.
//
// The fields from Card on are the sealing's: the machine leaves them empty, the driver fills them in.
type Ring struct {
	Number uint64    // counts up with every call this endpoint places
	Media  Media     // what the caller means to send
	SentAt time.Time // by the caller's clock, in whole milliseconds
	TTL    time.Duration
	Name   string // the name the caller claims, at most 64 bytes

	Card        []byte  // the caller's card, encoded by package keys
	LogHead     Hash    // head of the caller's device log
	PeerLogHead Hash    // head of the called account's log, as the caller knows it
	Mailbox     Address // where replies go
	Recipient   []byte  // the call's ephemeral age recipient to seal replies to: 1,216 bytes
}

// Offer is an endpoint's reply to a ring. SDP is empty where the endpoint does not connect before accept.
//
// The fields from LogHead on are the sealing's.
type Offer struct {
	Label      string // the device's name for its owner's contacts, at most 64 bytes; empty for a stranger
	SDP        string
	Candidates []Candidate

	LogHead     Hash     // head of the called account's device log
	PeerLogHead Hash     // head of the caller's, as the called side knows it
	Seed        [32]byte // makes the tine's age identity, to which the caller seals
	Mailbox     Address  // where the caller's messages to this endpoint go
}

// Answer is the caller's reply to an offer, and its proof of life. SDP is empty where the offer's was.
type Answer struct {
	SDP        string
	Candidates []Candidate
	Generation uint32 // of the connection it answers, see Accept
}

// Candidates carries ICE candidates found after the description was sent.
type Candidates struct {
	List       []Candidate
	End        bool   // no more will come (RFC 8838, section 13)
	Generation uint32 // of the connection they belong to, see Restart
}

// Accept says that somebody picked up at this endpoint. SDP is an offer where the tine has no description yet.
type Accept struct {
	Media      Media
	SDP        string
	Candidates []Candidate
	Generation uint32 // of the connection described; the offer's has 0
}

// Won tells the endpoint whose accept the caller processed first that it has the call.
type Won struct{}

// Outcome is how the ringing of a call ended.
type Outcome = fork.Outcome

// NoOutcome is that of a call that rings. No message carries it.
const NoOutcome = fork.Ringing

// Settled ends the ringing for everybody else. Winner is zero unless Outcome is won; Label, the winning device's, goes
// over tines only.
type Settled struct {
	Outcome Outcome
	Winner  EndpointID
	Label   string
}

// Decline refuses the call at this endpoint or, with Everywhere, for the whole account.
type Decline struct {
	Everywhere bool
}

// Busy says that an endpoint is in another call and that its application does not want calls to wait.
type Busy struct{}

// Hangup ends an accepted call. A hangup is answered by one with Ack, so that the sender may close the connection.
type Hangup struct {
	Ack    bool
	Reason HangupReason
}

// HangupReason says why a call is hung up. One that is not known counts as HungUp.
type HangupReason uint8

// The reasons. Numbers go over the wire and are never reused.
const (
	HungUp     HangupReason = 0 // somebody hung up
	HangupLeft HangupReason = 1 // the page or program went away
	HangupLost HangupReason = 2 // the connection did not come back
)

// Restart replaces the connection of an active call. From the endpoint it carries the offer of the new connection, from the
// caller the answer to it, or nothing: the wish for an offer.
type Restart struct {
	Generation uint32 // counts the connections of a call; the first has 0
	SDP        string
	Candidates []Candidate
}

// SyncWhat is what an endpoint tells the other endpoints of its own account.
type SyncWhat uint8

// What is told. Numbers go over the wire and are never reused.
const (
	SyncDialing  SyncWhat = 1 // it rings Peer
	SyncAnswered SyncWhat = 2 // it won Call
	SyncDeclined SyncWhat = 3 // it declined Call for all
	SyncAccount  SyncWhat = 4 // the account changed: not for the machine, but for who keeps accounts
)

// Sync goes between endpoints of one account.
type Sync struct {
	What    SyncWhat
	Call    CallID
	Peer    AccountID // of SyncDialing and SyncAnswered
	Label   string    // of SyncAnswered: the device's
	Counter uint64    // counts what this endpoint told; an older word than the last one heard is ignored
}

// State says what a side sends now. It is repeated every second: its arrival is the heartbeat of an accepted call.
type State struct {
	Seq                  uint32 // counts up; an older state than the last one seen is ignored
	Audio, Video, Screen bool
	Hold                 bool
}

// Kind returns KindRing.
func (Ring) Kind() Kind { return KindRing }

// Kind returns KindOffer.
func (Offer) Kind() Kind { return KindOffer }

// Kind returns KindAnswer.
func (Answer) Kind() Kind { return KindAnswer }

// Kind returns KindCandidates.
func (Candidates) Kind() Kind { return KindCandidates }

// Kind returns KindAccept.
func (Accept) Kind() Kind { return KindAccept }

// Kind returns KindWon.
func (Won) Kind() Kind { return KindWon }

// Kind returns KindSettled.
func (Settled) Kind() Kind { return KindSettled }

// Kind returns KindDecline.
func (Decline) Kind() Kind { return KindDecline }

// Kind returns KindBusy.
func (Busy) Kind() Kind { return KindBusy }

// Kind returns KindHangup.
func (Hangup) Kind() Kind { return KindHangup }

// Kind returns KindRestart.
func (Restart) Kind() Kind { return KindRestart }

// Kind returns KindSync.
func (Sync) Kind() Kind { return KindSync }

// Kind returns KindState.
func (State) Kind() Kind { return KindState }
