package turn

import (
	"encoding/binary"
	"errors"
)

// maxMessage bounds a message in a stream; it is what pion takes over UDP too.
const maxMessage = 1500

var errFraming = errors.New("not a TURN message")

// frames follows a stream of STUN messages and ChannelData (RFC 8656, section 12.5), and finds out when it is none. pion reads
// the stream itself, but adds up lengths in 16 bits: a message that claims 65,516 bytes has length 0 for it, and it would
// look at that message for ever.
type frames struct {
	header [4]byte
	have   int // bytes of header
	left   int // bytes of the message after its header
}

func (f *frames) check(p []byte) error {
	for len(p) > 0 {
		if f.left > 0 {
			n := min(f.left, len(p))
			f.left -= n
			p = p[n:]
			continue
		}
		n := copy(f.header[f.have:], p)
		f.have += n
		p = p[n:]
		if f.have < len(f.header) {
			continue
		}
		f.have = 0
		length := int(binary.BigEndian.Uint16(f.header[2:]))
		switch f.header[0] >> 6 {
		case 0: // STUN: the length is that of the attributes, after a header of 20 bytes
			f.left = 16 + length
		case 1: // ChannelData, padded
			f.left = (length + 3) &^ 3
		default:
			return errFraming
		}
		if f.left > maxMessage || f.header[0]>>6 == 0 && length%4 != 0 {
			return errFraming
		}
	}
	return nil
}
