package peer

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/pion/webrtc/v4"
)

// Conn is a peer connection. All its methods may be called at any time and from any goroutine; those with a context wait
// and so must not be called by the function given to New, nor, in a browser, by a function that JavaScript calls.
type Conn struct {
	pc     *webrtc.PeerConnection
	events *queue
	build  // what differs between a browser and a native connection

	mu         sync.Mutex
	step       step
	state      State
	opened     bool // the channel
	gone       bool // the channel
	candidates int  // taken from the other side
	running    int  // calls into pc that have not returned
	closed     bool
}

// step is how far the descriptions are.
type step int

const (
	fresh   step = iota
	waiting      // for a call into pc
	offered
	settled // both descriptions are applied
	broken
)

// New makes a connection. Its events go to on, one at a time and in order; on must not block.
//
// The error is an *Error: the configuration is not valid, or the browser allows no further connection.
func New(cfg Config, on func(Event)) (*Conn, error) {
	c := &Conn{}
	if err := c.create(cfg); err != nil {
		return nil, &Error{Op: "create a peer connection", Err: err}
	}
	c.events = newQueue(on)
	if err := c.listen(); err != nil {
		c.Close()
		return nil, &Error{Op: "create a peer connection", Err: err}
	}
	return c, nil
}

// Offer makes the endpoint's description, with a place for each Kind and the control channel, and starts to gather
// candidates. Those found are not in the description, and may be reported before Offer returns.
func (c *Conn) Offer(ctx context.Context) (sdp string, err error) {
	return c.describe(ctx, "make an offer", fresh, offered, func() (string, error) {
		if err := c.prepareOffer(); err != nil {
			return "", err
		}
		offer, err := c.pc.CreateOffer(nil)
		if err != nil {
			return "", err
		}
		return offer.SDP, c.setLocal(offer)
	})
}

// Answer makes the caller's description for an endpoint's offer, and starts to gather candidates.
func (c *Conn) Answer(ctx context.Context, offer string) (sdp string, err error) {
	return c.describe(ctx, "answer an offer", fresh, settled, func() (string, error) {
		if err := c.setRemote(webrtc.SDPTypeOffer, offer); err != nil {
			return "", err
		}
		if err := c.prepareAnswer(); err != nil {
			return "", err
		}
		answer, err := c.pc.CreateAnswer(nil)
		if err != nil {
			return "", err
		}
		return answer.SDP, c.setLocal(answer)
	})
}

// ApplyAnswer takes the caller's description. After an error another answer may be tried.
func (c *Conn) ApplyAnswer(ctx context.Context, sdp string) error {
	_, err := c.describe(ctx, "apply an answer", offered, settled, func() (string, error) {
		return "", c.setRemote(webrtc.SDPTypeAnswer, sdp)
	})
	return err
}

// AddCandidates takes candidates of the other side; end says that no more follow. Both descriptions must be applied
// before. One that is not valid does not keep the others from being used: the error is that of the first.
func (c *Conn) AddCandidates(ctx context.Context, candidates []Candidate, end bool) error {
	c.mu.Lock()
	if !c.closed && c.step != settled {
		c.mu.Unlock()
		return ErrOrder
	}
	c.mu.Unlock()
	_, err := c.do(ctx, "add a candidate", func() (string, error) {
		var first error
		for _, candidate := range candidates {
			if err := c.addCandidate(candidate); err != nil && first == nil {
				first = err
			}
		}
		if end {
			// The end only lets a connection fail sooner, so nothing depends on it.
			_ = c.pc.AddICECandidate(webrtc.ICECandidateInit{})
		}
		return "", first
	})
	return err
}

func (c *Conn) addCandidate(candidate Candidate) error {
	if len(candidate.Line) > maxCandidateLine || strings.ContainsAny(candidate.Line, "\r\n") {
		return errors.New("candidate is too long")
	}
	if candidate.useless() {
		return nil
	}
	c.mu.Lock()
	c.candidates++
	tooMany, closed := c.candidates > maxCandidates, c.closed
	c.mu.Unlock()
	if closed {
		return ErrClosed
	}
	if tooMany {
		return errors.New("too many candidates")
	}
	init := webrtc.ICECandidateInit{Candidate: candidate.Line}
	if candidate.Mid != "" {
		init.SDPMid = &candidate.Mid
	} else {
		init.SDPMLineIndex = new(uint16)
	}
	if candidate.Ufrag != "" {
		init.UsernameFragment = &candidate.Ufrag
	}
	return c.pc.AddICECandidate(init)
}

// Send sends a message of 1 to MaxMessage bytes over the control channel. Messages arrive in order and complete, but
// those sent right before Close may be lost.
//
// The error is ErrSize, ErrNotOpen, ErrFull, ErrClosed or an *Error.
func (c *Conn) Send(data []byte) error {
	if len(data) == 0 || len(data) > MaxMessage {
		return ErrSize
	}
	c.mu.Lock()
	closed, open := c.closed, c.opened && !c.gone
	c.mu.Unlock()
	if closed {
		return ErrClosed
	}
	if !open {
		return ErrNotOpen
	}
	return c.send(data)
}

// Close ends the connection. The other side sees its channel closed. No event is reported any more, except one that is
// just being delivered by another goroutine. Calls that wait return ErrClosed. Closing again does nothing.
//
// It takes some milliseconds; natively it takes longer when a TURN server does not answer. The error is always nil.
func (c *Conn) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	// A promise of a closed RTCPeerConnection is never settled, and whoever waits for it would be left behind. So while
	// a call is running, the end of the last one closes.
	idle := c.running == 0
	c.mu.Unlock()
	if c.events != nil {
		c.events.close()
	}
	c.unlisten()
	if idle {
		c.shut()
	}
	return nil
}

// describe is do for a description: the connection must be at step from, and is at step to after it.
func (c *Conn) describe(ctx context.Context, op string, from, to step, f func() (string, error)) (string, error) {
	c.mu.Lock()
	if !c.closed && c.step != from {
		c.mu.Unlock()
		return "", ErrOrder
	}
	c.step = waiting
	c.mu.Unlock()
	return c.do(ctx, op, func() (string, error) {
		sdp, err := f()
		c.mu.Lock()
		defer c.mu.Unlock()
		switch {
		case err == nil:
			c.step = to
		case from == offered:
			c.step = offered
		default:
			c.step = broken
		}
		return sdp, err
	})
}

// do runs f, which calls into pc, and waits for it until the context or the connection ends.
func (c *Conn) do(ctx context.Context, op string, f func() (string, error)) (string, error) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return "", ErrClosed
	}
	c.running++
	c.mu.Unlock()

	type result struct {
		sdp string
		err error
	}
	done := make(chan result, 1)
	go func() {
		sdp, err := f()
		c.mu.Lock()
		c.running--
		closed := c.closed
		shut := closed && c.running == 0
		c.mu.Unlock()
		if shut {
			c.shut()
		}
		switch {
		case closed:
			err = ErrClosed
		case err != nil:
			err = &Error{Op: op, Err: err}
		}
		done <- result{sdp, err}
	}()
	select {
	case r := <-done:
		if r.err != nil {
			return "", r.err
		}
		return r.sdp, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (c *Conn) setLocal(d webrtc.SessionDescription) error {
	if c.isClosed() {
		return ErrClosed
	}
	c.described(d.SDP)
	return c.pc.SetLocalDescription(d)
}

func (c *Conn) setRemote(t webrtc.SDPType, sdp string) error {
	if len(sdp) > maxDescription {
		return errors.New("description is too long")
	}
	return c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: t, SDP: sdp})
}

func (c *Conn) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// What the two builds report. Each of these returns at once.

func (c *Conn) candidateFound(candidate Candidate) {
	if !candidate.useless() {
		c.events.put(CandidateFound{candidate})
	}
}

// stateMayHaveChanged reads the state itself, with the lock held: the two builds may call it late and out of order.
//
// A connection that is closed although nobody here closed it was ended by the other side, perhaps before it was connected: pion
// closes it when DTLS ends, browsers do not. Nothing more comes of it, which is what Failed says.
func (c *Conn) stateMayHaveChanged() {
	c.mu.Lock()
	defer c.mu.Unlock()
	state, ok := parseState(c.pc.ConnectionState().String())
	if state == Closed && !c.closed {
		state = Failed
	}
	if !ok || state == c.state {
		return
	}
	c.state = state
	c.events.put(StateChanged{state})
}

func (c *Conn) channelOpened() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.opened && !c.gone {
		c.opened = true
		c.events.put(ChannelOpen{})
	}
}

func (c *Conn) channelMessage(data []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.opened && !c.gone {
		c.events.put(ChannelMessage{data})
	}
}

func (c *Conn) channelClosed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.gone {
		c.gone = true
		c.events.put(ChannelClosed{})
	}
}
