//go:build js && wasm

package peer

import (
	"errors"
	"sync/atomic"
	"syscall/js"

	"github.com/hack-pad/safejs"
	"github.com/pion/webrtc/v4"
)

// Mux is a shared UDP port, which a browser does not have.
type Mux struct{}

// build is the browser's part of a connection. It is guarded by the connection's lock.
//
// pion runs each handler in a goroutine of its own, which loses the order, and drops parts of a candidate. So events are
// listened to here.
type build struct {
	listeners []listener
	channel   safejs.Value // undefined as long as there is none
}

type listener struct {
	target safejs.Value
	event  string
	fn     safejs.Func
}

var liveFuncs atomic.Int64

// LiveFuncs returns the number of functions that JavaScript can call in this package: 0 when every connection is closed.
func LiveFuncs() int { return int(liveFuncs.Load()) }

// JSValue returns the RTCPeerConnection, for its senders and receivers. Its handlers and descriptions belong to Conn.
func (c *Conn) JSValue() js.Value { return c.pc.JSValue() }

func (c *Conn) create(cfg Config) error {
	w := webrtc.Configuration{BundlePolicy: webrtc.BundlePolicyMaxBundle, RTCPMuxPolicy: webrtc.RTCPMuxPolicyRequire}
	if cfg.RelayOnly {
		w.ICETransportPolicy = webrtc.ICETransportPolicyRelay
	}
	for _, s := range cfg.ICEServers {
		w.ICEServers = append(w.ICEServers, webrtc.ICEServer{URLs: s.URLs, Username: s.Username, Credential: s.Credential})
	}
	pc, err := webrtc.NewPeerConnection(w)
	c.pc = pc
	return err
}

func (c *Conn) listen() error {
	pc := safejs.Safe(c.pc.JSValue())
	return errors.Join(
		c.on(pc, "icecandidate", c.onCandidate),
		c.on(pc, "connectionstatechange", func(safejs.Value) { c.stateMayHaveChanged() }),
		c.on(pc, "datachannel", func(e safejs.Value) {
			if channel, err := e.Get("channel"); err == nil {
				c.onChannel(channel)
			}
		}),
	)
}

// on listens until the connection is closed.
func (c *Conn) on(target safejs.Value, event string, handle func(event safejs.Value)) error {
	fn, err := safejs.FuncOf(func(_ safejs.Value, args []safejs.Value) any {
		defer func() {
			// A panic that leaves a nested handler corrupts the event stack of Go in Wasm.
			if recover() != nil {
				println("ringfork: internal error while handling", event)
			}
		}()
		if len(args) > 0 && !c.isClosed() {
			handle(args[0])
		}
		return nil
	})
	if err != nil {
		return err
	}
	liveFuncs.Add(1)
	l := listener{target, event, fn}
	if _, err := target.Call("addEventListener", event, fn); err != nil {
		l.release()
		return err
	}
	c.mu.Lock()
	closed := c.closed
	if !closed {
		c.listeners = append(c.listeners, l)
	}
	c.mu.Unlock()
	if closed {
		l.remove()
	}
	return nil
}

func (l listener) remove() {
	_, _ = l.target.Call("removeEventListener", l.event, l.fn)
	l.release()
}

func (l listener) release() {
	l.fn.Release()
	liveFuncs.Add(-1)
}

func (c *Conn) unlisten() {
	c.mu.Lock()
	listeners := c.listeners
	c.listeners = nil
	c.mu.Unlock()
	for _, l := range listeners {
		l.remove()
	}
}

func (c *Conn) shut() { _ = c.pc.Close() }

func (c *Conn) onCandidate(e safejs.Value) {
	candidate, err := e.Get("candidate")
	if err != nil {
		return
	}
	if candidate.IsNull() || candidate.IsUndefined() {
		c.events.put(CandidatesEnd{})
		return
	}
	// pion's own event loses the media section and the user name fragment.
	init, err := candidate.Call("toJSON")
	if err != nil {
		return
	}
	c.candidateFound(Candidate{
		Line:  text(init, "candidate"),
		Mid:   text(init, "sdpMid"),
		Ufrag: text(init, "usernameFragment"),
	})
}

// onChannel takes the first channel with the right label and no other.
func (c *Conn) onChannel(channel safejs.Value) {
	c.mu.Lock()
	take := c.channel.IsUndefined() && text(channel, "label") == channelLabel
	if take {
		c.channel = channel
	}
	c.mu.Unlock()
	if !take {
		_, _ = channel.Call("close")
		return
	}
	if err := c.adopt(channel); err != nil {
		c.channelClosed()
	}
}

func (c *Conn) adopt(channel safejs.Value) error {
	binary, err := safejs.ValueOf("arraybuffer")
	if err != nil {
		return err
	}
	if err := channel.Set("binaryType", binary); err != nil {
		return err
	}
	if err := errors.Join(
		c.on(channel, "open", func(safejs.Value) { c.channelOpened() }),
		c.on(channel, "message", c.onMessage),
		c.on(channel, "close", func(safejs.Value) { c.channelClosed() }),
	); err != nil {
		return err
	}
	if text(channel, "readyState") == "open" {
		c.channelOpened()
	}
	return nil
}

// onMessage copies a binary message. Text has no byteLength and is dropped.
func (c *Conn) onMessage(e safejs.Value) {
	buffer, err := e.Get("data")
	if err != nil || buffer.Type() != safejs.TypeObject {
		return
	}
	length, err := buffer.Get("byteLength")
	if err != nil {
		return
	}
	n, err := length.Int()
	if err != nil || n < 1 || n > MaxMessage {
		return
	}
	bytes, err := newBytes(buffer)
	if err != nil {
		return
	}
	data := make([]byte, n)
	if _, err := safejs.CopyBytesToGo(data, bytes); err == nil {
		c.channelMessage(data)
	}
}

func (c *Conn) send(data []byte) error {
	c.mu.Lock()
	channel := c.channel
	c.mu.Unlock()
	if buffered, err := channel.Get("bufferedAmount"); err == nil {
		if n, err := buffered.Int(); err == nil && n > maxBuffered {
			return ErrFull
		}
	}
	bytes, err := newBytes(len(data))
	if err == nil {
		_, err = safejs.CopyBytesToJS(bytes, data)
	}
	if err == nil {
		_, err = channel.Call("send", bytes)
	}
	if err != nil {
		return &Error{Op: "send a message", Err: err}
	}
	return nil
}

func (c *Conn) prepareOffer() error {
	for k := range Kind(kinds) {
		codec := webrtc.RTPCodecTypeVideo
		if k == Audio {
			codec = webrtc.RTPCodecTypeAudio
		}
		init := webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendrecv}
		if _, err := c.pc.AddTransceiverFromKind(codec, init); err != nil {
			return err
		}
	}
	channel, err := c.pc.CreateDataChannel(channelLabel, nil)
	if err != nil {
		return err
	}
	value := safejs.Safe(channel.JSValue())
	c.mu.Lock()
	c.channel = value
	c.mu.Unlock()
	return c.adopt(value)
}

// prepareAnswer lets this side send in the places of the offer: without it the browser would answer that it only receives.
// What a later version may have added after them stays unused.
func (c *Conn) prepareAnswer() error {
	transceivers := c.pc.GetTransceivers()
	if len(transceivers) < kinds || len(transceivers) > maxTransceivers {
		return errors.New("offer has other media")
	}
	for i, t := range transceivers {
		transceiver := safejs.Safe(t.JSValue())
		direction := "inactive"
		if i < kinds {
			direction = "sendrecv"
			receiver, err := transceiver.Get("receiver")
			if err != nil {
				return err
			}
			track, err := receiver.Get("track")
			if err != nil {
				return err
			}
			if text(track, "kind") != Kind(i).media() {
				return errors.New("offer has other media")
			}
		}
		value, err := safejs.ValueOf(direction)
		if err != nil {
			return err
		}
		if err := transceiver.Set("direction", value); err != nil {
			return err
		}
	}
	return nil
}

func (c *Conn) described(string) {}

func newBytes(arg any) (safejs.Value, error) {
	class, err := safejs.Global().Get("Uint8Array")
	if err != nil {
		return safejs.Value{}, err
	}
	return class.New(arg)
}

// text returns a property that is a string, or "".
func text(v safejs.Value, property string) string {
	p, err := v.Get(property)
	if err != nil || p.Type() != safejs.TypeString {
		return ""
	}
	s, err := p.String()
	if err != nil {
		return ""
	}
	return s
}

// causeName returns the name of a DOMException, such as "InvalidStateError". Its message may quote a description.
func causeName(err error) string {
	var cause js.Error
	if !errors.As(err, &cause) {
		return ""
	}
	name := text(safejs.Safe(cause.Value), "name")
	if len(name) > 40 {
		return ""
	}
	return name
}
