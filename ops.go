package main

import (
	"encoding/json"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"ringfork/relay"
)

// newRegistry returns a registry that has what Go and the system say of the process.
func newRegistry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// listenOps listens where the operator asks, nil if that is nowhere of its own.
func (s *server) listenOps() (net.Listener, error) {
	if s.ops == "" {
		return nil, nil
	}
	return listen(s.ops, "-ops")
}

// ops answers the operator's questions: does the process live, is it to get requests, and what has it done.
type ops struct {
	ready   func() (code string) // nothing if it is
	metrics http.Handler
	proxies proxies
	proxied bool // perhaps something is in front that does not say so
}

func newOps(registry *prometheus.Registry, ready func() string) *ops {
	return &ops{ready: ready, metrics: promhttp.HandlerFor(registry, promhttp.HandlerOpts{})}
}

// handler serves the operator, public everybody. Public metrics are none, but from this machine.
func (o *ops) handler() http.Handler {
	mux := o.health()
	mux.Handle("GET /metrics", o.metrics)
	return mux
}

func (o *ops) public(metrics bool) http.Handler {
	mux := o.health()
	if metrics {
		mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
			if !o.isLocal(r) {
				answer(w, http.StatusForbidden, "not-local", "metrics are for this machine only: choose an address for them with -ops HOST:PORT")
				return
			}
			o.metrics.ServeHTTP(w, r)
		})
	}
	return mux
}

func (o *ops) health() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) { answer(w, http.StatusOK, "ok", "") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		switch code := o.ready(); code {
		case "":
			answer(w, http.StatusOK, "ok", "")
		case "draining":
			answer(w, http.StatusServiceUnavailable, code, "the server is about to end")
		default:
			answer(w, http.StatusServiceUnavailable, code, "the relay is not connected to its engine")
		}
	})
	return mux
}

// answer writes a JSON object as the relay does for what it refuses.
func answer(w http.ResponseWriter, status int, code, text string) {
	body, err := json.Marshal(struct {
		Code  string `json:"code"`
		Error string `json:"error,omitempty"`
	}{code, text})
	if err != nil {
		panic("internal error: " + err.Error())
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	w.Write(append(body, '\n'))
}

// forwarding are the headers by which proxies tell that they are there.
var forwarding = []string{"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip"}

// isLocal reports whether a request was made on this machine, to it, and through no proxy. A page elsewhere whose name was
// made to resolve to this machine asks for that name. A proxy on this machine may tell nothing of itself, so where one may
// be no request is local.
func (o *ops) isLocal(r *http.Request) bool {
	addr := relay.RemoteAddr(r)
	if o.proxied || !addr.IsLoopback() || o.proxies.contain(addr) ||
		slices.ContainsFunc(forwarding, func(name string) bool { return r.Header.Get(name) != "" }) {
		return false
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && ip.IsLoopback()
}
