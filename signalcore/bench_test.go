package signalcore_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"ringfork/signalcore"
)

// The benchmarks play one typical call: a caller rings an account with three endpoints, all connect while it rings, one
// picks up, both talk for ten seconds, and the caller hangs up. Descriptions are as long as Chromium's.
const (
	benchEndpoints = 3
	benchTalk      = 10 * time.Second
	benchOffer     = 9501 // bytes, as frame/testdata/chromium-offer.sdp
	benchAnswer    = 9179 // bytes, as frame/testdata/chromium-answer.sdp
	benchMail      = 30 * time.Millisecond
	benchLink      = 10 * time.Millisecond
)

// benchRun is a call under way: machines on a virtual clock, with a relay and connections that are made up.
type benchRun struct {
	now   time.Time
	nodes []*benchNode // the caller first
	queue []benchEvent // by time
	log   []benchEvent // what every machine was given, where kept
	keep  bool
	call  signalcore.CallID
}

type benchNode struct {
	m     *signalcore.Machine
	self  signalcore.Sender
	posts map[signalcore.MessageID]signalcore.Post
	conns map[signalcore.ConnID]*benchConn
}

// benchConn is one side's end of a connection.
type benchConn struct {
	node  int
	id    signalcore.ConnID
	other *benchConn
	open  bool
}

type benchEvent struct {
	at   time.Time
	node int
	in   signalcore.Input
}

func benchMachine(i int) (*signalcore.Machine, signalcore.Sender) {
	self := signalcore.Sender{Account: signalcore.AccountID{2}, Device: signalcore.DeviceID{byte(i)}, Endpoint: signalcore.EndpointID{byte(i + 1)}}
	if i == 0 {
		self.Account = signalcore.AccountID{1}
	}
	return signalcore.New(signalcore.Config{Self: self, Name: "Alice", Label: fmt.Sprintf("device %d", i)}), self
}

func newBenchRun(keep bool) *benchRun {
	r := &benchRun{now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC), keep: keep, call: signalcore.CallID{7}}
	for i := range 1 + benchEndpoints {
		m, self := benchMachine(i)
		r.nodes = append(r.nodes, &benchNode{m, self, map[signalcore.MessageID]signalcore.Post{}, map[signalcore.ConnID]*benchConn{}})
		r.step(i, signalcore.BacklogRead{Done: true})
	}
	return r
}

// play runs a whole call, or until it has rung for two seconds.
func (r *benchRun) play(whole bool) {
	media := signalcore.Media{Audio: true, Video: true}
	r.step(0, signalcore.Dial{Call: r.call, To: signalcore.AccountID{2}, Media: media})
	r.run(2 * time.Second)
	if !whole {
		return
	}
	r.step(1, signalcore.PickUp{Call: r.call, Media: media})
	r.run(benchTalk)
	r.step(0, signalcore.HangUp{Call: r.call})
	r.run(2 * time.Minute)
}

func (r *benchRun) run(d time.Duration) {
	end := r.now.Add(d)
	for {
		next, wake := end, -1
		for i, n := range r.nodes {
			if at := n.m.Deadline(); !at.IsZero() && at.Before(next) {
				next, wake = at, i
			}
		}
		if len(r.queue) > 0 && !r.queue[0].at.After(next) {
			e := r.queue[0]
			r.queue = slices.Delete(r.queue, 0, 1)
			r.now = e.at
			r.step(e.node, e.in)
			continue
		}
		r.now = next
		if wake < 0 {
			return
		}
		r.step(wake, signalcore.Tick{})
	}
}

func (r *benchRun) after(d time.Duration, node int, in signalcore.Input) {
	at := r.now.Add(d)
	i := len(r.queue)
	for i > 0 && r.queue[i-1].at.After(at) {
		i--
	}
	r.queue = slices.Insert(r.queue, i, benchEvent{at, node, in})
}

func (r *benchRun) step(node int, in signalcore.Input) {
	if r.keep {
		r.log = append(r.log, benchEvent{r.now, node, in})
	}
	for _, out := range r.nodes[node].m.Step(r.now, in) {
		r.do(node, out)
	}
}

func (r *benchRun) do(node int, out signalcore.Output) {
	n := r.nodes[node]
	switch out := out.(type) {
	case signalcore.Post:
		n.posts[out.ID] = out
		r.post(node, out)
	case signalcore.Repost:
		r.post(node, n.posts[out.ID])
	case signalcore.Connect:
		n.conns[out.Conn] = &benchConn{node: node, id: out.Conn}
		r.gather(node, out.Conn, benchOffer)
	case signalcore.Answering:
		var from int
		var id signalcore.ConnID
		if _, err := fmt.Sscanf(out.SDP, "%d.%d ", &from, &id); err != nil {
			panic(err)
		}
		c := &benchConn{node: node, id: out.Conn, other: r.nodes[from].conns[id]}
		c.other.other = c
		n.conns[out.Conn] = c
		r.gather(node, out.Conn, benchAnswer)
	case signalcore.Apply:
		c := n.conns[out.Conn]
		for _, c := range []*benchConn{c, c.other} {
			c.open = true
			r.after(6*benchLink, c.node, signalcore.Changed{Conn: c.id, State: signalcore.ConnConnected})
			r.after(6*benchLink, c.node, signalcore.Opened{Conn: c.id})
		}
	case signalcore.Tell:
		if c := n.conns[out.Conn]; c.open {
			r.after(benchLink, c.other.node, signalcore.Heard{Conn: c.other.id, ID: out.ID, Msg: out.Msg})
		}
	case signalcore.Disconnect:
		if c := n.conns[out.Conn]; c.open {
			c.open, c.other.open = false, false
			r.after(benchLink, c.other.node, signalcore.Closed{Conn: c.other.id})
		}
	}
}

func (r *benchRun) post(node int, p signalcore.Post) {
	r.after(benchMail, node, signalcore.Posted{Call: p.Call, ID: p.ID})
	in := signalcore.Received{Call: p.Call, From: r.nodes[node].self, ID: p.ID, Msg: p.Msg}
	switch {
	case node > 0:
		r.after(benchMail, 0, in)
	case p.To == signalcore.EndpointID{}:
		for i := range benchEndpoints {
			r.after(benchMail, 1+i, in)
		}
	default:
		r.after(benchMail, int(p.To[0])-1, in)
	}
}

// gather makes a description and candidates, about as fast as a browser does.
func (r *benchRun) gather(node int, id signalcore.ConnID, size int) {
	sdp := fmt.Sprintf("%d.%d ", node, id)
	sdp += strings.Repeat("x", size-len(sdp))
	r.after(10*time.Millisecond, node, signalcore.Described{Conn: id, SDP: sdp})
	for i, ms := range []int{20, 21, 60, 80} {
		line := fmt.Sprintf("candidate:%010d 1 udp 2113937151 192.0.2.1 50000 typ host generation 0 ufrag abcd network-cost 999", i)
		r.after(time.Duration(ms)*time.Millisecond, node, signalcore.Found{Conn: id, Candidate: signalcore.Candidate{Line: line, Mid: "0", Ufrag: "abcd"}})
	}
	r.after(100*time.Millisecond, node, signalcore.FoundAll{Conn: id})
}

// fresh returns a copy of an input that shares no text with it, as if it had just come from a connection.
func fresh(in signalcore.Input) signalcore.Input {
	switch in := in.(type) {
	case signalcore.Described:
		in.SDP = strings.Clone(in.SDP)
		return in
	case signalcore.Found:
		in.Candidate.Line = strings.Clone(in.Candidate.Line)
		return in
	}
	return in
}

// BenchmarkStep measures one event: one op is one Step. The driver asks for the Deadline after each, which is measured too
// in "with deadline".
func BenchmarkStep(b *testing.B) {
	r := newBenchRun(true)
	r.play(true)
	roles := []struct {
		name  string
		nodes []int
	}{{"all", []int{0, 1, 2, 3}}, {"caller", []int{0}}, {"winner", []int{1}}, {"loser", []int{2}}}
	for _, role := range roles {
		log := slices.DeleteFunc(slices.Clone(r.log), func(e benchEvent) bool { return !slices.Contains(role.nodes, e.node) })
		b.Run(role.name, func(b *testing.B) { benchSteps(b, log, false) })
		if role.name == "all" {
			b.Run("all with deadline", func(b *testing.B) { benchSteps(b, log, true) })
		}
	}
}

func benchSteps(b *testing.B, log []benchEvent, deadline bool) {
	b.ReportAllocs()
	const batch = 32
	var machines [batch][1 + benchEndpoints]*signalcore.Machine
	for done := 0; done < b.N; {
		b.StopTimer()
		for i := range machines {
			for j := range machines[i] {
				machines[i][j], _ = benchMachine(j)
			}
		}
		b.StartTimer()
		for i := 0; i < batch && done < b.N; i++ {
			for _, e := range log[:min(len(log), b.N-done)] {
				m := machines[i][e.node]
				m.Step(e.at, e.in)
				if deadline {
					m.Deadline()
				}
			}
			done += len(log)
		}
	}
	b.ReportMetric(float64(len(log)), "events/call")
}

// BenchmarkCall measures whole calls, with the relay and the connections that are made up: one op is a call of four
// machines.
func BenchmarkCall(b *testing.B) {
	b.ReportAllocs()
	for range b.N {
		r := newBenchRun(false)
		r.play(true)
		for _, n := range r.nodes {
			if !n.m.Idle() {
				b.Fatal("a call is not over")
			}
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}

// BenchmarkMemory measures what a machine keeps: one op is one machine. Time is of no meaning here.
func BenchmarkMemory(b *testing.B) {
	r := newBenchRun(true)
	r.play(false)
	for _, what := range []struct {
		name   string
		node   int
		events bool
	}{{"idle", 0, false}, {"ringing caller with 3 tines", 0, true}, {"ringing endpoint", 1, true}} {
		b.Run(what.name, func(b *testing.B) {
			machines := make([]*signalcore.Machine, b.N)
			before := heap()
			for i := range machines {
				machines[i], _ = benchMachine(what.node)
				for _, e := range r.log {
					if what.events && e.node == what.node {
						machines[i].Step(e.at, fresh(e.in))
					}
				}
			}
			b.ReportMetric(float64(heap()-before)/float64(b.N), "bytes/machine")
			runtime.KeepAlive(machines)
		})
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}
