package relay

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// rateLimit is a token bucket's size and how fast it fills.
type rateLimit struct {
	perSecond rate.Limit
	burst     int
}

// limiter keeps one token bucket for each key. Its memory is bounded: a bucket that is full again is forgotten, which
// changes nothing, and when too many are not, all further keys share one.
type limiter[K comparable] struct {
	limit rateLimit

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

func newLimiter[K comparable](l rateLimit) *limiter[K] {
	rest := rate.NewLimiter(l.perSecond, l.burst)
	return &limiter[K]{limit: l, buckets: map[K]*rate.Limiter{}, rest: rest, sweepAt: minBuckets}
}

// allow takes a token of the key's bucket. If there is none it returns how long to wait for one.
func (l *limiter[K]) allow(key K, now time.Time) (wait time.Duration, ok bool) {
	return l.allowN(key, now, 1)
}

// allowN takes n tokens, or none if there are fewer. n is at most the bucket's size.
func (l *limiter[K]) allowN(key K, now time.Time, n int) (wait time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bucket(key, now)
	if b.AllowN(now, n) {
		return 0, true
	}
	return l.missing(b, now, float64(n)), false
}

// wait returns how long it takes until the key's bucket has n tokens, zero if it has. n is at most the bucket's size.
func (l *limiter[K]) wait(key K, now time.Time, n float64) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.missing(l.bucket(key, now), now, n)
}

// charge takes n tokens, at most as many as the bucket's size, even if there are fewer: then the bucket has less than none.
func (l *limiter[K]) charge(key K, now time.Time, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bucket(key, now).ReserveN(now, min(n, l.limit.burst))
}

func (l *limiter[K]) missing(b *rate.Limiter, now time.Time, n float64) time.Duration {
	return time.Duration(max(0, n-b.TokensAt(now)) / float64(l.limit.perSecond) * float64(time.Second))
}

func (l *limiter[K]) bucket(key K, now time.Time) *rate.Limiter {
	if b := l.buckets[key]; b != nil {
		return b
	}
	if len(l.buckets) >= l.sweepAt && now.Sub(l.swept) >= time.Second {
		for k, b := range l.buckets {
			if b.TokensAt(now) >= float64(l.limit.burst) {
				delete(l.buckets, k)
			}
		}
		l.swept, l.sweepAt = now, min(maxBuckets, max(minBuckets, 2*len(l.buckets)))
	}
	if len(l.buckets) >= maxBuckets {
		return l.rest
	}
	b := rate.NewLimiter(l.limit.perSecond, l.limit.burst)
	l.buckets[key] = b
	return b
}

// clientLimiter limits each client, and all that share an IPv6 network to a few times as much.
type clientLimiter struct{ each, site *limiter[netip.Prefix] }

func newClientLimiter(l rateLimit) *clientLimiter {
	site := rateLimit{siteFactor * l.perSecond, siteFactor * l.burst}
	return &clientLimiter{newLimiter[netip.Prefix](l), newLimiter[netip.Prefix](site)}
}

// burst is how many tokens a client has at most.
func (l *clientLimiter) burst() int { return l.each.limit.burst }

func (l *clientLimiter) allow(client netip.Prefix, now time.Time) (wait time.Duration, ok bool) {
	return l.allowN(client, now, 1)
}

// allowN is as a limiter's. What a client is refused for its own sake costs its network nothing.
func (l *clientLimiter) allowN(client netip.Prefix, now time.Time, n int) (wait time.Duration, ok bool) {
	if wait, ok = l.each.allowN(client, now, n); !ok {
		return wait, false
	}
	if site, is := ClientSite(client); is {
		return l.site.allowN(site, now, n)
	}
	return 0, true
}

// charge is as a limiter's. debt returns how long it takes until a client and its network have no less than no token.
func (l *clientLimiter) charge(client netip.Prefix, now time.Time, n int) {
	l.each.charge(client, now, n)
	if site, is := ClientSite(client); is {
		l.site.charge(site, now, n)
	}
}

func (l *clientLimiter) debt(client netip.Prefix, now time.Time) time.Duration {
	wait := l.each.wait(client, now, 0)
	if site, is := ClientSite(client); is {
		wait = max(wait, l.site.wait(site, now, 0))
	}
	return wait
}

// clientLimits are the rates at which one client, known by its address prefix, may ask for things.
type clientLimits struct {
	posts *clientLimiter
	keeps *clientLimiter // posts that are kept: see keptRate
	into  *mailboxRates
	conns *clientLimiter
	reads *clientLimiter // slots and ICE servers
	puts  *clientLimiter // slots: see putCost
	grows *clientLimiter // slots that are new, or get longer: what a client makes the relay keep for good

	subscribes *clientLimiter // of all the client's connections together
	backlogs   *clientLimiter // frames that are read for them: see reads

	bodies *ClientCount // values of slots that are coming
}

// maxBodies is how many values of slots may be on their way from one client: each takes up to 256 kB until it is whole, for
// which it has half a minute.
const maxBodies = 64

const (
	// keptFrame is what a frame takes of the backlog at most: itself, what the engine keeps with it, and its part of the journal.
	keptFrame = FrameSize + 256
	// keptShare says what part of the backlog one client's frames may take, at any time.
	keptShare = 32
	// keptLeast is the least number of frames that a client may have there, however small the backlog is.
	keptLeast = 512
)

// keptRate returns how much a client may post in the long run. A backlog that is full takes nothing from anybody, and a client
// may post so much in a moment that few of them could fill it. So what a client posts while a frame lives, the bucket's size
// and what comes to it in that time, is a small part of the backlog. Most of it may come at once: who has a thousand contacts
// may have something to tell all of them.
func keptRate(backlog int64, age time.Duration) rateLimit {
	frames := max(keptLeast, int(backlog/keptFrame/keptShare))
	steady := frames / 4
	return rateLimit{rate.Limit(float64(steady) / age.Seconds()), frames - steady}
}

// putCost is what a put of so many bytes costs, besides the one token that each costs.
func putCost(bytes int) int { return bytes / slotSizes[0] }

// growCost is what a slot costs that gets so many bytes longer.
func growCost(bytes int) int { return (bytes + slotSizes[0] - 1) / slotSizes[0] }

func newClientLimits(cfg Config) clientLimits {
	factor, posts, keeps := cfg.ClientFactor, cfg.tuning.clientPosts, keptRate(cfg.MailboxBytes, cfg.FrameAge)
	of := func(perSecond, burst float64) *clientLimiter {
		return newClientLimiter(rateLimit{rate.Limit(perSecond * factor), max(1, int(burst*factor))})
	}
	return clientLimits{
		posts: of(float64(posts.perSecond), float64(posts.burst)),
		keeps: of(float64(keeps.perSecond), float64(keeps.burst)),
		into:  newMailboxRates(cfg.tuning.mailbox, cfg.tuning.clientMailbox, factor),
		conns: of(20, 400),
		reads: of(50, 500),
		// A put costs up to 65 tokens, whatever the factor.
		puts:  of(40, max(1024, 65/factor)),  // 160 kB a second
		grows: of(0.1, max(1024, 64/factor)), // 4 MB at once, then 35 MB a day

		subscribes: of(1000, 1<<14),
		backlogs:   of(1000, 1<<14), // 4 MB a second; most mailboxes that are subscribed to are empty

		bodies: NewClientCount(int(maxBodies * factor)),
	}
}
