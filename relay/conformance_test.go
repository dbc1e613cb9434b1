package relay

import (
	"bytes"
	"testing"

	"ringfork/relay/natstest"
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
