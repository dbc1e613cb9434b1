package phone

import (
	"context"
	"time"

	"ringfork/peer"
	"ringfork/signalcore"
)

// Mailbox is the key to a mailbox at the relay, as a transport uses it. It is an alias, so that a transport need not import
// this package.
type Mailbox = interface {
	Address() [20]byte
	// Prove proves the right to read the mailbox to the relay of that origin, which sent the nonce.
	Prove(origin string, nonce []byte) (publicKey, signature []byte)
}

// RelayState says whether the relay can be reached.
type RelayState string

// The relay's states.
const (
	Connecting RelayState = "connecting"
	Online     RelayState = "online"
	Offline    RelayState = "offline"
)

// Transport carries frames and slot values, and knows nothing of what is in them.
//
// Its callbacks come one at a time and in order, and do not block.
type Transport interface {
	// Origin is the relay's scheme, host and port; proofs are made for it.
	Origin() string
	// Start begins to connect. The transport reconnects by itself until it is closed.
	Start(onState func(state string))
	// Subscribe reads a mailbox: what the relay holds of it, oldest first, then the end of that backlog, then what
	// comes live. After a reconnect all that is repeated. Age is how long the relay held a frame.
	Subscribe(m Mailbox, onFrame func(frame []byte, age time.Duration), onBacklogEnd func()) (cancel func())
	// Publish makes one attempt.
	Publish(ctx context.Context, to [20]byte, frame []byte) error
	// GetSlot returns fs.ErrNotExist where the slot is empty.
	GetSlot(ctx context.Context, address [20]byte) (value []byte, err error)
	// PutSlot replaces the value of exactly that version, 0 being the empty slot; fs.ErrExist means another is there.
	PutSlot(ctx context.Context, address [20]byte, value []byte, replaces uint64) error
	Close() error
}

// Store keeps what a profile has to keep. All endpoints of the profile share it.
type Store interface {
	// Get returns nil and version 0 where nothing is stored.
	Get(ctx context.Context, key string) (value []byte, version uint64, err error)
	// Put replaces exactly that version; fs.ErrExist means another is there.
	Put(ctx context.Context, key string, value []byte, version uint64) error
	// Lock waits for a lock that the profile's endpoints share, and holds it until unlock is called.
	Lock(ctx context.Context, name string) (unlock func(), err error)
}

// Media is sound and picture of this side. It is called by the pump and must not block.
type Media interface {
	// Attach sends the call's own media on the connection, now or as soon as there is some.
	Attach(call signalcore.CallID, conn *peer.Conn)
	// Show presents what the connection receives.
	Show(call signalcore.CallID, conn *peer.Conn)
	// Detach stops the call's own media. It comes once for every call, also where nothing was attached.
	Detach(call signalcore.CallID)
}
