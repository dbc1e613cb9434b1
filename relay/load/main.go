//go:build linux

// Command load holds connections to a signaling server and sends messages through it at a constant rate, and prints what it
// measured as JSON. It speaks to Ringfork's relay and to PeerJS's server alike, for `npm run bench -- relay`:
//
//	load -kind ringfork -url http://127.0.0.1:8787 -pid PID -conns 10000 -rates 500,5000,10000
//
// The load is open: message n is due at n/rate seconds, whatever became of those before it, and the time it took is counted
// from then. A server that stalls is charged for all that waited meanwhile.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"time"
)

type options struct {
	kind     string
	url      string
	pid      int // of the server
	conns    int
	senders  int
	size     int // of a payload, in bytes
	rates    []int
	length   time.Duration // of a step
	settle   time.Duration // after the connections are open, before their memory is looked at
	patience time.Duration // for a step
	limit    time.Duration // p99 above which no higher rate is tried
}

func main() {
	var o options
	flag.StringVar(&o.kind, "kind", "ringfork", "what the server is: ringfork or peerjs")
	flag.StringVar(&o.url, "url", "", "the server, http://HOST:PORT")
	flag.IntVar(&o.pid, "pid", 0, "the server's process")
	flag.IntVar(&o.conns, "conns", 1000, "connections to hold")
	flag.IntVar(&o.senders, "senders", 1000, "messages under way at most; with ringfork the connections that post")
	flag.IntVar(&o.size, "size", frameSize, "bytes of a payload; with ringfork always 4096")
	rates := flag.String("rates", "500,5000,10000", "messages a second, one step each, the lowest first")
	flag.DurationVar(&o.length, "length", 10*time.Second, "how long a step is")
	flag.DurationVar(&o.settle, "settle", 10*time.Second, "how long to wait before memory is measured")
	flag.DurationVar(&o.patience, "patience", 0, "how long to try to run a step while other programs use no CPU")
	flag.DurationVar(&o.limit, "limit", time.Second, "p99 above which no higher rate is tried")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := o.parse(*rates)
	if err == nil {
		err = run(ctx, o, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func (o *options) parse(rates string) error {
	if o.pid <= 0 || o.conns <= 1 || o.senders <= 0 {
		return fmt.Errorf("-pid, -conns and -senders must be given, and at least two connections")
	}
	if rates == "" {
		return nil
	}
	for text := range strings.SplitSeq(rates, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n <= 0 {
			return fmt.Errorf("-rates: %q is not a number of messages a second", text)
		}
		o.rates = append(o.rates, n)
	}
	return nil
}

// warmRate is how many messages a second are sent before anything is measured, two for each sender.
const warmRate = 1000

// result is what is printed.
type result struct {
	Kind    string  `json:"kind"`
	Size    int     `json:"size"` // of a payload
	Conns   int     `json:"conns"`
	Connect float64 `json:"connect"` // seconds until all were open
	// Resident memory of the server in bytes: before the first connection, when all are open, and after a pause.
	Empty   int64 `json:"empty"`
	Opened  int64 `json:"opened"`
	Settled int64 `json:"settled"`
	// Connections, and resident memory with so many, while they were opened.
	Growth [][2]int64 `json:"growth"`
	// What idle connections cost: the server's CPU seconds in the pause, for each second of it.
	IdleCPU float64   `json:"idleCPU"`
	Steps   []outcome `json:"steps"`
	After   int64     `json:"after"` // resident memory after the last step
}

func run(ctx context.Context, o options, out io.Writer) error {
	t, err := newTarget(o)
	if err != nil {
		return err
	}
	defer t.close()
	res := result{Kind: o.kind, Size: o.size, Conns: o.conns}
	if res.Empty, err = resident(o.pid); err != nil {
		return err
	}
	r := newReceiver()
	began := time.Now()
	if res.Growth, err = openAll(ctx, o, t, r); err != nil {
		return err
	}
	res.Connect = time.Since(began).Seconds()
	if res.Opened, err = resident(o.pid); err != nil {
		return err
	}
	before, err := cpuTime(o.pid)
	if err != nil {
		return err
	}
	select {
	case <-time.After(o.settle):
	case <-ctx.Done():
		return ctx.Err()
	}
	after, err := cpuTime(o.pid)
	if err != nil {
		return err
	}
	if o.settle > 0 {
		res.IdleCPU = (after - before).Seconds() / o.settle.Seconds()
	}
	if res.Settled, err = resident(o.pid); err != nil {
		return err
	}
	// What is opened by the first messages is open when the first step begins.
	if len(o.rates) > 0 {
		warm := o
		warm.length = time.Duration(2 * float64(o.senders) / warmRate * float64(time.Second))
		if _, err := runStep(ctx, warm, t, r, warmRate); err != nil {
			return err
		}
	}
	for _, rate := range o.rates {
		step, err := quietStep(ctx, o, t, r, rate)
		if err != nil {
			return err
		}
		res.Steps = append(res.Steps, step)
		fmt.Fprintf(os.Stderr, "%-8s %6d/s: p50 %.2f ms, p99 %.2f ms, %.1f %% delivered, %.0f ms of CPU for 1,000; others used %.2f cores\n",
			o.kind, rate, step.P50, step.P99, 100*step.share(), step.CPU, step.Others)
		if full := step.P99 > float64(o.limit.Milliseconds()) || step.share() < 0.98; full && step.Others <= quiet {
			break
		}
	}
	if res.After, err = resident(o.pid); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(res)
}
