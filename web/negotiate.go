package web

import (
	"strconv"
	"strings"
)

// identity is the content coding of a body that is sent as it is (RFC 9110, section 8.4).
const identity = "identity"

// codings is the order of preference between codings a client likes equally: the smallest first.
var codings = []string{"br", "gzip", identity}

// negotiate returns the coding among available to answer with, for the values of a request's Accept-Encoding
// (RFC 9110, section 12.5.3). A client that takes nothing there is gets identity.
func negotiate(accept []string, available map[string][]byte) string {
	weights := map[string]float64{}
	for value := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		name, parameter, _ := strings.Cut(value, ";")
		name = strings.ToLower(strings.TrimSpace(name))
		if name != "" {
			weights[name] = weight(parameter)
		}
	}
	best, bestWeight := identity, 0.0
	for _, coding := range codings {
		if _, ok := available[coding]; !ok {
			continue
		}
		q, named := weights[coding]
		if others, ok := weights["*"]; !named && ok && coding != identity {
			q, named = others, true
		}
		if !named && coding == identity {
			q = 0.0001 // always acceptable, and never better than what the client asks for
		}
		if q > bestWeight {
			best, bestWeight = coding, q
		}
	}
	return best
}

// weight returns the number of a parameter like " q=0.5": 1 without one, 0 for one that cannot be read.
func weight(parameter string) float64 {
	key, value, ok := strings.Cut(parameter, "=")
	if !ok {
		return 1
	}
	q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if err != nil || !strings.EqualFold(strings.TrimSpace(key), "q") || !(q >= 0 && q <= 1) {
		return 0
	}
	return q
}

// matches reports whether one of the values of If-None-Match names etag, which is quoted (RFC 9110, section 13.1.2).
func matches(values []string, etag string) bool {
	for value := range strings.SplitSeq(strings.Join(values, ","), ",") {
		value = strings.TrimSpace(value)
		if value == "*" || strings.TrimPrefix(value, "W/") == etag {
			return true
		}
	}
	return false
}
