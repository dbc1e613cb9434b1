package store

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
)

// PageFrames is how many frames of a backlog are asked for at a time.
const PageFrames = 64

// Part is a part of the answer to AskPage: one message of it.
type Part struct {
	Kind PartKind

	// Of a frame, of which PartSkipped has the sequence only:

	ID       string
	Sequence uint64        // the next page is to be asked for from the one after it
	Age      time.Duration // more than zero
	Frame    []byte        // FrameSize bytes, not to be changed

	// Of the end of a page: where the backlog ends. The next page is to be asked for up to there.
	UpTo uint64
}

// PartKind says what a Part is.
type PartKind int

const (
	PartFrame       PartKind = iota + 1 // a frame
	PartSkipped                         // what is no frame, or none any more
	PartEndOfPage                       // the end of a page, and more is to come
	PartEnd                             // the end of the backlog
	PartTooMany                         // there is more than can be asked for in the usual way: it is to be scanned
	PartUnavailable                     // nobody can answer just now, or so it says
)

// askPage asks for the next frames of a mailbox's backlog: see AskPage. The answers go to the subject reply: the frames, each
// with its subject, sequence and time in headers, then one with status 204 (and how many are left), or one with status 404
// when there are none.
//
// The usual way has a limit: it answers with status 413 when the mailbox holds more than 1,024 frames. The rate of a mailbox
// keeps it below that; if it does not, scan asks in the way that has no limit, but goes through the whole stream.
func (m *mailboxes) askPage(a Address, from, upTo uint64, scan bool, reply string) error {
	ask := map[string]any{"batch": PageFrames, "seq": from}
	if scan {
		ask["next_by_subj"] = m.frames(a)
	} else {
		ask["multi_last"], ask["up_to_seq"] = []string{m.frames(a)}, upTo
	}
	body, err := json.Marshal(ask)
	if err != nil {
		panic("internal error: " + err.Error())
	}
	return m.engine.nc.PublishRequest(directGet, reply, body)
}

// part reads a message that answers to askPage.
func (m *mailboxes) part(msg *nats.Msg) Part {
	switch msg.Header.Get("Status") {
	case "":
		return m.storedPart(msg)
	case "204":
		if msg.Header.Get("Nats-Num-Pending") == "0" {
			return Part{Kind: PartEnd}
		}
		upTo, _ := strconv.ParseUint(msg.Header.Get("Nats-UpTo-Sequence"), 10, 64)
		return Part{Kind: PartEndOfPage, UpTo: upTo}
	case "404":
		return Part{Kind: PartEnd}
	case "413":
		return Part{Kind: PartTooMany}
	}
	return Part{Kind: PartUnavailable}
}

// storedPart reads a frame. What is malformed is skipped, and so is what is older than frames may be: the stream removes them
// a little late.
func (m *mailboxes) storedPart(msg *nats.Msg) Part {
	seq, err := headerSequence(msg.Header)
	if err != nil {
		return Part{Kind: PartSkipped}
	}
	at, err := storedAt(msg)
	// To clients a frame of age zero is one that was posted just now, perhaps again.
	age := max(time.Millisecond, m.clock.age(at))
	if err != nil || len(msg.Data) != FrameSize || age > m.age {
		return Part{Kind: PartSkipped, Sequence: seq}
	}
	return Part{Kind: PartFrame, ID: frameID(msg.Header.Get("Nats-Subject")), Sequence: seq, Age: age, Frame: msg.Data}
}
