package frame

import (
	"time"

	"ringfork/keys"
	"ringfork/signalcore"
)

// unmarshalBody reads what marshalBody wrote, for a kind that is known. Its errors are DropErrors.
func unmarshalBody(k signalcore.Kind, body []byte) (signalcore.Message, error) {
	f, ok := parseFields(body)
	if !ok {
		return nil, drop(ReasonMalformed)
	}
	m, err := f.message(k)
	if err != nil {
		return nil, err
	}
	if f.bad {
		return nil, drop(ReasonMalformed)
	}
	return m, nil
}

func (f *fields) message(k signalcore.Kind) (signalcore.Message, error) {
	switch k {
	case signalcore.KindRing:
		return f.ring(), nil
	case signalcore.KindOffer:
		m := signalcore.Offer{Label: f.name()}
		f.fixed(keyLogHead, m.LogHead[:])
		f.fixed(keyPeerLogHead, m.PeerLogHead[:])
		f.fixed(keySeed, m.Seed[:])
		f.fixed(keyMailbox, m.Mailbox[:])
		err := f.description(&m.SDP, &m.Candidates)
		return m, err
	case signalcore.KindAnswer:
		m := signalcore.Answer{Generation: uint32(f.uint(keyGeneration, 1<<32-1))}
		err := f.description(&m.SDP, &m.Candidates)
		return m, err
	case signalcore.KindCandidates:
		m := signalcore.Candidates{End: f.bool(keyEnd), Generation: uint32(f.uint(keyGeneration, 1<<32-1))}
		err := f.description(nil, &m.List)
		return m, err
	case signalcore.KindAccept:
		m := signalcore.Accept{Media: f.media(), Generation: uint32(f.uint(keyGeneration, 1<<32-1))}
		err := f.description(&m.SDP, &m.Candidates)
		return m, err
	case signalcore.KindWon:
		return signalcore.Won{}, nil
	case signalcore.KindSettled:
		// An outcome of a later version settles a call all the same.
		m := signalcore.Settled{Outcome: signalcore.Outcome(f.uint(keyOutcome, 255)), Label: f.name()}
		f.fixed(keyWinner, m.Winner[:])
		f.bad = f.bad || m.Outcome == signalcore.NoOutcome
		return m, nil
	case signalcore.KindBusy:
		return signalcore.Busy{}, nil
	case signalcore.KindSync:
		m := signalcore.Sync{What: signalcore.SyncWhat(f.uint(keyWhat, 255)), Label: f.name(), Counter: f.uint(keyNumber, 1<<64-1)}
		f.fixed(keyPeer, m.Peer[:])
		return m, nil
	case KindHello:
		return f.hello(), nil
	case KindLink:
		m := Link{Body: f.bytes(keyLink, MaxBody)}
		f.bad = f.bad || len(m.Body) == 0
		return m, nil
	case signalcore.KindRestart:
		m := signalcore.Restart{Generation: uint32(f.uint(keyGeneration, 1<<32-1))}
		err := f.description(&m.SDP, &m.Candidates)
		return m, err
	case signalcore.KindDecline:
		return signalcore.Decline{Everywhere: f.bool(keyEverywhere)}, nil
	case signalcore.KindHangup:
		// A reason of a later version hangs up all the same.
		return signalcore.Hangup{Ack: f.bool(keyAck), Reason: signalcore.HangupReason(f.uint(keyReason, 255))}, nil
	case signalcore.KindState:
		media := f.media()
		return signalcore.State{
			Seq:    uint32(f.uint(keySeq, 1<<32-1)),
			Audio:  media.Audio,
			Video:  media.Video,
			Screen: f.bool(keyScreen),
			Hold:   f.bool(keyHold),
		}, nil
	}
	return nil, drop(ReasonKind)
}

func (f *fields) ring() signalcore.Ring {
	m := signalcore.Ring{
		Number:    f.uint(keyNumber, 1<<64-1),
		Media:     f.media(),
		SentAt:    time.UnixMilli(int64(f.uint(keySentAt, maxSentAt))),
		TTL:       time.Duration(f.uint(keyTTL, maxTTL)) * time.Millisecond,
		Name:      f.name(),
		Card:      f.bytes(keyCard, maxCard),
		Recipient: f.bytes(keyRecipient, keys.RecipientSize),
	}
	f.fixed(keyLogHead, m.LogHead[:])
	f.fixed(keyPeerLogHead, m.PeerLogHead[:])
	f.fixed(keyMailbox, m.Mailbox[:])
	f.bad = f.bad || len(m.Card) == 0 || len(m.Recipient) != keys.RecipientSize
	return m
}

func (f *fields) media() signalcore.Media {
	return signalcore.Media{Audio: f.bool(keyAudio), Video: f.bool(keyVideo)}
}

// name takes a name or label. One that is longer than keys.MaxName, or not clean, is refused.
func (f *fields) name() string {
	s := f.text(keyName)
	if keys.CleanName(s) != s {
		f.bad = true
	}
	return s
}

func (f *fields) description(sdp *string, list *[]signalcore.Candidate) (err error) {
	if packed := f.bytes(keySDP, MaxBody); packed != nil && sdp != nil {
		if *sdp, err = unpack(packed); err != nil {
			return err
		}
	}
	if packed := f.bytes(keyCandidates, MaxBody); packed != nil {
		*list, err = unpackCandidates(packed)
	}
	return err
}
