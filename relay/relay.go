// Package relay stores and forwards opaque frames, and nothing else.
//
// Anybody may post a frame to a mailbox (POST /v1/pub); only the holder of the mailbox's key may read it (GET /v1/sub, a
// WebSocket). A slot (GET and PUT /v1/slot/{address}) keeps one signed value until its key holder replaces it. GET /v1/ice
// names the STUN and TURN servers to use. New makes a relay, Relay.Handler serves it, Relay.Close ends it.
//
// Its one question is who may say what to it, and hear what of it. What keeps frames and slots, and carries frames from relay
// to relay, is package store: NATS, embedded in the process or a cluster that many relays share (see NATSConfig). Here it is
// the engine.
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

// NATSConfig names a NATS cluster with JetStream to use as the engine.
type NATSConfig = store.NATSConfig

// ErrDirInUse is that another relay, perhaps in another process, keeps its slots in the folder.
var ErrDirInUse = store.ErrDirInUse

// NATSKeySize is the length of a NATSConfig's key in bytes.
const NATSKeySize = store.NATSKeySize

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

	store  store.Config // made of what is above; tests set the rest of it
	tuning tuning
}

// tuning holds what only tests change.
type tuning struct {
	moveGrace    time.Duration // for a reader that is sent away to read what waits for it
	rereadAfter  time.Duration // from the end of the first backlog read to the second
	pingEvery    time.Duration
	writeTimeout time.Duration
	// How long a client may take to send a frame, or the at most 256 kB of a slot's value.
	frameTimeout time.Duration
	valueTimeout time.Duration
	queueFrames  int           // that wait for a slow reader before it is marked lagged
	pageTimeout  time.Duration // for the answer to a backlog read, the first time it is asked for
	readTimeout  time.Duration // for the same, however often
	clientPosts  limit.Rate
	mailbox      limit.Rate

	clientMailbox limit.Rate // of one client into one mailbox
}

// Relay is a running relay. Its methods may be called at any time from any goroutine.
type Relay struct {
	cfg     Config
	store   *store.Store
	conns   *connSet
	limits  clientLimits
	metrics *metrics

	ctx    context.Context // ends when Close is called
	cancel context.CancelFunc
	mu     sync.Mutex // guards closed, and wg.Add against wg.Wait
	closed bool
	wg     sync.WaitGroup // requests that use the engine, and connections
	once   sync.Once
	err    error
}

// New starts a relay. Its engine runs at once; requests come through Handler. The context is for starting only, which takes a
// while where a cluster is to be found.
func New(starting context.Context, cfg Config) (*Relay, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &Relay{cfg: cfg, ctx: ctx, cancel: cancel, limits: newClientLimits(cfg)}
	r.conns = newConnSet(cfg.MaxConns, cfg.ClientFactor)
	r.metrics = newMetrics(r)
	var err error
	keep := cfg.store
	keep.Listener = r.conns
	if r.store, err = store.Open(starting, keep); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	if err := r.metrics.register(cfg.Metrics); err != nil {
		return nil, errors.Join(fmt.Errorf("failed to register metrics: %w", err), r.Close())
	}
	return r, nil
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
		if r.store != nil {
			r.err = r.store.Close()
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
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s := &c.store
	s.NATS, s.DataDir, s.Log = c.NATS, c.DataDir, c.Log
	s.FrameAge, s.MailboxBytes, s.SlotBytes = c.FrameAge, c.MailboxBytes, c.SlotBytes
	if *s, err = s.WithDefaults(); err != nil {
		return err
	}
	c.FrameAge, c.MailboxBytes = s.FrameAge, s.MailboxBytes
	if c.ClientFactor <= 0 {
		c.ClientFactor = 1
	}
	setDefault(&c.MaxConns, DefaultMaxConns)
	if c.ClientAddr == nil {
		c.ClientAddr = RemoteAddr
	}
	t := &c.tuning
	setDefault(&t.moveGrace, time.Second)
	setDefault(&t.rereadAfter, 2*time.Second)
	setDefault(&t.pingEvery, 20*time.Second)
	setDefault(&t.writeTimeout, 10*time.Second)
	setDefault(&t.frameTimeout, 10*time.Second)
	setDefault(&t.valueTimeout, 30*time.Second)
	setDefault(&t.queueFrames, 1024)
	setDefault(&t.pageTimeout, time.Second)
	setDefault(&t.readTimeout, 30*time.Second)
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

func setDefault[T int | time.Duration](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}
