package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
)

// acks hands a stream's answer to each message that it is to store to the one who waits for it. It does what the request of
// NATS's client does, at a fraction of the price: each frame that is posted comes through here.
type acks struct {
	prefix string // answers come to prefix<number>

	mu      sync.Mutex
	last    uint64
	waiting map[uint64]chan<- error
}

func newAcks(nc *nats.Conn) (*acks, error) {
	a := &acks{prefix: nats.NewInbox() + ".", waiting: map[uint64]chan<- error{}}
	if _, err := nc.Subscribe(a.prefix+"*", a.take); err != nil {
		return nil, fmt.Errorf("failed to subscribe to the engine's acknowledgements: %w", err)
	}
	return a, nil
}

// expect returns the subject to which one answer is to come, whose outcome ack then gets: it must have room for one. forget
// must be called when nobody waits any more.
func (a *acks) expect(ack chan<- error) (number uint64, reply string) {
	a.mu.Lock()
	a.last++
	number = a.last
	a.waiting[number] = ack
	a.mu.Unlock()
	return number, a.prefix + strconv.FormatUint(number, 10)
}

func (a *acks) forget(number uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.waiting, number)
}

func (a *acks) take(msg *nats.Msg) {
	number, err := strconv.ParseUint(strings.TrimPrefix(msg.Subject, a.prefix), 10, 64)
	if err != nil {
		return
	}
	a.mu.Lock()
	ack := a.waiting[number]
	delete(a.waiting, number)
	a.mu.Unlock()
	if ack != nil {
		ack <- parseAck(msg)
	}
}

var (
	errNoAnswer = errors.New("the engine does not answer")
	errNoStream = errors.New("no stream answers")
	errNoAck    = errors.New("the engine's answer is none")
)

// ackBegin is how the answer begins that a stream gives when it has stored a message.
var ackBegin = []byte(`{"stream":"`)

// parseAck reads a stream's answer: nil if the message is stored, an *apiError if the stream said no.
func parseAck(msg *nats.Msg) error {
	if bytes.HasPrefix(msg.Data, ackBegin) && !bytes.Contains(msg.Data, []byte(`"error"`)) {
		return nil
	}
	if len(msg.Data) == 0 && msg.Header.Get("Status") == "503" {
		return errNoStream
	}
	var ack struct {
		Stream string    `json:"stream"`
		Error  *apiError `json:"error"`
	}
	switch err := json.Unmarshal(msg.Data, &ack); {
	case err != nil:
		return err
	case ack.Error != nil:
		return ack.Error
	case ack.Stream == "":
		return errNoAck
	}
	return nil
}
