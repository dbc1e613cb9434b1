package turn

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"

	"ringfork/relay"
)

// maxCall is for how long after its credentials expired an allocation may still be kept up.
const maxCall = 24 * time.Hour

// credentials makes and checks the credentials of the TURN REST API (draft-uberti-behave-turn-rest-00): the user name is
// "expiry:random", the password its HMAC-SHA1, so that nothing has to be stored.
type credentials struct {
	secret []byte
	now    func() time.Time
}

// issue makes credentials that are good for CredentialLife. The user name is random: it links a user's allocations of one
// call, and nothing else.
func (c *credentials) issue() (name, password string) {
	name = strconv.FormatInt(c.now().Add(CredentialLife).Unix(), 10) + ":" + rand.Text()
	return name, c.password(name)
}

func (c *credentials) iceServers(urls []string) ([]relay.ICEServer, time.Duration) {
	name, password := c.issue()
	return []relay.ICEServer{{URLs: urls, Username: name, Credential: password}}, CredentialLife
}

func (c *credentials) password(name string) string {
	h := hmac.New(sha1.New, c.secret)
	h.Write([]byte(name))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// authenticate returns the key by which a request of this user is checked. Expired credentials make no new allocation, but
// still serve the ones that were made with them (pion ties an allocation to its user): a browser goes on using those it was
// given at the start of the call, and a call of eleven minutes must not fall silent.
func (c *credentials) authenticate(realm string, req *turn.RequestAttributes) (id string, key []byte, ok bool) {
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
	return userID(req.Username, req.SrcAddr), turn.GenerateAuthKey(req.Username, realm, c.password(req.Username)), true
}
