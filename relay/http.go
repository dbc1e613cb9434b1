package relay

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"ringfork/relay/limit"
	"ringfork/relay/store"
)

// Handler serves the relay's paths, all below /v1/. What it refuses it answers with a JSON object {"code", "error"}, and all
// other paths, too: a server's own mux may hand it more than it knows, for a slash may be written as %2f.
func (r *Relay) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		r.refuse(w, &refusal{http.StatusNotFound, "not-found", "there is nothing here", 0})
	})
	handle := func(path string, methods map[string]func(http.ResponseWriter, *http.Request) error) {
		mux.HandleFunc(path, func(w http.ResponseWriter, req *http.Request) {
			if req.Method == http.MethodOptions {
				w.WriteHeader(http.StatusNoContent)
				return
			}
			h := methods[req.Method]
			if h == nil {
				w.Header().Set("Allow", strings.Join(slices.Sorted(maps.Keys(methods)), ", "))
				r.refuse(w, &refusal{http.StatusMethodNotAllowed, "bad-method", "this path does not take that method", 0})
				return
			}
			err := r.checkOrigin(req)
			if err == nil {
				err = h(w, req)
			}
			if err != nil {
				r.refuse(w, err)
			}
		})
	}
	type methods = map[string]func(http.ResponseWriter, *http.Request) error
	handle("/v1/pub", methods{"POST": r.servePub})
	handle("/v1/sub", methods{"GET": r.serveSub})
	handle("/v1/slot/{address}", methods{"GET": r.serveGetSlot, "PUT": r.servePutSlot})
	handle("/v1/ice", methods{"GET": r.serveICE})
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.setCORS(w, req)
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		mux.ServeHTTP(w, req)
	})
}

// servePub takes a mailbox's address and a frame, 4,116 bytes in all, and behind them a publish token or nothing. The token
// stands in the body because a header of that kind would cost a page a trip for the preflight.
func (r *Relay) servePub(w http.ResponseWriter, req *http.Request) error {
	if err := r.allow(r.limits.posts, req); err != nil {
		return err
	}
	buf := postBuffers.Get().(*postBuffer)
	defer postBuffers.Put(buf) // the engine has its own copy by then
	body, err := readInto(w, req, buf[:], r.cfg.tuning.frameTimeout)
	if err != nil && !errors.Is(err, errTooLong) {
		return err
	}
	if len(body) != postSize && len(body) != postSize+tokenSize {
		return &refusal{http.StatusBadRequest, "bad-size", "a post is an address of 20 bytes, a frame of 4096, and a token of 40 or none", 0}
	}
	if err := r.mayPublish(body[postSize:]); err != nil {
		return err
	}
	to, client := address(body[:addressSize]), limit.Client(r.cfg.ClientAddr(req))
	if n := r.fanoutCost(to); n > 0 {
		if err := r.allowN(r.limits.posts, req, n); err != nil {
			return err
		}
	}
	if err := r.allow(r.limits.keeps, req); err != nil {
		return err
	}
	if wait, ok := r.limits.into.allow(client, to, time.Now()); !ok {
		err := rateLimited("this mailbox takes no more frames for now, or none from this address", wait)
		r.metrics.result(r.metrics.framesPosted, err)
		return err
	}
	if !r.enter() {
		return draining()
	}
	defer r.leave()
	start := time.Now()
	// Not the request's context: a sender that hangs up has posted all the same.
	err = r.store.Post(r.ctx, to, body[addressSize:postSize])
	r.metrics.postSeconds.Observe(time.Since(start).Seconds())
	r.metrics.result(r.metrics.framesPosted, err)
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// readersPerToken is to how many readers a frame is written for one token of who posts it.
const readersPerToken = 32

// fanoutCost is what a post to a mailbox costs besides the one token that each costs: who posts into a mailbox with a thousand
// readers makes the relay write a thousand frames. Those who read it at other relays of a cluster are not known here.
func (r *Relay) fanoutCost(to address) int {
	// At most what is left of a full bucket, so that one who waits can post whatever the limits are multiplied with.
	return min(r.conns.fanouts.countOf(to)/readersPerToken, r.limits.posts.Burst()-1)
}

const postSize = addressSize + FrameSize

// postBuffer has room for a post with a token, and one byte more: one that is longer fills it.
type postBuffer [postSize + tokenSize + 1]byte

var postBuffers = sync.Pool{New: func() any { return new(postBuffer) }}

func (r *Relay) serveGetSlot(w http.ResponseWriter, req *http.Request) error {
	if err := r.allow(r.limits.reads, req); err != nil {
		return err
	}
	a, ok := store.ParseAddress(req.PathValue("address"))
	if !ok {
		return badAddress()
	}
	if !r.enter() {
		return draining()
	}
	defer r.leave()
	value, err := r.store.Slot(r.ctx, a)
	if err != nil {
		return err
	}
	if value == nil { // empty, which is no error: a browser would print a 404 in the page's console
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Write(value)
	return nil
}

func (r *Relay) servePutSlot(w http.ResponseWriter, req *http.Request) error {
	// The value's own cost is taken when it is here.
	if err := r.allowN(r.limits.puts, req, 1); err != nil {
		return err
	}
	a, ok := store.ParseAddress(req.PathValue("address"))
	if !ok {
		return badAddress()
	}
	if err := r.mayPublish(bearerToken(req)); err != nil {
		return err
	}
	replaces, err := strconv.ParseUint(req.URL.Query().Get("replaces"), 10, 64)
	if err != nil {
		return &refusal{http.StatusBadRequest, "bad-version", "replaces is not a version", 0}
	}
	value, err := r.readValue(w, req)
	if errors.Is(err, errTooLong) {
		return &refusal{http.StatusRequestEntityTooLarge, "too-large", "a slot's value is 262144 bytes at most", 0}
	}
	if err != nil {
		return err
	}
	if err := r.allowN(r.limits.puts, req, putCost(len(value))); err != nil {
		return err
	}
	if !r.enter() {
		return draining()
	}
	defer r.leave()
	err = r.store.PutSlot(r.ctx, a, value, replaces, func(bytes int) error { return r.allowN(r.limits.grows, req, growCost(bytes)) })
	r.metrics.result(r.metrics.slotsWritten, err)
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// readValue reads a slot's value: not too many at a time of one client.
func (r *Relay) readValue(w http.ResponseWriter, req *http.Request) ([]byte, error) {
	client := limit.Client(r.cfg.ClientAddr(req))
	if !r.limits.bodies.Add(client) {
		return nil, rateLimited("too many values are on their way from this address", time.Second)
	}
	defer r.limits.bodies.Done(client)
	return readBody(w, req, MaxSlotSize, r.cfg.tuning.valueTimeout)
}

func (r *Relay) serveICE(w http.ResponseWriter, req *http.Request) error {
	if err := r.allow(r.limits.reads, req); err != nil {
		return err
	}
	if err := r.mayPublish(bearerToken(req)); err != nil {
		return err
	}
	servers, ttl := []ICEServer{}, 10*time.Minute
	if r.cfg.ICE != nil {
		if s, t := r.cfg.ICE(); len(s) > 0 {
			servers, ttl = s, t
		}
	}
	writeJSON(w, http.StatusOK, struct {
		ICEServers []ICEServer `json:"iceServers"`
		TTL        int         `json:"ttl"`
	}{servers, int(ttl.Seconds())})
	return nil
}

func badAddress() *refusal {
	return &refusal{http.StatusBadRequest, "bad-address", "an address is 40 lower case hexadecimal digits", 0}
}

// allow takes one token of the request's client, allowN takes n.
func (r *Relay) allow(l *limit.Clients, req *http.Request) error { return r.allowN(l, req, 1) }

func (r *Relay) allowN(l *limit.Clients, req *http.Request, n int) error {
	if wait, ok := l.AllowN(limit.Client(r.cfg.ClientAddr(req)), time.Now(), n); !ok {
		return rateLimited("too many requests from this address", wait)
	}
	return nil
}

// RemoteAddr returns the address of a request's connection, none if it cannot be told.
func RemoteAddr(r *http.Request) netip.Addr {
	at, _ := netip.ParseAddrPort(r.RemoteAddr)
	return at.Addr().Unmap()
}

var errTooLong = errors.New("the body is too long")

// readBody reads a body of at most limit bytes within a time. What it takes in memory is bounded by what has come and by
// limit: a length that is only announced costs nothing. The error of a longer one is errTooLong; others are refusals.
func readBody(w http.ResponseWriter, req *http.Request, limit int64, timeout time.Duration) ([]byte, error) {
	if req.ContentLength > limit {
		return nil, errTooLong
	}
	setReadDeadline(w, timeout)
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, limit))
	return body, bodyError(err)
}

// readInto reads a body that is shorter than buf into it, within a time. The error of a longer one is errTooLong; others are
// refusals.
func readInto(w http.ResponseWriter, req *http.Request, buf []byte, timeout time.Duration) ([]byte, error) {
	if req.ContentLength >= int64(len(buf)) {
		return nil, errTooLong
	}
	setReadDeadline(w, timeout)
	n := 0
	for n < len(buf) {
		m, err := req.Body.Read(buf[n:])
		n += m
		if err == io.EOF {
			return buf[:n], nil
		}
		if err != nil {
			return nil, bodyError(err)
		}
	}
	return nil, errTooLong
}

func setReadDeadline(w http.ResponseWriter, timeout time.Duration) {
	// An error here only means that this connection knows no deadline.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(timeout))
}

// bodyError says what is wrong with a body that could not be read.
func bodyError(err error) error {
	var tooLong *http.MaxBytesError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &tooLong):
		return errTooLong
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &refusal{http.StatusRequestTimeout, "too-slow", "the body did not come in time", 0}
	default:
		return &refusal{http.StatusBadRequest, "bad-size", "the body could not be read", 0}
	}
}
