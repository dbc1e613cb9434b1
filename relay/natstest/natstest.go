// Package natstest runs a NATS cluster of real processes on this machine, for tests and benchmarks, and breaks it on demand.
//
// Start starts a cluster and waits until it can store; Kill, Stop, Cont and Restart do to single servers what a bad day does;
// Close ends all of it. The server program is the one that go.mod names, built by "go tool": so a cluster can run wherever
// this module can be built. On Linux the servers die with the process that started them, even when that one is killed.
//
// Servers are known by their number, from 0. The methods of a Cluster may be called from any goroutine.
package natstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Cluster is a NATS cluster with JetStream.
type Cluster struct {
	dir     string
	program string
	servers []*server
	links   *links // nil: the servers reach each other directly
}

// server is one process, or the place of one that is not running.
type server struct {
	name         string
	client, http int // ports
	config       string

	mu      sync.Mutex
	process *Process
}

// How long a cluster may take to start, or a server to be whole again. They take seconds; a loaded machine more.
const patience = time.Minute

// Start starts a cluster of n servers, which keep their files in dir, and returns when all of it is ready.
func Start(ctx context.Context, dir string, n int) (*Cluster, error) { return start(ctx, dir, n, nil) }

// StartLinked is Start for a cluster in which the ways from server to server can be broken: see SetLink.
func StartLinked(ctx context.Context, dir string, n int) (*Cluster, error) {
	return start(ctx, dir, n, newLinks())
}

func start(ctx context.Context, dir string, n int, l *links) (*Cluster, error) {
	program, err := build(ctx)
	if err != nil {
		return nil, err
	}
	ports, err := freePorts(3 * n)
	if err != nil {
		return nil, err
	}
	c := &Cluster{dir: dir, program: program, links: l}
	for i := range n {
		routes, err := c.routes(i, ports)
		if err != nil {
			c.Close()
			return nil, err
		}
		s := &server{name: fmt.Sprintf("n%d", i), client: ports[3*i], http: ports[3*i+1]}
		s.config = filepath.Join(dir, s.name+".conf")
		if err := os.WriteFile(s.config, config(s, dir, ports[3*i+2], routes, l != nil), 0o600); err != nil {
			c.Close()
			return nil, fmt.Errorf("failed to configure a NATS server: %w", err)
		}
		c.servers = append(c.servers, s)
	}
	for i := range n {
		if err := c.run(i); err != nil {
			c.Close()
			return nil, err
		}
	}
	for i := range n {
		if err := c.WaitReady(ctx, i); err != nil {
			c.Close()
			return nil, err
		}
	}
	if err := c.waitStorage(ctx, n); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// routes returns where server from reaches the servers that have these ports.
func (c *Cluster) routes(from int, ports []int) ([]string, error) {
	var routes []string
	for to := range len(ports) / 3 {
		port := ports[3*to+2]
		if c.links != nil && to == from {
			continue
		}
		if c.links != nil {
			var err error
			if port, err = c.links.open(from, to, port); err != nil {
				return nil, err
			}
		}
		routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", port))
	}
	return routes, nil
}

// config is the configuration of a server. Pings between servers are as deployments should have them: by NATS's default a
// server that hangs is noticed by the others after a minute only.
func config(s *server, dir string, route int, routes []string, linked bool) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "server_name: %s\nlisten: 127.0.0.1:%d\nhttp: 127.0.0.1:%d\n", s.name, s.client, s.http)
	fmt.Fprintf(&b, "jetstream { store_dir: %q, max_mem: 1G, max_file: 4G }\n", filepath.Join(dir, s.name))
	if len(routes) > 1 || linked {
		advertise := ""
		if linked { // no way around the links is told of
			advertise = "advertise: \"127.0.0.1:1\", "
		}
		fmt.Fprintf(&b, "cluster { name: ringfork, listen: 127.0.0.1:%d, %sroutes: [%s], ping_interval: 1s, ping_max: 2 }\n",
			route, advertise, strings.Join(routes, ", "))
	}
	return b.Bytes()
}

// build returns the path of the server program.
func build(ctx context.Context) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "tool", "-n", "nats-server")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("failed to build the NATS server: %w: %s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	return strings.TrimSpace(string(out)), nil
}

// freePorts returns TCP ports that are free on the loopback address, and that systems give to nobody who asks for any: they
// stay free while a server is away.
func freePorts(n int) ([]int, error) {
	var ports []int
	for tries := 0; len(ports) < n; tries++ {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 11000+rand.N(20000)))
		if err == nil {
			defer l.Close()
			ports = append(ports, l.Addr().(*net.TCPAddr).Port)
		} else if tries > 10*n+100 {
			return nil, fmt.Errorf("failed to find a free port: %w", err)
		}
	}
	return ports, nil
}

// Size returns how many servers the cluster has, whether they run or not.
func (c *Cluster) Size() int { return len(c.servers) }

// URL returns where clients reach server i, URLs where they reach each.
func (c *Cluster) URL(i int) string { return fmt.Sprintf("nats://127.0.0.1:%d", c.servers[i].client) }

func (c *Cluster) URLs() []string {
	var urls []string
	for i := range c.servers {
		urls = append(urls, c.URL(i))
	}
	return urls
}

// Kill ends server i without warning. It returns when the process is gone.
func (c *Cluster) Kill(i int) {
	s := c.servers[i]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process != nil {
		s.process.Kill()
		s.process = nil
	}
}

// Stop halts server i, which then answers nothing but keeps its connections. Cont lets it go on.
func (c *Cluster) Stop(i int) error { return c.signal(i, (*Process).Stop) }

func (c *Cluster) Cont(i int) error { return c.signal(i, (*Process).Cont) }

func (c *Cluster) signal(i int, signal func(*Process) error) error {
	s := c.servers[i]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return errors.New("the server does not run")
	}
	return signal(s.process)
}

// Shutdown ends server i as an operator does, so that it hands over what it leads. It returns when the process is gone.
func (c *Cluster) Shutdown(i int) error {
	s := c.servers[i]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return nil
	}
	p := s.process
	s.process = nil
	if err := p.End(); err != nil {
		p.Kill()
		return err
	}
	select {
	case <-p.Done:
	case <-time.After(patience):
		p.Kill()
		return errors.New("the server did not end")
	}
	return nil
}

// Restart starts server i again on the ports and files it had, after ending it if it runs. It does not wait for it: see
// WaitReady.
func (c *Cluster) Restart(i int) error {
	c.Kill(i)
	return c.run(i)
}

// run starts the process of server i. A port that somebody took meanwhile is tried for a while.
func (c *Cluster) run(i int) error {
	s := c.servers[i]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process != nil {
		return errors.New("the server runs already")
	}
	p, err := StartProcess(exec.Command(c.program, "-c", s.config, "-l", filepath.Join(c.dir, s.name+".log")))
	if err != nil {
		return fmt.Errorf("failed to start a NATS server: %w", err)
	}
	s.process = p
	return nil
}

// WaitReady waits until server i says that it is healthy: it then has caught up with all streams it keeps copies of.
func (c *Cluster) WaitReady(ctx context.Context, i int) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s := c.servers[i]
	for {
		if s.healthy(ctx) {
			return nil
		}
		if s.ended() {
			// Its port is taken, most likely.
			if err := c.Restart(i); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(c.dir, s.name+".log"))
			return fmt.Errorf("NATS server %d is not ready: %w; it says: %s", i, ctx.Err(), log[max(0, len(log)-2000):])
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (s *server) healthy(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/healthz", s.http), nil)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}

func (s *server) ended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return false
	}
	select {
	case <-s.process.Done:
		return true
	default:
		return false
	}
}

// waitStorage waits until the cluster can keep a stream on each of its n servers.
func (c *Cluster) waitStorage(ctx context.Context, n int) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return c.with(func(js jetstream.JetStream) error {
		const name = "natstest-ready"
		err := persist(ctx, func(ctx context.Context) error {
			_, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: name, Storage: jetstream.MemoryStorage, Replicas: n})
			if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
				return nil
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("the NATS cluster cannot store: %w", err)
		}
		return persist(ctx, func(ctx context.Context) error { return deleteStream(ctx, js, name) })
	})
}

// persist calls do until it succeeds or ctx ends, and gives it some seconds at a time: a leader that moves answers nothing, not
// later either.
func persist(ctx context.Context, do func(context.Context) error) error {
	for {
		try, done := context.WithTimeout(ctx, 5*time.Second)
		err := do(try)
		done()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// deleteStream deletes a stream, unless there is none: the answer to an earlier try may have been lost.
func deleteStream(ctx context.Context, js jetstream.JetStream, name string) error {
	if err := js.DeleteStream(ctx, name); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("failed to delete stream %s: %w", name, err)
	}
	return nil
}

// Leader returns the server that leads a stream.
func (c *Cluster) Leader(ctx context.Context, stream string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	leader := -1
	err := c.with(func(js jetstream.JetStream) error {
		for {
			// Nobody answers while the cluster elects who does.
			try, done := context.WithTimeout(ctx, time.Second)
			s, err := js.Stream(try, stream)
			done()
			if errors.Is(err, jetstream.ErrStreamNotFound) {
				return fmt.Errorf("failed to find the leader of stream %s: %w", stream, err)
			}
			if s != nil {
				if info := s.CachedInfo(); info.Cluster != nil {
					for i, server := range c.servers {
						if server.name == info.Cluster.Leader {
							leader = i
							return nil
						}
					}
				}
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("stream %s has no leader: %w", stream, ctx.Err())
			case <-time.After(100 * time.Millisecond):
			}
		}
	})
	return leader, err
}

// DeleteStreams removes everything that is stored, so that the next test finds an empty cluster.
func (c *Cluster) DeleteStreams(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return c.with(func(js jetstream.JetStream) error {
		return persist(ctx, func(ctx context.Context) error {
			names := js.StreamNames(ctx)
			for name := range names.Name() {
				if err := deleteStream(ctx, js, name); err != nil {
					return err
				}
			}
			return names.Err()
		})
	})
}

// with calls do with a connection to whatever servers run.
func (c *Cluster) with(do func(jetstream.JetStream) error) error {
	nc, err := nats.Connect(strings.Join(c.URLs(), ","), nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond),
		nats.PingInterval(time.Second), nats.MaxPingsOutstanding(2), nats.RetryOnFailedConnect(true))
	if err != nil {
		return fmt.Errorf("failed to connect to the NATS cluster: %w", err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	return do(js)
}

// SetLink makes the way from one server to another, of a cluster that StartLinked started, what it is to be. To break a link
// in both directions call it twice; Reset concerns both at once.
func (c *Cluster) SetLink(from, to int, how Break) { c.links.set(from, to, how) }

// Close ends all servers. Their files stay: they are the caller's.
func (c *Cluster) Close() {
	for i := range c.servers {
		c.Kill(i)
	}
	if c.links != nil {
		c.links.close()
	}
}
