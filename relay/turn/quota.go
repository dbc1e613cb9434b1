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

	"ringfork/relay"
)

// What one set of credentials may use, and what one client address may, however many credentials it has: four times that,
// times Config.Limits.
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

	// minBurst is what all together may relay at once, however little they may in a second: some packets.
	minBurst = 64 << 10
)

var errQuota = errors.New("quota is used up")

// quota counts the allocations of each user, each client and in all, and holds their relayed traffic to a rate. A user is a
// set of credentials, a client an address prefix: so that many credentials buy nothing.
type quota struct {
	max    int
	client float64       // how many users' shares a client may have
	total  *rate.Limiter // of what all relay together; nil: any
	now    func() time.Time

	relayed, dropped atomic.Uint64

	mu      sync.Mutex
	all     int
	users   map[string]*share
	clients map[netip.Prefix]*share
	swept   time.Time
}

// share is what one user, or one client, uses.
type share struct {
	allocations int
	traffic     *rate.Limiter
}

func newQuota(max int, limits float64, now func() time.Time) *quota {
	return &quota{max: max, client: clientShare * limits, now: now, users: map[string]*share{}, clients: map[netip.Prefix]*share{}}
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

func prefixOf(a net.Addr) netip.Prefix { return relay.ClientPrefix(addrPortOf(a).Addr()) }

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
	return ok && q.room(name, client)
}

func (q *quota) room(name string, client netip.Prefix) bool {
	u, c := q.users[name], q.clients[client]
	return q.all < q.max && (u == nil || u.allocations < maxUserAllocations) &&
		(c == nil || c.allocations < int(q.client*maxUserAllocations))
}

// take counts one allocation, until its lease is released.
func (q *quota) take(id string) (*lease, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sweep()
	name, client, ok := parseUserID(id)
	if !ok || !q.room(name, client) {
		return nil, errQuota
	}
	l := &lease{quota: q, user: q.users[name], client: q.clients[client]}
	if l.user == nil {
		l.user = &share{traffic: rate.NewLimiter(userBytes, userBurst)}
		q.users[name] = l.user
	}
	if l.client == nil {
		l.client = &share{traffic: rate.NewLimiter(rate.Limit(q.client*userBytes), int(q.client*userBurst))}
		q.clients[client] = l.client
	}
	q.all++
	l.user.allocations++
	l.client.allocations++
	return l, nil
}

// sweep forgets who has no allocation and has been silent for long enough that forgetting changes nothing: a new allocation
// does not come with a new rate.
func (q *quota) sweep() {
	now := q.now()
	if now.Sub(q.swept) < 10*time.Second {
		return
	}
	q.swept = now
	idle := func(s *share) bool {
		return s.allocations == 0 && s.traffic.TokensAt(now) >= float64(s.traffic.Burst())
	}
	for k, s := range q.users {
		if idle(s) {
			delete(q.users, k)
		}
	}
	for k, s := range q.clients {
		if idle(s) {
			delete(q.clients, k)
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
	quota        *quota
	user, client *share
}

// spend reports whether so many bytes more may be relayed now. If not they are to be dropped, as UDP does.
func (l *lease) spend(bytes int) bool {
	now := l.quota.now()
	if !l.user.traffic.AllowN(now, bytes) || !l.client.traffic.AllowN(now, bytes) ||
		l.quota.total != nil && !l.quota.total.AllowN(now, bytes) {
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
	l.user.allocations--
	l.client.allocations--
}
