package client

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// The first byte of a message says what it is.
const (
	msgHello       = 0x01 // nonce (32)
	msgFrame       = 0x02 // address (20), age in ms (4, big endian), frame (4096)
	msgEnd         = 0x03 // end of the backlog: address (20)
	msgRefused     = 0x04 // address (20), code (text); what is greater is for others, or from a newer relay
	msgSubscribe   = 0x11 // Ed25519 key (32), signature (64)
	msgUnsubscribe = 0x12 // address (20)

	nonceSize  = 32
	maxMessage = 1 + 20 + 4 + FrameSize
)

// session is one connection to the relay, from its hello on. One goroutine reads, one writes.
type session struct {
	c     *Client
	ws    *websocket.Conn
	nonce []byte

	mu      sync.Mutex
	sent    map[[20]byte]*subscription // what the relay was asked for
	refused map[[20]byte]time.Time     // what it said no to, and when it is asked again
}

// write asks the relay for what is subscribed and not asked for yet, whenever that changes, and pings.
func (s *session) write(ctx context.Context) error {
	ping := time.NewTicker(s.c.timing.pingEvery)
	defer ping.Stop()
	retry := time.NewTicker(s.c.timing.refusedRetry)
	defer retry.Stop()
	for {
		for _, m := range s.requests() {
			writeCtx, cancel := context.WithTimeout(ctx, s.c.timing.write)
			err := s.ws.Write(writeCtx, websocket.MessageBinary, m)
			cancel()
			if err != nil {
				return unreachable(err)
			}
		}
		select {
		case <-s.c.changed:
		case <-retry.C:
		case <-ping.C:
			// A connection whose other side is gone, after a change of network, takes bytes for minutes without complaint.
			pingCtx, cancel := context.WithTimeout(ctx, s.c.timing.pingWait)
			err := s.ws.Ping(pingCtx)
			cancel()
			if err != nil {
				return &Error{Code: "relay-unreachable", Err: errSilent}
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// requests returns the messages that make what the relay was asked for what is subscribed.
//
// A proof is always made for the origin that this client was told to use, never for one that the relay names: a relay that
// could choose it would pass on proofs to another, and read there.
func (s *session) requests() [][]byte {
	drop, add := s.difference()
	var messages [][]byte
	for _, a := range drop {
		messages = append(messages, append([]byte{msgUnsubscribe}, a[:]...))
	}
	for _, sub := range add {
		key, signature := sub.mailbox.Prove(s.c.origin, s.nonce)
		messages = append(messages, append(append([]byte{msgSubscribe}, key...), signature...))
	}
	return messages
}

// difference returns what is to be unsubscribed and subscribed, and records it as sent. What was subscribed first comes
// first: it waits for no other.
func (s *session) difference() (drop [][20]byte, add []*subscription) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	for a := range s.sent {
		if s.c.subs[a] == nil {
			delete(s.sent, a)
			delete(s.refused, a)
			drop = append(drop, a)
		}
	}
	for a, sub := range s.c.subs {
		again, refused := s.refused[a]
		if s.sent[a] == sub && !(refused && !time.Now().Before(again)) {
			continue
		}
		delete(s.refused, a)
		s.sent[a] = sub
		add = append(add, sub)
	}
	slices.SortFunc(add, func(a, b *subscription) int { return a.number - b.number })
	return drop, add
}

// read takes the relay's messages. It never waits for a callback.
func (s *session) read(ctx context.Context) error {
	ended := map[*subscription]bool{} // whose backlog is read
	for {
		kind, p, err := s.ws.Read(ctx)
		if err != nil {
			return unreachable(err)
		}
		if kind == websocket.MessageBinary && len(p) > 0 && p[0] > msgRefused {
			continue
		}
		if kind != websocket.MessageBinary || len(p) < 1+20 {
			return &Error{Code: "bad-answer"}
		}
		address := [20]byte(p[1:21])
		s.mu.Lock()
		sub := s.sent[address]
		s.mu.Unlock()
		room := true
		switch body := p[21:]; {
		case p[0] == msgFrame && len(body) == 4+FrameSize:
			if sub == nil {
				break // cancelled meanwhile
			}
			age, frame := time.Duration(binary.BigEndian.Uint32(body))*time.Millisecond, body[4:]
			if isNew := sub.seen.add(frame, time.Now()); isNew || ended[sub] && age == 0 {
				room = s.c.events.add(sub.frame(frame, age))
			}
		case p[0] == msgEnd && len(body) == 0:
			if sub != nil {
				ended[sub] = true
				room = s.c.events.add(sub.backlogEnd)
			}
		case p[0] == msgRefused && len(body) > 0 && len(body) <= 64:
			again := time.Now().Add(s.c.timing.refusedRetry)
			if string(body) == "bad-proof" { // it is wrong the next time, too: on another connection at best
				again = again.Add(time.Hour)
			}
			s.mu.Lock()
			s.refused[address] = again
			s.mu.Unlock()
			s.c.fail(&Error{Code: string(body)})
		default:
			return &Error{Code: "bad-answer"}
		}
		if !room {
			return errors.New("callbacks do not keep up")
		}
	}
}
