package relay

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"ringfork/relay/limit"
	"ringfork/relay/store"
)

func conformBacklogThenEndThenLive(t *testing.T, e *testEngine) {
	r := e.relay(t, nil)
	m, other := newMailbox(), newMailbox()
	for i := range 3 {
		r.mustPost(t, m.address, frame(i))
	}
	r.mustPost(t, other.address, frame(99))
	r.caughtUp(t)
	c := r.dial(t)
	c.write(m.subscribe(r.origin, c.nonce))
	got := c.expect("frame 0", "frame 1", "frame 2", "end")
	if age := got[0].age; age > 10*time.Second {
		t.Errorf("age of a frame just posted is %v", age)
	}
	for i := 3; i < 6; i++ {
		r.mustPost(t, m.address, frame(i))
	}
	for _, m := range c.expect("frame 3", "frame 4", "frame 5") {
		if m.age != 0 {
			t.Errorf("age of a live frame is %v", m.age)
		}
	}
	// Reading deletes nothing, and several read one mailbox.
	r.caughtUp(t)
	d := r.dial(t)
	d.write(m.subscribe(r.origin, d.nonce))
	d.expect("frame 0", "frame 1", "frame 2", "frame 3", "frame 4", "frame 5", "end")
	r.mustPost(t, m.address, frame(6))
	c.expect("frame 6")
	d.expect("frame 6")
	// Nothing comes after unsubscribing; subscribing again yields the backlog again.
	c.write(append([]byte{msgUnsubscribe}, m.address[:]...))
	c.write(other.subscribe(r.origin, c.nonce))
	c.expect("frame 99", "end")
	r.mustPost(t, m.address, frame(7))
	d.expect("frame 7")
	r.mustPost(t, other.address, frame(100))
	c.expect("frame 100")
}

func conformRetryIsStoredOnceAndDeliveredAgain(t *testing.T, e *testEngine) {
	r := e.relay(t, func(c *Config) { c.tuning.rereadAfter = time.Millisecond })
	m := newMailbox()
	c := r.dial(t)
	c.write(m.subscribe(r.origin, c.nonce))
	c.expect("end")
	f := frame(1)
	for range 3 {
		r.mustPost(t, m.address, f)
		c.expect("frame 1")
	}
	// A frame that the backlog brought, too.
	r.caughtUp(t)
	d := r.dial(t)
	d.write(m.subscribe(r.origin, d.nonce))
	d.expect("frame 1", "end")
	r.mustPost(t, m.address, f)
	d.expect("frame 1")
	r.mustPost(t, m.address, frame(2))
	d.expect("frame 2")
}

func conformBacklogLongerThanAPage(t *testing.T, e *testEngine) {
	const n = 3*store.PageFrames + 5
	r := e.relay(t, nil)
	m := newMailbox()
	want := make([]string, 0, n+1)
	for i := range n {
		r.mustPost(t, m.address, frame(i))
		want = append(want, fmt.Sprintf("frame %d", i))
	}
	r.caughtUp(t)
	c := r.dial(t)
	c.write(m.subscribe(r.origin, c.nonce))
	c.expect(append(want, "end")...)
}

// The rate of a mailbox keeps its backlog below what the engine answers at once. Should it not, nothing is lost either.
func conformBacklogBeyondTheEnginesAnswer(t *testing.T, e *testEngine) {
	const n = 1100
	r := e.relay(t, func(c *Config) {
		c.tuning.rereadAfter = time.Millisecond
	})
	m := newMailbox()
	want := make([]string, 0, n+1)
	for i := range n {
		f := frame(i)
		if err := keepPosting(f, func() error { return r.store.Post(t.Context(), m.address, f) }); err != nil {
			t.Fatal(err)
		}
		want = append(want, fmt.Sprintf("frame %d", i))
	}
	r.caughtUp(t)
	c := r.dial(t)
	c.write(m.subscribe(r.origin, c.nonce))
	c.expect(append(want, "end")...)
	other := newMailbox()
	r.mustPost(t, other.address, frame(2000))
	r.caughtUp(t)
	c.write(other.subscribe(r.origin, c.nonce))
	c.expect("frame 2000", "end")
}

// While one goroutine posts, others subscribe: each must see every frame exactly once, whichever way it comes. One that was
// posted before somebody began to listen is found later only if backlogs are read again later than a post waits to be stored.
func conformNothingIsLostOrTwiceWhileSubscribing(t *testing.T, e *testEngine) {
	const n = 120
	r := e.relay(t, func(c *Config) { c.tuning.rereadAfter = 3 * time.Second })
	m := newMailbox()
	frames := make([][]byte, n)
	for i := range frames {
		frames[i] = frame(i)
	}
	var readers []*reader
	for range 4 {
		readers = append(readers, r.dial(t))
	}
	posted := make(chan struct{})
	go func() {
		defer close(posted)
		for i, f := range frames {
			if err := keepPosting(f, func() error { return r.tryPost(t, m.address, f) }); err != nil {
				t.Errorf("post %d: %v", i, err)
			}
		}
	}()
	type result struct {
		seen map[int]int
		err  error
	}
	results := make(chan result, len(readers))
	for i, c := range readers {
		go func() {
			res := result{seen: map[int]int{}}
			defer func() { results <- res }()
			time.Sleep(time.Duration(i) * 5 * time.Millisecond) // only to spread them over the posting
			if res.err = c.ws.Write(c.ctx, websocket.MessageBinary, m.subscribe(r.origin, c.nonce)); res.err != nil {
				return
			}
			// What the engine was given and had not stored when it read the backlog comes by the second read, after later ones.
			for len(res.seen) < n {
				msg, err := c.tryRead()
				if err != nil {
					res.err = err
					return
				}
				if msg.kind == msgFrame {
					res.seen[frameNumber(msg.rest)]++
				}
			}
		}()
	}
	for range readers {
		res := <-results
		if res.err != nil {
			t.Error(res.err)
		}
		for i := range n {
			// What several servers do has no order: a stored copy may overtake the live one, and then both are delivered.
			if res.seen[i] == 0 || res.seen[i] > 1 && e.cluster == nil && !postedAgain(frames[i]) {
				t.Errorf("frame %d was seen %d times", i, res.seen[i])
			}
		}
	}
	<-posted
}

func conformFramesExpire(t *testing.T, e *testEngine) {
	r := e.relay(t, func(c *Config) { c.FrameAge = 300 * time.Millisecond })
	m := newMailbox()
	r.mustPost(t, m.address, frame(1))
	deadline := time.Now().Add(10 * time.Second)
	for seen := false; ; time.Sleep(20 * time.Millisecond) { // slower than the limit for connections
		c := r.dial(t)
		c.write(m.subscribe(r.origin, c.nonce))
		msg := c.read()
		c.ws.CloseNow()
		if msg.kind == msgEnd {
			if !seen {
				t.Log("the frame was gone before it was read once")
			}
			return
		}
		if seen = true; msg.age > 300*time.Millisecond {
			t.Fatalf("a frame of age %v was delivered", msg.age)
		}
		if time.Now().After(deadline) {
			t.Fatal("the frame never expired")
		}
	}
}

func conformProofs(t *testing.T, e *testEngine) {
	r := e.relay(t, func(c *Config) { c.Origins = append(c.Origins, "HTTPS://Relay.example/") })
	m := newMailbox()
	c, other := r.dial(t), r.dial(t)

	c.write(m.subscribe("https://relay.example", c.nonce)) // any of its origins
	c.expect("end")
	c.write(m.subscribe("https://elsewhere.example", c.nonce))
	c.expect("refused bad-proof")
	c.write(m.subscribe(r.origin, other.nonce)) // replayed from another connection
	c.expect("refused bad-proof")
	bad := m.subscribe(r.origin, c.nonce)
	bad[len(bad)-1] ^= 1
	c.write(bad)
	if got := c.expect("refused bad-proof")[0]; got.address != m.address {
		t.Errorf("refused %x, want %x", got.address, m.address)
	}
	swapped := m.subscribe(r.origin, c.nonce)
	copy(swapped[1:], newMailbox().key.Public().(ed25519.PublicKey))
	c.write(swapped)
	c.expect("refused bad-proof")
	// What was proved before still holds.
	r.mustPost(t, m.address, frame(1))
	c.expect("frame 1")
}

func conformFloodIsRefusedAndLosesNothing(t *testing.T, e *testEngine) {
	t.Run("mailbox", func(t *testing.T) {
		r := e.relay(t, func(c *Config) { c.tuning.mailbox = limit.Rate{PerSecond: 1e-6, Burst: 40} })
		m := newMailbox()
		want := []string{}
		for i := range 40 {
			r.mustPostForOneToken(t, m.address, frame(i))
			want = append(want, fmt.Sprintf("frame %d", i))
		}
		for i := range 10 {
			if status, code := r.post(t, m.address, frame(100+i)); status != http.StatusTooManyRequests || code != "rate-limited" {
				t.Fatalf("post past the limit: %d %s", status, code)
			}
		}
		r.mustPost(t, newMailbox().address, frame(0)) // another mailbox is not concerned
		r.caughtUp(t)
		c := r.dial(t)
		c.write(m.subscribe(r.origin, c.nonce))
		c.expect(append(want, "end")...)
	})
	t.Run("memory", func(t *testing.T) {
		r := e.relay(t, func(c *Config) { c.MailboxBytes = 64 << 10 })
		m := newMailbox()
		want := []string{}
		for i := 0; ; i++ {
			f := frame(i)
			err := keepPosting(f, func() error { return r.tryPost(t, m.address, f) })
			if errors.Is(err, store.ErrMailboxFull) {
				break
			}
			if err != nil || i > 20 {
				t.Fatalf("post %d: %v", i, err)
			}
			want = append(want, fmt.Sprintf("frame %d", i))
		}
		r.caughtUp(t)
		c := r.dial(t)
		c.write(m.subscribe(r.origin, c.nonce))
		c.expect(append(want, "end")...)
		// Live delivery does not need the store.
		r.post(t, m.address, frame(77))
		c.expect("frame 77")
	})
	t.Run("client", func(t *testing.T) {
		r := e.relay(t, func(c *Config) { c.tuning.clientPosts = limit.Rate{PerSecond: 1e-6, Burst: 3} })
		for i := range 3 {
			r.mustPostForOneToken(t, newMailbox().address, frame(i))
		}
		if status, code := r.post(t, newMailbox().address, frame(9)); status != http.StatusTooManyRequests || code != "rate-limited" {
			t.Fatalf("post past the limit: %d %s", status, code)
		}
	})
}

func conformWrongSizes(t *testing.T, e *testEngine) {
	r := e.relay(t, nil)
	m := newMailbox()
	c := r.dial(t)
	c.write(m.subscribe(r.origin, c.nonce))
	c.expect("end")
	for _, size := range []int{0, 1, FrameSize - 1, FrameSize + 1, 2 * FrameSize} {
		if status, code := r.post(t, m.address, make([]byte, size)); status != http.StatusBadRequest || code != "bad-size" {
			t.Errorf("%d bytes: %d %s", size, status, code)
		}
	}
	r.mustPost(t, m.address, frame(1))
	c.expect("frame 1")
}

// Many mailboxes, each with a frame, are read by a few connections.
func conformManyMailboxes(t *testing.T, e *testEngine) {
	n := 10_000
	if testing.Short() {
		n = 2_000
	}
	relays := e.relays(t, 2, func(c *Config) {
		c.ClientFactor = 100
		c.tuning.rereadAfter = 100 * time.Millisecond
	})
	all := make([]mailbox, n)
	for i := range all {
		all[i] = newMailbox()
	}
	var posts sync.WaitGroup
	for w := range 8 {
		posts.Go(func() {
			for i := w; i < n; i += 8 {
				f := frame(i)
				if err := keepPosting(f, func() error { return relays[i%2].tryPost(t, all[i].address, f) }); err != nil {
					t.Errorf("post %d: %v", i, err)
				}
			}
		})
	}
	posts.Wait()
	for _, r := range relays {
		r.caughtUp(t)
	}
	const perConn = 2000
	for first := 0; first < n; first += perConn {
		r := relays[first/perConn%2]
		c := r.dial(t)
		if got := c.subscribeAll(r.origin, all[first:first+perConn]); got != perConn {
			t.Errorf("%d of %d frames came before the ends of their backlogs", got, perConn)
		}
		last := all[first+perConn-1]
		relays[0].mustPost(t, last.address, frame(first))
		c.expect(fmt.Sprint("frame ", first))
	}
}

// A relay is one with all others of its cluster: what is posted at one is heard at once at another, and waits there too.
func conformHeardAtAnotherRelay(t *testing.T, e *testEngine) {
	relays := e.relays(t, 3, nil)
	m := newMailbox()
	var readers []*reader
	for _, r := range relays {
		c := r.dial(t)
		c.write(m.subscribe(r.origin, c.nonce))
		c.expect("end")
		readers = append(readers, c)
	}
	// post posts a frame at one relay, and returns how many hear it live. One that was heard may come from the backlog, too.
	seen := make([]map[int]bool, len(readers))
	post := func(at, i int) (live int) {
		relays[at].mustPost(t, m.address, frame(i))
		for reader, c := range readers {
			if seen[reader] == nil {
				seen[reader] = map[int]bool{}
			}
			for !seen[reader][i] {
				got := c.read()
				if got.kind != msgFrame || frameNumber(got.rest) != i && !seen[reader][frameNumber(got.rest)] {
					t.Fatalf("%v instead of frame %d", got, i)
				}
				if frameNumber(got.rest) == i {
					seen[reader][i] = true
					if got.age == 0 {
						live++
					}
				}
			}
		}
		return live
	}
	// The servers tell each other who listens, one sooner than another: until then a frame waits for the second read.
	n := 1000
	for at := range relays {
		for live := 0; live < len(readers); n++ {
			live = post(at, n)
		}
	}
	for i := range 30 {
		if live := post(i%3, i); live < len(readers) {
			t.Errorf("frame %d came to %d of %d from the backlog", i, len(readers)-live, len(readers))
		}
	}
}

// A frame that is posted at several relays at the same moment is taken by all, stored once, and keeps its place.
func conformPostedAtTwoRelays(t *testing.T, e *testEngine) {
	relays := e.relays(t, 2, nil)
	m := newMailbox()
	const n = 20
	var posts sync.WaitGroup
	first := frame(0)
	for i := range n {
		f := frame(i)
		if i == 0 {
			f = first
		}
		for w := range 8 {
			posts.Go(func() {
				if err := keepPosting(f, func() error { return relays[w%2].tryPost(t, m.address, f) }); err != nil {
					t.Errorf("frame %d: %v", i, err)
				}
			})
		}
		posts.Wait()
	}
	for _, r := range relays {
		r.mustPost(t, m.address, first)
	}
	want := []string{}
	for i := range n {
		want = append(want, fmt.Sprint("frame ", i))
	}
	for _, r := range relays {
		r.caughtUp(t)
		c := r.dial(t)
		c.write(m.subscribe(r.origin, c.nonce))
		c.expect(append(want, "end")...)
	}
}

// A reader that is slow for a while gets everything, in spite of a queue that is much too short for it.
func conformLaggedReaderIsResynced(t *testing.T, e *testEngine) {
	registry := prometheus.NewRegistry()
	r := e.relay(t, func(c *Config) {
		c.Metrics = registry
		c.ClientFactor = 1000
		c.tuning.queueFrames = 100
		c.tuning.mailbox = limit.Rate{PerSecond: 1e5, Burst: 1e5}
		c.tuning.rereadAfter = 50 * time.Millisecond
		c.tuning.writeTimeout, c.tuning.pingEvery = time.Hour, time.Hour // the slow one does not read for as long as it takes
	})
	boxes := make([]mailbox, 8)
	slow, quick := r.dial(t), r.dial(t)
	for i := range boxes {
		boxes[i] = newMailbox()
		for _, c := range []*reader{slow, quick} {
			c.write(boxes[i].subscribe(r.origin, c.nonce))
			c.expect("end")
		}
	}
	n, lags := 0, false
	for more := 300; more > 0; n++ { // some of them are dropped as they come
		r.mustPost(t, boxes[n%len(boxes)].address, frame(n))
		quick.expect(fmt.Sprint("frame ", n))
		if n > 20_000 {
			t.Fatal("the reader never lags")
		}
		if n%50 == 0 {
			lags = lags || numbers(t, registry)["ringfork_readers_lagged_total"] > 0
		}
		if lags {
			more--
		}
	}
	seen := map[int]int{}
	for len(seen) < n {
		m := slow.read()
		if m.kind != msgFrame {
			t.Fatalf("after %d of %d frames: %v", len(seen), n, m)
		}
		if m.address != boxes[frameNumber(m.rest)%len(boxes)].address {
			t.Fatal("a frame came from another mailbox")
		}
		if seen[frameNumber(m.rest)]++; seen[frameNumber(m.rest)] > 1 && e.cluster == nil && !postedAgain(m.rest) {
			t.Errorf("%v came again", m)
		}
	}
	r.mustPost(t, boxes[0].address, frame(n))
	for slow.read().String() != fmt.Sprint("frame ", n) {
	}
}
