package relay

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"ringfork/relay/natstest"
	"ringfork/relay/store"
)

// TestFaults breaks a cluster of three relays and three NATS servers, all of them processes, while endpoints behind a load
// balancer post frames to each other. Whatever breaks:
//
//   - a frame whose post was answered with 204 comes to its endpoint, live or from the backlog;
//   - a call, whose ring is posted again after 1, 2, 4, 8 s, rings;
//   - relays whose own server lives deliver on to each other: the longest gap between live frames is printed;
//   - slots can be read on.
//
// The figures are printed. With -short there are fewer endpoints and faults; all of it, with 500 endpoints, takes some
// minutes:
//
//	go test ./relay -run TestFaults -v
func TestFaults(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot be stopped here")
	}
	t.Parallel()
	f := startFaults(t)
	for _, x := range []fault{
		{"kill the leader", true, theLeader, 8 * time.Second, f.cluster.Kill, f.restart},
		{"stop the leader", false, theLeader, 12 * time.Second, f.stop, f.resume},
		{"stop the leader for a moment", false, theLeader, 3 * time.Second, f.stop, f.resume},
		{"kill a follower", false, aFollower, 6 * time.Second, f.cluster.Kill, f.restart},
		{"stop a follower", true, aFollower, 3 * time.Second, f.stop, f.resume},
		{"kill a relay", true, aRelay, 2 * time.Second, f.killRelay, f.startRelay},
		{"stop a relay", false, aRelay, 12 * time.Second, f.stopRelay, f.resumeRelay},
		{"restart everything, one by one", false, nobody, 0, func(int) {}, f.restartAll},
	} {
		if x.short || !testing.Short() {
			t.Run(x.name, func(t *testing.T) { f.during(t, x) })
		}
	}
}

// fault is something that breaks for a time, or longer if mending takes that long. What breaks is given to begin and end by
// its number.
type fault struct {
	name       string
	short      bool // part of the short form
	whom       whom
	lasts      time.Duration
	begin, end func(int)
}

type whom int

const (
	theLeader whom = iota // the server that leads the stream of frames
	aFollower
	aRelay
	nobody
)

func others(than int) []int {
	return slices.DeleteFunc([]int{0, 1, 2}, func(i int) bool { return i == than })
}

// faults is all that a fault is tried on.
type faults struct {
	t         *testing.T
	cluster   *natstest.Cluster
	balancer  *balancer
	mu        sync.Mutex // held while relays changes, for who looks on
	relays    []*relayProcess
	crowd     *crowd
	perSecond int
	slot      mailbox   // a slot that has a value
	moved     time.Time // when endpoints connected last, as far as they were made to
}

func startFaults(t *testing.T) *faults {
	n := 500
	if testing.Short() {
		n = 40
	}
	f := &faults{t: t, cluster: startCluster(t), balancer: startBalancer(t), perSecond: n / 2, slot: newMailbox()}
	t.Cleanup(func() {
		for _, r := range f.relays {
			r.Kill()
		}
	})
	f.relays = make([]*relayProcess, 3)
	var starts sync.WaitGroup
	for i := range f.relays {
		starts.Go(func() { f.startRelay(i) })
	}
	starts.Wait()
	if t.Failed() {
		t.FailNow()
	}
	first := &testRelay{origin: "http://" + f.relays[0].settings.Addr}
	if status, code := first.putSlot(t, f.slot.address, f.slot.slotValue(1, "v"), 0); status != http.StatusNoContent {
		t.Fatalf("put: %d %s", status, code)
	}
	f.crowd = startCrowd(t, f.balancer.origin(), n)
	f.moved = time.Now()
	return f
}

func (f *faults) check(err error) {
	if err != nil {
		f.t.Error(err)
	}
}

// startRelay starts relay i, at the port it had before if it ran before, and connected to NATS server i first.
func (f *faults) startRelay(i int) {
	s := processSettings{Addr: "127.0.0.1:0", Origin: f.balancer.origin(), NATS: clusterConfig(f.cluster, i)}
	if f.relays[i] != nil {
		s.Addr = f.relays[i].settings.Addr
	}
	r, err := startRelayProcess(s)
	if err != nil {
		f.t.Error(err)
		return
	}
	f.mu.Lock()
	f.relays[i] = r
	f.mu.Unlock()
	f.balancer.mu.Lock()
	if !slices.Contains(f.balancer.backends, r.settings.Addr) {
		f.balancer.backends = append(f.balancer.backends, r.settings.Addr)
	}
	f.balancer.mu.Unlock()
	f.balancer.putIn(r.settings.Addr)
}

// restartRelay ends relay i as an operator does, and starts it again.
func (f *faults) restartRelay(i int) {
	r := f.relays[i]
	f.balancer.takeOut(r.settings.Addr, false)
	f.check(r.End())
	select {
	case <-r.Done:
	case <-time.After(30 * time.Second):
		f.t.Error("a relay does not end")
		r.Kill()
	}
	f.startRelay(i)
}

func (f *faults) killRelay(i int) {
	f.relays[i].Kill()
	f.balancer.takeOut(f.relays[i].settings.Addr, true)
}

func (f *faults) stopRelay(i int) {
	f.check(f.relays[i].Stop())
	f.balancer.takeOut(f.relays[i].settings.Addr, false)
}

func (f *faults) resumeRelay(i int) {
	f.check(f.relays[i].Cont())
	f.balancer.putIn(f.relays[i].settings.Addr)
}

func (f *faults) restartAll(int) {
	for i := range f.relays {
		f.check(f.cluster.Shutdown(i))
		f.restart(i)
		f.restartRelay(i)
	}
}

func (f *faults) stop(server int) { f.check(f.cluster.Stop(server)) }

func (f *faults) restart(server int) { restart(f.t, f.cluster, server) }

// resume lets a stopped server go on, and waits until it is whole.
func (f *faults) resume(server int) {
	f.check(f.cluster.Cont(server))
	f.check(f.cluster.WaitReady(f.t.Context(), server))
}

// relaysNotOn returns the relays that are connected to another server.
func (f *faults) relaysNotOn(server int) []int {
	var found []int
	for i, r := range f.relays {
		if name, err := serverOf(r); err != nil {
			f.t.Error(err)
		} else if name != fmt.Sprint("n", server) {
			found = append(found, i)
		}
	}
	return found
}

// serverOf returns the server that a relay is connected to. A busy machine may keep it from answering once.
func serverOf(r *relayProcess) (name string, err error) {
	for range 2 {
		if name, err = r.server(); err == nil {
			break
		}
	}
	return name, err
}

// during breaks something, while endpoints chatter, mends it, and judges.
func (f *faults) during(t *testing.T, x fault) {
	leader, err := f.cluster.Leader(t.Context(), store.MailboxStream)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range f.relays { // after the last fault some may have moved together
		if name, err := serverOf(r); err != nil || name != fmt.Sprint("n", i) {
			f.restartRelay(i)
			f.moved = time.Now()
		}
	}
	var victim int
	var survivors []int
	switch x.whom {
	case theLeader:
		victim = leader
		survivors = f.relaysNotOn(victim)
	case aFollower:
		victim = others(leader)[0]
		survivors = f.relaysNotOn(victim)
	case aRelay:
		victim = others(leader)[0]
		survivors = others(victim)
	}
	if lost := f.crowd.settle(time.Minute).lost; lost > 0 {
		t.Errorf("%d frames were lost between the faults", lost)
	}

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var running sync.WaitGroup
	running.Go(func() { f.crowd.chatter(ctx, f.perSecond) })
	probes, stopProbes := f.startProbes(ctx)
	wait(t, 2*time.Second)
	wait(t, time.Until(f.moved.Add(6*time.Second))) // their later reads would make good what only the fault's remedy should
	before, _ := probes.longest([]int{0, 1, 2})
	began := time.Now()
	x.begin(victim)
	calls := time.NewTicker(200 * time.Millisecond)
	defer calls.Stop()
	var rings []*post
	for time.Since(began) < x.lasts {
		<-calls.C
		rings = append(rings, f.crowd.call(ctx))
	}
	mended := make(chan struct{})
	go func() {
		defer close(mended)
		x.end(victim)
	}()
	for more := 5; more > 0; {
		<-calls.C
		rings = append(rings, f.crowd.call(ctx))
		select {
		case <-mended:
			more--
		default:
		}
	}
	lasted := time.Since(began)
	stopProbes()
	cancel()
	running.Wait()
	after := f.crowd.settle(time.Minute)

	t.Logf("%d frames, %d calls among them, in %.0f s: %d acknowledged, %d heard, %d twice, refused: %v",
		after.posted, len(rings), lasted.Seconds()+2, after.acked, after.heard, after.dups, after.refused)
	t.Logf("from post to delivery: half within %v, 90 %% within %v, 99 %% within %v, all within %v",
		quantile(after.times, .5), quantile(after.times, .9), quantile(after.times, .99), quantile(after.times, 1))
	if after.lost > 0 {
		t.Errorf("%d frames were acknowledged and lost", after.lost)
	}
	var ringing []time.Duration
	for _, p := range rings {
		if p.heard.IsZero() {
			t.Error("a call did not ring")
			continue
		}
		ringing = append(ringing, p.heard.Sub(p.posted))
	}
	slices.Sort(ringing)
	t.Logf("calls placed since it broke: half ring within %v, 90 %% within %v, all within %v",
		quantile(ringing, .5), quantile(ringing, .9), quantile(ringing, 1))
	if len(survivors) > 0 {
		probes.report(t, before, survivors)
	}
}

// wait lets something go on for a while: it is no condition that is waited for.
func wait(t *testing.T, d time.Duration) {
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}

// probes measure, between each pair of relays, how live frames come, and how slots are read at each.
type probes struct {
	f      *faults
	mu     sync.Mutex
	last   map[[2]int]time.Time
	gaps   map[[2]int][]gap        // between two live frames of one relay, heard at another
	slots  map[int][]time.Duration // how long reading took
	failed map[int][]gap           // the times of those that failed
	waits  []waits
}

// gap is a time in which nothing was heard.
type gap struct{ from, to time.Time }

func (g gap) length() time.Duration { return g.to.Sub(g.from) }

// waits is for how long, until a moment, each thread of each process had waited for a CPU: of this process, of the relays and
// of the servers.
type waits struct {
	at              time.Time
	test            map[string]time.Duration
	relays, servers [3]map[string]time.Duration
}

// probeEvery is the time between two probes of one pair.
func probeEvery() time.Duration {
	if testing.Short() {
		return 50 * time.Millisecond
	}
	return 20 * time.Millisecond
}

func (f *faults) startProbes(ctx context.Context) (*probes, func()) {
	ctx, cancel := context.WithCancel(ctx)
	p := &probes{
		f: f, last: map[[2]int]time.Time{}, gaps: map[[2]int][]gap{}, slots: map[int][]time.Duration{}, failed: map[int][]gap{},
	}
	var running sync.WaitGroup
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1000}}
	boxes := make([]mailbox, len(f.relays)) // what is posted at one relay is heard at all
	for from := range boxes {
		boxes[from] = newMailbox()
	}
	for to := range f.relays {
		ready := make(chan struct{})
		running.Go(func() { f.listen(ctx, p, to, boxes, ready) })
		<-ready
		running.Go(func() { f.readSlot(ctx, client, p, to) })
	}
	for from := range boxes {
		running.Go(func() { f.probe(ctx, client, from, boxes[from]) })
	}
	running.Go(func() { p.watch(ctx) })
	return p, func() {
		cancel()
		running.Wait()
		client.CloseIdleConnections()
	}
}

// listen hears probes at relay to, and tells when it begins to.
func (f *faults) listen(ctx context.Context, p *probes, to int, boxes []mailbox, ready chan<- struct{}) {
	begun := sync.OnceFunc(func() { close(ready) })
	defer begun()
	ws, _, err := websocket.Dial(ctx, "http://"+f.relays[to].settings.Addr+"/v1/sub", nil)
	if err != nil {
		f.check(err)
		return
	}
	defer ws.CloseNow()
	ws.SetReadLimit(1 << 14)
	_, hello, err := ws.Read(ctx)
	if err != nil {
		f.check(err)
		return
	}
	for _, m := range boxes {
		if err := ws.Write(ctx, websocket.MessageBinary, m.subscribe(f.balancer.origin(), hello[1:])); err != nil {
			f.check(err)
			return
		}
	}
	for {
		_, b, err := ws.Read(ctx)
		if err != nil {
			return // the relay may be what is broken
		}
		switch {
		case b[0] == msgEnd:
			begun()
		case b[0] == msgFrame && b[21]|b[22]|b[23]|b[24] == 0: // live
			from := slices.IndexFunc(boxes, func(m mailbox) bool { return m.address == address(b[1:21]) })
			p.heard(from, to, time.Now())
		}
	}
}

func (p *probes) heard(from, to int, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	pair := [2]int{from, to}
	if last, ok := p.last[pair]; ok && now.Sub(last) > 2*probeEvery() {
		p.gaps[pair] = append(p.gaps[pair], gap{last, now})
	}
	p.last[pair] = now
}

// probe posts at relay from, without waiting for the answers: those wait for the store.
func (f *faults) probe(ctx context.Context, client *http.Client, from int, to mailbox) {
	tick := time.NewTicker(probeEvery())
	defer tick.Stop()
	var posts sync.WaitGroup
	defer posts.Wait()
	url := "http://" + f.relays[from].settings.Addr + "/v1/pub"
	for n := 0; ; n++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		body := string(to.address[:]) + string(frame(n))
		posts.Go(func() {
			if req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body)); err == nil {
				if res, err := client.Do(req); err == nil {
					io.Copy(io.Discard, res.Body)
					res.Body.Close()
				}
			}
		})
	}
}

// readSlot reads a slot at a relay, again and again.
func (f *faults) readSlot(ctx context.Context, client *http.Client, p *probes, at int) {
	url := "http://" + f.relays[at].settings.Addr + "/v1/slot/" + hex.EncodeToString(f.slot.address[:])
	for ctx.Err() == nil {
		began := time.Now()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return
		}
		status := 0
		if res, err := client.Do(req); err == nil {
			if body, err := io.ReadAll(res.Body); err == nil && string(body) == string(f.slot.slotValue(1, "v")) {
				status = res.StatusCode
			}
			res.Body.Close()
		}
		took := time.Since(began)
		if ctx.Err() != nil {
			return
		}
		p.mu.Lock()
		if p.slots[at] = append(p.slots[at], took); status != http.StatusOK {
			p.failed[at] = append(p.failed[at], gap{began, began.Add(took)})
		}
		p.mu.Unlock()
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// watch writes down how long the processes wait for a CPU.
func (p *probes) watch(ctx context.Context) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		w := waits{test: natstest.Waits(os.Getpid())}
		p.f.mu.Lock()
		relays := slices.Clone(p.f.relays)
		p.f.mu.Unlock()
		for i, r := range relays {
			w.relays[i], w.servers[i] = r.Waits(), p.f.cluster.Waits(i)
		}
		w.at = time.Now()
		p.mu.Lock()
		p.waits = append(p.waits, w)
		p.mu.Unlock()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// waited returns for how long of a gap some process on the way from one relay to another waited for a CPU: the thread of them
// all that waited longest. That others waited too, and one after the other, is not counted.
func (p *probes) waited(pair [2]int, g gap) time.Duration {
	first, last := -1, -1
	for i, w := range p.waits {
		if !w.at.After(g.from) {
			first = i
		}
		if last < 0 && !w.at.Before(g.to) {
			last = i
		}
	}
	if first < 0 || last < 0 {
		return 0
	}
	var longest time.Duration
	look := func(of func(waits) map[string]time.Duration) {
		before := of(p.waits[first])
		for thread, n := range of(p.waits[last]) {
			longest = max(longest, n-before[thread])
		}
	}
	look(func(w waits) map[string]time.Duration { return w.test })
	for i := range 3 {
		if i == pair[0] || i == pair[1] {
			look(func(w waits) map[string]time.Duration { return w.relays[i] })
			look(func(w waits) map[string]time.Duration { return w.servers[i] })
		}
	}
	return min(longest, g.length())
}

// starved reports whether a slot could not be read at a relay because the processes on the way, which any server may be on, had
// too little of the five seconds that the relay tries for.
func (p *probes) starved(at int, g gap) bool {
	var waited time.Duration
	for i := range 3 {
		waited = max(waited, p.waited([2]int{at, i}, g))
	}
	return g.length() > 4*time.Second && g.length()-waited < 4*time.Second
}

// longest returns the longest gap between live frames of these relays and no others, and the longest if the time is not
// counted in which a process on the way waited for a CPU.
func (p *probes) longest(relays []int) (longest, running time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for pair := range p.last {
		if !slices.Contains(relays, pair[0]) || !slices.Contains(relays, pair[1]) {
			continue
		}
		longest, running = max(longest, 2*probeEvery()), max(running, 2*probeEvery())
		for _, g := range p.gaps[pair] {
			longest, running = max(longest, g.length()), max(running, g.length()-p.waited(pair, g))
		}
	}
	return longest.Round(time.Millisecond), running.Round(time.Millisecond)
}

// report prints what the probes measured, at the survivors above all. before is the longest gap before anything broke.
func (p *probes) report(t *testing.T, before time.Duration, survivors []int) {
	longest, running := p.longest(survivors)
	all, allRunning := p.longest([]int{0, 1, 2})
	p.mu.Lock()
	defer p.mu.Unlock()
	var times []time.Duration
	failed, starved := 0, 0
	for _, at := range survivors {
		times = append(times, p.slots[at]...)
		for _, g := range p.failed[at] {
			if p.starved(at, g) {
				starved++
			} else {
				failed++
			}
		}
	}
	slices.Sort(times)
	t.Logf("live frames posted every %v: longest gap between survivors (relays %v) %v, with all others %v, before it broke %v",
		probeEvery(), survivors, longest, all, before)
	t.Logf("not counting the time in which a process on the way waited for a CPU: %v between survivors, %v with all others", running, allRunning)
	t.Logf("at the survivors %d slots were read, %d could not be, and %d others for want of a CPU: half within %v, all within %v",
		len(times), failed, starved, quantile(times, .5), quantile(times, 1))
	// The goal is 100 ms, and the time between two probes. A loaded machine stops everything for longer now and then. Where it is
	// not known who waits for a CPU, running is the same as longest.
	if len(survivors) > 1 && (longest == 0 || running > 3*time.Second) {
		t.Errorf("the survivors do not hear each other for %v, of which they could run for %v", longest, running)
	}
	if failed > 0 {
		t.Errorf("%d of %d slots could not be read at a survivor", failed, len(times))
	}
}
