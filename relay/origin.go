package relay

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	// hostName is a host as browsers write it. They take underscores, too.
	hostName = regexp.MustCompile(`^(?i)[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?$`)
	// hostNumber ends what browsers take for an IPv4 address, and write as one (WHATWG URL, "ends in a number").
	hostNumber = regexp.MustCompile(`(?i)(^|\.)([0-9]+|0x[0-9a-f]*)\.?$`)
)

// ParseOrigin returns text, such as "https://Calls.example:443/", in the form that browsers give an origin. What no browser says
// to be an origin is an error, which tells how to write it.
func ParseOrigin(text string) (string, error) {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("%q is not http(s)://HOST[:PORT]", text)
	}
	host, port := u.Hostname(), u.Port()
	if port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return "", fmt.Errorf("%q has a port that is none", text)
		}
		port = strconv.FormatUint(n, 10)
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case err == nil && ip.Zone() == "" && !ip.Is4In6():
		host = ip.String()
	case strings.Contains(host, "*"):
		return "", fmt.Errorf("%q has a wildcard: name each origin", text)
	case strings.ContainsFunc(host, func(r rune) bool { return r >= 0x80 }):
		return "", fmt.Errorf("%q has letters that browsers write otherwise: give the host in its ASCII form, xn--", text)
	case err == nil || !hostName.MatchString(host) || hostNumber.MatchString(host):
		return "", fmt.Errorf("%q is not http(s)://HOST[:PORT]", text)
	}
	return Origin(u.Scheme, host, port), nil
}

// Origin returns an origin; a port that goes without saying is not part of it.
func Origin(scheme, host, port string) string {
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port == "" || scheme == "http" && port == "80" || scheme == "https" && port == "443" {
		return strings.ToLower(scheme + "://" + host)
	}
	return strings.ToLower(scheme + "://" + host + ":" + port)
}

// parseOrigins returns a copy of list in the form that browsers give origins.
func parseOrigins(list []string) ([]string, error) {
	origins := make([]string, len(list))
	for i, text := range list {
		var err error
		if origins[i], err = ParseOrigin(text); err != nil {
			return nil, fmt.Errorf("relay origin %w", err)
		}
	}
	return origins, nil
}

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
