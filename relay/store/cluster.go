package store

import (
	"bytes"
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// NATSConfig names a NATS cluster with JetStream to use as the engine. Relays with the same cluster and key are one relay to
// their clients: they keep nothing themselves, and any number of them may run behind any load balancer.
type NATSConfig struct {
	// URLs are those of some servers of the cluster, which name the others. User and password may stand in them. Empty: the
	// relay embeds its engine.
	URLs []string
	// CredsFile is a NATS credentials file, or one with the single line "user:password". Empty: none.
	CredsFile string
	// CAFile has the certificates, PEM, of who may vouch for the servers where these have TLS. Empty: those of the system.
	CAFile string
	// Replicas is how many servers keep a copy of each frame and slot. Zero means 3, which survives the loss of one.
	Replicas int
	// Key is shared by all relays of the cluster and nobody else: addresses are hashed with it before NATS sees them. It is
	// NATSKeySize random bytes. Another key means other mailboxes, and that all slots are empty.
	Key []byte
}

// NATSKeySize is the length of a NATSConfig's key in bytes.
const NATSKeySize = 32

// maxPayload is what the largest message needs: a slot's value, with a few headers.
const maxPayload = 2 * MaxSlotSize

// The relay leaves a server that is silent for three of these, which is faster than its peers replace one that leads.
const clusterPing = 700 * time.Millisecond

func (c *NATSConfig) setDefaults() error {
	if len(c.URLs) == 0 {
		return nil
	}
	if len(c.Key) != NATSKeySize {
		return fmt.Errorf("the NATS key has %d bytes, not %d", len(c.Key), NATSKeySize)
	}
	for i, text := range c.URLs {
		if !strings.Contains(text, "://") {
			text = "nats://" + text
		}
		u, err := url.Parse(text)
		if err != nil || !slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme) || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" {
			// Not what it is: a password may be in it.
			return fmt.Errorf("NATS URL number %d is not nats://[USER:PASSWORD@]HOST[:PORT], or the same with tls, ws or wss", i+1)
		}
	}
	setDefault(&c.Replicas, 3)
	if c.Replicas > 5 {
		return fmt.Errorf("a NATS cluster keeps 5 copies at most, not %d", c.Replicas)
	}
	return nil
}

// connectCluster connects to a cluster, which may still be starting.
func (e *engine) connectCluster(ctx context.Context, cfg NATSConfig) error {
	e.replicas, e.slotBucket, e.slotStorage = cfg.Replicas, "ringfork-slots", jetstream.FileStorage
	for use, key := range map[string]*[]byte{"mailboxes": &e.mailboxKey, "slots": &e.slotKey} {
		var err error
		if *key, err = hkdf.Key(sha256.New, cfg.Key, nil, "ringfork/1/nats/"+use, 32); err != nil {
			return fmt.Errorf("failed to derive a key: %w", err)
		}
	}
	options := []nats.Option{
		nats.PingInterval(clusterPing), nats.MaxPingsOutstanding(2),
		// While a write to a server that hangs is blocked nothing else goes on, pings neither.
		nats.FlusherTimeout(2 * clusterPing), nats.ReconnectOnFlusherError(),
		nats.ReconnectBufSize(16 << 20), // what is posted until it is back; beyond, posts are refused
		// All servers are tried before it waits, so this is for a cluster that is gone. The jitter keeps relays apart.
		nats.ReconnectWait(100 * time.Millisecond), nats.ReconnectJitter(200*time.Millisecond, 200*time.Millisecond),
	}
	if cfg.CredsFile != "" {
		text, err := os.ReadFile(cfg.CredsFile)
		if err != nil {
			return fmt.Errorf("failed to read the NATS credentials: %w", err)
		}
		option, ok := credentials(cfg.CredsFile, text)
		if !ok {
			return fmt.Errorf("%s is neither a NATS credentials file, as nsc and natscli make them, nor a line USER:PASSWORD", cfg.CredsFile)
		}
		options = append(options, option)
	}
	if cfg.CAFile != "" {
		text, err := os.ReadFile(cfg.CAFile)
		if err != nil {
			return fmt.Errorf("failed to read who vouches for the NATS servers: %w", err)
		}
		if !x509.NewCertPool().AppendCertsFromPEM(text) {
			return fmt.Errorf("%s has no certificate in it: it is to be PEM", cfg.CAFile)
		}
		options = append(options, nats.RootCAs(cfg.CAFile))
	}
	err := retry(ctx, func() (again bool, err error) {
		err = e.connect(strings.Join(cfg.URLs, ","), options...)
		return err != nil && !refusesUs(err) && !distrusted(err), err
	})
	switch {
	case err == nil:
	case distrusted(err):
		return fmt.Errorf("the certificate of the NATS server at %s is not good: %w; give the file of who vouches for it, or the name that is in it",
			redacted(cfg.URLs), err)
	case refusesUs(err):
		return fmt.Errorf("the NATS server at %s refuses the credentials: %w; give others, in the URL or as a file", redacted(cfg.URLs), err)
	default:
		return fmt.Errorf("no NATS server answers at %s: %w; start one, or give other URLs", redacted(cfg.URLs), err)
	}
	if n := e.nc.MaxPayload(); n < maxPayload {
		return fmt.Errorf("the NATS server takes messages of %d bytes, and a slot needs %d: raise max_payload in its configuration",
			n, maxPayload)
	}
	return nil
}

// credentials returns how to log in with a file of this text.
func credentials(file string, text []byte) (nats.Option, bool) {
	line := strings.TrimSpace(string(text))
	if user, password, ok := strings.Cut(line, ":"); ok && !strings.Contains(line, "\n") {
		return nats.UserInfo(user, password), true
	}
	whole := bytes.Contains(text, []byte("BEGIN NATS USER JWT")) && bytes.Contains(text, []byte("BEGIN USER NKEY SEED"))
	return nats.UserCredentials(file), whole
}

// distrusted reports whether a server has TLS, and a certificate that does not show who it is.
func distrusted(err error) bool {
	var bad *tls.CertificateVerificationError
	return errors.As(err, &bad)
}

func refusesUs(err error) bool {
	for _, e := range []error{
		nats.ErrAuthorization, nats.ErrAuthExpired, nats.ErrAuthRevoked, nats.ErrAccountAuthExpired, nats.ErrNkeysNotSupported,
		nats.ErrPermissionViolation,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return strings.Contains(strings.ToLower(err.Error()), "authorization")
}

// create makes a stream or bucket, or brings one that is there into the form that this version and configuration want, by
// calling do. In a cluster it is tried again until ctx ends: the cluster may still be starting, or another relay that starts
// at the same moment may have been faster.
func (e *engine) create(ctx context.Context, what string, do func(context.Context) error) error {
	if e.srv != nil {
		if err := do(ctx); err != nil {
			return fmt.Errorf("failed to %s: %w", what, err)
		}
		return nil
	}
	patience := requestTimeout / 20
	err := retry(ctx, func() (again bool, err error) {
		// Nobody answers while the cluster elects who does, and nobody answers the second of two who ask for the same.
		patience = min(2*patience, requestTimeout)
		try, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		err = do(try)
		return err != nil && !hopeless(err), err
	})
	if err == nil {
		return nil
	}
	var api *jetstream.APIError
	errors.As(err, &api)
	code := func(id server.ErrorIdentifier) bool { return api != nil && api.ErrorCode == jetstream.ErrorCode(id) }
	todo := ""
	switch {
	case code(server.JSStreamReplicasNotSupportedErr):
		todo = fmt.Sprintf("; %d copies need a cluster of as many servers: start one, or ask for 1", e.replicas)
	case code(server.JSClusterNoPeersErrF), code(server.JSInsufficientResourcesErr):
		todo = fmt.Sprintf("; %d copies need as many servers with JetStream and room for them: start more, raise their limits, or ask for fewer",
			e.replicas)
	case code(server.JSNotEnabledErr), code(server.JSNotEnabledForAccountErr):
		todo = "; turn JetStream on in the NATS servers' configuration, and for this account"
	case code(server.JSMemoryResourcesExceededErr), code(server.JSStorageResourcesExceededErr), code(server.JSAccountResourcesExceededErr):
		todo = "; raise max_mem and max_file in the NATS servers' configuration"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout), errors.Is(err, nats.ErrNoResponders):
		todo = "; JetStream does not answer: turn it on in the configuration of the NATS servers, and start most of them"
	}
	return fmt.Errorf("failed to %s: %w%s", what, err, todo)
}

// hopeless reports whether a cluster that is whole would say the same.
func hopeless(err error) bool {
	var api *jetstream.APIError
	if !errors.As(err, &api) {
		return false
	}
	switch server.ErrorIdentifier(api.ErrorCode) {
	case server.JSStreamReplicasNotSupportedErr, server.JSNotEnabledErr, server.JSNotEnabledForAccountErr,
		server.JSMemoryResourcesExceededErr, server.JSStorageResourcesExceededErr, server.JSAccountResourcesExceededErr:
		return true
	}
	return false
}

// retry calls do until it says that trying again is of no use, or until ctx ends.
func retry(ctx context.Context, do func() (again bool, err error)) error {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		again, err := do()
		if !again || ctx.Err() != nil {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return err
		}
	}
}

// redacted is a list of NATS URLs without what may be secret in them.
func redacted(urls []string) string {
	var hosts []string
	for _, u := range urls {
		if _, rest, ok := strings.Cut(u, "://"); ok {
			u = rest
		}
		if at := strings.LastIndexByte(u, '@'); at >= 0 {
			u = u[at+1:]
		}
		hosts = append(hosts, u)
	}
	return strings.Join(hosts, ", ")
}
