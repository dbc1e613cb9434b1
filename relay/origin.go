package relay

import (
	"net/http"
	"slices"
	"strings"
)

// checkOrigin refuses requests of pages that may not use this relay. Browsers name a page's origin in every request to
// another origin that the page could read the answer of, in every post, and when they open a WebSocket. Programs name none.
func (r *Relay) checkOrigin(req *http.Request) error {
	origin := req.Header.Get("Origin")
	if len(r.cfg.Allow) == 0 || origin == "" {
		return nil
	}
	origin = strings.ToLower(origin)
	if slices.Contains(r.cfg.Allow, origin) || slices.Contains(r.cfg.Origins, origin) {
		return nil
	}
	return &refusal{http.StatusForbidden, "bad-origin", "pages of this origin may not use this relay", 0}
}

// setCORS lets pages read the answer. Those that may not use the relay may read no more than that: it is their developers
// who have to know why. No request carries a cookie or another credential of the browser's, so there is none to misuse.
func (r *Relay) setCORS(w http.ResponseWriter, req *http.Request) {
	h := w.Header()
	if origin := req.Header.Get("Origin"); len(r.cfg.Allow) == 0 {
		h.Set("Access-Control-Allow-Origin", "*")
	} else {
		h.Add("Vary", "Origin")
		if origin != "" {
			h.Set("Access-Control-Allow-Origin", origin)
		}
	}
	h.Set("Access-Control-Expose-Headers", "Retry-After")
	if req.Method == http.MethodOptions {
		h.Set("Access-Control-Allow-Methods", "GET, POST, PUT")
		h.Set("Access-Control-Allow-Headers", "Content-Type, Authorization")
		h.Set("Access-Control-Max-Age", "86400")
	}
}
