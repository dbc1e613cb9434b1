package relay

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ringfork/relay/store"
)

// from returns an HTTP client whose connections come from an address of this machine.
func from(t *testing.T, address string) *http.Client {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	if l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.ParseIP(address)}); err != nil {
		t.Skipf("this machine has no address %s: %v", address, err)
	} else {
		l.Close()
	}
	transport := &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 30 * time.Second}
}

// postFrom posts and returns the status.
func (r *testRelay) postFrom(ctx context.Context, c *http.Client, to address, frame []byte) (int, error) {
	req, err := http.NewRequestWithContext(ctx, "POST", r.origin+"/v1/pub", bytes.NewReader(append(to[:], frame...)))
	if err != nil {
		return 0, err
	}
	res, err := c.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, err
}

// tryPostFrom is postFrom for keepPosting.
func (r *testRelay) tryPostFrom(ctx context.Context, c *http.Client, to address, frame []byte) error {
	switch status, err := r.postFrom(ctx, c, to, frame); {
	case err != nil:
		return err
	case status == http.StatusServiceUnavailable:
		return store.ErrNotStored
	case status != http.StatusNoContent:
		return fmt.Errorf("it is answered %d", status)
	}
	return nil
}

// One address posts thirty times as much as it may, without a pause. Frames from another address
// arrive all the same, all of them, and none is refused.
func TestFloodFromOneAddress(t *testing.T) {
	r := startRelay(t, nil)
	honest, flooder := from(t, "127.0.0.1"), from(t, "127.0.0.2")
	// Not as fast as it can: it shares two or four cores with the relay here, and would measure how they are shared.
	const floodRate, workers = 3000, 32
	count := 400
	if testing.Short() {
		count = 150
	}
	boxes := make([]mailbox, 32) // a mailbox takes six frames a second, after 256 at once
	reader := r.dial(t)
	for i := range boxes {
		boxes[i] = newMailbox()
		reader.write(boxes[i].subscribe(r.origin, reader.nonce))
		reader.expect("end")
	}
	quiet := r.measure(t, reader, honest, boxes, count, 0)

	ctx, cancel := context.WithCancel(t.Context())
	var taken, refused, failed atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			own := newMailbox()
			pace := time.NewTicker(workers * time.Second / floodRate)
			defer pace.Stop()
			for ctx.Err() == nil {
				<-pace.C
				switch status, err := r.postFrom(ctx, flooder, own.address, frame(0)); {
				case err != nil && ctx.Err() == nil:
					failed.Add(1)
				case status == http.StatusNoContent:
					taken.Add(1)
				case status == http.StatusTooManyRequests:
					refused.Add(1)
				}
			}
		})
	}
	for refused.Load() < 100 && failed.Load() == 0 { // what it may do at once is used up
		time.Sleep(time.Millisecond)
	}
	before := refused.Load() + taken.Load()
	began := time.Now()
	flooded := r.measure(t, reader, honest, boxes, count, count)
	rate := float64(refused.Load()+taken.Load()-before) / time.Since(began).Seconds()
	cancel()
	wg.Wait()
	t.Logf("quiet:   post to delivery p50 %v, p99 %v", quiet[len(quiet)/2], quiet[len(quiet)*99/100])
	t.Logf("flooded: post to delivery p50 %v, p99 %v, with %.0f posts a second from the other address, on the same cores", flooded[len(flooded)/2],
		flooded[len(flooded)*99/100], rate)
	t.Logf("of the flood %d were taken, %d refused", taken.Load(), refused.Load())
	if failed.Load() > 0 {
		t.Errorf("%d posts of the flood had no answer", failed.Load())
	}
}

// measure posts frames, one every 10 ms, and returns how long each took to its reader, sorted. Each must be taken and come.
func (r *testRelay) measure(t *testing.T, reader *reader, from *http.Client, boxes []mailbox, count, first int) []time.Duration {
	t.Helper()
	sent := make([]time.Time, count)
	done := make(chan []time.Duration, 1)
	var mu sync.Mutex
	go func() {
		var took []time.Duration
		came := map[int]bool{}
		for len(took) < count {
			m, err := reader.tryRead()
			if err != nil {
				break
			}
			if m.kind == msgFrame {
				n := frameNumber(m.rest) - first
				if (n < 0 || came[n]) && postedAgain(m.rest) {
					continue // n < 0: of the measuring before
				}
				came[n] = true
				mu.Lock()
				took = append(took, time.Since(sent[n]))
				mu.Unlock()
			}
		}
		done <- took
	}()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	var wg sync.WaitGroup
	for i := range count {
		<-tick.C
		wg.Go(func() {
			f := frame(first + i)
			mu.Lock()
			sent[i] = time.Now()
			mu.Unlock()
			post := func() error { return r.tryPostFrom(t.Context(), from, boxes[i%len(boxes)].address, f) }
			if err := keepPosting(f, post); err != nil {
				t.Errorf("frame %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	took := <-done
	if len(took) != count {
		t.Fatalf("%d of %d frames arrived", len(took), count)
	}
	slices.Sort(took)
	return took
}
