//go:build !js

package echo

import (
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"ringfork/peer"
	"ringfork/phone"
)

// keyframeEvery is how often a picture is asked for that needs no other one to be decoded. Where packets of the echo were
// lost its decoder waits for one.
const keyframeEvery = 2 * time.Second

// mirror is media that sends back what comes. It implements phone.Media.
type mirror struct {
	mu      sync.Mutex
	closed  bool
	calls   map[phone.CallID]chan struct{} // closed when the call's media is to stop
	running sync.WaitGroup                 // of the tracks that are sent back
}

func newMirror() *mirror { return &mirror{calls: map[phone.CallID]chan struct{}{}} }

// Attach does nothing: there is something to send when something has come.
func (m *mirror) Attach(phone.CallID, *phone.Conn) {}

// Show sends back every track that comes.
func (m *mirror) Show(call phone.CallID, conn *phone.Conn) {
	m.mu.Lock()
	stop := m.calls[call]
	if stop == nil {
		stop = make(chan struct{})
		m.calls[call] = stop
	}
	m.mu.Unlock()
	conn.OnTrack(func(kind peer.Kind, track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		m.mu.Lock()
		if m.closed {
			m.mu.Unlock()
			return
		}
		m.running.Add(1)
		m.mu.Unlock()
		defer m.running.Done()
		sendBack(conn, kind, track, receiver, stop)
	})
}

// Detach stops what is sent in a call, which may have shown nothing.
func (m *mirror) Detach(call phone.CallID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if stop := m.calls[call]; stop != nil {
		close(stop)
		delete(m.calls, call)
	}
}

// close waits for all tracks to end. The phone is closed before, so they do.
func (m *mirror) close() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.running.Wait()
}

// sendBack sends the packets of a track in its own place, until it ends, the connection closes or stop is closed.
// Whatever the codec is: the other side takes what it sends.
func sendBack(conn *phone.Conn, kind peer.Kind, track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver, stop <-chan struct{}) {
	defer conn.Attach(kind, nil)
	var (
		back    *webrtc.TrackLocalStaticRTP
		payload webrtc.PayloadType // of back's codec
		asked   time.Time          // for a keyframe
	)
	for {
		packet, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		select {
		case <-stop:
			return
		default:
		}
		if back == nil || track.PayloadType() != payload { // the sender may change its codec at any time
			payload = track.PayloadType()
			back, err = webrtc.NewTrackLocalStaticRTP(track.Codec().RTPCodecCapability, kind.String(), "echo")
			if err == nil {
				err = conn.Attach(kind, back)
			}
			if err != nil {
				return
			}
		}
		if track.Kind() == webrtc.RTPCodecTypeVideo && time.Since(asked) >= keyframeEvery {
			asked = time.Now()
			_, _ = receiver.Transport().WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(track.SSRC())}})
		}
		// The header extensions are about the way here: numbers for congestion control, the time of sending.
		packet.Header.Extension, packet.Header.Extensions = false, nil
		_ = back.WriteRTP(packet) // fails while the connection is lost, which may be found again
	}
}
