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
	asked   map[[20]byte]bool          // of that, what it has not answered: only then it is asked again, for an answer names no question
	refused map[[20]byte]refused       // what it said no to
}

// refused is why a mailbox is not read, and when the relay is asked again: zero, not on this connection.
type refused struct {
	code  string
	again time.Time
}

func newSession(c *Client, ws *websocket.Conn, nonce []byte) *session {
	return &session{
		c: c, ws: ws, nonce: nonce,
		sent: map[[20]byte]*subscription{}, asked: map[[20]byte]bool{}, refused: map[[20]byte]refused{},
	}
}

// write asks the relay for what is subscribed and not asked for yet, whenever that changes, and pings.
func (s *session) write(ctx context.Context) error {
	ping := time.NewTicker(s.c.timing.pingEvery)
	defer ping.Stop()
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
		case <-time.After(s.untilRetry()):
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
		if s.c.subs[a] == nil && !s.asked[a] {
			delete(s.sent, a)
			delete(s.refused, a)
			drop = append(drop, a)
		}
	}
	now := time.Now()
	for a, sub := range s.c.subs {
		r, refused := s.refused[a]
		due := refused && !r.again.IsZero() && !now.Before(r.again)
		if s.asked[a] || s.sent[a] == sub && !due {
			continue
		}
		r.again = time.Time{}
		if s.sent[a] != sub {
			delete(s.refused, a)
		} else {
			s.refused[a] = r // until it is answered
		}
		s.sent[a], s.asked[a] = sub, true
		add = append(add, sub)
	}
	s.tell()
	slices.SortFunc(add, func(a, b *subscription) int { return a.number - b.number })
	return drop, add
}

// untilRetry returns how long it is until something that was refused is to be asked for again.
func (s *session) untilRetry() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	wait := time.Hour
	for _, r := range s.refused {
		if !r.again.IsZero() {
			wait = min(wait, time.Until(r.again))
		}
	}
	return wait
}

// answered takes the relay's answer to what it was asked of a mailbox: why it is refused, nothing if it is not. A mailbox that
// is not read is an endpoint that does not ring: it is asked for again, ever more slowly. But a proof that the relay finds wrong
// it finds wrong again: it goes by another name.
func (s *session) answered(address [20]byte, code string) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	sub := s.sent[address]
	delete(s.asked, address)
	delete(s.refused, address)
	switch {
	case sub == nil:
	case code == "":
		sub.refusals = 0
	case sub == s.c.subs[address]:
		r := refused{code: code}
		if code != "bad-proof" {
			r.again = time.Now().Add(min(longestRetry, s.c.timing.refusedRetry<<min(sub.refusals, 16)))
		}
		if sub.refusals++; code == "rate-limited" && sub.refusals == 1 {
			r.code = "" // it passes by itself, mostly before the next attempt
		}
		s.refused[address] = r
	}
	s.tell()
	poke(s.c.changed)
}

const longestRetry = time.Minute

// tell has Client.Err say why a mailbox is not read, nil if all are. Both locks are held.
func (s *session) tell() {
	s.c.lastErr = nil
	for _, r := range s.refused {
		if r.code != "" {
			s.c.lastErr = &Error{Code: r.code}
		}
	}
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
			s.answered(address, "")
			if sub != nil {
				ended[sub] = true
				room = s.c.events.add(sub.backlogEnd)
			}
		case p[0] == msgRefused && len(body) > 0 && len(body) <= 64:
			s.answered(address, string(body))
		default:
			return &Error{Code: "bad-answer"}
		}
		if !room {
			return errors.New("callbacks do not keep up")
		}
	}
}
