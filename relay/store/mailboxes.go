package store

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"hash"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// MailboxStream is the name of the stream that keeps frames.
const MailboxStream = "ringfork-mailboxes"

const (
	mailboxSubjects = "ringfork.mb."
	directGet       = "$JS.API.DIRECT.GET." + MailboxStream
	// postTimeout is how long a post waits to be stored. It is less than the time in which readers read a backlog again: who
	// began to listen too late for a frame that is acknowledged finds it.
	postTimeout = 2500 * time.Millisecond
)

// mailboxes keeps frames in a stream in memory, under one subject for each mailbox and frame: ringfork.mb.<mailbox>.<frame>.
// The first is a keyed hash of the address, the second the hash of the frame: nobody can claim a frame's place beforehand.
//
// A subject holds one message and new ones are discarded, so a frame posted again is not stored again and keeps its age;
// readers get it all the same, because core NATS delivers a message whatever the stream makes of it.
type mailboxes struct {
	engine  *engine
	tokens  *tokens
	journal *journal // both nil if the engine is embedded
	clock   *clock
	age     time.Duration
}

func newMailboxes(ctx context.Context, e *engine, j *journal, cfg Config) (*mailboxes, error) {
	stream := jetstream.StreamConfig{
		Name:                 MailboxStream,
		Subjects:             []string{mailboxSubjects + "*.*"},
		Storage:              jetstream.MemoryStorage,
		Replicas:             e.replicas,
		MaxAge:               cfg.FrameAge,
		Duplicates:           min(cfg.FrameAge, 2*time.Minute), // of no use here, but may not be more than the age
		MaxBytes:             cfg.MailboxBytes,
		MaxMsgsPerSubject:    1,
		Discard:              jetstream.DiscardNew,
		DiscardNewPerSubject: true,
		AllowDirect:          true,
		MaxConsumers:         1, // there are none; zero would mean as many as one likes
	}
	err := e.create(ctx, "make the mailbox stream", func(ctx context.Context) error {
		_, err := e.js.CreateOrUpdateStream(ctx, stream)
		return err
	})
	if err != nil {
		return nil, err
	}
	m := &mailboxes{engine: e, tokens: newTokens(e.mailboxKey, "mailbox"), journal: j, age: cfg.FrameAge}
	if j != nil {
		m.clock = j.clock
	}
	return m, nil
}

// subject returns the subject of a mailbox, without the frame.
func (m *mailboxes) subject(a Address) string {
	return mailboxSubjects + m.tokens.of(a)
}

// frames returns the subject that matches every frame of a mailbox.
func (m *mailboxes) frames(a Address) string { return m.subject(a) + ".*" }

// frameID returns the last part of a message's subject: the hash of its frame.
func frameID(subject string) string { return subject[strings.LastIndexByte(subject, '.')+1:] }

// post delivers a frame to those who read the mailbox and stores it. Delivery does not wait for the storing: a frame that
// post fails to store was delivered.
func (m *mailboxes) post(ctx context.Context, to Address, frame []byte) error {
	subject := m.subject(to)
	sum := sha256.Sum256(frame)
	subject += "." + base64.RawURLEncoding.EncodeToString(sum[:])
	began := time.Now()
	// No header: one that a client could set might ask for a longer life.
	err := m.engine.publish(ctx.Done(), postTimeout, &nats.Msg{Subject: subject, Data: frame})
	if err == nil {
		m.journal.acknowledged(subject)
		return nil
	}
	var api *apiError
	if !errors.As(err, &api) {
		return ErrNotStored
	}
	switch {
	case api.Description == server.ErrMaxMsgsPerSubject.Error():
		ctx, cancel := context.WithDeadline(ctx, began.Add(postTimeout))
		defer cancel()
		if m.has(ctx, subject) {
			m.journal.acknowledged(subject)
			return nil // stored before
		}
		return ErrNotStored
	case api.full():
		return ErrMailboxFull
	default:
		return ErrNotStored
	}
}

// has reports whether a frame is stored for good. That the stream refuses it as a second one does not say so: a leader that
// has lost its followers refuses one that it still tries to hand to them, and may never.
func (m *mailboxes) has(ctx context.Context, subject string) bool {
	asked := func(last lastFunc) bool {
		ctx, cancel := context.WithTimeout(ctx, askTimeout)
		defer cancel()
		_, err := last(ctx, MailboxStream, subject)
		return err == nil
	}
	for ctx.Err() == nil {
		// Most likely any copy has it. The leader of a moment ago may be the one that said so.
		if asked(m.engine.lastOfAny) || asked(m.engine.lastOfLeader) {
			return true
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	return false
}

// storedAt returns when a message that was read from a stream was stored, by the clock of the server that led the stream then.
func storedAt(msg *nats.Msg) (time.Time, error) {
	return time.Parse(time.RFC3339Nano, msg.Header.Get("Nats-Time-Stamp"))
}

// tokens turns addresses into subject tokens that tell nothing about them to who has not the key.
type tokens struct {
	use    string
	hashes sync.Pool // of hash.Hash: what the key makes of one is most of the work
}

func newTokens(key []byte, use string) *tokens {
	return &tokens{use: use, hashes: sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}}
}

func (t *tokens) of(a Address) string {
	h := t.hashes.Get().(hash.Hash)
	defer t.hashes.Put(h)
	h.Reset()
	h.Write([]byte(t.use))
	h.Write(a[:])
	return base64.RawURLEncoding.EncodeToString(h.Sum(make([]byte, 0, sha256.Size))[:24])
}
