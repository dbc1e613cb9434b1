//go:build !js

package peer

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
)

// newTrack returns a track and a function that writes packets with this payload to it until the test ends.
func newTrack(t *testing.T, mime string) (*webrtc.TrackLocalStaticRTP, func(payload string)) {
	t.Helper()
	clock := uint32(90000)
	if mime == webrtc.MimeTypeOpus {
		clock = 48000
	}
	track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: mime, ClockRate: clock}, "t", "s")
	if err != nil {
		t.Fatal(err)
	}
	sequence := uint16(0)
	return track, func(payload string) {
		sequence++
		p := &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: sequence}, Payload: []byte(payload)}
		if err := track.WriteRTP(p); err != nil && !errors.Is(err, io.ErrClosedPipe) {
			t.Error(err)
		}
	}
}

// play writes packets until the other side reports a track and a packet with this payload came over it.
func play(t *testing.T, to *side, kind Kind, write func(string), payload string) received {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	timeout := time.After(patience)
	for {
		select {
		case <-ticker.C:
			write(payload)
		case r := <-to.tracks:
			if r.kind != kind {
				t.Fatalf("%s: got %v, want %v", to.name, r.kind, kind)
			}
			expect(t, r, write, payload)
			return r
		case <-timeout:
			t.Fatalf("%s: no %v", to.name, kind)
		}
	}
}

// expect writes packets until one with this payload is read. Any of them may be lost.
func expect(t *testing.T, r received, write func(string), payload string) {
	t.Helper()
	read, stopped := make(chan struct{}), make(chan struct{})
	defer func() { close(read); <-stopped }()
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(5 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				write(payload)
			case <-read:
				return
			}
		}
	}()
	if err := r.track.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	for {
		packet, _, err := r.track.ReadRTP()
		if err != nil {
			t.Fatalf("no packet with %q: %v", payload, err)
		}
		if string(packet.Payload) == payload {
			return
		}
	}
}

func TestMediaFlowsAfterAttach(t *testing.T) {
	endpoint, caller := pair(t)
	for _, both := range [][2]*side{{endpoint, caller}, {caller, endpoint}} {
		from, to := both[0], both[1]
		for _, c := range []struct {
			kind Kind
			mime string
		}{{Screen, webrtc.MimeTypeVP8}, {Audio, webrtc.MimeTypeOpus}, {Camera, webrtc.MimeTypeH264}} {
			track, write := newTrack(t, c.mime)
			write("nobody listens")
			if len(to.tracks) != 0 {
				t.Fatalf("%v before Attach", c.kind)
			}
			if err := from.Attach(c.kind, track); err != nil {
				t.Fatal(err)
			}
			r := play(t, to, c.kind, write, "first")

			other, writeOther := newTrack(t, c.mime)
			if err := from.Attach(c.kind, other); err != nil {
				t.Fatal(err)
			}
			write("replaced")
			expect(t, r, writeOther, "second")
			if err := from.Attach(c.kind, nil); err != nil {
				t.Fatal(err)
			}
			writeOther("detached")
			if err := from.Attach(c.kind, track); err != nil {
				t.Fatal(err)
			}
			expect(t, r, write, "third")
		}
	}
}

func TestAttachBeforeTheDescriptions(t *testing.T) {
	cfg := Config{Loopback: true}
	endpoint, caller := newSide(t, "endpoint", cfg), newSide(t, "caller", cfg)
	audio, writeAudio := newTrack(t, webrtc.MimeTypeOpus)
	if err := caller.Attach(Audio, audio); err != nil {
		t.Fatal(err)
	}
	unknown, writeUnknown := newTrack(t, webrtc.MimeTypeAV1)
	if err := caller.Attach(Camera, unknown); err != nil {
		t.Fatal(err)
	}
	connect(t, endpoint, caller)
	writeUnknown("a codec that nobody has")
	play(t, endpoint, Audio, writeAudio, "early")
}

// TestPacketsNameTheirSection is for browsers, which tell packets apart by it when descriptions come without SSRCs.
func TestPacketsNameTheirSection(t *testing.T) {
	cfg := Config{Loopback: true}
	endpoint, caller := newSide(t, "endpoint", cfg), newSide(t, "caller", cfg)
	connect(t, endpoint, caller)
	for kind, mime := range []string{webrtc.MimeTypeOpus, webrtc.MimeTypeVP8, webrtc.MimeTypeVP9} {
		kind := Kind(kind)
		track, write := newTrack(t, mime)
		if err := endpoint.Attach(kind, track); err != nil {
			t.Fatal(err)
		}
		r := play(t, caller, kind, write, "x")
		write("y")
		packet, _, err := r.track.ReadRTP()
		if err != nil {
			t.Fatal(err)
		}
		want := caller.pc.GetTransceivers()[kind].Mid()
		mid := ""
		for _, extension := range r.at.GetParameters().HeaderExtensions {
			if extension.URI == sdp.SDESMidURI {
				mid = string(packet.GetExtension(uint8(extension.ID)))
			}
		}
		if mid != want {
			t.Errorf("%v: packet of section %q, want %q", kind, mid, want)
		}
	}
}

func TestNoMediaBeforeAttach(t *testing.T) {
	endpoint, caller := pair(t)
	// Something that comes after whatever pion might have sent on connecting.
	if err := endpoint.Send([]byte("x")); err != nil {
		t.Fatal(err)
	}
	caller.await(t, "message", has[ChannelMessage])
	for _, s := range []*side{endpoint, caller} {
		for _, stats := range s.pc.GetStats() {
			if in, ok := stats.(webrtc.InboundRTPStreamStats); ok && in.PacketsReceived > 0 {
				t.Errorf("%s: got %d packets", s.name, in.PacketsReceived)
			}
			if out, ok := stats.(webrtc.OutboundRTPStreamStats); ok && out.PacketsSent > 0 {
				t.Errorf("%s: sent %d packets", s.name, out.PacketsSent)
			}
		}
		if len(s.tracks) > 0 {
			t.Errorf("%s: has a track", s.name)
		}
	}
}

func TestAttachRefuses(t *testing.T) {
	endpoint, caller := pair(t)
	video, _ := newTrack(t, webrtc.MimeTypeVP8)
	if err := endpoint.Attach(Audio, video); err == nil {
		t.Error("video is taken for audio")
	}
	if err := endpoint.Attach(Screen+1, video); err == nil {
		t.Error("a kind that is none is taken")
	}
	unknown, _ := newTrack(t, webrtc.MimeTypeAV1)
	if err := endpoint.Attach(Camera, unknown); err == nil {
		t.Error("a codec that was not negotiated is taken")
	}
	track, write := newTrack(t, webrtc.MimeTypeVP8)
	if err := endpoint.Attach(Camera, track); err != nil {
		t.Fatal(err)
	}
	play(t, caller, Camera, write, "after an error")
}
