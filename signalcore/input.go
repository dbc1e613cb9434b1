package signalcore

import "time"

// Input is something that happened: one of the types in this file.
type Input interface{ input() }

// Tick says that time passed. Every Step looks at the clock it is given; Tick is for when nothing else happened.
type Tick struct{}

// Dial is the user's wish to call an account. Call is random and new.
type Dial struct {
	Call  CallID
	To    AccountID
	Media Media
}

// PickUp is the user's accept of a ringing call.
type PickUp struct {
	Call  CallID
	Media Media
}

// Refuse is the user's decline of a ringing call.
type Refuse struct {
	Call       CallID
	Everywhere bool
}

// HangUp is the user's wish to end a call, whatever its state.
type HangUp struct{ Call CallID }

// SetState is what this side sends from now on.
type SetState struct {
	Call                       CallID
	Audio, Video, Screen, Hold bool
}

// Leave says that the endpoint goes away: its calls end, other endpoints ring on.
type Leave struct{}

// BacklogRead says whether all frames that waited in the account's mailbox have been handed in. The machine starts with
// a backlog that is not read; a driver that lost its relay says false when it is back, then true.
type BacklogRead struct{ Done bool }

// RelayOnline says that the relay can be reached again: what waits for a retry is sent at once.
type RelayOnline struct{}

// NetworkChanged says that this endpoint is on another network now: what was connected over the one before is as good as gone.
type NetworkChanged struct{}

// Posted says that the relay took a message, as far as one can know.
type Posted struct {
	Call CallID
	ID   MessageID
}

// Unposted says that the relay could not be reached with a message. One that the relay refused is none.
type Unposted struct {
	Call CallID
	ID   MessageID
}

// Received is a message that was opened and is believed.
type Received struct {
	Call CallID
	From Sender
	ID   MessageID
	Msg  Message
	Age  time.Duration // how long the relay held it

	Stranger bool // of a ring: the caller is no contact
}

// Distrusted says that an endpoint believed so far is of no device of its account any more.
type Distrusted struct {
	Call     CallID
	Endpoint EndpointID
}

// Blocked says that the user wants nothing more of an account.
type Blocked struct{ Account AccountID }

// Synced is the word of another endpoint of this account, opened and believed.
type Synced struct {
	From EndpointID
	Msg  Sync
	Age  time.Duration // how long the relay held it; 0 when it came live
}

// Heard is a message that came over the control channel of a connection.
type Heard struct {
	Conn ConnID
	ID   MessageID
	Msg  Message
}

// Described is a connection's own description, asked for by [Connect] or [Answering].
type Described struct {
	Conn ConnID
	SDP  string
}

// Found is a candidate of a connection's own.
type Found struct {
	Conn      ConnID
	Candidate Candidate
}

// FoundAll says that a connection gathers no more candidates.
type FoundAll struct{ Conn ConnID }

// Opened says that a connection's control channel is open: it can talk.
type Opened struct{ Conn ConnID }

// Closed says that the other side closed a connection's control channel.
type Closed struct{ Conn ConnID }

// Changed is a connection's state.
type Changed struct {
	Conn  ConnID
	State ConnState
}

// Broken says that a connection could not be made or used at all, for reasons of this side or of its description.
type Broken struct{ Conn ConnID }

// ConnState is what a machine wants to know of RTCPeerConnection.connectionState (W3C WebRTC, section 4.4.3).
type ConnState uint8

// The connection states.
const (
	ConnConnecting ConnState = iota
	ConnConnected
	ConnDisconnected
	ConnFailed
)

func (Tick) input()           {}
func (Dial) input()           {}
func (PickUp) input()         {}
func (Refuse) input()         {}
func (HangUp) input()         {}
func (SetState) input()       {}
func (Leave) input()          {}
func (BacklogRead) input()    {}
func (RelayOnline) input()    {}
func (NetworkChanged) input() {}
func (Posted) input()         {}
func (Unposted) input()       {}
func (Received) input()       {}
func (Distrusted) input()     {}
func (Blocked) input()        {}
func (Synced) input()         {}
func (Heard) input()          {}
func (Described) input()      {}
func (Found) input()          {}
func (FoundAll) input()       {}
func (Opened) input()         {}
func (Closed) input()         {}
func (Changed) input()        {}
func (Broken) input()         {}
