package relay

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"ringfork/relay/limit"
	"ringfork/relay/natstest"
	"ringfork/relay/store"
)

// TestLinks breaks the ways between the servers of a cluster, while every relay stays connected to its own server and so is
// told of nothing. What is acknowledged meanwhile comes to its readers, also where it did not come live. With -short one break
// is tried.
func TestLinks(t *testing.T) {
	t.Parallel()
	c, err := natstest.StartLinked(t.Context(), t.TempDir(), 3)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	l := startLinked(t, c)
	const (
		followers = iota // between the two servers that do not lead
		leader           // between the leader and another server
		alone            // between one that does not lead and both others
	)
	for _, x := range []struct {
		name   string
		short  bool
		where  int
		how    natstest.Break
		oneWay bool
		lasts  time.Duration
	}{
		{"reset, followers, for a moment", true, followers, natstest.Reset, false, 0},
		{"reset, followers, 1 s", false, followers, natstest.Reset, false, time.Second},
		{"reset, followers, 5 s", false, followers, natstest.Reset, false, 5 * time.Second},
		{"silent, followers, 1 s", false, followers, natstest.Silent, false, time.Second},
		{"silent, followers, 5 s", false, followers, natstest.Silent, false, 5 * time.Second},
		{"silent one way, followers, 1 s", false, followers, natstest.Silent, true, time.Second},
		{"silent one way, followers, 5 s", false, followers, natstest.Silent, true, 5 * time.Second},
		{"reset, leader, 1 s", false, leader, natstest.Reset, false, time.Second},
		{"reset, leader, 5 s", false, leader, natstest.Reset, false, 5 * time.Second},
		{"silent, leader, 5 s", false, leader, natstest.Silent, false, 5 * time.Second},
		{"silent one way, leader, 5 s", false, leader, natstest.Silent, true, 5 * time.Second},
		{"reset, alone, 1 s", false, alone, natstest.Reset, false, time.Second},
		{"reset, alone, 5 s", false, alone, natstest.Reset, false, 5 * time.Second},
		{"silent, alone, 5 s", false, alone, natstest.Silent, false, 5 * time.Second},
	} {
		if !x.short && testing.Short() {
			continue
		}
		t.Run(x.name, func(t *testing.T) {
			leads, err := c.Leader(t.Context(), store.MailboxStream)
			if err != nil {
				t.Fatal(err)
			}
			others := others(leads)
			a, b := others[0], others[1]
			var pairs [][2]int
			switch x.where {
			case followers:
				pairs = [][2]int{{a, b}}
			case leader:
				pairs = [][2]int{{leads, a}}
			case alone:
				pairs = [][2]int{{a, leads}, {a, b}}
			}
			set := func(how natstest.Break) {
				for _, p := range pairs {
					c.SetLink(p[0], p[1], how)
					if !x.oneWay {
						c.SetLink(p[1], p[0], how)
					}
				}
			}
			l.during(t, func() {
				set(x.how)
				wait(t, x.lasts)
				set(natstest.Whole)
			})
		})
	}
}

// linked is a cluster with a relay for each server, and a reader at each relay.
type linked struct {
	cluster *natstest.Cluster
	relays  []*testRelay
	boxes   []mailbox // of the readers

	mu     sync.Mutex
	number int
	acked  []map[int]bool // of each mailbox: the frames that are not heard yet
	heard  []map[int]bool
	posted int
	late   int // came from the backlog
}

func startLinked(t *testing.T, c *natstest.Cluster) *linked {
	l := &linked{cluster: c}
	l.relays = (&testEngine{cluster: c}).relays(t, c.Size(), func(cfg *Config) {
		cfg.ClientFactor = 1e4
		cfg.tuning.mailbox = limit.Rate{PerSecond: 1e5, Burst: 1e5}
		if testing.Short() {
			cfg.tuning.rereadAfter, cfg.store.JournalEvery = 100*time.Millisecond, 100*time.Millisecond
		}
	})
	for i, r := range l.relays {
		m := newMailbox()
		l.boxes = append(l.boxes, m)
		l.acked, l.heard = append(l.acked, map[int]bool{}), append(l.heard, map[int]bool{})
		c := r.dial(t)
		c.ctx = context.Background()
		c.write(m.subscribe(r.origin, c.nonce))
		c.expect("end")
		go func() {
			for {
				m, err := c.tryRead()
				if err != nil {
					return
				}
				if m.kind == msgFrame {
					l.hear(i, m)
				}
			}
		}()
	}
	return l
}

func (l *linked) hear(at int, m message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := frameNumber(m.rest); !l.heard[at][n] {
		l.heard[at][n] = true
		delete(l.acked[at], n)
		if m.age > 0 {
			l.late++
		}
	}
}

// post posts a frame at one relay for the reader at another.
func (l *linked) post(t *testing.T, from, to int) {
	l.mu.Lock()
	l.number++
	l.posted++
	n := l.number
	l.mu.Unlock()
	status, _ := l.relays[from].post(t, l.boxes[to].address, frame(n))
	l.mu.Lock()
	defer l.mu.Unlock()
	if status == http.StatusNoContent && !l.heard[to][n] {
		l.acked[to][n] = true
	}
}

// settled waits until no backlog is being read, or is to be read, by itself.
func (l *linked) settled(t *testing.T) {
	waitFor(t, func() bool {
		for i, r := range l.relays {
			r.conns.fanouts.mu.RLock()
			f := r.conns.fanouts.byMailbox[l.boxes[i].address]
			var s *subscription
			if f != nil && len(f.readers) > 0 {
				s = f.readers[0]
			}
			r.conns.fanouts.mu.RUnlock()
			if s == nil {
				t.Fatalf("the reader at relay %d is gone", i)
			}
			s.conn.mu.Lock()
			done := s.feed.phase == settled
			s.conn.mu.Unlock()
			if !done {
				return false
			}
		}
		return true
	})
}

// during posts frames from every relay to every reader while something is broken, and until all are connected again.
func (l *linked) during(t *testing.T, breaks func()) {
	l.settled(t)
	ctx, cancel := context.WithCancel(t.Context())
	var posts sync.WaitGroup
	for from := range l.relays {
		for to := range l.relays {
			posts.Go(func() {
				tick := time.NewTicker(50 * time.Millisecond)
				defer tick.Stop()
				for ctx.Err() == nil {
					posts.Go(func() { l.post(t, from, to) })
					select {
					case <-tick.C:
					case <-ctx.Done():
					}
				}
			})
		}
	}
	breaks()
	wait(t, 2*time.Second) // a server waits for one before it connects to another again
	cancel()
	posts.Wait()
	began := time.Now()
	missing := func() string {
		l.mu.Lock()
		defer l.mu.Unlock()
		text := ""
		for i, m := range l.acked {
			if len(m) > 0 {
				text += fmt.Sprintf(" %d at %d", len(m), i)
			}
		}
		return text
	}
	for deadline := began.Add(time.Minute); missing() != "" && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
	}
	if m := missing(); m != "" {
		t.Errorf("acknowledged, and not heard:%s", m)
	} else {
		t.Logf("%d frames: all that were acknowledged are heard %v after the last, %d of them from the backlog",
			l.posted, time.Since(began).Round(time.Millisecond), l.late)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.posted, l.late = 0, 0
	for i := range l.acked {
		clear(l.acked[i])
	}
	for i, r := range l.relays {
		if name := r.store.Conn().ConnectedServerName(); name != fmt.Sprint("n", i) {
			t.Logf("relay %d is at %s now", i, name) // it was too slow: this machine is loaded
		}
	}
}

// A relay whose server does not reach the others goes to another one, and its readers hear again.
func TestRelayLeavesAServerThatIsCutOff(t *testing.T) {
	if testing.Short() {
		t.Skip("elections take seconds")
	}
	t.Parallel()
	c, err := natstest.StartLinked(t.Context(), t.TempDir(), 3)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	e := &testEngine{cluster: c}
	r := e.relay(t, func(cfg *Config) {
		cfg.NATS.URLs = c.URLs()
		cfg.store.JournalEvery = 100 * time.Millisecond
	})
	var here int
	at := r.store.Conn().ConnectedServerName()
	for here = range 3 {
		if at == fmt.Sprint("n", here) {
			break
		}
	}
	there := e.relay(t, func(cfg *Config) { cfg.NATS = clusterConfig(c, others(here)[0]) })
	m := newMailbox()
	reader := r.dial(t)
	reader.write(m.subscribe(r.origin, reader.nonce))
	reader.expect("end")
	began := time.Now()
	for _, i := range others(here) {
		c.SetLink(here, i, natstest.Silent)
		c.SetLink(i, here, natstest.Silent)
	}
	for deadline := began.Add(time.Minute); r.store.Conn().ConnectedServerName() == at; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it is still there")
		}
	}
	t.Logf("after %v it is at %s", time.Since(began).Round(time.Millisecond), r.store.Conn().ConnectedServerName())
	there.mustPost(t, m.address, frame(1))
	reader.expect("frame 1")
}
