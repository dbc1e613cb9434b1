package relay

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"
)

// natsLogin is a NATS server as operators have it who do not trust the network: its clients come over TLS, to a certificate
// of an authority of its own, and log in with what the operator's account has signed.
type natsLogin struct {
	t       *testing.T
	url     string // tls://localhost:port
	ca      string // file
	account nkeys.KeyPair
	system  nkeys.KeyPair // an account too, without JetStream
}

func startNATSLogin(t *testing.T) *natsLogin {
	t.Helper()
	n := &natsLogin{t: t}
	operator := n.key(nkeys.CreateOperator)
	resolver := &server.MemAccResolver{}
	newAccount := func(storage int64) nkeys.KeyPair {
		key := n.key(nkeys.CreateAccount)
		claims := jwt.NewAccountClaims(public(t, key))
		claims.Limits.JetStreamLimits = jwt.JetStreamLimits{MemoryStorage: storage, DiskStorage: storage, Streams: -1, Consumer: -1}
		if err := resolver.Store(claims.Subject, n.sign(claims, operator)); err != nil {
			t.Fatal(err)
		}
		return key
	}
	n.account, n.system = newAccount(-1), newAccount(0)
	root, err := jwt.DecodeOperatorClaims(n.sign(jwt.NewOperatorClaims(public(t, operator)), operator))
	if err != nil {
		t.Fatal(err)
	}
	ca, certificate := newAuthority(t, "localhost")
	n.ca = n.file("ca.pem", ca)
	u, err := url.Parse(natsServer(t, func(o *server.Options) {
		o.TrustedOperators = []*jwt.OperatorClaims{root}
		o.AccountResolver, o.SystemAccount = resolver, public(t, n.system)
		o.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
		o.TLSTimeout = 10
	}))
	if err != nil {
		t.Fatal(err)
	}
	n.url = "tls://localhost:" + u.Port()
	return n
}

func (n *natsLogin) key(create func() (nkeys.KeyPair, error)) nkeys.KeyPair {
	n.t.Helper()
	key, err := create()
	if err != nil {
		n.t.Fatal(err)
	}
	return key
}

func public(t *testing.T, key nkeys.KeyPair) string {
	t.Helper()
	text, err := key.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (n *natsLogin) sign(claims jwt.Claims, by nkeys.KeyPair) string {
	n.t.Helper()
	text, err := claims.Encode(by)
	if err != nil {
		n.t.Fatal(err)
	}
	return text
}

func (n *natsLogin) file(name string, text []byte) string {
	n.t.Helper()
	path := filepath.Join(n.t.TempDir(), name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		n.t.Fatal(err)
	}
	return path
}

// creds makes a credentials file of a user, as nsc does, signed by an account and good until then, or for ever.
func (n *natsLogin) creds(account nkeys.KeyPair, until time.Time) string {
	n.t.Helper()
	user := n.key(nkeys.CreateUser)
	claims := jwt.NewUserClaims(public(n.t, user))
	if !until.IsZero() {
		claims.Expires = until.Unix()
	}
	seed, err := user.Seed()
	if err != nil {
		n.t.Fatal(err)
	}
	text, err := jwt.FormatUserConfig(n.sign(claims, account), seed)
	if err != nil {
		n.t.Fatal(err)
	}
	return n.file("relay.creds", text)
}

// newAuthority makes a certificate authority, and a certificate of it for a name.
func newAuthority(t *testing.T, name string) (ca []byte, c tls.Certificate) {
	t.Helper()
	make := func(of, by *x509.Certificate, signer *ecdsa.PrivateKey) ([]byte, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if signer == nil {
			signer = key
		}
		of.NotBefore, of.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		der, err := x509.CreateCertificate(rand.Reader, of, by, &key.PublicKey, signer)
		if err != nil {
			t.Fatal(err)
		}
		return der, key
	}
	root := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, key := make(root, root, nil)
	of := &x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: []string{name}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	leaf, leafKey := make(of, root, key)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), tls.Certificate{Certificate: [][]byte{leaf}, PrivateKey: leafKey}
}

// A relay goes to NATS over TLS, with a credentials file, and is whole then.
func TestClusterOverTLS(t *testing.T) {
	n := startNATSLogin(t)
	r := startRelay(t, func(c *Config) {
		c.NATS = NATSConfig{URLs: []string{n.url}, CAFile: n.ca, CredsFile: n.creds(n.account, time.Time{}), Replicas: 1, Key: make([]byte, NATSKeySize)}
		c.tuning.rereadAfter = time.Hour
	})
	if state, err := r.store.Conn().TLSConnectionState(); err != nil || state.Version < tls.VersionTLS12 {
		t.Errorf("the connection has TLS %x, %v", state.Version, err)
	}
	m := newMailbox()
	r.mustPost(t, m.address, frame(1))
	if status, code := r.putSlot(t, m.address, m.slotValue(1, "v"), 0); status != 204 {
		t.Fatalf("put: %d %s", status, code)
	}
	c := r.dial(t)
	c.write(m.subscribe(r.origin, c.nonce))
	c.expect("frame 1", "end")
	r.mustPost(t, m.address, frame(2))
	c.expect("frame 2")
	// It comes back with the same login.
	before := r.store.Conn().Stats().Reconnects
	if err := r.store.Conn().ForceReconnect(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return r.store.Conn().Stats().Reconnects > before })
	r.mustPost(t, m.address, frame(3))
	c.expect("frame 3")
}

// What is wrong with a login, or with a certificate, is told at once, and what to do about it.
func TestClusterLoginErrors(t *testing.T) {
	n := startNATSLogin(t)
	good := func() string { return n.creds(n.account, time.Time{}) }
	other, _ := newAuthority(t, "localhost")
	byAddress := strings.Replace(n.url, "localhost", "127.0.0.1", 1)
	for _, c := range []struct {
		name string
		cfg  NATSConfig
		want []string
	}{
		{"no login", NATSConfig{URLs: []string{n.url}, CAFile: n.ca}, []string{"refuses the credentials", "localhost:"}},
		{"of another account", NATSConfig{URLs: []string{n.url}, CAFile: n.ca, CredsFile: n.creds(n.key(nkeys.CreateAccount), time.Time{})},
			[]string{"refuses the credentials"}},
		{"expired", NATSConfig{URLs: []string{n.url}, CAFile: n.ca, CredsFile: n.creds(n.account, time.Now().Add(-time.Hour))},
			[]string{"refuses the credentials"}},
		{"of an account without JetStream", NATSConfig{URLs: []string{n.url}, CAFile: n.ca, CredsFile: n.creds(n.system, time.Time{})},
			[]string{"turn", "JetStream"}},
		{"of an authority that the system does not know", NATSConfig{URLs: []string{n.url}, CredsFile: good()}, []string{"certificate", "who vouches"}},
		{"of another authority", NATSConfig{URLs: []string{n.url}, CAFile: n.file("other.pem", other), CredsFile: good()},
			[]string{"certificate", "unknown authority"}},
		{"for another name", NATSConfig{URLs: []string{byAddress}, CAFile: n.ca, CredsFile: good()}, []string{"certificate", "127.0.0.1", "the name that is in it"}},
		{"no authority's file", NATSConfig{URLs: []string{n.url}, CAFile: filepath.Join(t.TempDir(), "none.pem")}, []string{"none.pem", "no such file"}},
		{"empty authority's file", NATSConfig{URLs: []string{n.url}, CAFile: n.file("empty.pem", nil)}, []string{"empty.pem", "PEM"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := Config{Origins: []string{"http://relay"}, NATS: c.cfg}
			cfg.NATS.Replicas, cfg.NATS.Key = 1, make([]byte, NATSKeySize)
			cfg.store.StartTimeout = 15 * time.Second // none of these is waited out
			began := time.Now()
			r, err := New(t.Context(), cfg)
			if err == nil {
				r.Close()
				t.Fatal("a relay was started")
			}
			t.Logf("after %v: %v", time.Since(began).Round(time.Millisecond), err)
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error lacks %q: %v", want, err)
				}
			}
		})
	}
	// Without tls:// in the URL it is TLS all the same: the server asks for it.
	r, err := New(t.Context(), Config{Origins: []string{"http://relay"}, NATS: NATSConfig{
		URLs: []string{net.JoinHostPort("localhost", n.url[strings.LastIndexByte(n.url, ':')+1:])}, CAFile: n.ca, CredsFile: good(),
		Replicas: 1, Key: make([]byte, NATSKeySize),
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.store.Conn().TLSConnectionState(); err != nil {
		t.Error(err)
	}
}
