package relay

import (
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strconv"
	"time"
)

// bodyTimeout is how long a client may take to send a request's few kilobytes.
const bodyTimeout = 10 * time.Second

// Handler serves the relay's paths, all below /v1/. What it refuses it answers with a JSON object {"code", "error"}.
func (r *Relay) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/v1/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, &refusal{http.StatusNotFound, "not-found", "there is nothing here", 0})
	})
	handle := func(path string, methods map[string]func(http.ResponseWriter, *http.Request) error) {
		mux.HandleFunc(path, func(w http.ResponseWriter, req *http.Request) {
			if req.Method == http.MethodOptions {
				w.WriteHeader(http.StatusNoContent)
				return
			}
			h := methods[req.Method]
			if h == nil {
				refuse(w, &refusal{http.StatusMethodNotAllowed, "bad-method", "this path does not take that method", 0})
				return
			}
			if err := h(w, req); err != nil {
				refuse(w, err)
			}
		})
	}
	type methods = map[string]func(http.ResponseWriter, *http.Request) error
	handle("/v1/pub", methods{"POST": r.servePub})
	handle("/v1/sub", methods{"GET": r.serveSub})
	handle("/v1/slot/{address}", methods{"GET": r.serveGetSlot, "PUT": r.servePutSlot})
	handle("/v1/ice", methods{"GET": r.serveICE})
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		h := w.Header()
		// Any page may use the relay: it asks for no cookie and no credential, so there is none to misuse.
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Expose-Headers", "Retry-After")
		if req.Method == http.MethodOptions {
			h.Set("Access-Control-Allow-Methods", "GET, POST, PUT")
			h.Set("Access-Control-Allow-Headers", "Content-Type")
			h.Set("Access-Control-Max-Age", "86400")
		}
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		mux.ServeHTTP(w, req)
	})
}

// servePub takes a mailbox's address and a frame, 4,116 bytes in all.
func (r *Relay) servePub(w http.ResponseWriter, req *http.Request) error {
	if err := r.allow(r.limits.posts, req); err != nil {
		return err
	}
	body, err := readBody(w, req, addressSize+FrameSize)
	if err != nil {
		return err
	}
	if len(body) != addressSize+FrameSize {
		return &refusal{http.StatusBadRequest, "bad-size", "a post is an address of 20 bytes and a frame of 4096", 0}
	}
	if !r.enter() {
		return unavailable("the relay is closing")
	}
	defer r.leave()
	// Not the request's context: a sender that hangs up has posted all the same.
	if err := r.mailboxes.post(r.ctx, address(body[:addressSize]), body[addressSize:]); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (r *Relay) serveGetSlot(w http.ResponseWriter, req *http.Request) error {
	if err := r.allow(r.limits.reads, req); err != nil {
		return err
	}
	a, ok := parseAddress(req.PathValue("address"))
	if !ok {
		return badAddress()
	}
	if !r.enter() {
		return unavailable("the relay is closing")
	}
	defer r.leave()
	value, err := r.slots.get(r.ctx, a)
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
	if err := r.allow(r.limits.puts, req); err != nil {
		return err
	}
	a, ok := parseAddress(req.PathValue("address"))
	if !ok {
		return badAddress()
	}
	replaces, err := strconv.ParseUint(req.URL.Query().Get("replaces"), 10, 64)
	if err != nil {
		return &refusal{http.StatusBadRequest, "bad-version", "replaces is not a version", 0}
	}
	value, err := readBody(w, req, MaxSlotSize)
	if err != nil {
		return err
	}
	if len(value) > MaxSlotSize {
		return &refusal{http.StatusRequestEntityTooLarge, "too-large", "a slot's value is 8192 bytes at most", 0}
	}
	if !r.enter() {
		return unavailable("the relay is closing")
	}
	defer r.leave()
	if err := r.slots.put(r.ctx, a, value, replaces); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (r *Relay) serveICE(w http.ResponseWriter, req *http.Request) error {
	if err := r.allow(r.limits.reads, req); err != nil {
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

// allow takes one token of the request's client.
func (r *Relay) allow(l *limiter[netip.Prefix], req *http.Request) error {
	if wait, ok := l.allow(clientPrefix(r.cfg.ClientAddr(req)), time.Now()); !ok {
		return rateLimited("too many requests from this address", wait)
	}
	return nil
}

// readBody reads a body of at most limit bytes; a longer one is cut one byte after that.
func readBody(w http.ResponseWriter, req *http.Request, limit int64) ([]byte, error) {
	// An error here only means that this connection knows no deadline.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout))
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, limit+1))
	var tooLong *http.MaxBytesError
	if err != nil && !errors.As(err, &tooLong) {
		return nil, &refusal{http.StatusBadRequest, "bad-size", "the body could not be read", 0}
	}
	return body, nil
}
