// Package relay stores and forwards opaque frames, and nothing else.
//
// Anybody may post a frame to a mailbox (POST /v1/pub); only the holder of the mailbox's key may read it (GET /v1/sub, a
// WebSocket). A slot (GET and PUT /v1/slot/{address}) keeps one signed value until its key holder replaces it. GET /v1/ice
// names the STUN and TURN servers to use. New makes a relay, Relay.Handler serves it, Relay.Close ends it.
//
// The engine is NATS: embedded in the process and without a listener of its own, or a cluster that many relays share (see
// NATSConfig). A frame posted is one NATS message: core NATS carries it at once to whoever reads the mailbox, and a JetStream
// stream in memory keeps it for those who come later, for 120 seconds at most. Addresses never reach NATS: its subjects are
// keyed hashes of them.
//
// The relay logs nothing about a request. What it counts (Config.Metrics) are results and codes, of all clients together.
package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ringfork/relay/limit"
	"ringfork/relay/store"
)

const (
	// FrameSize is the length of every frame in bytes, whatever it holds.
	FrameSize = store.FrameSize
	// MaxFrameAge is the longest time for which a relay keeps a frame.
	MaxFrameAge = store.MaxFrameAge
	// MaxSlotSize is the length of the longest signed value that a slot takes, in bytes.
	MaxSlotSize = store.MaxSlotSize
)

// ICEServer is one entry of the list that GET /v1/ice answers with, in the form that RTCPeerConnection takes.
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}

// DefaultMaxConns is how many reading connections may be open where Config does not say.
const DefaultMaxConns = 16384

// Config says how a relay is run. Only Origins must be set.
type Config struct {
	// Origins are the names by which clients know this relay ("https://host[:port]"). A mailbox proof covers one of them,
	// so that a proof made for one relay is worth nothing at another.
	Origins []string
	// NATS names a cluster to use as the engine. Zero: the relay embeds its own.
	NATS NATSConfig
	// DataDir is the folder in which slots are kept by an embedded engine. When empty they are kept in memory and lost with
	// the process. Only one relay at a time may use a folder: for another New returns an error that is ErrDirInUse.
	DataDir string
	// ICE returns the servers for GET /v1/ice, and for how long they may be used. Nil: none.
	ICE func() ([]ICEServer, time.Duration)
	// FrameAge is how long a frame is kept. Zero means MaxFrameAge, and so does anything longer.
	FrameAge time.Duration
	// MailboxBytes bounds the memory of all mailboxes together; a post beyond it is refused. Zero means 256 MiB.
	MailboxBytes int64
	// SlotBytes bounds the memory, or disk, of all slots together. Zero means 256 MiB in memory and 1 GiB on disk. A slot that
	// is there can be replaced by a value of its size when there is no more room.
	SlotBytes int64
	// MaxConns bounds the number of open reading connections. Zero means 16,384.
	MaxConns int
	// ClientAddr returns the address of a request's client. Nil takes the connection's, which behind a reverse proxy is
	// always the proxy's: all clients would then share one client's limits.
	ClientAddr func(*http.Request) netip.Addr
	// ClientFactor multiplies the limits of one client, known by its address prefix. Zero means 1. More than 1 is for relays
	// whose clients share addresses, as those behind one gateway do.
	ClientFactor float64
	// Allow are the origins whose pages may use this relay, besides Origins. Empty: any. Programs send no origin, or whichever
	// they like: this is for pages, and protects what a relay costs, not what it carries.
	Allow []string
	// PublishKey makes posts, writes to slots and TURN credentials the right of who has a token made with it: see NewToken.
	// Empty: anybody's, within the limits. Otherwise it is PublishKeySize bytes.
	PublishKey []byte
	// Metrics takes the relay's counters until Close. Nil: none.
	Metrics prometheus.Registerer
	// Log takes what an operator should know: that the engine was lost and is back. Nothing about a request or a client. Nil:
	// none.
	Log *slog.Logger

	tuning tuning
}

// tuning holds what only tests change.
type tuning struct {
	rereadAfter  time.Duration // from the end of the first backlog read to the second
	pingEvery    time.Duration
	writeTimeout time.Duration
	// How long a client may take to send a frame, or the at most 256 kB of a slot's value.
	frameTimeout time.Duration
	valueTimeout time.Duration
	queueFrames  int           // that wait for a slow reader before it is marked lagged
	pageTimeout  time.Duration // for the answer to a backlog read, the first time it is asked for
	readTimeout  time.Duration // for the same, however often
	leaderWait   time.Duration // for the leader of the slots, before a copy is asked
	startTimeout time.Duration // for a cluster
	journalEvery time.Duration // an entry is written, and those of all are asked for
	clockOff     time.Duration // how far this machine's clock is wrong
	clientPosts  limit.Rate
	mailbox      limit.Rate

	clientMailbox limit.Rate // of one client into one mailbox
}

// Relay is a running relay. Its methods may be called at any time from any goroutine.
type Relay struct {
	cfg        Config
	engine     *engine
	journal    *journal // nil if the engine is embedded
	dispatcher *dispatcher
	mailboxes  *mailboxes
	slots      *slots
	conns      *connSet
	limits     clientLimits
	metrics    *metrics
	tempDir    string

	ctx    context.Context // ends when Close is called
	cancel context.CancelFunc
	mu     sync.Mutex // guards closed, and wg.Add against wg.Wait
	closed bool
	wg     sync.WaitGroup // requests that use the engine, and connections
	once   sync.Once
	err    error
}

// New starts a relay. Its engine runs at once; requests come through Handler.
func New(cfg Config) (*Relay, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	dir, temp := cfg.DataDir, ""
	if dir == "" && len(cfg.NATS.URLs) == 0 {
		// The engine wants a folder even when it keeps nothing there.
		var err error
		if temp, err = os.MkdirTemp("", "ringfork-relay-"); err != nil {
			return nil, fmt.Errorf("failed to make the engine's folder: %w", err)
		}
		dir = temp
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &Relay{cfg: cfg, tempDir: temp, ctx: ctx, cancel: cancel, limits: newClientLimits(cfg)}
	r.conns = newConnSet(cfg.MaxConns, cfg.ClientFactor)
	r.metrics = newMetrics(r)
	if err := r.start(dir); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	if err := r.metrics.register(cfg.Metrics); err != nil {
		return nil, errors.Join(fmt.Errorf("failed to register metrics: %w", err), r.Close())
	}
	return r, nil
}

func (r *Relay) start(dir string) error {
	ctx, cancel := context.WithTimeout(r.ctx, r.cfg.tuning.startTimeout)
	defer cancel()
	r.engine = &engine{log: r.cfg.Log}
	if len(r.cfg.NATS.URLs) > 0 {
		if err := r.engine.connectCluster(ctx, r.cfg.NATS, r.conns); err != nil {
			return err
		}
	} else {
		memory, disk := r.cfg.MailboxBytes, slotRoom(r.cfg.SlotBytes)
		if r.cfg.DataDir == "" {
			memory, disk = memory+disk, 0
		}
		// A megabyte more than is reserved: the engine refuses a stream that would use the whole of its limit.
		if err := r.engine.startEmbedded(dir, r.cfg.DataDir != "", memory+1<<20, disk+1<<20, r.conns); err != nil {
			return err
		}
	}
	var err error
	r.journal = newJournal(r.engine, r.conns, r.cfg)
	if r.dispatcher, err = startDispatcher(r.engine.nc, r.conns, r.journal); err != nil {
		return err
	}
	if r.mailboxes, err = newMailboxes(ctx, r.engine, r.cfg); err != nil {
		return err
	}
	if r.journal != nil {
		r.mailboxes.journal, r.mailboxes.clock = r.journal, r.journal.clock
		r.journal.start(r.dispatcher.inbox)
	}
	r.slots, err = newSlots(ctx, r.engine, r.cfg)
	return err
}

// Close ends the relay: it closes every connection (with the code for "going away"), waits for requests under way, stops the
// engine and returns when no goroutine of it is left, after at most a few seconds. Calling it again returns the same error.
func (r *Relay) Close() error {
	r.once.Do(func() {
		r.mu.Lock()
		r.closed = true
		r.mu.Unlock()
		r.cancel()
		r.conns.stopAll(closeShutdown)
		r.wg.Wait()
		r.metrics.unregister(r.cfg.Metrics)
		r.journal.stop()
		if r.dispatcher != nil {
			r.dispatcher.stop()
		}
		if r.engine != nil {
			r.engine.stop()
		}
		if r.tempDir != "" {
			r.err = os.RemoveAll(r.tempDir)
		}
	})
	return r.err
}

// enter counts one use of the engine, which must be ended by leave. It is false once the relay closes.
func (r *Relay) enter() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false
	}
	r.wg.Add(1)
	return true
}

func (r *Relay) leave() { r.wg.Done() }

func (c *Config) setDefaults() error {
	if len(c.Origins) == 0 {
		return errors.New("relay has no origin")
	}
	var err error
	if c.Origins, err = parseOrigins(c.Origins); err != nil {
		return err
	}
	if c.Allow, err = parseOrigins(c.Allow); err != nil {
		return err
	}
	if len(c.PublishKey) != 0 && len(c.PublishKey) != PublishKeySize {
		return fmt.Errorf("the publish key has %d bytes, not %d", len(c.PublishKey), PublishKeySize)
	}
	if err := c.NATS.setDefaults(); err != nil {
		return err
	}
	if len(c.NATS.URLs) > 0 && c.DataDir != "" {
		return errors.New("a relay that uses a NATS cluster keeps nothing in a folder")
	}
	if c.ClientFactor <= 0 {
		c.ClientFactor = 1
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
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
	setDefault(&c.MaxConns, DefaultMaxConns)
	if c.ClientAddr == nil {
		c.ClientAddr = RemoteAddr
	}
	t := &c.tuning
	setDefault(&t.rereadAfter, 2*time.Second)
	setDefault(&t.pingEvery, 20*time.Second)
	setDefault(&t.writeTimeout, 10*time.Second)
	setDefault(&t.frameTimeout, 10*time.Second)
	setDefault(&t.valueTimeout, 30*time.Second)
	setDefault(&t.queueFrames, 1024)
	setDefault(&t.pageTimeout, time.Second)
	setDefault(&t.readTimeout, 30*time.Second)
	setDefault(&t.leaderWait, 500*time.Millisecond)
	setDefault(&t.startTimeout, 20*time.Second)
	setDefault(&t.journalEvery, 500*time.Millisecond)
	if t.clientPosts.Burst == 0 {
		t.clientPosts = limit.Rate{PerSecond: 100, Burst: 2000}
	}
	if t.mailbox.Burst == 0 {
		// At most 256 + 120 * 6 = 976 frames of one mailbox are alive at a time: a backlog read answers 1,024 at most.
		t.mailbox = limit.Rate{PerSecond: 6, Burst: 256}
	}
	if t.clientMailbox.Burst == 0 {
		t.clientMailbox = limit.Rate{PerSecond: 3, Burst: 128}
	}
	return nil
}

func setDefault[T int | int64 | time.Duration](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}
