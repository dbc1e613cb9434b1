//go:build !js

package peer

import (
	"errors"
	"strings"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/logging"
	"github.com/pion/webrtc/v4"
)

// build is the native part of a connection. All but places is guarded by the connection's lock.
type build struct {
	places  [kinds]*place
	channel *webrtc.DataChannel
	ufrag   string // of the local description
	onTrack func(Kind, *webrtc.TrackRemote, *webrtc.RTPReceiver)
	arrived []arrival // tracks that came before onTrack was set
}

// LiveFuncs returns 0: only a browser has functions to release.
func LiveFuncs() int { return 0 }

func (c *Conn) create(cfg Config) error {
	media, interceptors, err := newMedia()
	if err != nil {
		return err
	}
	// pion writes addresses to its log, and its log is standard error. What is not asked for in its environment
	// variables is not logged.
	logs := logging.NewDefaultLoggerFactory()
	logs.DefaultLogLevel = logging.LogLevelDisabled

	var s webrtc.SettingEngine
	s.LoggerFactory = logs
	s.DisableActiveTCP(true)
	s.SetIncludeLoopbackCandidate(cfg.Loopback)
	// pion prefers a direct path so much that it would wait two seconds before it takes a relayed one.
	s.SetSrflxAcceptanceMinWait(100 * time.Millisecond)
	s.SetPrflxAcceptanceMinWait(100 * time.Millisecond)
	s.SetRelayAcceptanceMinWait(300 * time.Millisecond)
	w := webrtc.Configuration{BundlePolicy: webrtc.BundlePolicyMaxBundle, RTCPMuxPolicy: webrtc.RTCPMuxPolicyRequire}
	if cfg.RelayOnly {
		w.ICETransportPolicy = webrtc.ICETransportPolicyRelay
	} else if cfg.Mux != nil {
		s.SetICEUDPMux(cfg.Mux.mux)
	}
	for _, server := range cfg.ICEServers {
		w.ICEServers = append(w.ICEServers, webrtc.ICEServer{
			URLs: server.URLs, Username: server.Username, Credential: server.Credential,
		})
	}
	api := webrtc.NewAPI(webrtc.WithSettingEngine(s), webrtc.WithMediaEngine(media),
		webrtc.WithInterceptorRegistry(interceptors))
	pc, err := api.NewPeerConnection(w)
	if err != nil {
		return err
	}
	c.pc = pc
	for k := range Kind(kinds) {
		c.places[k] = newPlace(k)
	}
	return nil
}

func (c *Conn) listen() error {
	c.pc.OnICECandidate(func(found *webrtc.ICECandidate) {
		if found == nil {
			c.events.put(CandidatesEnd{})
			return
		}
		init := found.ToJSON()
		c.mu.Lock()
		candidate := Candidate{Line: init.Candidate, Ufrag: c.ufrag}
		c.mu.Unlock()
		if init.SDPMid != nil {
			candidate.Mid = *init.SDPMid
		}
		c.candidateFound(candidate)
	})
	c.pc.OnConnectionStateChange(func(webrtc.PeerConnectionState) { c.stateMayHaveChanged() })
	c.pc.OnDataChannel(c.onChannel)
	c.pc.OnTrack(c.onRemoteTrack)
	return nil
}

func (c *Conn) unlisten() {}

func (c *Conn) shut() { _ = c.pc.GracefulClose() }

// onChannel takes the first channel with the right label and no other.
func (c *Conn) onChannel(channel *webrtc.DataChannel) {
	c.mu.Lock()
	take := c.channel == nil && channel.Label() == channelLabel
	if take {
		c.channel = channel
	}
	c.mu.Unlock()
	if !take {
		channel.OnOpen(func() { _ = channel.Close() })
		return
	}
	c.adopt(channel)
}

func (c *Conn) adopt(channel *webrtc.DataChannel) {
	channel.OnOpen(c.channelOpened)
	channel.OnMessage(func(m webrtc.DataChannelMessage) {
		if m.IsString || len(m.Data) == 0 || len(m.Data) > MaxMessage {
			return
		}
		// pion opens in another goroutine, which may come later.
		c.channelOpened()
		c.channelMessage(m.Data)
	})
	channel.OnClose(c.channelClosed)
}

func (c *Conn) send(data []byte) error {
	c.mu.Lock()
	channel := c.channel
	c.mu.Unlock()
	if channel.BufferedAmount() > maxBuffered {
		return ErrFull
	}
	if err := channel.Send(data); err != nil {
		return &Error{Op: "send a message", Err: err}
	}
	return nil
}

func (c *Conn) prepareOffer() error {
	for _, p := range c.places {
		init := webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendrecv}
		t, err := c.pc.AddTransceiverFromTrack(p, init)
		if err != nil {
			return err
		}
		go drain(t.Sender())
	}
	channel, err := c.pc.CreateDataChannel(channelLabel, nil)
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.channel = channel
	c.mu.Unlock()
	c.adopt(channel)
	return nil
}

// prepareAnswer lets this side send in the places of the offer, which pion has as receiving only.
func (c *Conn) prepareAnswer() error {
	transceivers := c.pc.GetTransceivers()
	if len(transceivers) < kinds || len(transceivers) > maxTransceivers {
		return errors.New("offer has other media")
	}
	for k, p := range c.places {
		t := transceivers[k]
		if t.Kind() != p.Kind() || t.Direction() != webrtc.RTPTransceiverDirectionRecvonly {
			return errors.New("offer has other media")
		}
		// It takes the first transceiver of the track's kind that has no sender.
		sender, err := c.pc.AddTrack(p)
		if err != nil {
			return err
		}
		if t.Sender() != sender {
			return errors.New("offer has other media")
		}
		go drain(sender)
	}
	return nil
}

// described is called with the local description, before it is applied.
func (c *Conn) described(sdp string) {
	for k, t := range c.pc.GetTransceivers() {
		if k < kinds {
			c.places[k].setMid(t.Mid())
		}
	}
	_, rest, _ := strings.Cut(sdp, "a=ice-ufrag:")
	ufrag, _, _ := strings.Cut(rest, "\r\n")
	c.mu.Lock()
	c.ufrag = ufrag
	c.mu.Unlock()
}

// drain reads the RTCP that comes for a sender or a receiver, because interceptors only see what is read.
func drain(r interface {
	Read([]byte) (int, interceptor.Attributes, error)
}) {
	buffer := make([]byte, 1500)
	for {
		if _, _, err := r.Read(buffer); err != nil {
			return
		}
	}
}

func causeName(error) string { return "" }
