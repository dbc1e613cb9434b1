package signalcore

import "time"

// Incoming says whose rings are heard.
type Incoming uint8

// Who may ring here.
const (
	FromContacts Incoming = iota // strangers are not shown, and learn nothing
	FromAnyone                   // strangers are shown as such
)

// Preconnect says with whom connections are negotiated while it rings: it shows them this endpoint's addresses.
type Preconnect uint8

// With whom to connect before accept.
const (
	PreconnectContacts Preconnect = iota
	PreconnectAlways
	PreconnectNever
)

// WhenBusy says what becomes of a ring while this endpoint is in a call.
type WhenBusy uint8

// What to do with a second call.
const (
	BusyWait   WhenBusy = iota // show it as waiting
	BusyRefuse                 // answer busy; other endpoints ring on
)

// Config is what a machine must know of its endpoint.
type Config struct {
	Self       Sender
	Name       string // claimed towards those called, at most 64 bytes
	Label      string // this device's, for contacts, at most 64 bytes
	Incoming   Incoming
	Preconnect Preconnect
	Busy       WhenBusy
	RingTime   time.Duration        // how long an outgoing call rings; 0 means 45 s
	Seen       map[CallID]time.Time // calls that are over, from [Remember] of earlier endpoints of the profile
}

// Default times of a call (rule 18).
const (
	DefaultRingTime = 45 * time.Second
	MinRingTime     = 10 * time.Second
	MaxRingTime     = 120 * time.Second

	backlogTime   = 2 * time.Second        // longest wait for the end of the backlog
	callerGone    = 5 * time.Second        // from a posted offer to the answer
	connectTime   = 15 * time.Second       // from accept to a connected tine
	lostTime      = 8 * time.Second        // from a lost connection to the end of ringing there
	countTime     = 10 * time.Second       // from the ring to when those that joined count as all
	batchTime     = 100 * time.Millisecond // candidates are gathered into one message
	holdTime      = 50 * time.Millisecond  // a description waits for its first candidate
	burstTime     = 10 * time.Millisecond  // and then for those that come with it
	replyTime     = time.Second            // a message told over the channel is posted too when nothing came back
	ackTime       = time.Second            // a hangup waits for its acknowledgement
	beatTime      = time.Second            // state is repeated
	silenceTime   = 5 * time.Second        // no state for so long: the connection is replaced
	flapTime      = 2 * time.Second        // a connection may be disconnected for so long
	reconnectTime = 30 * time.Second       // then the peer is lost
	spareTime     = 8 * time.Second        // a replacement that has not connected is replaced itself
	againTime     = time.Second            // between two replacements of a connection, but for the first few
	closeDelay    = 300 * time.Millisecond // losers are told at once and closed later
	closeSpacing  = 5 * time.Millisecond   // one by one
	windUpTime    = 2 * time.Second        // an ended call is kept for late words
	clockSkew     = 5 * time.Minute        // sent-at may be off by this much
)

// Bounds of what others can make a machine hold (rule 20).
const (
	maxRinging        = 4    // incoming calls that ring
	maxRingingAccount = 2    // of one account
	maxCandidates     = 64   // held for one connection
	maxReplaced       = 4    // times that a call's connection is replaced without a pause
	maxEarly          = 64   // settled calls whose ring did not come yet
	maxSeenMessages   = 64   // message ids remembered of one endpoint
	maxSeenAll        = 2048 // and of all in a call
	maxCalls          = 64   // of any state, also those being wound up
	maxSeenCalls      = 1024
)
