//go:build linux

package main

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"sync/atomic"
	"time"
)

// seqDigits is the length of a message's number at the beginning of its payload: letters only, so that it may stand in JSON.
const seqDigits = 16

// outcome is what one rate led to. Times are in milliseconds.
type outcome struct {
	Rate      int     `json:"rate"`    // messages a second that were due
	Seconds   float64 `json:"seconds"` // for so long
	Sent      int     `json:"sent"`
	Refused   int     `json:"refused"`   // sent, and answered with an error
	Delivered int     `json:"delivered"` // of those sent
	Again     int     `json:"again"`     // delivered more than once
	P50       float64 `json:"p50"`       // from when it was due until delivered
	P90       float64 `json:"p90"`
	P99       float64 `json:"p99"`
	P999      float64 `json:"p999"`
	Max       float64 `json:"max"`
	Late      float64 `json:"late"`      // p99 of how late the generator itself began to send
	CPU       float64 `json:"cpu"`       // of the server, for 1,000 messages
	Generator float64 `json:"generator"` // of the generator, for 1,000 messages
	Cores     float64 `json:"cores"`     // of the server: CPU seconds a second
	Others    float64 `json:"others"`    // cores that other programs used
	Resident  int64   `json:"resident"`  // of the server, in bytes, at the end
	Error     string  `json:"error,omitempty"`
}

func (o outcome) share() float64 { return float64(o.Delivered) / float64(max(1, o.Sent)) }

// receiver notes when each message of a step was delivered.
type receiver struct{ step atomic.Pointer[arrivals] }

type arrivals struct {
	base  uint64 // number of the first message
	began time.Time
	at    []atomic.Int64 // nanoseconds since began, zero if it has not come
	count atomic.Int64
	again atomic.Int64
}

func newReceiver() *receiver { return &receiver{} }

// got takes a payload. One of an earlier step, or of nobody, is ignored.
func (r *receiver) got(payload []byte) {
	a := r.step.Load()
	if a == nil || len(payload) < seqDigits {
		return
	}
	seq, err := strconv.ParseUint(string(payload[:seqDigits]), 16, 64)
	if err != nil || seq < a.base || seq-a.base >= uint64(len(a.at)) {
		return
	}
	if a.at[seq-a.base].CompareAndSwap(0, max(1, int64(time.Since(a.began)))) {
		a.count.Add(1)
	} else {
		a.again.Add(1)
	}
}

// nextBase numbers the messages of this process, beginning with a moment, so that no two runs post the same frame.
var nextBase = uint64(time.Now().UnixNano())

// quietStep runs a step while nothing else runs on this machine: it waits for that, and does it again if something came
// between, until the time is over. Then it makes do with the run that was disturbed least.
func quietStep(ctx context.Context, o options, t target, r *receiver, rate int) (outcome, error) {
	var best outcome
	for tries, end := 0, time.Now().Add(o.patience); ; tries++ {
		if err := awaitQuiet(ctx, o.pid, end); err != nil {
			return outcome{}, err
		}
		out, err := runStep(ctx, o, t, r, rate)
		if err != nil {
			return outcome{}, err
		}
		if tries == 0 || out.Others < best.Others {
			best = out
		}
		if best.Others <= quiet || time.Now().After(end) {
			return best, nil
		}
	}
}

// runStep sends at one rate and waits for what was sent.
func runStep(ctx context.Context, o options, t target, r *receiver, rate int) (outcome, error) {
	n := int(float64(rate) * o.length.Seconds())
	a := &arrivals{base: nextBase, at: make([]atomic.Int64, n)}
	nextBase += uint64(n)
	late := make([]int64, n)
	var refused, answered atomic.Int64
	var firstError atomic.Pointer[string]
	due := func(i int) time.Duration { return time.Duration(float64(i) * float64(time.Second) / float64(rate)) }

	lostBefore := t.loop().failed()
	// The generator's own garbage is collected between steps: a pause of it would look like one of the server.
	runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	before, err := usageNow(o.pid)
	if err != nil {
		return outcome{}, err
	}
	a.began = time.Now().Add(50 * time.Millisecond)
	r.step.Store(a)
	payload := slices.Repeat([]byte{'.'}, o.size)
	t.loop().do(ctx, &plan{n: n, due: func(i int) time.Time { return a.began.Add(due(i)) }, begin: func(i int) {
		t.send(message{
			to: receiverOf(i, o.conns),
			payload: func() []byte {
				copy(payload, fmt.Sprintf("%0*x", seqDigits, a.base+uint64(i)))
				return payload
			},
			begins: func() { late[i] = int64(time.Since(a.began) - due(i)) },
			done: func(err error) {
				answered.Add(1)
				if err != nil {
					refused.Add(1)
					text := err.Error()
					firstError.CompareAndSwap(nil, &text)
				}
			},
		})
	}})
	await(ctx, 30*time.Second, func() bool { return answered.Load() >= int64(n) })
	// Whatever is still under way may take a while; it is counted as late as it comes.
	await(ctx, 5*time.Second, func() bool { return a.count.Load() >= int64(n) })
	took := time.Since(a.began)
	after, err := usageNow(o.pid)
	if err != nil {
		return outcome{}, err
	}
	r.step.Store(nil)

	times := make([]float64, n)
	for i := range a.at {
		times[i] = math.Inf(1)
		if at := a.at[i].Load(); at > 0 {
			times[i] = float64(time.Duration(at)-due(i)) / float64(time.Millisecond)
		}
	}
	lateness := make([]float64, n)
	for i, l := range late {
		lateness[i] = float64(l) / float64(time.Millisecond)
	}
	slices.Sort(times)
	slices.Sort(lateness)
	out := outcome{
		Rate: rate, Seconds: took.Seconds(), Sent: n, Refused: int(refused.Load()), Delivered: int(a.count.Load()),
		Again: int(a.again.Load()),
		P50:   quantile(times, 0.5), P90: quantile(times, 0.9), P99: quantile(times, 0.99), P999: quantile(times, 0.999), Max: quantile(times, 1),
		Late:      quantile(lateness, 0.99),
		CPU:       float64((after.server - before.server).Microseconds()) / float64(n),
		Generator: float64((after.own - before.own).Microseconds()) / float64(n),
		Cores:     (after.server - before.server).Seconds() / took.Seconds(),
		Others:    after.others(before),
	}
	if text := firstError.Load(); text != nil {
		out.Error = *text
	}
	if lost := t.loop().failed() - lostBefore; lost > 0 {
		out.Error += fmt.Sprintf(" %d connections were lost", lost)
	}
	out.Resident, err = resident(o.pid)
	return out, err
}

// receiverOf spreads messages over all connections, so that no mailbox gets many in a row.
func receiverOf(i, conns int) int { return i * 7907 % conns }

// await waits until something is so, for a time.
func await(ctx context.Context, patience time.Duration, is func() bool) {
	for end := time.Now().Add(patience); !is() && time.Now().Before(end) && ctx.Err() == nil; {
		time.Sleep(5 * time.Millisecond)
	}
}

// quantile returns the value of sorted below which share of them are. What never came is infinitely late, and told as the
// longest time that JSON can hold.
func quantile(sorted []float64, share float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	i := max(0, int(math.Ceil(share*float64(len(sorted))))-1)
	return min(sorted[i], never)
}

// never is the time in milliseconds of what did not come.
const never = 1e9
