package relay

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"ringfork/relay/limit"
)

// moved reports how a reader's connection ended: it must be told to move.
func (c *reader) moved() {
	c.t.Helper()
	for {
		_, err := c.tryRead()
		if err == nil {
			continue
		}
		if websocket.CloseStatus(err) != websocket.StatusServiceRestart || !strings.Contains(err.Error(), "moving") {
			c.t.Errorf("a reader was ended with %v, want 1012 moving", err)
		}
		return
	}
}

func TestDrain(t *testing.T) {
	var log bytes.Buffer
	r := startRelay(t, func(c *Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	if code := r.Ready(); code != "" {
		t.Errorf("before: %s", code)
	}
	readers := make([]*reader, 20)
	for i := range readers {
		readers[i] = r.dial(t)
	}
	m := newMailbox()
	drained := make(chan struct{})
	go func() {
		r.Drain(t.Context(), time.Minute) // far less for so few
		close(drained)
	}()
	waitFor(t, func() bool { return r.Ready() == "draining" })
	// What is posted and written is taken all the while.
	r.mustPost(t, m.address, frame(1))
	if status, code := r.putSlot(t, m.address, m.slotValue(1, "x"), 0); status != 204 {
		t.Errorf("put: %d %s", status, code)
	}
	if status, code := r.do(t, "GET", "/v1/sub", nil); status != 503 || code != "draining" {
		t.Errorf("a new reader: %d %s", status, code)
	}
	for _, c := range readers {
		c.moved()
	}
	<-drained
	if n := r.connCount(); n != 0 {
		t.Errorf("%d connections are left", n)
	}
	r.Drain(t.Context(), 0) // a second one has nothing to do
	if got := log.String(); !strings.Contains(got, "msg=draining connections=20\n") {
		t.Errorf("it logged %q", got)
	}
}

// A reader that is sent away gets first what was posted before.
func TestDrainFinishesWhatIsOnItsWay(t *testing.T) {
	r := startRelay(t, func(c *Config) {
		c.tuning.mailbox = limit.Rate{PerSecond: 1e5, Burst: 1e5}
		c.tuning.moveGrace, c.tuning.writeTimeout = time.Minute, time.Minute // this reader reads, if a busy machine lets it
	})
	m := newMailbox()
	c := r.dial(t)
	c.write(m.subscribe(r.origin, c.nonce))
	c.expect("end")
	const frames = 1000
	for i := range frames { // more than the connection takes before somebody reads
		r.mustPost(t, m.address, frame(i))
	}
	go r.Drain(t.Context(), 0)
	waitFor(t, func() bool { return r.Ready() == "draining" })
	for i := range frames {
		c.expect(fmt.Sprintf("frame %d", i))
	}
	c.moved()
}

// One that does not read holds the drain up for a moment only.
func TestDrainDoesNotWaitForWhoDoesNotRead(t *testing.T) {
	r := startRelay(t, func(c *Config) { c.tuning.mailbox = limit.Rate{PerSecond: 1e5, Burst: 1e5} })
	m := newMailbox()
	c := r.dial(t)
	c.write(m.subscribe(r.origin, c.nonce))
	c.expect("end")
	for i := range 900 { // 3.7 MB: more than the buffers of the system take
		if err := r.store.Post(t.Context(), m.address, frame(i)); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	r.Drain(ctx, 0)
	if n := r.connCount(); ctx.Err() != nil || n != 0 {
		t.Errorf("%d readers are still there: %v", n, ctx.Err())
	}
}

// Drain gives up when it is told to.
func TestDrainEndsWithItsContext(t *testing.T) {
	r := startRelay(t, nil)
	r.dial(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r.Drain(ctx, time.Hour)
	if code := r.Ready(); code != "draining" {
		t.Errorf("after: %q", code)
	}
}

func TestReadyTellsOfTheEngine(t *testing.T) {
	r := startRelay(t, nil)
	r.store.Conn().Close()
	if code := r.Ready(); code != "engine-lost" {
		t.Errorf("without its engine the relay says %q", code)
	}
}
