package frame

import (
	"encoding/binary"
	"errors"

	"ringfork/signalcore"
)

// Bounds of candidates in one message. An ICE user name fragment has at most 256 characters (RFC 8839, section 5.4).
const (
	maxCandidates    = 64
	maxCandidateText = 512
)

// packCandidates packs a list of candidates: of each the line, mid and ufrag, with their lengths.
func packCandidates(list []signalcore.Candidate) ([]byte, error) {
	if len(list) > maxCandidates {
		return nil, errors.New("it has too many candidates")
	}
	var b []byte
	for _, c := range list {
		for _, s := range []string{c.Line, c.Mid, c.Ufrag} {
			if len(s) > maxCandidateText {
				return nil, errors.New("it has a candidate that is too long")
			}
			b = binary.AppendUvarint(b, uint64(len(s)))
			b = append(b, s...)
		}
	}
	return pack(string(b))
}

// unpackCandidates reads what packCandidates wrote. Its errors are DropErrors.
func unpackCandidates(packed []byte) ([]signalcore.Candidate, error) {
	s, err := unpack(packed)
	if err != nil {
		return nil, err
	}
	var list []signalcore.Candidate
	for s != "" {
		var c signalcore.Candidate
		for _, to := range []*string{&c.Line, &c.Mid, &c.Ufrag} {
			n, size := binary.Uvarint([]byte(s[:min(len(s), binary.MaxVarintLen64)]))
			if size <= 0 || n > maxCandidateText || n > uint64(len(s)-size) {
				return nil, drop(ReasonMalformed)
			}
			*to, s = s[size:size+int(n)], s[size+int(n):]
		}
		if len(list) == maxCandidates {
			return nil, drop(ReasonMalformed)
		}
		list = append(list, c)
	}
	return list, nil
}
