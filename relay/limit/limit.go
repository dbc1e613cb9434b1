// Package limit says how much one client of a server may do: how often, and how many of something at a time. A client is known by
// its address, and so is the network that it is in, which may do a few times as much as one client.
package limit

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Rate is a token bucket's size and how fast it fills.
type Rate struct {
	PerSecond rate.Limit
	Burst     int
}

// Buckets keeps one token bucket for each key. Its memory is bounded: a bucket that is full again is forgotten, which
// changes nothing, and when too many are not, all further keys share one.
type Buckets[K comparable] struct {
	limit Rate

	mu      sync.Mutex
	buckets map[K]*rate.Limiter
	rest    *rate.Limiter
	sweepAt int       // number of buckets at which full ones are looked for
	swept   time.Time // when that was done
}

const (
	minBuckets = 1 << 10
	maxBuckets = 1 << 17
)

// NewBuckets makes buckets of that size, all of them full.
func NewBuckets[K comparable](l Rate) *Buckets[K] {
	rest := rate.NewLimiter(l.PerSecond, l.Burst)
	return &Buckets[K]{limit: l, buckets: map[K]*rate.Limiter{}, rest: rest, sweepAt: minBuckets}
}

// Allow takes a token of the key's bucket. If there is none it returns how long to wait for one.
func (l *Buckets[K]) Allow(key K, now time.Time) (wait time.Duration, ok bool) {
	return l.AllowN(key, now, 1)
}

// AllowN takes n tokens, or none if there are fewer. n is at most the bucket's size.
func (l *Buckets[K]) AllowN(key K, now time.Time, n int) (wait time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bucket(key, now)
	if b.AllowN(now, n) {
		return 0, true
	}
	return l.missing(b, now, float64(n)), false
}

// Wait returns how long it takes until the key's bucket has n tokens, zero if it has. n is at most the bucket's size.
func (l *Buckets[K]) Wait(key K, now time.Time, n float64) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.missing(l.bucket(key, now), now, n)
}

// Charge takes n tokens, at most as many as the bucket's size, even if there are fewer: then the bucket has less than none.
func (l *Buckets[K]) Charge(key K, now time.Time, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bucket(key, now).ReserveN(now, min(n, l.limit.Burst))
}

func (l *Buckets[K]) missing(b *rate.Limiter, now time.Time, n float64) time.Duration {
	return time.Duration(max(0, n-b.TokensAt(now)) / float64(l.limit.PerSecond) * float64(time.Second))
}

func (l *Buckets[K]) bucket(key K, now time.Time) *rate.Limiter {
	if b := l.buckets[key]; b != nil {
		return b
	}
	if len(l.buckets) >= l.sweepAt && now.Sub(l.swept) >= time.Second {
		for k, b := range l.buckets {
			if b.TokensAt(now) >= float64(l.limit.Burst) {
				delete(l.buckets, k)
			}
		}
		l.swept, l.sweepAt = now, min(maxBuckets, max(minBuckets, 2*len(l.buckets)))
	}
	if len(l.buckets) >= maxBuckets {
		return l.rest
	}
	b := rate.NewLimiter(l.limit.PerSecond, l.limit.Burst)
	l.buckets[key] = b
	return b
}

// Clients limits each client, and all that share an IPv6 network to a few times as much.
type Clients struct{ each, site *Buckets[netip.Prefix] }

// NewClients makes limits of which each client has l.
func NewClients(l Rate) *Clients {
	site := Rate{siteFactor * l.PerSecond, siteFactor * l.Burst}
	return &Clients{NewBuckets[netip.Prefix](l), NewBuckets[netip.Prefix](site)}
}

// Burst is how many tokens a client has at most.
func (l *Clients) Burst() int { return l.each.limit.Burst }

// Allow is as that of Buckets.
func (l *Clients) Allow(client netip.Prefix, now time.Time) (wait time.Duration, ok bool) {
	return l.AllowN(client, now, 1)
}

// AllowN is as that of Buckets. What a client is refused for its own sake costs its network nothing.
func (l *Clients) AllowN(client netip.Prefix, now time.Time, n int) (wait time.Duration, ok bool) {
	if wait, ok = l.each.AllowN(client, now, n); !ok {
		return wait, false
	}
	if site, is := Site(client); is {
		return l.site.AllowN(site, now, n)
	}
	return 0, true
}

// Charge is as that of Buckets.
func (l *Clients) Charge(client netip.Prefix, now time.Time, n int) {
	l.each.Charge(client, now, n)
	if site, is := Site(client); is {
		l.site.Charge(site, now, n)
	}
}

// Debt returns how long it takes until a client and its network have no less than no token.
func (l *Clients) Debt(client netip.Prefix, now time.Time) time.Duration {
	wait := l.each.Wait(client, now, 0)
	if site, is := Site(client); is {
		wait = max(wait, l.site.Wait(site, now, 0))
	}
	return wait
}
