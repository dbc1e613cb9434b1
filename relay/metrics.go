package relay

import "github.com/prometheus/client_golang/prometheus"

// metrics counts what the relay does, for its operator. No label names a client, a mailbox or a slot, and every label has a
// fixed set of values: results and the codes of refusals.
type metrics struct {
	framesPosted    *prometheus.CounterVec // by result: stored, refused
	framesDelivered prometheus.Counter
	backlogReads    prometheus.Counter // pages of backlogs that were read
	readersLagged   prometheus.Counter
	framesMissed    prometheus.Counter     // by readers, as the journal shows
	slotsWritten    *prometheus.CounterVec // by result: stored, refused
	refusals        *prometheus.CounterVec // by code: of requests, subscriptions and connections
	postSeconds     prometheus.Histogram   // from a post that is whole to its answer

	all        []prometheus.Collector
	registered []prometheus.Collector
}

const (
	resultStored  = "stored"
	resultRefused = "refused"
)

func newMetrics(r *Relay) *metrics {
	m := &metrics{
		framesPosted: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ringfork_frames_posted_total", Help: "Frames posted, by result: stored or refused.",
		}, []string{"result"}),
		framesDelivered: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "ringfork_frames_delivered_total", Help: "Frames written to readers, live ones and those of a backlog.",
		}),
		backlogReads: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "ringfork_backlog_reads_total", Help: "Pages of backlogs read for readers.",
		}),
		readersLagged: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "ringfork_readers_lagged_total", Help: "Times that a reader was too slow for live frames and had to read its backlog again.",
		}),
		framesMissed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "ringfork_frames_missed_total", Help: "Frames that the NATS cluster stored and did not deliver to this relay, which reads them from the backlog, for each reader.",
		}),
		slotsWritten: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ringfork_slots_written_total", Help: "Values put into slots, by result: stored or refused.",
		}, []string{"result"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ringfork_refusals_total", Help: "Requests, subscriptions and connections refused or ended, by code.",
		}, []string{"code"}),
		postSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "ringfork_post_seconds", Help: "Time from a whole post to its answer.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2.5, 14), // 0.1 ms to 15 s
		}),
	}
	m.all = []prometheus.Collector{
		m.framesPosted, m.framesDelivered, m.backlogReads, m.readersLagged, m.framesMissed, m.slotsWritten, m.refusals, m.postSeconds,
		gauge("ringfork_connections", "Open reading connections.", func() float64 { return float64(r.conns.open()) }),
		gauge("ringfork_subscriptions", "Mailboxes being read.", func() float64 { return float64(r.conns.subscriptions()) }),
		gauge("ringfork_engine_connected", "1 while the relay is connected to its engine.", func() float64 {
			if r.store.Connected() {
				return 1
			}
			return 0
		}),
	}
	// So that these exist before the first of them happens.
	for _, v := range []*prometheus.CounterVec{m.framesPosted, m.slotsWritten} {
		v.WithLabelValues(resultStored)
		v.WithLabelValues(resultRefused)
	}
	return m
}

func gauge(name, help string, value func() float64) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
}

// register makes the metrics visible through to, if there is one. unregister takes back what register did.
func (m *metrics) register(to prometheus.Registerer) error {
	if to == nil {
		return nil
	}
	for _, c := range m.all {
		if err := to.Register(c); err != nil {
			return err // that one is another relay's: unregister must leave it alone
		}
		m.registered = append(m.registered, c)
	}
	return nil
}

func (m *metrics) unregister(from prometheus.Registerer) {
	for _, c := range m.registered {
		from.Unregister(c)
	}
}

// refused counts a refusal by its code.
func (m *metrics) refused(code string) { m.refusals.WithLabelValues(code).Inc() }

// result counts one try to store something.
func (m *metrics) result(of *prometheus.CounterVec, err error) {
	if err != nil {
		of.WithLabelValues(resultRefused).Inc()
	} else {
		of.WithLabelValues(resultStored).Inc()
	}
}
