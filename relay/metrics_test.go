package relay

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// numbers returns all that a registry has, by name and label.
func numbers(t *testing.T, r *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetName() + "=" + l.GetValue()
			}
			found[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return found
}

func TestMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	r := startRelay(t, func(c *Config) { c.Metrics = registry })
	m := newMailbox()
	r.mustPost(t, m.address, frame(1))
	r.mustPost(t, m.address, frame(2))
	r.post(t, m.address, frame(3)[1:])
	c := r.dial(t)
	c.write(m.subscribe(r.origin, c.nonce))
	c.expect("frame 1", "frame 2", "end")
	c.write(newMailbox().subscribe("https://other.example", c.nonce))
	c.expect("refused bad-proof")
	r.putSlot(t, m.address, m.slotValue(1, "x"), 0)
	r.putSlot(t, m.address, m.slotValue(3, "x"), 2)

	got := numbers(t, registry)
	for name, want := range map[string]float64{
		"ringfork_connections":                          1,
		"ringfork_engine_connected":                     1,
		"ringfork_frames_posted_total result=stored":    2,
		"ringfork_frames_posted_total result=refused":   0, // it never got that far
		"ringfork_frames_delivered_total":               2,
		"ringfork_readers_lagged_total":                 0,
		"ringfork_slots_written_total result=stored":    1,
		"ringfork_slots_written_total result=refused":   1,
		"ringfork_refusals_total code=bad-size":         1,
		"ringfork_refusals_total code=bad-proof":        1,
		"ringfork_refusals_total code=slot-conflict":    1,
		"ringfork_refusals_total code=too-many-clients": 0,
		"ringfork_post_seconds":                         2,
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	if got["ringfork_subscriptions"] < 1 {
		t.Errorf("%v subscriptions", got["ringfork_subscriptions"])
	}
	if got["ringfork_backlog_reads_total"] < 1 {
		t.Error("no backlog was read")
	}
	secrets := []string{hex.EncodeToString(m.address[:]), r.store.Subject(m.address), "127.0.0.1", c.ws.Subprotocol()}
	for name := range got {
		for _, secret := range secrets {
			if secret != "" && strings.Contains(name, secret) {
				t.Errorf("%s names somebody", name)
			}
		}
	}
	c.ws.CloseNow()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if left := numbers(t, registry); len(left) > 0 {
		t.Errorf("after the end there is still %v", left)
	}
	// What is there already is not counted twice.
	registry = prometheus.NewRegistry()
	registry.MustRegister(prometheus.NewCounter(prometheus.CounterOpts{Name: "ringfork_connections"}))
	if other, err := New(t.Context(), Config{Origins: []string{"https://a.example"}, Metrics: registry}); err == nil {
		other.Close()
		t.Error("two metrics of one name")
	}
}

// A second relay for the same registry is refused, and the first one's numbers are still there.
func TestMetricsOfAnotherRelayStay(t *testing.T) {
	registry := prometheus.NewRegistry()
	startRelay(t, func(c *Config) { c.Metrics = registry })
	if r, err := New(t.Context(), Config{Origins: []string{"http://localhost"}, Metrics: registry}); err == nil {
		r.Close()
		t.Fatal("two relays count in one registry")
	}
	if _, ok := numbers(t, registry)["ringfork_connections"]; !ok {
		t.Error("the numbers of the first relay are gone")
	}
}
