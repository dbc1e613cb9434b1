//go:build linux

package main

import (
	"encoding/binary"
)

// Opcodes of WebSocket frames (RFC 6455, section 5.2).
const (
	opText   = 0x1
	opBinary = 0x2
	opClose  = 0x8
	opPing   = 0x9
	opPong   = 0xa
)

// parseFrames calls got with each whole frame of a server in p, and returns how many bytes these are. Messages in several frames are
// not understood: none of the servers sends them.
func parseFrames(p []byte, got func(opcode byte, payload []byte) error) (used int, err error) {
	for {
		rest := p[used:]
		if len(rest) < 2 {
			return used, nil
		}
		if rest[0]&0xf0 != 0x80 || rest[1]&0x80 != 0 { // not final, compressed, or masked
			return used, errProtocol
		}
		head, n := 2, uint64(rest[1])
		switch n {
		case 126:
			if head = 4; len(rest) >= head {
				n = uint64(binary.BigEndian.Uint16(rest[2:]))
			}
		case 127:
			if head = 10; len(rest) >= head {
				n = binary.BigEndian.Uint64(rest[2:])
			}
		}
		if len(rest) < head || uint64(len(rest)-head) < n {
			return used, nil
		}
		end := head + int(n)
		if err := got(rest[0]&0xf, rest[head:end]); err != nil {
			return used, err
		}
		used += end
	}
}

// appendFrame appends a frame of a client with a payload of less than 64 kB. Its mask is zero: what is masked costs the server as
// much to unmask, and the generator less.
func appendFrame(b []byte, opcode byte, payload []byte) []byte {
	b = append(b, 0x80|opcode)
	if len(payload) < 126 {
		b = append(b, 0x80|byte(len(payload)))
	} else {
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(len(payload)))
	}
	return append(append(b, 0, 0, 0, 0), payload...)
}

// listen makes the loop read WebSocket messages from a connection, and answer its pings.
func (l *loop) listen(ws *webSocket, got func(payload []byte)) (*socket, error) {
	var s *socket
	ready := make(chan struct{})
	take := func(p []byte) (int, error) {
		return parseFrames(p, func(opcode byte, payload []byte) error {
			switch opcode {
			case opText, opBinary:
				got(payload)
			case opPing:
				<-ready
				return s.write(appendFrame(nil, opPong, payload))
			case opClose:
				return errProtocol
			}
			return nil
		})
	}
	var err error
	s, err = l.add(ws.NetConn(), take, nil)
	close(ready)
	return s, err
}
