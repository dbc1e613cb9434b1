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

	"github.com/gorilla/websocket"
	"golang.org/x/time/rate"

	"ringfork/relay/limit"
	"ringfork/relay/store"
)

// The first byte of a message on a reading connection says what it is.
const (
	msgHello       = 0x01 // nonce (32)
	msgFrame       = 0x02 // address (20), age in ms (4, big endian), frame (4096)
	msgEnd         = 0x03 // end of the backlog: address (20)
	msgRefused     = 0x04 // address (20), code (text)
	msgAlive       = 0x05 // nothing: a page does not see pings, and is to notice when they do not come any more
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
	code   int
	reason string
}

var (
	closeGone        = closing{}
	closeShutdown    = closing{websocket.CloseGoingAway, "closing"}
	closeSlow        = closing{websocket.CloseTryAgainLater, "slow-reader"}
	closeUnavailable = closing{websocket.CloseTryAgainLater, "unavailable"}
	closeMoving      = closing{websocket.CloseServiceRestart, "moving"}
	closeBadMessage  = closing{websocket.ClosePolicyViolation, "bad-message"}
	closeNotBinary   = closing{websocket.CloseUnsupportedData, "not-binary"}
)

// conn is one reading connection. There are many, and most of the time nothing happens on them: what one holds while it is
// idle is one goroutine, which waits for the client, and a few timers. What the store says is handled by the
// store's goroutine; another one writes, as long as there is something to write.
type conn struct {
	relay  *Relay
	client netip.Prefix
	ws     *websocket.Conn // set under mu; nil until the handshake is over
	nonce  [nonceSize]byte
	limit  *rate.Limiter // of requests

	mu      sync.Mutex
	pump    pump
	queue   []outgoing // for the writer
	writing bool       // there is one
	moving  bool       // the relay drains: the client is to go when it has what is queued
	ended   bool       // nothing is taken, queued or written any more
	pings   *time.Timer

	why    sync.Once
	reason closing
	wg     sync.WaitGroup // goroutines besides the one that reads
}

// request is a message of the client. A refused one goes through the pump too, to be answered in order.
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
	age     time.Duration // of a frame when it was queued; zero: it is live
	id      string        // of a frame
	at      time.Time     // when a frame was queued
	body    []byte        // frame, or code
}

func (r *Relay) serveSub(w http.ResponseWriter, req *http.Request) error {
	if err := r.allow(r.limits.conns, req); err != nil {
		return err
	}
	client := limit.Client(r.cfg.ClientAddr(req))
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
	c := &conn{relay: r, client: client, limit: rate.NewLimiter(requestsPerSecond, requestBurst)}
	c.pump = newPump(c)
	rand.Read(c.nonce[:])
	if err := r.conns.add(c); err != nil {
		r.leave()
		return err
	}
	ws, err := upgrader.Upgrade(w, req, nil) // without c.mu, for the client may read the answer late or never
	if err != nil {
		c.finish()
		return nil // Upgrade has answered
	}
	c.begin(ws)
	if r.ctx.Err() != nil { // Close may have looked before this one was added
		c.stop(closeShutdown)
	}
	go c.read() // and what net/http has kept for the request is free
	return nil
}

// begin takes the connection into service, or out of it again if it was ended meanwhile.
func (c *conn) begin(ws *websocket.Conn) {
	ws.SetReadLimit(1 + keySize + signatureSize)
	ws.SetPongHandler(func(string) error { c.alive(); return nil })
	c.mu.Lock()
	c.ws = ws
	ended := c.ended
	if !ended {
		c.push(outgoing{kind: msgHello, body: c.nonce[:]})
		c.pings = time.AfterFunc(c.relay.cfg.tuning.pingEvery, c.ping)
	}
	c.mu.Unlock()
	if ended {
		c.sayWhy()
	}
}

// isHandshake reports whether the upgrader will take req (RFC 6455, section 4.2.1): what it refuses it answers itself.
func isHandshake(req *http.Request) bool {
	upgrades := false
	for value := range strings.SplitSeq(strings.Join(req.Header.Values("Connection"), ","), ",") {
		upgrades = upgrades || strings.EqualFold(strings.TrimSpace(value), "upgrade")
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(req.Header.Get("Sec-WebSocket-Key")))
	return upgrades && req.ProtoAtLeast(1, 1) && req.Header.Get("Sec-WebSocket-Version") == "13" &&
		len(req.Header.Values("Sec-WebSocket-Key")) == 1 && err == nil && len(key) == 16
}

// upgrader makes WebSockets of requests.
var upgrader = websocket.Upgrader{
	// Upgrade takes back net/http's deadlines. The answer waits behind what the client has asked before and did not read.
	HandshakeTimeout: closeGrace,
	// A page of any origin may connect, if the relay takes its origin at all. The check that this turns off protects cookies,
	// and there are none: what a connection may read is decided by the keys it proves to hold.
	CheckOrigin: func(*http.Request) bool { return true },
	// Clients send little. What is sent to them is put together in a buffer that has room for the longest message, so that
	// it is one write and one packet, and that a connection has only while it writes.
	ReadBufferSize:  512,
	WriteBufferSize: 1 + addressSize + 4 + FrameSize,
	WriteBufferPool: &sync.Pool{},
}

// stop ends the connection. The first reason given is the one that counts.
func (c *conn) stop(why closing) {
	c.why.Do(func() {
		c.reason = why
		c.wg.Go(c.end)
	})
}

// end takes the connection out of service and tells the client, or leaves that to begin. The one that reads does the rest: see
// finish.
func (c *conn) end() {
	c.mu.Lock()
	begun := c.ws != nil
	c.ended, c.queue = true, nil
	c.pump.close()
	c.pump.account()
	if c.pings != nil {
		c.pings.Stop()
	}
	c.mu.Unlock()
	switch c.reason {
	case closeGone, closeShutdown, closeMoving:
	default:
		c.relay.metrics.refused(c.reason.reason)
	}
	if begun {
		c.sayWhy()
	}
}

// sayWhy tells the client why the connection ended.
func (c *conn) sayWhy() {
	// For an answer to what it is told, and no longer.
	c.ws.SetReadDeadline(time.Now().Add(closeGrace))
	if c.reason == closeGone {
		c.ws.Close()
		return
	}
	message := websocket.FormatCloseMessage(c.reason.code, c.reason.reason)
	if c.ws.WriteControl(websocket.CloseMessage, message, time.Now().Add(closeGrace)) != nil {
		c.ws.Close()
	}
}

// finish returns all that the connection holds.
func (c *conn) finish() {
	c.stop(closeGone)
	if c.ws != nil {
		c.ws.Close()
	}
	c.mu.Lock()
	c.ended = true // push starts no goroutine any more that would not be waited for
	c.mu.Unlock()
	c.wg.Wait()
	c.relay.conns.remove(c)
	c.relay.leave()
}

// read takes messages from the client until the connection ends.
func (c *conn) read() {
	defer c.finish()
	c.alive()
	for {
		kind, p, err := c.ws.ReadMessage()
		if err != nil {
			return
		}
		if kind != websocket.BinaryMessage {
			c.stop(closeNotBinary)
			continue // until the client has answered that
		}
		req, ok := parse(p)
		if !ok {
			c.stop(closeBadMessage)
			continue
		}
		if c.limit.Wait(context.Background()) != nil { // for some milliseconds: this slows the client down
			return
		}
		req.code = c.check(req)
		c.mu.Lock()
		if !c.ended {
			c.pump.request(req)
		}
		c.mu.Unlock()
	}
}

// alive gives the client until some time after the next ping: it has connected, or answered the last one.
func (c *conn) alive() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended {
		c.ws.SetReadDeadline(time.Now().Add(c.relay.cfg.tuning.pingEvery * 7 / 4))
	}
}

// parse reads one message of the client. It checks no proof.
func parse(p []byte) (request, bool) {
	switch {
	case len(p) == 1+keySize+signatureSize && p[0] == msgSubscribe:
		key := ed25519.PublicKey(p[1 : 1+keySize])
		return request{kind: msgSubscribe, address: store.AddressOf(key), key: key, signature: p[1+keySize:]}, true
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
	if _, ok := c.relay.limits.subscribes.Allow(c.client, time.Now()); !ok {
		return "rate-limited"
	}
	if !proves(c.relay.cfg.Origins, c.nonce, req.key, req.signature) {
		return "bad-proof"
	}
	return ""
}
