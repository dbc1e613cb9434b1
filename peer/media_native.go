//go:build !js

package peer

import (
	"errors"
	"slices"
	"sync"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
)

// newMedia registers what every browser has and nothing more: a description has to fit into few frames.
func newMedia() (*webrtc.MediaEngine, *interceptor.Registry, error) {
	feedback := []webrtc.RTCPFeedback{{Type: "ccm", Parameter: "fir"}, {Type: "nack"}, {Type: "nack", Parameter: "pli"}}
	media := &webrtc.MediaEngine{}
	interceptors := &interceptor.Registry{}
	for _, codec := range []struct {
		mime      string
		payload   webrtc.PayloadType
		clock     uint32
		channels  uint16
		parameter string
	}{
		{webrtc.MimeTypeOpus, 111, 48000, 2, "minptime=10;useinbandfec=1"},
		{webrtc.MimeTypeVP8, 96, 90000, 0, ""},
		{webrtc.MimeTypeRTX, 97, 90000, 0, "apt=96"},
		{webrtc.MimeTypeVP9, 98, 90000, 0, "profile-id=0"},
		{webrtc.MimeTypeRTX, 99, 90000, 0, "apt=98"},
		{webrtc.MimeTypeH264, 102, 90000, 0, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"},
		{webrtc.MimeTypeRTX, 103, 90000, 0, "apt=102"},
	} {
		parameters := webrtc.RTPCodecParameters{
			RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: codec.mime, ClockRate: codec.clock, Channels: codec.channels, SDPFmtpLine: codec.parameter,
			},
			PayloadType: codec.payload,
		}
		kind := webrtc.RTPCodecTypeAudio
		if codec.clock == 90000 {
			kind = webrtc.RTPCodecTypeVideo
			if codec.mime != webrtc.MimeTypeRTX {
				parameters.RTCPFeedback = feedback
			}
		}
		if err := media.RegisterCodec(parameters, kind); err != nil {
			return nil, nil, err
		}
	}
	// pion registers it for video only.
	mid := webrtc.RTPHeaderExtensionCapability{URI: sdp.SDESMidURI}
	if err := media.RegisterHeaderExtension(mid, webrtc.RTPCodecTypeAudio); err != nil {
		return nil, nil, err
	}
	return media, interceptors, webrtc.RegisterDefaultInterceptors(media, interceptors)
}

// Attach lets a track take the place of a kind, without a new description; nil empties the place. It may be called
// before and after the descriptions are made. Before both are applied nothing is sent, and a track whose codec the other
// side turns out not to have is dropped; after that such a track is an error. The place is empty after an error.
func (c *Conn) Attach(kind Kind, track webrtc.TrackLocal) error {
	if kind < 0 || kind >= kinds {
		return errors.New("no such kind")
	}
	if c.isClosed() {
		return ErrClosed
	}
	if err := c.places[kind].attach(track); err != nil {
		return &Error{Op: "attach a track", Err: err}
	}
	return nil
}

// OnTrack sets the function that is called, in a goroutine of its own, when the first packet of a kind has come. For kinds
// whose first packet came before it is called at once.
func (c *Conn) OnTrack(f func(Kind, *webrtc.TrackRemote, *webrtc.RTPReceiver)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onTrack = f
	if f == nil || c.closed {
		return
	}
	for _, a := range c.arrived {
		go f(a.kind, a.track, a.receiver)
	}
	c.arrived = nil
}

// arrival is a track that came before anybody asked for tracks.
type arrival struct {
	kind     Kind
	track    *webrtc.TrackRemote
	receiver *webrtc.RTPReceiver
}

func (c *Conn) onRemoteTrack(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	kind := slices.IndexFunc(c.pc.GetTransceivers(), func(t *webrtc.RTPTransceiver) bool { return t.Receiver() == receiver })
	if kind < 0 || kind >= kinds {
		return
	}
	c.mu.Lock()
	f := c.onTrack
	switch {
	case c.closed:
		f = nil
	case f == nil && len(c.arrived) < kinds:
		c.arrived = append(c.arrived, arrival{Kind(kind), track, receiver})
	}
	c.mu.Unlock()
	go drain(receiver)
	if f != nil {
		f(Kind(kind), track, receiver)
	}
}

// place is what pion has for a track from the beginning, because it starts no sender without one. It sends nothing by
// itself: it hands what it was bound to on to the track attached.
type place struct {
	kind Kind

	mu    sync.Mutex
	mid   string
	bound *binding          // nil before both descriptions are applied and after the end
	track webrtc.TrackLocal // nil when the place is empty
}

func newPlace(kind Kind) *place { return &place{kind: kind} }

// ID, RID, StreamID and Kind implement webrtc.TrackLocal.
func (p *place) ID() string       { return p.kind.String() }
func (p *place) RID() string      { return "" }
func (p *place) StreamID() string { return channelLabel }

func (p *place) Kind() webrtc.RTPCodecType { return webrtc.NewRTPCodecType(p.kind.media()) }

func (p *place) setMid(mid string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mid = mid
}

func (p *place) attach(track webrtc.TrackLocal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if track != nil && track.Kind() != p.Kind() {
		return errors.New("track is of another kind")
	}
	old := p.track
	p.track = nil
	if old != nil && p.bound != nil {
		if err := old.Unbind(p.bound); err != nil {
			return err
		}
	}
	if track != nil && p.bound != nil {
		if _, err := track.Bind(p.bound); err != nil {
			return err
		}
	}
	p.track = track
	return nil
}

// Bind implements webrtc.TrackLocal. pion calls it when both descriptions are applied.
func (p *place) Bind(ctx webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	codecs := ctx.CodecParameters()
	if len(codecs) == 0 {
		return webrtc.RTPCodecParameters{}, webrtc.ErrUnsupportedCodec
	}
	p.bound = newBinding(ctx, p.mid)
	if p.track != nil {
		codec, err := p.track.Bind(p.bound)
		if err == nil {
			return codec, nil
		}
		p.track = nil
	}
	return codecs[0], nil
}

// Unbind implements webrtc.TrackLocal.
func (p *place) Unbind(webrtc.TrackLocalContext) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	track, bound := p.track, p.bound
	p.track, p.bound = nil, nil
	if track == nil || bound == nil {
		return nil
	}
	return track.Unbind(bound)
}

// binding is pion's context with two things changed. It keeps all codecs that were negotiated, where pion narrows them to
// the one that the place returned. And it writes the media section's name into every packet (RFC 9143, section 15), so
// that the other side needs no SSRC in the description.
type binding struct {
	webrtc.TrackLocalContext
	codecs []webrtc.RTPCodecParameters
	writer webrtc.TrackLocalWriter
}

func newBinding(ctx webrtc.TrackLocalContext, mid string) *binding {
	b := &binding{TrackLocalContext: ctx, codecs: slices.Clone(ctx.CodecParameters()), writer: ctx.WriteStream()}
	for _, extension := range ctx.HeaderExtensions() {
		if extension.URI == sdp.SDESMidURI && mid != "" && extension.ID > 0 && extension.ID < 15 {
			b.writer = midWriter{b.writer, uint8(extension.ID), []byte(mid)}
		}
	}
	return b
}

func (b *binding) CodecParameters() []webrtc.RTPCodecParameters { return b.codecs }
func (b *binding) WriteStream() webrtc.TrackLocalWriter         { return b.writer }

type midWriter struct {
	webrtc.TrackLocalWriter
	id  uint8
	mid []byte
}

func (w midWriter) WriteRTP(header *rtp.Header, payload []byte) (int, error) {
	h := *header
	h.Extensions = slices.Clone(header.Extensions)
	if err := h.SetExtension(w.id, w.mid); err != nil {
		return 0, err
	}
	return w.TrackLocalWriter.WriteRTP(&h, payload)
}

func (w midWriter) Write(packet []byte) (int, error) {
	var p rtp.Packet
	if err := p.Unmarshal(packet); err != nil {
		return 0, err
	}
	return w.WriteRTP(&p.Header, p.Payload)
}
