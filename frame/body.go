package frame

import (
	"errors"
	"fmt"
	"time"

	"ringfork/keys"
	"ringfork/signalcore"
)

// The keys of a body's fields. They are the same in every kind of message, and never reused.
const (
	keyNumber      = 1
	keyAudio       = 2
	keyVideo       = 3
	keySentAt      = 4 // milliseconds since 1970
	keyTTL         = 5 // milliseconds
	keyName        = 6 // name or label
	keyCard        = 7
	keyLogHead     = 8
	keyPeerLogHead = 9
	keyMailbox     = 10
	keyRecipient   = 11
	keySDP         = 12 // packed
	keyCandidates  = 13 // packed
	keySeed        = 14
	keyEnd         = 15
	keyOutcome     = 16
	keyWinner      = 17
	keyEverywhere  = 18
	keyAck         = 19
	keySeq         = 20
	keyScreen      = 21
	keyHold        = 22
	keyGeneration  = 23
	keyWhat        = 24
	keyPeer        = 25
	keyReason      = 26
	keyBoxes       = 27
	keyLink        = 28
)

// Bounds of what a body may say.
const (
	maxCard   = 256 // today's have keys.CardSize
	maxSentAt = 1 << 47
	maxTTL    = uint64(time.Hour / time.Millisecond)
)

// known reports whether a body of this kind can be read.
func known(k signalcore.Kind) bool {
	switch k {
	case signalcore.KindRing, signalcore.KindOffer, signalcore.KindAnswer, signalcore.KindCandidates, signalcore.KindAccept,
		signalcore.KindWon, signalcore.KindSettled, signalcore.KindDecline, signalcore.KindBusy, signalcore.KindHangup, signalcore.KindState, signalcore.KindRestart,
		signalcore.KindSync, KindHello, KindLink:
		return true
	}
	return false
}

// marshalBody encodes a message. It fails where the message is misformed or longer than MaxBody.
func marshalBody(m signalcore.Message) ([]byte, error) {
	w := newWriter()
	var err error
	switch m := m.(type) {
	case signalcore.Ring:
		err = w.ring(m)
	case signalcore.Offer:
		w.text(keyName, keys.CleanName(m.Label))
		w.fixed(keyLogHead, m.LogHead[:])
		w.fixed(keyPeerLogHead, m.PeerLogHead[:])
		w.fixed(keySeed, m.Seed[:])
		w.fixed(keyMailbox, m.Mailbox[:])
		err = w.description(m.SDP, m.Candidates)
	case signalcore.Answer:
		w.uint(keyGeneration, uint64(m.Generation))
		err = w.description(m.SDP, m.Candidates)
	case signalcore.Candidates:
		w.bool(keyEnd, m.End)
		w.uint(keyGeneration, uint64(m.Generation))
		err = w.description("", m.List)
	case signalcore.Accept:
		w.media(m.Media)
		w.uint(keyGeneration, uint64(m.Generation))
		err = w.description(m.SDP, m.Candidates)
	case signalcore.Won, signalcore.Busy:
	case signalcore.Sync:
		w.uint(keyWhat, uint64(m.What))
		w.fixed(keyPeer, m.Peer[:])
		w.text(keyName, keys.CleanName(m.Label))
		w.uint(keyNumber, m.Counter)
	case Hello:
		w.hello(m)
	case Link:
		w.bytes(keyLink, m.Body)
	case signalcore.Restart:
		w.uint(keyGeneration, uint64(m.Generation))
		err = w.description(m.SDP, m.Candidates)
	case signalcore.Settled:
		w.uint(keyOutcome, uint64(m.Outcome))
		w.fixed(keyWinner, m.Winner[:])
		w.text(keyName, keys.CleanName(m.Label))
	case signalcore.Decline:
		w.bool(keyEverywhere, m.Everywhere)
	case signalcore.Hangup:
		w.bool(keyAck, m.Ack)
		w.uint(keyReason, uint64(m.Reason))
	case signalcore.State:
		w.uint(keySeq, uint64(m.Seq))
		w.media(signalcore.Media{Audio: m.Audio, Video: m.Video})
		w.bool(keyScreen, m.Screen)
		w.bool(keyHold, m.Hold)
	default:
		err = errors.New("its kind is unknown")
	}
	if err != nil {
		return nil, err
	}
	body := w.body()
	if len(body) > MaxBody {
		return nil, fmt.Errorf("it has %d bytes, %d more than fit", len(body), len(body)-MaxBody)
	}
	return body, nil
}

func (w *writer) ring(m signalcore.Ring) error {
	sentAt, ttl := m.SentAt.UnixMilli(), m.TTL.Milliseconds()
	switch {
	case sentAt < 0 || sentAt > maxSentAt || ttl < 0 || uint64(ttl) > maxTTL:
		return errors.New("the ring's time is out of range")
	case len(m.Card) == 0 || len(m.Card) > maxCard:
		return errors.New("the ring's card has a wrong size")
	case len(m.Recipient) != keys.RecipientSize:
		return errors.New("the ring's recipient has a wrong size")
	}
	w.uint(keyNumber, m.Number)
	w.media(m.Media)
	w.uint(keySentAt, uint64(sentAt))
	w.uint(keyTTL, uint64(ttl))
	w.text(keyName, keys.CleanName(m.Name))
	w.bytes(keyCard, m.Card)
	w.fixed(keyLogHead, m.LogHead[:])
	w.fixed(keyPeerLogHead, m.PeerLogHead[:])
	w.fixed(keyMailbox, m.Mailbox[:])
	w.bytes(keyRecipient, m.Recipient)
	return nil
}

func (w *writer) media(m signalcore.Media) {
	w.bool(keyAudio, m.Audio)
	w.bool(keyVideo, m.Video)
}

func (w *writer) description(sdp string, list []signalcore.Candidate) error {
	if sdp != "" {
		packed, err := pack(sdp)
		if err != nil {
			return err
		}
		w.bytes(keySDP, packed)
	}
	if len(list) > 0 {
		packed, err := packCandidates(list)
		if err != nil {
			return err
		}
		w.bytes(keyCandidates, packed)
	}
	return nil
}
