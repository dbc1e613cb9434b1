package relay

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"ringfork/relay/limit"
	"ringfork/relay/natstest"
)

// natsServer starts one NATS server in this process, until the test ends.
func natsServer(t *testing.T, change func(*server.Options)) (url string) {
	t.Helper()
	url, stop, err := natstest.Single(t.TempDir(), change)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return url
}

// What is wrong with a cluster is told, with what to do about it, and without any secret.
func TestClusterErrors(t *testing.T) {
	withUser := func(o *server.Options) { o.Username, o.Password = "relay", "right-secret" }
	as := func(url, user string) string { return strings.Replace(url, "nats://", "nats://"+user+"@", 1) }
	for _, c := range []struct {
		name   string
		change func(*server.Options)
		config func(url string) NATSConfig
		want   []string
	}{
		{"unreachable", nil, func(string) NATSConfig {
			return NATSConfig{URLs: []string{"nats://u:wrong-secret@127.0.0.1:1", "127.0.0.1:2"}}
		}, []string{"no NATS server answers at 127.0.0.1:1, 127.0.0.1:2", "start one"}},
		{"no URL", nil, func(string) NATSConfig {
			return NATSConfig{URLs: []string{"127.0.0.1", "nats://u:wrong-secret@host:port"}}
		}, []string{"URL number 2 is not nats://"}},
		{"wrong password", withUser, func(url string) NATSConfig {
			return NATSConfig{URLs: []string{as(url, "relay:wrong-secret")}}
		}, []string{"refuses the credentials", "127.0.0.1:"}},
		{"no password", withUser, func(url string) NATSConfig { return NATSConfig{URLs: []string{url}} }, []string{"refuses the credentials"}},
		{"no credentials file", nil, func(url string) NATSConfig {
			return NATSConfig{URLs: []string{url}, CredsFile: filepath.Join(t.TempDir(), "none.creds")}
		}, []string{"none.creds", "no such file"}},
		{"bad credentials file", nil, func(url string) NATSConfig {
			path := filepath.Join(t.TempDir(), "bad.creds")
			if err := os.WriteFile(path, []byte("nothing"), 0o600); err != nil {
				t.Fatal(err)
			}
			return NATSConfig{URLs: []string{url}, CredsFile: path}
		}, []string{"bad.creds", "is neither a NATS credentials file"}},
		{"wrong password in a file", withUser, func(url string) NATSConfig {
			path := filepath.Join(t.TempDir(), "login")
			if err := os.WriteFile(path, []byte("relay:wrong-secret\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			return NATSConfig{URLs: []string{url}, CredsFile: path}
		}, []string{"refuses the credentials"}},
		{"no JetStream", func(o *server.Options) { o.JetStream = false }, func(url string) NATSConfig {
			return NATSConfig{URLs: []string{url}, Replicas: 1}
		}, []string{"turn it on"}},
		{"one server only", nil, func(url string) NATSConfig { return NATSConfig{URLs: []string{url}} }, []string{"3 copies", "ask for 1"}},
		{"too little memory", func(o *server.Options) { o.JetStreamMaxMemory = 1 << 20 }, func(url string) NATSConfig {
			return NATSConfig{URLs: []string{url}, Replicas: 1}
		}, []string{"make the mailbox stream", "raise max_mem"}},
		{"too little disk", func(o *server.Options) { o.JetStreamMaxStore = 1 << 20 }, func(url string) NATSConfig {
			return NATSConfig{URLs: []string{url}, Replicas: 1}
		}, []string{"open the slots", "max_file"}},
		{"small messages only", func(o *server.Options) { o.MaxPayload = 64 << 10 }, func(url string) NATSConfig {
			return NATSConfig{URLs: []string{url}, Replicas: 1}
		}, []string{"max_payload"}},
		{"short key", nil, func(url string) NATSConfig { return NATSConfig{URLs: []string{url}, Key: []byte("short")} }, []string{"key has 5 bytes"}},
		{"too many copies", nil, func(url string) NATSConfig { return NATSConfig{URLs: []string{url}, Replicas: 6} }, []string{"5 copies at most"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := Config{Origins: []string{"http://relay"}, NATS: c.config(natsServer(t, c.change))}
			switch c.name { // the first two are waited out
			case "unreachable":
				cfg.store.StartTimeout = 500 * time.Millisecond
			case "no JetStream":
				cfg.store.StartTimeout = 5 * time.Second
			default:
				cfg.store.StartTimeout = 15 * time.Second
			}
			if cfg.NATS.Key == nil {
				cfg.NATS.Key = make([]byte, NATSKeySize)
			}
			r, err := New(t.Context(), cfg)
			if err == nil {
				r.Close()
				t.Fatal("a relay was started")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error lacks %q: %v", want, err)
				}
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error tells a secret: %v", err)
			}
		})
	}
	if _, err := New(t.Context(), Config{Origins: []string{"http://relay"}, DataDir: t.TempDir(), NATS: NATSConfig{URLs: []string{"x"}, Key: make([]byte, 32)}}); err == nil {
		t.Error("a relay was started with a folder and a cluster")
	}
}

// A login is taken from the URL, or from a file of one line.
func TestClusterLogin(t *testing.T) {
	url := natsServer(t, func(o *server.Options) { o.Username, o.Password = "relay", "right:secret" })
	path := filepath.Join(t.TempDir(), "login")
	if err := os.WriteFile(path, []byte("relay:right:secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, n := range []NATSConfig{
		{URLs: []string{url}, CredsFile: path},
		{URLs: []string{strings.Replace(url, "nats://", "nats://relay:right%3Asecret@", 1)}},
	} {
		r := startRelay(t, func(c *Config) {
			c.NATS = n
			c.NATS.Replicas, c.NATS.Key = 1, make([]byte, NATSKeySize)
		})
		r.mustPost(t, newMailbox().address, frame(1))
	}
}

// Relays of another key share the cluster, and nothing in it.
func TestClusterKey(t *testing.T) {
	url := natsServer(t, nil)
	withKey := func(k byte) *testRelay {
		return startRelay(t, func(c *Config) {
			c.NATS = NATSConfig{URLs: []string{url}, Replicas: 1, Key: bytes.Repeat([]byte{k}, NATSKeySize)}
		})
	}
	a, same, other := withKey(1), withKey(1), withKey(2)
	m := newMailbox()
	a.mustPost(t, m.address, frame(1))
	if status, code := a.putSlot(t, m.address, m.slotValue(1, "v"), 0); status != 204 {
		t.Fatalf("put: %d %s", status, code)
	}
	for r, want := range map[*testRelay]int{same: 200, other: 204} {
		if status, _ := r.getSlot(t, m.address); status != want {
			t.Errorf("the slot at another relay: %d, want %d", status, want)
		}
	}
	c := same.dial(t)
	c.write(m.subscribe(same.origin, c.nonce))
	c.expect("frame 1", "end")
	d := other.dial(t)
	d.write(m.subscribe(other.origin, d.nonce))
	d.expect("end")
	// Who starts with another key than that of the slots there may have lost the right one, and is told.
	for k, want := range map[byte]bool{1: false, 2: true} {
		var log bytes.Buffer
		startRelay(t, func(c *Config) {
			c.NATS = NATSConfig{URLs: []string{url}, Replicas: 1, Key: bytes.Repeat([]byte{k}, NATSKeySize)}
			c.Log = slog.New(slog.NewTextHandler(&log, nil))
		})
		if told := strings.Contains(log.String(), "slots of another key"); told != want {
			t.Errorf("a relay of key %d logs %q", k, &log)
		}
	}
}

// A relay does not stay with a server that hangs, also when so much is posted that the way to it is full.
func TestClusterLeavesAServerThatHangs(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t)
	relays := (&testEngine{cluster: cluster}).relays(t, 2, func(c *Config) {
		c.ClientFactor = 1e4
		c.tuning.mailbox = limit.Rate{PerSecond: 1e5, Burst: 1e5}
	})
	m := newMailbox()
	c := relays[0].dial(t)
	c.write(m.subscribe(relays[0].origin, c.nonce))
	c.expect("end")
	if err := cluster.Stop(0); err != nil {
		t.Fatal(err)
	}
	stopped := time.Now()
	ctx, cancel := context.WithCancel(t.Context())
	var posts sync.WaitGroup
	for w := range 4 {
		posts.Go(func() {
			for i := 10_000 * w; ctx.Err() == nil && i < 10_000*(w+1); i++ {
				go relays[0].store.Post(ctx, newMailbox().address, frame(i)) // the answers are of no interest
				time.Sleep(time.Millisecond)                                 // a load, not a wait
			}
		})
	}
	for deadline := stopped.Add(30 * time.Second); relays[0].store.Conn().ConnectedServerName() == "n0" || !relays[0].store.Connected(); {
		if time.Sleep(10 * time.Millisecond); time.Now().After(deadline) {
			t.Error("it is still there")
			break
		}
	}
	t.Logf("after %v it is at another server", time.Since(stopped))
	cancel()
	posts.Wait()
	// What is posted elsewhere is heard, and what was posted meanwhile is read.
	for i := 0; ; i++ {
		status, _ := relays[1].post(t, m.address, frame(i))
		if status == http.StatusNoContent {
			for c.read().String() != fmt.Sprint("frame ", i) {
			}
			break
		}
		if i == 20 {
			t.Fatal("nothing is stored any more")
		}
	}
	if err := cluster.Cont(0); err != nil {
		t.Fatal(err)
	}
}

// Relays that start at the same moment in an empty cluster do not get into each other's way.
func TestClusterStartsAtOnce(t *testing.T) {
	t.Parallel()
	cluster := startCluster(t)
	var starts sync.WaitGroup
	m := newMailbox()
	relays := make([]*testRelay, 6)
	for i := range relays {
		starts.Go(func() {
			r, err := New(t.Context(), Config{Origins: []string{"http://relay"}, NATS: clusterConfig(cluster, i)})
			if err != nil {
				t.Error(err)
				return
			}
			relays[i] = &testRelay{Relay: r}
		})
	}
	starts.Wait()
	for i, r := range relays {
		if r == nil {
			continue
		}
		f := frame(i)
		if err := keepPosting(f, func() error { return r.store.Post(t.Context(), m.address, f) }); err != nil {
			t.Error(err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}
