// Package client is the transport of a native endpoint: it carries frames to and from a relay over net/http and a WebSocket.
//
// New makes a Client, Client.Start begins to connect. From then on the client keeps the connection up by itself: when it is
// lost, or silent, it connects anew and subscribes again to everything, with fresh proofs.
package client

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// FrameSize is the length of every frame in bytes.
const FrameSize = 4096

// The states that Start's callback is told.
const (
	Connecting = "connecting" // the first attempt, at the start and after a connection was lost
	Online     = "online"     // connected; frames of the subscriptions follow
	Offline    = "offline"    // an attempt failed; others follow by themselves
)

// Mailbox is the key of a mailbox. Prove signs that its holder wants to read it at the relay of this origin, on the
// connection of this nonce. It is an alias, so that a package which declares the same interface need not import this one.
type Mailbox = interface {
	Address() [20]byte
	Prove(origin string, nonce []byte) (publicKey, signature []byte)
}

// Options are what a client may be given besides the relay's origin.
type Options struct {
	// Token returns a publish token, for a relay that takes posts only with one. It is asked when there is none at hand, when
	// half of that one's life is over, and once more when the relay refuses it. Nil: there is none.
	Token func(ctx context.Context) (string, error)
}

// Client is a connection to one relay. Its methods may be called from any goroutine.
type Client struct {
	origin string
	http   *http.Client
	timing timing
	events *events
	token  *token
	holds  holds

	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	started bool
	closed  bool
	subs    map[[20]byte]*subscription
	count   int           // of the subscriptions there ever were
	changed chan struct{} // has an element when subs changed; capacity 1
	reached chan struct{} // has an element when the relay did what it was asked for; capacity 1
	lastErr error
}

// timing holds what only tests change.
type timing struct {
	backoffMin, backoffMax time.Duration
	dial, write            time.Duration
	pingEvery, pingWait    time.Duration
	refusedRetry           time.Duration
	moving, later          time.Duration
	hopeless               time.Duration
}

var defaultTiming = timing{
	backoffMin: 250 * time.Millisecond, backoffMax: 10 * time.Second,
	dial: 10 * time.Second, write: 10 * time.Second,
	pingEvery: 15 * time.Second, pingWait: 10 * time.Second,
	refusedRetry: time.Second,            // the first time, then twice that and so on
	moving:       250 * time.Millisecond, // at most, when the relay says to move
	later:        time.Second,            // at least, when it says to come back later
	hopeless:     10 * time.Minute,       // when another attempt fails as well until somebody does something
}

// New makes a client of the relay at origin, "http://host[:port]" or "https://host[:port]".
func New(origin string) (*Client, error) { return NewWith(origin, Options{}) }

// NewWith does the same with options.
func NewWith(origin string, options Options) (*Client, error) {
	origin = strings.ToLower(strings.TrimSuffix(origin, "/"))
	// Proofs are made out to the form in which browsers give an origin: without a port that goes without saying.
	if strings.HasPrefix(origin, "https://") {
		origin = strings.TrimSuffix(origin, ":443")
	} else {
		origin = strings.TrimSuffix(origin, ":80")
	}
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil ||
		origin != u.Scheme+"://"+u.Host {
		return nil, errors.New("relay origin is not scheme://host[:port]")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 8
	c := &Client{
		origin: origin,
		http: &http.Client{
			Transport: transport,
			// A relay does not redirect. Whoever does has not been asked for.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		timing:  defaultTiming,
		events:  newEvents(),
		token:   &token{ask: options.Token},
		subs:    map[[20]byte]*subscription{},
		changed: make(chan struct{}, 1), reached: make(chan struct{}, 1),
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c, nil
}

// Origin returns the relay's origin as it was given to New, in lower case and without a slash at the end.
func (c *Client) Origin() string { return c.origin }

// Start begins to connect and reports the state, when it changes, to onState. It must be called once.
//
// All callbacks of a client come one at a time, in order, from one goroutine. They must not block, and must not call Close.
func (c *Client) Start(onState func(state string)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.started {
		panic("ringfork/relay/client: Start called twice")
	}
	c.started = true
	if c.closed {
		return
	}
	c.running.Go(c.events.run)
	c.running.Go(func() { c.connect(onState) })
}

// Subscribe reads a mailbox until cancel is called. On each connection it gets the frames that the relay holds, oldest first
// and with their age there; then onBacklogEnd is called; then come frames as they are posted, with age zero. A frame that
// a former connection delivered is not taken from the backlog again, but one that its sender posts again is delivered again.
// A mailbox has one subscription at a time: a second one takes the place of the first.
//
// No callback begins after cancel has returned, if cancel is called from a callback; else one may just be under way.
func (c *Client) Subscribe(m Mailbox, onFrame func(frame []byte, age time.Duration), onBacklogEnd func()) (cancel func()) {
	s := &subscription{mailbox: m, address: m.Address(), onFrame: onFrame, onBacklogEnd: onBacklogEnd, seen: newSeen()}
	c.mu.Lock()
	c.count++
	s.number = c.count
	old := c.subs[s.address]
	c.subs[s.address] = s
	c.mu.Unlock()
	if old != nil {
		old.cancelled.Store(true)
	}
	poke(c.changed)
	return func() {
		s.cancelled.Store(true)
		c.mu.Lock()
		if c.subs[s.address] == s {
			delete(c.subs, s.address)
		}
		c.mu.Unlock()
		poke(c.changed)
	}
}

// Err returns why the last attempt to connect failed, or why a mailbox is not read, nil if all are.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lastErr
}

// Close ends the connection and everything under way, and returns when no goroutine of the client is left. No callback comes
// after it. It must not be called from a callback. Calling it again does nothing.
func (c *Client) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	c.events.close()
	c.running.Wait()
	c.http.CloseIdleConnections()
	return nil
}

// poke puts an element into a channel that holds one at most.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (c *Client) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lastErr = err
}

func (c *Client) url(path string) string { return c.origin + path }
