package turn

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"ringfork/relay/limit"
)

// What one set of credentials may use, and what one client address may, however many credentials it has: four times that,
// times Config.Limits. All of one IPv6 /48 may use four times what a client may, however many clients' addresses it has. Where
// there are few allocations in all, none of these has more than a part of them.
const (
	// maxUserAllocations bounds the allocations of one set of credentials: a fork has up to 32 tines, and a browser makes one
	// allocation for each by UDP, TCP and TLS.
	maxUserAllocations = 128
	// userBytes is what one set of credentials may relay in a second, both directions together: 25 Mbit. A call with a camera
	// in HD and a shared screen takes up to 20 (5 for each of the two, in both directions); browsers adapt to what gets
	// through.
	userBytes = 25_000_000 / 8
	// userBurst is what may be relayed at once after a silence. A key frame has less than a tenth of that.
	userBurst = 2 * userBytes

	clientShare = 4
	siteShare   = 4

	// clientPart and sitePart are how much of all allocations one client and one /48 may have at most, times Config.Limits.
	clientPart = 0.25
	sitePart   = 0.5

	// minBurst is what all together may relay at once, however little they may in a second: some packets.
	minBurst = 64 << 10
)

var errQuota = errors.New("quota is used up")

// quota counts the allocations of each user, each client, each IPv6 network and in all, and holds their relayed traffic to a
// rate. A user is a set of credentials, a client an address prefix: so that many credentials buy nothing.
type quota struct {
	max    int
	limits float64
	total  *rate.Limiter // of what all relay together; nil: any
	now    func() time.Time

	relayed, dropped atomic.Uint64

	mu     sync.Mutex
	all    int
	shares map[any]*share // by user, a string, and by client or network, a netip.Prefix
	swept  time.Time
}

// share is what one user, one client or one network uses.
type share struct {
	key         any // of quota.shares
	most        int // allocations
	allocations int
	traffic     *rate.Limiter
}

func newQuota(max int, limits float64, now func() time.Time) *quota {
	return &quota{max: max, limits: limits, now: now, shares: map[any]*share{}}
}

// of returns the shares of which a client's allocation with a user's credentials is part: the user's, the client's, and its
// network's if it has one. Those that are new are not kept yet.
func (q *quota) of(user string, client netip.Prefix) (shares []*share) {
	add := func(key any, users, part float64) {
		s := q.shares[key]
		if s == nil {
			most := min(int(users*maxUserAllocations), limit.Part(q.max, part, q.limits))
			s = &share{key, max(1, most), 0, rate.NewLimiter(rate.Limit(users*userBytes), int(users*userBurst))}
		}
		shares = append(shares, s)
	}
	users := clientShare * q.limits
	add(user, 1, clientPart)
	add(client, users, clientPart)
	if site, is := limit.Site(client); is {
		add(site, siteShare*users, sitePart)
	}
	return shares
}

// bound lets all together relay so many bytes in a second, before anything is relayed.
func (q *quota) bound(bytesPerSecond int) {
	q.total = rate.NewLimiter(rate.Limit(bytesPerSecond), max(minBurst, bytesPerSecond/4))
}

// userID says who makes an allocation, in the one string that pion keeps with it.
func userID(name string, client net.Addr) string { return prefixOf(client).String() + " " + name }

func parseUserID(id string) (name string, client netip.Prefix, ok bool) {
	text, name, ok := strings.Cut(id, " ")
	if !ok {
		return "", netip.Prefix{}, false
	}
	client, err := netip.ParsePrefix(text)
	return name, client, err == nil
}

func prefixOf(a net.Addr) netip.Prefix { return limit.Client(addrPortOf(a).Addr()) }

func addrPortOf(a net.Addr) netip.AddrPort {
	var at netip.AddrPort
	switch a := a.(type) {
	case *net.UDPAddr:
		at = a.AddrPort()
	case *net.TCPAddr:
		at = a.AddrPort()
	}
	return netip.AddrPortFrom(at.Addr().Unmap().WithZone(""), at.Port())
}

// allow is pion's quota handler: what it refuses is answered by 486, what take refuses by 508. Between the two another
// allocation may have been made, so take decides.
func (q *quota) allow(id, _ string, _ net.Addr) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	name, client, ok := parseUserID(id)
	return ok && q.room(q.of(name, client))
}

func (q *quota) room(shares []*share) bool {
	for _, s := range shares {
		if s.allocations >= s.most {
			return false
		}
	}
	return q.all < q.max
}

// take counts one allocation, until its lease is released.
func (q *quota) take(id string) (*lease, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sweep()
	name, client, ok := parseUserID(id)
	if !ok {
		return nil, errQuota
	}
	shares := q.of(name, client)
	if !q.room(shares) {
		return nil, errQuota
	}
	q.all++
	for _, s := range shares {
		s.allocations++
		q.shares[s.key] = s
	}
	return &lease{q, shares}, nil
}

// sweep forgets who has no allocation and has been silent for long enough that forgetting changes nothing: a new allocation
// does not come with a new rate.
func (q *quota) sweep() {
	now := q.now()
	if now.Sub(q.swept) < 10*time.Second {
		return
	}
	q.swept = now
	for key, s := range q.shares {
		if s.allocations == 0 && s.traffic.TokensAt(now) >= float64(s.traffic.Burst()) {
			delete(q.shares, key)
		}
	}
}

func (q *quota) allocations() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.all
}

// lease is one allocation's part of the quota.
type lease struct {
	quota  *quota
	shares []*share // the user's first
}

// spend reports whether so many bytes more may be relayed now. If not they are to be dropped, as UDP does.
func (l *lease) spend(bytes int) bool {
	now := l.quota.now()
	for _, s := range l.shares { // what somebody is refused for its own sake costs its network nothing
		if !s.traffic.AllowN(now, bytes) {
			l.quota.dropped.Add(1)
			return false
		}
	}
	if l.quota.total != nil && !l.quota.total.AllowN(now, bytes) {
		l.quota.dropped.Add(1)
		return false
	}
	l.quota.relayed.Add(uint64(bytes))
	return true
}

// release must be called once.
func (l *lease) release() {
	l.quota.mu.Lock()
	defer l.quota.mu.Unlock()
	l.quota.all--
	for _, s := range l.shares {
		s.allocations--
	}
}
