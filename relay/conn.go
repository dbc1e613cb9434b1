package relay

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/time/rate"
)

// The first byte of a message on a reading connection says what it is.
const (
	msgHello       = 0x01 // nonce (32)
	msgFrame       = 0x02 // address (20), age in ms (4, big endian), frame (4096)
	msgEnd         = 0x03 // end of the backlog: address (20)
	msgRefused     = 0x04 // address (20), code (text)
	msgSubscribe   = 0x11 // Ed25519 key (32), signature (64)
	msgUnsubscribe = 0x12 // address (20)
)

const (
	// maxSubscriptions is how many mailboxes a connection reads: an endpoint reads one for each contact, and some more.
	maxSubscriptions = 2048
	// A connection's client may send that many requests at once, for all its mailboxes, twice over. Each costs a signature
	// check and perhaps a backlog read.
	requestBurst      = 2 * maxSubscriptions
	requestsPerSecond = 200

	closeGrace = 3 * time.Second // for a peer to take a close frame and answer it
)

// closing is why a connection is ended by the relay, as its client is told. Code zero: without a word.
type closing struct {
	code   websocket.StatusCode
	reason string
}

var (
	closeGone        = closing{}
	closeShutdown    = closing{websocket.StatusGoingAway, "closing"}
	closeSlow        = closing{websocket.StatusTryAgainLater, "slow-reader"}
	closeUnavailable = closing{websocket.StatusTryAgainLater, "unavailable"}
	closeMoving      = closing{websocket.StatusServiceRestart, "moving"}
	closeBadMessage  = closing{websocket.StatusPolicyViolation, "bad-message"}
	closeNotBinary   = closing{websocket.StatusUnsupportedData, "not-binary"}
)

// conn is one reading connection. Three goroutines serve it: read takes the client's messages and checks them, pump (which
// owns the subscriptions) turns them and what the engine says into a queue, write sends the queue and pings.
type conn struct {
	relay  *Relay
	client netip.Prefix
	ws     *websocket.Conn
	nonce  [nonceSize]byte

	requests chan request  // read -> pump
	outgoing chan outgoing // pump -> write

	ctx    context.Context // ends when the connection is to end
	cancel context.CancelFunc
	io     context.Context // for reads and writes; ends when there was time enough to end well
	abort  context.CancelFunc
	why    sync.Once
	reason closing
	moving chan struct{} // closed when the relay drains and the client is to go
	moved  sync.Once
	wg     sync.WaitGroup
}

// request is a message of the client. A refused one still goes through the pump, to be answered in order.
type request struct {
	kind      byte
	address   address
	key       ed25519.PublicKey // with signature, the proof in a subscribe
	signature []byte
	code      string // why it is refused
}

// outgoing is a message to the client.
type outgoing struct {
	kind    byte
	address address
	age     time.Duration
	body    []byte // frame, or code
}

func (r *Relay) serveSub(w http.ResponseWriter, req *http.Request) error {
	if err := r.allow(r.limits.conns, req); err != nil {
		return err
	}
	client := ClientPrefix(r.cfg.ClientAddr(req))
	// All that may be refused is refused before this, for a page learns only from a request that is no WebSocket why its
	// WebSocket failed.
	if err := r.conns.check(client); err != nil {
		return err
	}
	if !strings.EqualFold(req.Header.Get("Upgrade"), "websocket") {
		w.Header().Set("Upgrade", "websocket") // RFC 9110, section 15.5.22
		return &refusal{http.StatusUpgradeRequired, "not-websocket", "this path is a WebSocket", 0}
	}
	if !isHandshake(req) {
		return &refusal{http.StatusBadRequest, "bad-handshake", "this is no opening handshake of a WebSocket of version 13", 0}
	}
	if !r.enter() {
		return draining()
	}
	defer r.leave()
	c := &conn{
		relay: r, client: client, requests: make(chan request), outgoing: make(chan outgoing), moving: make(chan struct{}),
	}
	rand.Read(c.nonce[:])
	c.ctx, c.cancel = context.WithCancel(r.ctx)
	defer c.cancel()
	c.io, c.abort = context.WithCancel(context.Background())
	defer c.abort()
	if err := r.conns.add(c); err != nil {
		return err
	}
	defer r.conns.remove(c)
	ws, err := websocket.Accept(w, req, &websocket.AcceptOptions{
		// A page of any origin may connect. The check that this turns off protects cookies, and there are none: what a
		// connection may read is decided by the keys it proves to hold.
		InsecureSkipVerify: true,
		CompressionMode:    websocket.CompressionDisabled, // frames are encrypted
	})
	if err != nil {
		return nil // Accept has answered
	}
	c.ws = ws
	ws.SetReadLimit(1 + keySize + signatureSize)
	c.run()
	return nil
}

// isHandshake reports whether websocket.Accept will take req (RFC 6455, section 4.2.1): what it refuses it answers itself.
func isHandshake(req *http.Request) bool {
	upgrades := false
	for value := range strings.SplitSeq(strings.Join(req.Header.Values("Connection"), ","), ",") {
		upgrades = upgrades || strings.EqualFold(strings.TrimSpace(value), "upgrade")
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(req.Header.Get("Sec-WebSocket-Key")))
	return upgrades && req.ProtoAtLeast(1, 1) && req.Header.Get("Sec-WebSocket-Version") == "13" &&
		len(req.Header.Values("Sec-WebSocket-Key")) == 1 && err == nil && len(key) == 16
}

// run serves the connection until it ends.
func (c *conn) run() {
	c.wg.Go(c.read)
	c.wg.Go(c.pump)
	c.wg.Go(c.write)
	<-c.ctx.Done()
	c.stop(closeShutdown) // if nobody else had a reason, the relay ends
	switch c.reason {
	case closeGone, closeShutdown, closeMoving:
	default:
		c.relay.metrics.refused(c.reason.reason)
	}
	if c.reason == closeGone {
		c.abort()
		c.ws.CloseNow()
	} else {
		// Cut the close handshake short when the peer does not take part in it.
		timer := time.AfterFunc(closeGrace, c.abort)
		c.ws.Close(c.reason.code, c.reason.reason)
		timer.Stop()
		c.abort()
	}
	c.wg.Wait()
}

// stop ends the connection. The first reason given is the one that counts.
func (c *conn) stop(why closing) {
	c.why.Do(func() { c.reason = why })
	c.cancel()
}

// read takes messages from the client until the connection ends.
func (c *conn) read() {
	limit := rate.NewLimiter(requestsPerSecond, requestBurst) // waiting for it slows the client down
	for {
		kind, p, err := c.ws.Read(c.io)
		if err != nil {
			c.stop(closeGone)
			return
		}
		if kind != websocket.MessageBinary {
			c.stop(closeNotBinary)
			return
		}
		req, ok := parse(p)
		if !ok {
			c.stop(closeBadMessage)
			return
		}
		if limit.Wait(c.ctx) != nil {
			return
		}
		req.code = c.check(req)
		select {
		case c.requests <- req:
		case <-c.ctx.Done():
			return
		}
	}
}

// parse reads one message of the client. It checks no proof.
func parse(p []byte) (request, bool) {
	switch {
	case len(p) == 1+keySize+signatureSize && p[0] == msgSubscribe:
		key := ed25519.PublicKey(p[1 : 1+keySize])
		return request{kind: msgSubscribe, address: addressOf(key), key: key, signature: p[1+keySize:]}, true
	case len(p) == 1+addressSize && p[0] == msgUnsubscribe:
		return request{kind: msgUnsubscribe, address: address(p[1:])}, true
	}
	return request{}, false
}

// check returns why a request is refused, nothing if it is not.
func (c *conn) check(req request) (code string) {
	if req.kind != msgSubscribe {
		return ""
	}
	if _, ok := c.relay.limits.subscribes.allow(c.client, time.Now()); !ok {
		return "rate-limited"
	}
	if !proves(c.relay.cfg.Origins, c.nonce, req.key, req.signature) {
		return "bad-proof"
	}
	return ""
}
