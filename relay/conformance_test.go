package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"ringfork/relay/natstest"
	"ringfork/relay/store"
)

// conformance is what a relay does whatever its engine is. Each case has the engine to itself, and finds nothing stored.
var conformance = []struct {
	name string
	run  func(*testing.T, *testEngine)
}{
	{"BacklogThenEndThenLive", conformBacklogThenEndThenLive},
	{"RetryIsStoredOnceAndDeliveredAgain", conformRetryIsStoredOnceAndDeliveredAgain},
	{"BacklogLongerThanAPage", conformBacklogLongerThanAPage},
	{"BacklogBeyondTheEnginesAnswer", conformBacklogBeyondTheEnginesAnswer},
	{"NothingIsLostWhileSubscribing", conformNothingIsLostOrTwiceWhileSubscribing},
	{"FramesExpire", conformFramesExpire},
	{"Proofs", conformProofs},
	{"Flood", conformFloodIsRefusedAndLosesNothing},
	{"WrongSizes", conformWrongSizes},
	{"ManyMailboxes", conformManyMailboxes},
	{"HeardAtAnotherRelay", conformHeardAtAnotherRelay},
	{"PostedAtTwoRelays", conformPostedAtTwoRelays},
	{"LaggedReaderIsResynced", conformLaggedReaderIsResynced},
	{"Slots", conformSlots},
	{"SlotWriters", conformSlotWriters},
	{"SlotHasOneWinner", conformSlotHasOneWinner},
	{"SlotsSurviveRestart", conformSlotsSurviveRestart},
	{"SlotsAreBounded", conformSlotsAreBounded},
}

// TestConformance runs these cases over an embedded engine, and over a cluster of three NATS servers, each a process.
func TestConformance(t *testing.T) {
	t.Parallel() // most of it waits for elections
	t.Run("embedded", func(t *testing.T) { conform(t, &testEngine{}) })
	t.Run("cluster", func(t *testing.T) { conform(t, &testEngine{cluster: startCluster(t)}) })
}

func conform(t *testing.T, e *testEngine) {
	for _, c := range conformance {
		t.Run(c.name, func(t *testing.T) { c.run(t, e) })
		if e.cluster != nil {
			if err := e.cluster.DeleteStreams(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// testEngine is what relays under test run on.
type testEngine struct {
	cluster *natstest.Cluster // nil: each relay embeds its own
}

// startCluster starts three NATS servers, which end with the test.
func startCluster(t testing.TB) *natstest.Cluster {
	t.Helper()
	c, err := natstest.Start(t.Context(), t.TempDir(), 3)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// relay starts a relay, with a change to its configuration or nil.
func (e *testEngine) relay(t testing.TB, change func(*Config)) *testRelay {
	t.Helper()
	return e.relays(t, 1, change)[0]
}

// relays starts n relays that are one to their clients, each connected to another server of the cluster. Of relays that embed
// their engine there is one only, which is returned n times.
func (e *testEngine) relays(t testing.TB, n int, change func(*Config)) []*testRelay {
	t.Helper()
	var all []*testRelay
	for i := range n {
		if i > 0 && e.cluster == nil {
			all = append(all, all[0])
			continue
		}
		all = append(all, startRelay(t, func(c *Config) {
			if e.cluster != nil {
				c.NATS = clusterConfig(e.cluster, i)
			}
			if change != nil {
				change(c)
			}
		}))
	}
	return all
}

// clusterConfig has a relay connect to server i of a cluster, and to the others when it fails.
func clusterConfig(c *natstest.Cluster, i int) NATSConfig {
	return NATSConfig{URLs: []string{c.URL(i % c.Size())}, Key: bytes.Repeat([]byte{7}, NATSKeySize)}
}

// keepPosting calls post, which posts a frame, until it is stored, as a client does: the leader of a cluster may just have moved,
// or the machine paused for longer than a post waits. Other errors it returns at once. It may be called in any goroutine.
func keepPosting(frame []byte, post func() error) error {
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		err := post()
		if !errors.Is(err, store.ErrNotStored) || time.Now().After(end) {
			return err
		}
		again.Store(string(frame), true)
	}
}

// again has the frames that had to be posted more than once. Who reads live may get them as often.
var again sync.Map

func postedAgain(frame []byte) bool {
	_, ok := again.Load(string(frame))
	return ok
}

// tryPost posts a frame once, and returns what the store said of it. It is for keepPosting.
func (r *testRelay) tryPost(t *testing.T, to address, frame []byte) error {
	t.Helper()
	switch status, code := r.post(t, to, frame); {
	case status == http.StatusNoContent:
		return nil
	case status == http.StatusServiceUnavailable && code == "unavailable":
		return store.ErrNotStored
	case status == http.StatusServiceUnavailable && code == "mailbox-full":
		return store.ErrMailboxFull
	default:
		return fmt.Errorf("%d %s", status, code)
	}
}

// mustPostForOneToken is mustPost where tokens are counted: if the frame must be posted again, it is to the store.
func (r *testRelay) mustPostForOneToken(t *testing.T, to address, frame []byte) {
	t.Helper()
	err := r.tryPost(t, to, frame)
	if errors.Is(err, store.ErrNotStored) {
		err = keepPosting(frame, func() error { return r.store.Post(t.Context(), to, frame) })
	}
	if err != nil {
		t.Fatalf("post: %v", err)
	}
}

// caughtUp waits until the relay can read all that was acknowledged. The server that it asks may be a follower, which has a
// frame a little later than the leader that acknowledged it.
func (r *testRelay) caughtUp(t *testing.T) {
	t.Helper()
	js := r.streams(t)
	waitFor(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		s, err := js.Stream(ctx, store.MailboxStream) // the leader answers
		if err != nil {
			return false
		}
		state := s.CachedInfo().State
		if state.Msgs == 0 {
			return true
		}
		_, err = s.GetMsg(ctx, state.LastSeq) // the relay's server answers, as it does to who reads a backlog
		return err == nil
	})
}
