// Package peer is one tine's peer connection: its description and candidates, the places of its tracks, and the control
// channel.
//
// A page and a program have the same API: in a browser RTCPeerConnection does the work, natively pion's own stack.
//
// The endpoint makes the first description, the caller answers it:
//
//	endpoint                                  caller
//	c, err := peer.New(cfg, on)               c, err := peer.New(cfg, on)
//	offer, err := c.Offer(ctx)     ---------> answer, err := c.Answer(ctx, offer)
//	err = c.ApplyAnswer(ctx, answer) <-------
//	c.AddCandidates(ctx, found, end) <------> c.AddCandidates(ctx, found, end)
//	                 ChannelOpen on both sides; Send and ChannelMessage
//
// Every offer has three places for tracks, in the order of Kind, and the control channel, and both sides may send in all
// of them from the start. But nothing is attached: no RTP flows until a track takes its place, with replaceTrack on the
// connection's JSValue in a browser, with Attach natively. That needs no new description.
//
// What happens is reported to the function given to New, one event at a time and in order.
package peer

import (
	"errors"
	"strings"
)

// Sizes and numbers that a peer cannot exceed.
const (
	// MaxMessage is the longest message that Send sends and that is received, in bytes. Longer ones are dropped.
	MaxMessage = 16 << 10

	maxDescription   = 32 << 10 // bytes of a description
	maxCandidateLine = 512      // bytes of a candidate
	maxCandidates    = 128      // candidates of the other side, over a connection's life
	maxTransceivers  = 16       // of an offer: three, and room for what later versions add
	maxWaiting       = 256      // messages received and not yet delivered,
	maxWaitingBytes  = 256 << 10
	maxBuffered      = 1 << 20 // bytes given to Send that have not left
)

const channelLabel = "ringfork"

// ICEServer is a STUN or TURN server, as in RTCIceServer.
type ICEServer struct {
	URLs       []string
	Username   string
	Credential string
}

// Config says how a connection finds its way. The zero Config uses the addresses of this machine only.
type Config struct {
	ICEServers []ICEServer
	// RelayOnly keeps this machine's addresses from the other side: only relayed candidates are gathered and used.
	RelayOnly bool
	// Mux is the UDP port to share with other connections, none if nil. Native only. It is not used with RelayOnly.
	Mux *Mux
	// Loopback also gathers candidates on the loopback interface, for tests and development. Native only.
	Loopback bool
}

// Kind is a track's place in a connection. Kinds count in the order of the description's media sections.
type Kind int

// The places of every connection.
const (
	Audio Kind = iota
	Camera
	Screen
)

const kinds = 3

func (k Kind) String() string {
	switch k {
	case Audio:
		return "audio"
	case Camera:
		return "camera"
	case Screen:
		return "screen"
	}
	return "unknown"
}

// media is the kind as a description's media section says it.
func (k Kind) media() string {
	if k == Audio {
		return "audio"
	}
	return "video"
}

// State is RTCPeerConnection's connectionState.
type State int

// The states of a connection.
const (
	initial State = iota // never reported
	Connecting
	Connected
	Disconnected
	Failed
	Closed
)

var stateNames = [...]string{"new", "connecting", "connected", "disconnected", "failed", "closed"}

func (s State) String() string {
	if s < 0 || int(s) >= len(stateNames) {
		return "unknown"
	}
	return stateNames[s]
}

func parseState(name string) (State, bool) {
	for i, n := range stateNames {
		if n == name {
			return State(i), true
		}
	}
	return 0, false
}

// Candidate is an ICE candidate as it travels to the other side.
type Candidate struct {
	Line  string // "candidate:..." (RFC 8839, section 5.1)
	Mid   string // the media section it belongs to; empty means the first, which all share
	Ufrag string // the ICE user name fragment of its description, may be empty
}

// useless reports whether no connection comes from the candidate: RTCP's component is never used, and a TCP candidate
// that only dials has no address to be dialed at.
func (c Candidate) useless() bool {
	f := strings.Fields(c.Line)
	if len(f) < 8 {
		return true
	}
	if f[1] != "1" {
		return true
	}
	for i := 8; i+1 < len(f); i += 2 {
		if f[i] == "tcptype" && f[i+1] == "active" {
			return true
		}
	}
	return false
}

// Event is what happened to a connection.
type Event interface{ event() }

type (
	// CandidateFound is a candidate to be sent to the other side.
	CandidateFound struct{ Candidate Candidate }
	// CandidatesEnd says that no more candidates follow.
	CandidatesEnd struct{}
	// ChannelOpen says that Send works from now on. It comes before the first ChannelMessage.
	ChannelOpen struct{}
	// ChannelMessage is a message of the other side, 1 to MaxMessage bytes.
	ChannelMessage struct{ Data []byte }
	// ChannelClosed says that the other side closed the channel or its connection. No message follows.
	ChannelClosed struct{}
	// StateChanged is the connection's new state. States that pass quickly may be left out.
	StateChanged struct{ State State }
)

func (CandidateFound) event() {}
func (CandidatesEnd) event()  {}
func (ChannelOpen) event()    {}
func (ChannelMessage) event() {}
func (ChannelClosed) event()  {}
func (StateChanged) event()   {}

// Errors of a Conn's methods, besides *Error and those of a context.
var (
	ErrClosed  = errors.New("peer connection is closed")
	ErrNotOpen = errors.New("control channel is not open")
	ErrSize    = errors.New("message is empty or too long")
	ErrFull    = errors.New("control channel is congested")
	ErrOrder   = errors.New("description is out of order")
)

// Error is a step that failed. Its text may be logged: it holds no address, description or key. Its cause may.
type Error struct {
	Op  string // what failed, such as "apply the answer"
	Err error
}

func (e *Error) Error() string {
	text := "failed to " + e.Op
	if name := causeName(e.Err); name != "" {
		text += ": " + name
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
