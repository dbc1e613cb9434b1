package signalcore

import (
	"encoding/hex"

	"ringfork/fork"
)

// AccountID names a person: the SHA-256 of the first entry of the account's device log.
type AccountID [32]byte

// DeviceID names one device of an account: its Ed25519 public key.
type DeviceID = fork.DeviceID

// EndpointID names one running instance of a device.
type EndpointID = fork.EndpointID

// CallID names a call: 16 random bytes, chosen by the caller.
type CallID [16]byte

// MessageID numbers what one endpoint says in one call, from 1. A retry repeats the number, and the bytes.
type MessageID uint32

// ConnID names a peer connection within one machine. It is never used again, so a late word about a closed one finds
// nothing.
type ConnID uint64

// Address names a mailbox at the relay.
type Address [20]byte

// Hash is a SHA-256 over one whole message, by which a later message refers to it.
type Hash [32]byte

// String returns the id in hexadecimal.
func (id CallID) String() string { return hex.EncodeToString(id[:]) }

// String returns the id in hexadecimal.
func (id AccountID) String() string { return hex.EncodeToString(id[:]) }

// Sender is who signed a message.
type Sender struct {
	Account  AccountID
	Device   DeviceID
	Endpoint EndpointID
}
