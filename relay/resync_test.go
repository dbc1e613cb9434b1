package relay

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"ringfork/relay/store"
)

// A connection goes on when the engine was lost and is back, and gets what went past meanwhile.
func TestResyncAfterTheEngineWasLost(t *testing.T) {
	r := startRelay(t, func(c *Config) { c.tuning.rereadAfter = time.Millisecond })
	m := newMailbox()
	c := r.dial(t)
	c.write(m.subscribe(r.origin, c.nonce))
	c.expect("end")
	r.mustPost(t, m.address, frame(1))
	c.expect("frame 1")
	fanout := r.conns.fanouts.byMailbox[m.address]
	waitFor(t, func() bool { // no read is under way or to come
		s := fanout.readers[0]
		s.conn.mu.Lock()
		defer s.conn.mu.Unlock()
		return s.feed.phase == settled
	})
	if err := fanout.sub.NATS().Unsubscribe(); err != nil { // as if live frames went past
		t.Fatal(err)
	}
	r.mustPost(t, m.address, frame(2))
	if err := r.store.Conn().ForceReconnect(); err != nil {
		t.Fatal(err)
	}
	// All that the mailbox has comes, with its age: clients drop what they know.
	for _, got := range c.expect("frame 1", "frame 2") {
		if got.age == 0 {
			t.Errorf("%v came as if it were live", got)
		}
	}
	other := newMailbox()
	c.write(other.subscribe(r.origin, c.nonce))
	c.expect("end")
	r.mustPost(t, other.address, frame(3))
	c.expect("frame 3")
}

// streams is what the relay's streams are seen and changed with.
func (r *testRelay) streams(t testing.TB) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(r.store.Conn())
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// setDirect turns on or off that the engine answers backlog reads.
func (r *testRelay) setDirect(t *testing.T, on bool) {
	t.Helper()
	s, err := r.streams(t).Stream(t.Context(), store.MailboxStream)
	if err != nil {
		t.Fatal(err)
	}
	cfg := s.CachedInfo().Config
	cfg.AllowDirect = on
	if _, err := r.streams(t).UpdateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
}

// A backlog that nobody can read just now is asked for again, and the reader waits.
func TestBacklogIsAskedForAgain(t *testing.T) {
	r := startRelay(t, func(c *Config) { c.tuning.pageTimeout = 40 * time.Millisecond })
	r.setDirect(t, false)
	m := newMailbox()
	r.mustPost(t, m.address, frame(1))
	c := r.dial(t)
	c.write(m.subscribe(r.origin, c.nonce))
	page := func() uint64 {
		s := r.theConn()
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.pump.reads.page
	}
	waitFor(t, func() bool { return page() > 3 })
	r.mustPost(t, m.address, frame(2)) // waits for the end of the backlog
	r.setDirect(t, true)
	c.expect("frame 1", "frame 2", "end")
}

// It does not wait forever.
func TestBacklogThatNobodyReadsEndsTheConnection(t *testing.T) {
	r := startRelay(t, func(c *Config) {
		c.tuning.pageTimeout = 10 * time.Millisecond
		c.tuning.readTimeout = 100 * time.Millisecond
	})
	r.setDirect(t, false)
	m := newMailbox()
	c := r.dial(t)
	c.write(m.subscribe(r.origin, c.nonce))
	_, err := c.tryRead()
	if websocket.CloseStatus(err) != websocket.StatusTryAgainLater || !strings.Contains(err.Error(), "unavailable") {
		t.Errorf("closed with %v", err)
	}
}

// That the stream refuses a frame as a second one does not make it stored.
func TestSecondCopyIsNoProof(t *testing.T) {
	r := startRelay(t, nil)
	m := newMailbox()
	f := frame(1)
	r.mustPost(t, m.address, f)
	r.mustPost(t, m.address, f)
	r.setDirect(t, false)
	r.mustPost(t, m.address, f) // the leader says that it has it
	// A stream that refuses every frame has none.
	s, err := r.streams(t).Stream(t.Context(), store.MailboxStream)
	if err != nil {
		t.Fatal(err)
	}
	cfg := s.CachedInfo().Config
	if err := r.streams(t).DeleteStream(t.Context(), store.MailboxStream); err != nil {
		t.Fatal(err)
	}
	sub, err := r.store.Conn().Subscribe(cfg.Subjects[0], func(msg *nats.Msg) {
		msg.Respond([]byte(`{"error":{"code":503,"err_code":10077,"description":"maximum messages per subject exceeded"},"stream":"x","seq":0}`))
	})
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Unsubscribe()
	if _, err := r.streams(t).CreateStream(t.Context(), jetstream.StreamConfig{Name: store.MailboxStream, Subjects: []string{"elsewhere"}, AllowDirect: true}); err != nil {
		t.Fatal(err)
	}
	if status, code := r.post(t, m.address, f); status != http.StatusServiceUnavailable || code != "unavailable" {
		t.Errorf("a frame that cannot be read back: %d %s", status, code)
	}
}
