package signalcore

import "time"

// Output is something the driver must do: one of the types in this file. Outputs run in slice order.
type Output interface{ output() }

// OpenMailbox asks for the call's own reply mailbox, subscribed, and its keys, before any message of the call is posted.
// To is the account called; for an incoming call it is the caller's.
type OpenMailbox struct {
	Call     CallID
	To       AccountID
	Incoming bool
}

// CloseMailbox ends the call's reply mailbox and drops its keys. Nothing more is posted in this call.
type CloseMailbox struct{ Call CallID }

// Post seals a message and publishes it: to one endpoint's reply mailbox, or to the account's mailbox where To is zero
// (ring and settled of an outgoing call). Of an incoming call it always goes to the caller's reply mailbox.
type Post struct {
	Call CallID
	To   EndpointID
	ID   MessageID
	Msg  Message
}

// Repost publishes a message that was posted before once more, byte for byte.
type Repost struct {
	Call CallID
	ID   MessageID
}

// Connect makes a peer connection that offers. Its description comes back as [Described].
type Connect struct {
	Conn ConnID
	Call CallID
}

// Answering makes a peer connection that answers the offer in SDP. Its description comes back as [Described].
type Answering struct {
	Conn ConnID
	Call CallID
	SDP  string
}

// Apply gives a connection that offered the answer in SDP.
type Apply struct {
	Conn ConnID
	SDP  string
}

// AddCandidates gives a connection candidates of the other side's. It follows the description they belong to.
type AddCandidates struct {
	Conn ConnID
	List []Candidate
	End  bool
}

// Tell sends a message over a connection's control channel.
type Tell struct {
	Conn ConnID
	ID   MessageID
	Msg  Message
}

// Disconnect closes a connection. Nothing more is said of it.
type Disconnect struct{ Conn ConnID }

// Attach starts to send the call's own media on a connection, now or as soon as there is some.
type Attach struct {
	Call CallID
	Conn ConnID
}

// Show presents the media that a connection receives.
type Show struct {
	Call CallID
	Conn ConnID
}

// Detach stops the call's own media, everywhere. Microphone and camera are closed.
type Detach struct{ Call CallID }

// Notify tells the user what a call looks like now. New is set once, when an incoming call begins to ring.
type Notify struct {
	View View
	New  bool
}

// Remember asks to keep the id of a call that is over until then, for endpoints of the profile that start later: a replayed
// ring of it must not ring there (rule 10).
type Remember struct {
	Call  CallID
	Until time.Time
}

// ShareOwn tells all other endpoints of this account, by every way there is.
type ShareOwn struct{ Msg Sync }

// Misuse says that the last input asked for what cannot be done. Code is "unknown-call", "wrong-state" or
// "self-call".
type Misuse struct {
	Call CallID
	Code string
}

// Drop says that an input was ignored, and why, in a few words without ids: for counting.
type Drop struct{ Reason string }

func (OpenMailbox) output()   {}
func (CloseMailbox) output()  {}
func (Post) output()          {}
func (Repost) output()        {}
func (Connect) output()       {}
func (Answering) output()     {}
func (Apply) output()         {}
func (AddCandidates) output() {}
func (Tell) output()          {}
func (Disconnect) output()    {}
func (Attach) output()        {}
func (Show) output()          {}
func (Detach) output()        {}
func (Notify) output()        {}
func (Remember) output()      {}
func (ShareOwn) output()      {}
func (Misuse) output()        {}
func (Drop) output()          {}
