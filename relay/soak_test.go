package relay

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"ringfork/relay/store"
)

var soakTime = flag.Duration("soak", 0, "how long TestSoakLeavesNothing goes on (default: 2m, and 8s with -short)")

// TestSoakLeavesNothing has endpoints come, subscribe, post, read, write slots, misbehave and leave, each in its own way, for
// a while. Afterwards goroutines, subscriptions, buckets of limits and memory are what they were after the first few.
func TestSoakLeavesNothing(t *testing.T) {
	length := *soakTime
	if length == 0 {
		if length = 2 * time.Minute; testing.Short() {
			length = 8 * time.Second
		}
	}
	r := startRelay(t, func(c *Config) {
		c.ClientFactor = 1000
		c.tuning.pingEvery = 5 * time.Second // an endpoint here does not answer while it posts, on a machine that may be busy
		c.tuning.rereadAfter = 1500 * time.Millisecond
	})
	s := &soak{r: r}
	s.run(t, min(length/4, 10*time.Second)) // pools and caches have their size now
	before := s.settle(t)
	s.run(t, length)
	after := s.settle(t)
	t.Logf("%v: %d endpoints came and left, %d frames were posted, %d read, %d slots written; %d left without a word", length, s.came.Load(),
		s.posted.Load(), s.read.Load(), s.slots.Load(), s.rude.Load())
	t.Logf("goroutines %d before, %d after; heap in use %.1f MB before, %.1f MB after; stacks %.1f and %.1f MB", before.goroutines, after.goroutines,
		mb(before.heap), mb(after.heap), mb(before.stacks), mb(after.stacks))
	if s.came.Load() < 20 || s.read.Load() < s.came.Load() {
		t.Errorf("%d endpoints read %d frames: nothing was put to the test", s.came.Load(), s.read.Load())
	}
	if after.goroutines > before.goroutines+3 {
		var b strings.Builder
		pprof.Lookup("goroutine").WriteTo(&b, 1)
		t.Errorf("%d goroutines before, %d after:\n%s", before.goroutines, after.goroutines, b.String())
	}
	// Each endpoint that left some kilobytes behind would be seen.
	if most := before.heap + 4<<20 + uint64(s.slots.Load())*5<<10; after.heap > most {
		t.Errorf("%.1f MB of heap before, %.1f MB after", mb(before.heap), mb(after.heap))
	}
	if conns, subs := r.open(); conns != 0 || subs > 3 {
		t.Errorf("%d connections and %d subscriptions are left", conns, subs)
	}
	if f, n := r.conns.fanouts, r.conns.perClient.left(); n != 0 || len(f.byMailbox) != 0 {
		t.Errorf("%d clients and %d fanouts are left", n, len(f.byMailbox))
	}
	if n := r.conns.waiting.Load(); n != 0 {
		t.Errorf("%d messages are counted that wait for nobody", n)
	}
}

func mb(bytes uint64) float64 { return float64(bytes) / (1 << 20) }

type soak struct {
	r                               *testRelay
	came, posted, read, slots, rude atomic.Int64
}

type usage struct {
	goroutines   int
	heap, stacks uint64
}

// run lets endpoints come and go, sixteen at a time.
func (s *soak) run(t *testing.T, d time.Duration) {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			// An HTTP client for each, as each is another endpoint; its connections go with it.
			for ctx.Err() == nil {
				transport := &http.Transport{}
				if err := s.live(ctx, &http.Client{Transport: transport}); err != nil && ctx.Err() == nil {
					t.Errorf("an endpoint: %v", err)
					cancel()
				}
				transport.CloseIdleConnections()
			}
		})
	}
	wg.Wait()
}

// live is the life of one endpoint.
func (s *soak) live(ctx context.Context, client *http.Client) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, s.r.origin+"/v1/sub", &websocket.DialOptions{HTTPClient: client})
	if err != nil {
		return err
	}
	defer ws.CloseNow()
	ws.SetReadLimit(1 << 14)
	s.came.Add(1)
	_, hello, err := ws.Read(ctx)
	if err != nil {
		return err
	}
	boxes := make([]mailbox, 1+rand.IntN(8))
	for i := range boxes {
		boxes[i] = newMailbox()
		if i%2 == 0 { // half of them have a backlog
			if err := s.post(ctx, client, boxes[i]); err != nil {
				return err
			}
		}
		if err := ws.Write(ctx, websocket.MessageBinary, boxes[i].subscribe(s.r.origin, hello[1:])); err != nil {
			return err
		}
	}
	for i := range boxes {
		if i%2 == 1 {
			if err := s.post(ctx, client, boxes[i]); err != nil {
				return err
			}
		}
	}
	for got := 0; got < 2*len(boxes); got++ { // a frame and an end for each
		_, p, err := ws.Read(ctx)
		if err != nil {
			return err
		}
		switch p[0] {
		case msgFrame:
			s.read.Add(1)
		case msgAlive:
			got--
		}
	}
	if rand.IntN(8) == 0 {
		if err := s.putSlot(ctx, client); err != nil {
			return err
		}
	}
	s.rude.Add(1)
	switch rand.IntN(5) {
	case 0: // what it said is no message
		ws.Write(ctx, websocket.MessageBinary, []byte("nonsense"))
		_, _, err := ws.Read(ctx)
		if websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
			return fmt.Errorf("nonsense is answered with %w", err)
		}
	case 1: // it hangs up in the middle of a request
		s.halfPost()
	case 2: // it unsubscribes and hangs up
		for _, b := range boxes {
			ws.Write(ctx, websocket.MessageBinary, append([]byte{msgUnsubscribe}, b.address[:]...))
		}
	case 3: // nothing, and the connection is cut
	default:
		s.rude.Add(-1)
		ws.Close(websocket.StatusNormalClosure, "")
	}
	return nil
}

func (s *soak) post(ctx context.Context, client *http.Client, to mailbox) error {
	status, err := s.r.postFrom(ctx, client, to.address, frame(1))
	if err == nil && status != http.StatusNoContent {
		err = fmt.Errorf("post: status %d", status)
	}
	s.posted.Add(1)
	return err
}

func (s *soak) halfPost() {
	c, err := net.Dial("tcp", s.r.http.Listener.Addr().String())
	if err != nil {
		return
	}
	defer c.Close()
	io.WriteString(c, "POST /v1/pub HTTP/1.1\r\nHost: relay\r\nContent-Length: 4116\r\n\r\nhalf")
}

func (s *soak) putSlot(ctx context.Context, client *http.Client) error {
	k := newMailbox()
	for version := range uint64(2) {
		url := fmt.Sprintf("%s/v1/slot/%x?replaces=%d", s.r.origin, k.address, version)
		req, err := http.NewRequestWithContext(ctx, "PUT", url, bytes.NewReader(k.slotValue(version+1, "x")))
		if err != nil {
			return err
		}
		res, err := client.Do(req)
		if err != nil {
			return err
		}
		res.Body.Close()
		if res.StatusCode == http.StatusTooManyRequests {
			return nil // there is a bound to what one address makes the relay keep
		}
		if res.StatusCode != http.StatusNoContent {
			return errors.New("slot: " + res.Status)
		}
	}
	s.slots.Add(1)
	return nil
}

// settle waits until nobody is there and the frames are gone, and returns what the process uses then.
func (s *soak) settle(t *testing.T) usage {
	t.Helper()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	deadline := time.Now().Add(30 * time.Second)
	least := usage{goroutines: 1 << 30, heap: 1 << 62}
	for calm := 0; calm < 30 && time.Now().Before(deadline); {
		time.Sleep(50 * time.Millisecond)
		conns, _ := s.r.open()
		stream, err := s.r.streams(t).Stream(t.Context(), store.MailboxStream)
		if err != nil {
			t.Fatal(err)
		}
		if conns > 0 {
			continue
		}
		if err := stream.Purge(t.Context()); err != nil { // what is kept for two minutes in life
			t.Fatal(err)
		}
		calm++
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		// The least of several looks: timers and the engine's own goroutines come and go.
		least.goroutines, least.heap, least.stacks = min(least.goroutines, runtime.NumGoroutine()), min(least.heap, m.HeapAlloc), m.StackInuse
	}
	if least.heap == 1<<62 {
		t.Fatal("connections are still there")
	}
	return least
}
