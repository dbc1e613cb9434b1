package signalcore

import "slices"

// Direction says who placed a call.
type Direction uint8

// The directions.
const (
	Outgoing Direction = iota
	IncomingCall
)

// CallState is a call's state as its user sees it.
type CallState uint8

// The states of a call. A called endpoint starts at StateRinging.
const (
	StateDialing CallState = iota
	StateRinging
	StateConnecting
	StateActive
	StateReconnecting
	StateEnded
)

// String returns the state as the module's users read it.
func (s CallState) String() string {
	return [...]string{"dialing", "ringing", "connecting", "active", "reconnecting", "ended"}[s]
}

// EndReason says how a call ended.
type EndReason uint8

// The end reasons.
const (
	NotEnded EndReason = iota
	EndHangup
	EndDeclined
	EndCancelled
	EndUnanswered
	EndAnsweredElsewhere
	EndDeclinedElsewhere
	EndLost
	EndFailed
	EndBusy
	EndReplaced
)

// String returns the reason as the module's users read it; empty for a call that has not ended.
func (r EndReason) String() string {
	return [...]string{"", "hangup", "declined", "cancelled", "unanswered", "answered-elsewhere", "declined-elsewhere",
		"lost", "failed", "busy", "replaced"}[r]
}

// DeviceState is what the caller sees of one endpoint.
type DeviceState uint8

// The device states.
const (
	DeviceRinging   DeviceState = iota
	DeviceConnected             // it rings there and could talk at once
	DeviceAccepted
	DeviceDeclined
	DeviceGone
	DeviceBusy
)

// String returns the state as the module's users read it.
func (s DeviceState) String() string {
	return [...]string{"ringing", "connected", "accepted", "declined", "gone", "busy"}[s]
}

// Device is one endpoint of the account called, as its caller sees it. A stranger learns no label.
type Device struct {
	Label string
	State DeviceState
}

// View is a call as its user sees it.
type View struct {
	Call        CallID
	Direction   Direction
	Peer        AccountID
	ClaimedName string // of an incoming call
	Stranger    bool   // of an incoming call: the caller is no contact
	State       CallState
	End         EndReason
	AnsweredBy  string // label of the device that won, where known
	Devices     []Device
	Media       Media  // what the caller means to send
	Remote      State  // what the other side says it sends
	Waiting     bool   // it rings while this endpoint is in another call
	Replaces    CallID // the call in whose place this one is, from the user's point of view; zero: none (rule 8)
}

func (v View) equal(w View) bool {
	return v.Call == w.Call && v.Direction == w.Direction && v.Peer == w.Peer && v.ClaimedName == w.ClaimedName &&
		v.Stranger == w.Stranger && v.State == w.State && v.End == w.End && v.AnsweredBy == w.AnsweredBy &&
		v.Media == w.Media && v.Waiting == w.Waiting && v.Replaces == w.Replaces && v.Remote.Audio == w.Remote.Audio && v.Remote.Video == w.Remote.Video &&
		v.Remote.Screen == w.Remote.Screen && v.Remote.Hold == w.Remote.Hold && slices.Equal(v.Devices, w.Devices)
}
