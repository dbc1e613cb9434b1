// Package store keeps frames and slots, and carries frames between relays. It knows no HTTP and no WebSocket, and who may do
// what is not its question; nobody else knows NATS.
//
// Open starts a Store, Store.Close ends it. Post stores a frame and delivers it to whoever reads its mailbox, here and at every
// other relay of a cluster; Subscribe names a Reader for what is posted from now on; AskPage reads, page by page, what was
// posted before. Slot and PutSlot read and replace the value of a slot.
//
// The engine is NATS: embedded in the process and without a listener of its own, or a cluster that many relays share (see
// NATSConfig). A frame posted is one NATS message: core NATS carries it at once to whoever reads the mailbox, and a JetStream
// stream in memory keeps it for those who come later. Addresses never reach NATS: its subjects are keyed hashes of them.
//
// # What is heard in which order
//
// All that a Reader and the Listener are told while the engine is there comes from one goroutine and in the engine's order. What
// was posted after the question for a page was answered comes live behind the end of that page. What was posted before is in
// the page, or in that of a reread if it was just being stored (see Rereads). So a live frame that a later page has too is one
// post heard twice, and one that comes live after a page had it was posted again. In a cluster that holds for what one server
// does; what several do may come in any order, and then a frame may be heard twice, but not be lost.
//
// What goes past a Reader on its way is told: at once by Lost or LostAll where this relay can know of it, and otherwise, in a
// cluster, some seconds later by Overlooked. It is in the backlog.
package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// FrameSize is the length of every frame in bytes, whatever it holds.
	FrameSize = 4096
	// MaxFrameAge is the longest time for which a frame is kept.
	MaxFrameAge = 120 * time.Second
	// MaxSlotSize is the length of the longest signed value that a slot takes, in bytes.
	MaxSlotSize = 256 << 10
)

// Config says what a Store uses. Only Listener must be set.
type Config struct {
	// NATS names a cluster to use as the engine. Zero: the store embeds its own.
	NATS NATSConfig
	// DataDir is the folder in which slots are kept by an embedded engine. When empty they are kept in memory. Only one store at
	// a time may use a folder.
	DataDir string
	// FrameAge is how long a frame is kept. Zero means MaxFrameAge, and so does anything longer.
	FrameAge time.Duration
	// MailboxBytes bounds the memory of all mailboxes together; a post beyond it is refused. Zero means 256 MiB.
	MailboxBytes int64
	// SlotBytes bounds the memory, or disk, of all slots together. Zero means 256 MiB in memory and 1 GiB on disk. A slot that
	// is there can be replaced by a value of its size when there is no more room.
	SlotBytes int64
	// Log takes what an operator should know: that the engine was lost and is back. Nil: none.
	Log *slog.Logger
	// Listener hears what is for no single Reader.
	Listener Listener

	// What follows is for tests. Zero means what is good for everybody.

	JournalEvery time.Duration    // an entry is written, and those of all are asked for: 500 ms
	LeaderWait   time.Duration    // for the leader of the slots, before a copy is asked: 500 ms
	StartTimeout time.Duration    // for a cluster: 20 s
	Now          func() time.Time // this machine's clock, as ages of frames are told by it
}

// Listener hears what is for no single Reader. The goroutine that calls the Readers calls Page and Lost too; LostAll may be
// called by others, at any time from when Open is called until Close returns.
type Listener interface {
	// Page takes a part of the answer to an AskPage, by the number that was given to it.
	Page(read uint64, part Part)
	// Lost is told that frames may have gone past these readers: their backlogs are to be read again.
	Lost(readers []Reader)
	// LostAll is told that frames may have gone past all readers, or that parts of pages may be missing.
	LostAll()
}

// Store is a running store. Its methods may be called at any time from any goroutine.
type Store struct {
	engine     *engine
	subs       *subscriptions
	journal    *journal // nil if the engine is embedded
	dispatcher *dispatcher
	mailboxes  *mailboxes
	slots      *slots
	tempDir    string

	once sync.Once
	err  error
}

// WithDefaults returns what Open makes of a configuration. The error says what is wrong with it.
func (c Config) WithDefaults() (Config, error) {
	if err := c.NATS.setDefaults(); err != nil {
		return c, err
	}
	if len(c.NATS.URLs) > 0 && c.DataDir != "" {
		return c, errors.New("a relay that uses a NATS cluster keeps nothing in a folder")
	}
	if c.FrameAge <= 0 || c.FrameAge > MaxFrameAge {
		c.FrameAge = MaxFrameAge
	}
	setDefault(&c.MailboxBytes, 256<<20)
	if c.DataDir == "" && len(c.NATS.URLs) == 0 {
		setDefault(&c.SlotBytes, 256<<20)
	} else {
		setDefault(&c.SlotBytes, 1<<30)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	setDefault(&c.JournalEvery, 500*time.Millisecond)
	setDefault(&c.LeaderWait, 500*time.Millisecond)
	setDefault(&c.StartTimeout, 20*time.Second)
	if c.Now == nil {
		c.Now = time.Now
	}
	return c, nil
}

func setDefault[T int | int64 | time.Duration](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}

// Open starts a store, which may take as long as ctx and Config.StartTimeout let it when it is of a cluster.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	cfg, err := cfg.WithDefaults()
	if err != nil {
		return nil, err
	}
	s := &Store{engine: &engine{log: cfg.Log, back: cfg.Listener.LostAll}, subs: newSubscriptions()}
	ctx, cancel := context.WithTimeout(ctx, cfg.StartTimeout)
	defer cancel()
	if err := s.start(ctx, cfg); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) start(ctx context.Context, cfg Config) error {
	if err := s.connect(ctx, cfg); err != nil {
		return err
	}
	d, err := newDispatcher(s.engine.nc, s.subs, cfg.Listener)
	if err != nil {
		return err
	}
	j := newJournal(s.engine, s.subs, cfg)
	if s.mailboxes, err = newMailboxes(ctx, s.engine, j, cfg); err != nil {
		return err
	}
	d.start(s.mailboxes, j)
	j.start(d.inbox)
	s.dispatcher, s.journal = d, j
	s.slots, err = newSlots(ctx, s.engine, cfg)
	return err
}

func (s *Store) connect(ctx context.Context, cfg Config) error {
	if len(cfg.NATS.URLs) > 0 {
		return s.engine.connectCluster(ctx, cfg.NATS)
	}
	dir := cfg.DataDir
	if dir == "" {
		// The engine wants a folder even when it keeps nothing there.
		var err error
		if dir, err = os.MkdirTemp("", "ringfork-relay-"); err != nil {
			return fmt.Errorf("failed to make the engine's folder: %w", err)
		}
		s.tempDir = dir
	}
	memory, disk := cfg.MailboxBytes, slotRoom(cfg.SlotBytes)
	if cfg.DataDir == "" {
		memory, disk = memory+disk, 0
	}
	// A megabyte more than is reserved: the engine refuses a stream that would use the whole of its limit.
	return s.engine.startEmbedded(dir, cfg.DataDir != "", memory+1<<20, disk+1<<20)
}

// Close ends the store: it writes down what is still to be told to other relays, stops the engine and returns when no goroutine
// of it is left. Nobody may use the store any more by then. Calling it again returns the same error.
func (s *Store) Close() error {
	s.once.Do(func() {
		s.journal.stop()
		if s.dispatcher != nil {
			s.dispatcher.stop()
		}
		s.engine.stop()
		if s.tempDir != "" {
			s.err = os.RemoveAll(s.tempDir)
		}
	})
	return s.err
}

// Post delivers a frame to those who read the mailbox and stores it. Delivery does not wait for the storing: a frame that Post
// fails to store was delivered. Post returned, frame may be used for something else. The error is ErrNotStored or ErrMailboxFull.
func (s *Store) Post(ctx context.Context, to Address, frame []byte) error {
	return s.mailboxes.post(ctx, to, frame)
}

// Slot returns the value of a slot, nil if it is empty. The error is ErrNotRead.
func (s *Store) Slot(ctx context.Context, a Address) ([]byte, error) { return s.slots.get(ctx, a) }

// PutSlot replaces the value of version replaces (zero: an empty slot). Of several that replace the same one, one succeeds.
// Putting the value that the slot holds succeeds too: it is a retry whose first answer was lost. mayGrow is asked before the
// slot gets longer by some bytes, and its error is PutSlot's. Others are of those in this package.
func (s *Store) PutSlot(ctx context.Context, a Address, value []byte, replaces uint64, mayGrow func(bytes int) error) error {
	return s.slots.put(ctx, a, value, replaces, mayGrow)
}

// Subscribe makes r hear what is posted to a mailbox, maybe before Subscribe returns. A mailbox is to have one Subscription at a
// time, besides one that is just being ended. When Subscribe returns the engine's connection has been told, and whatever else
// it is told, as by AskPage, comes later.
func (s *Store) Subscribe(a Address, r Reader) (*Subscription, error) {
	return s.subs.add(r, func() (*nats.Subscription, error) {
		return s.engine.nc.ChanSubscribe(s.mailboxes.frames(a), s.dispatcher.messages)
	})
}

// AskPage asks for the next PageFrames frames of a mailbox's backlog, oldest first, from sequence from on; upTo, if not zero,
// is the last one wanted. What is found comes to Listener.Page with the number read, which is to be another one each time, and
// may come before AskPage returns. It ends with a part that is neither a frame nor one that is skipped; if none comes
// for a while, as when a server dies with the question, it is to be asked again. scan is for a backlog of which PartTooMany was
// told. An error means that too much waits for the engine already.
func (s *Store) AskPage(read uint64, a Address, from, upTo uint64, scan bool) error {
	return s.mailboxes.askPage(a, from, upTo, scan, s.dispatcher.replyTo(read))
}

// Rereads is how often a backlog is to be read again. What the engine was given before somebody listened may be stored after its
// first read, and until the post that brought it is given up, which takes 2.5 s: the last reread is to be later than that.
const Rereads = 2

// Connected reports whether the connection to the engine is open.
func (s *Store) Connected() bool { return s.engine.connected() }

// Queued returns how many messages wait to be handled, QueueSize at most. It is for tests.
func (s *Store) Queued() int { return len(s.dispatcher.messages) }

// Conn is the connection to NATS, for tests that break it or look behind it.
func (s *Store) Conn() *nats.Conn { return s.engine.nc }

// Subject returns the NATS subject of a mailbox, without the last part that names a frame. It is for tests.
func (s *Store) Subject(a Address) string { return s.mailboxes.subject(a) }
