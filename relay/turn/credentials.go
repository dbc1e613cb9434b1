package turn

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
)

// maxCall is for how long after its credentials expired an allocation may still be kept up.
const maxCall = 24 * time.Hour

// credentials makes and checks the credentials of the TURN REST API (draft-uberti-behave-turn-rest-00): the user name is
// "expiry:random", the password its HMAC-SHA1, so that nothing has to be stored.
type credentials struct {
	realm  string
	secret [32]byte
	now    func() time.Time
}

func newCredentials(realm string, now func() time.Time) *credentials {
	c := &credentials{realm: realm, now: now}
	rand.Read(c.secret[:])
	return c
}

func (c *credentials) issue(life time.Duration) (name, password string) {
	name = strconv.FormatInt(c.now().Add(life).Unix(), 10) + ":" + rand.Text()
	return name, c.password(name)
}

func (c *credentials) password(name string) string {
	h := hmac.New(sha1.New, c.secret[:])
	h.Write([]byte(name))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// authenticate returns the key by which a request of this user is checked. Expired credentials make no new allocation, but
// still serve the ones that were made with them (pion ties an allocation to its user): a browser goes on using those it was
// given at the start of the call, and a call of eleven minutes must not fall silent.
func (c *credentials) authenticate(req *turn.RequestAttributes) (userID string, key []byte, ok bool) {
	at, _, ok := strings.Cut(req.Username, ":")
	if !ok {
		return "", nil, false
	}
	expiry, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return "", nil, false
	}
	late := c.now().Sub(time.Unix(expiry, 0))
	if late > maxCall || late > 0 && req.Method == stun.MethodAllocate {
		return "", nil, false
	}
	return req.Username, turn.GenerateAuthKey(req.Username, c.realm, c.password(req.Username)), true
}

// maxUserAllocations bounds the allocations of one set of credentials: a fork has up to 32 tines, and a browser makes one
// allocation for each of their transports.
const maxUserAllocations = 128

// quota counts allocations, of each user and in all.
type quota struct {
	max int

	mu    sync.Mutex
	users map[string]int
	all   int
}

func newQuota(max int) *quota { return &quota{max: max, users: map[string]int{}} }

func (q *quota) allow(user, _ string, _ net.Addr) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.all < q.max && q.users[user] < maxUserAllocations
}

func (q *quota) events() turn.EventHandler {
	count := func(user string, n int) {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.all += n
		if q.users[user] += n; q.users[user] <= 0 {
			delete(q.users, user)
		}
	}
	return turn.EventHandler{
		OnAllocationCreated: func(_, _ net.Addr, _, user, _ string, _ net.Addr, _ int) { count(user, 1) },
		OnAllocationDeleted: func(_, _ net.Addr, _, user, _ string) { count(user, -1) },
	}
}
