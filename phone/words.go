package phone

import (
	"ringfork/frame"
	"ringfork/keys"
	"ringfork/peer"
	"ringfork/signalcore"
)

// The words of a phone's users, so that they need no other package.
type (
	AccountID  = keys.AccountID
	Contact    = keys.Contact
	CallID     = signalcore.CallID
	MediaKinds = signalcore.Media
	Sending    = signalcore.SetState
	Direction  = signalcore.Direction
	PeerConfig = peer.Config
	ICEServer  = peer.ICEServer
	Conn       = peer.Conn
	DeviceID   = keys.DeviceID
	Secret     = keys.Secret
	MemberKind = keys.MemberKind
)

// What a member of an account is.
const (
	DeviceMember = keys.DeviceMember
	LoginMember  = keys.LoginMember
	BackupMember = keys.BackupMember
)

// Whose rings are heard, with whom to connect before accept, and what becomes of a second call.
const (
	FromContacts       = signalcore.FromContacts
	FromAnyone         = signalcore.FromAnyone
	PreconnectContacts = signalcore.PreconnectContacts
	PreconnectAlways   = signalcore.PreconnectAlways
	PreconnectNever    = signalcore.PreconnectNever
	BusyRefuse         = signalcore.BusyRefuse
)

// Who placed a call.
const (
	Outgoing     = signalcore.Outgoing
	IncomingCall = signalcore.IncomingCall
)

// FrameSize is the size of every frame in bytes.
const FrameSize = frame.Size

// MaxStored is the most bytes that a phone puts under one key of its store.
const MaxStored = keys.MaxStoredContacts

// LiveFuncs returns how many functions of peer connections JavaScript can still call: 0 when all are closed.
func LiveFuncs() int { return peer.LiveFuncs() }
