//go:build !js

package peer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestMessagesArriveInOrder(t *testing.T) {
	endpoint, caller := pair(t)
	const n = 100
	for i := range n {
		for _, s := range []*side{endpoint, caller} {
			if err := s.Send([]byte(fmt.Sprint(s.name, i))); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, pair := range [][2]*side{{endpoint, caller}, {caller, endpoint}} {
		from, to := pair[0], pair[1]
		to.await(t, "messages", func(e []Event) bool { return count[ChannelMessage](e) == n })
		i, open := 0, false
		for _, e := range to.seen() {
			switch e := e.(type) {
			case ChannelOpen:
				open = true
			case ChannelMessage:
				if want := fmt.Sprint(from.name, i); string(e.Data) != want || !open {
					t.Fatalf("%s: got %q, want %q; open: %v", to.name, e.Data, want, open)
				}
				i++
			}
		}
	}
}

func TestSendRefuses(t *testing.T) {
	endpoint, caller := newSide(t, "endpoint", Config{Loopback: true}), newSide(t, "caller", Config{Loopback: true})
	if err := endpoint.Send([]byte("x")); !errors.Is(err, ErrNotOpen) {
		t.Errorf("before the offer: %v", err)
	}
	connect(t, endpoint, caller)
	for _, size := range []int{0, MaxMessage + 1} {
		if err := endpoint.Send(make([]byte, size)); !errors.Is(err, ErrSize) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	if err := endpoint.Send(make([]byte, MaxMessage)); err != nil {
		t.Errorf("longest message: %v", err)
	}
	caller.await(t, "longest message", func(events []Event) bool {
		for _, e := range events {
			if m, ok := e.(ChannelMessage); ok {
				return len(m.Data) == MaxMessage
			}
		}
		return false
	})
}

func TestReceiveDropsTextAndLongMessages(t *testing.T) {
	endpoint, caller := pair(t)
	channel := endpoint.Conn.channel
	for _, send := range []func() error{
		func() error { return channel.SendText("text") },
		func() error { return channel.Send(make([]byte, MaxMessage+1)) },
		func() error { return channel.Send(nil) },
		func() error { return endpoint.Send([]byte("last")) },
	} {
		if err := send(); err != nil {
			t.Fatal(err)
		}
	}
	caller.await(t, "message", has[ChannelMessage])
	for _, e := range caller.seen() {
		if m, ok := e.(ChannelMessage); ok && string(m.Data) != "last" {
			t.Errorf("%d bytes were delivered", len(m.Data))
		}
	}
}

func TestOtherChannelsAreClosed(t *testing.T) {
	endpoint, caller := pair(t)
	for _, label := range []string{"other", channelLabel} {
		other, err := caller.pc.CreateDataChannel(label, nil)
		if err != nil {
			t.Fatal(err)
		}
		closed := make(chan struct{})
		other.OnClose(func() { close(closed) })
		select {
		case <-closed:
		case <-time.After(patience):
			t.Fatalf("second channel %q stays open", label)
		}
	}
	if err := caller.Send([]byte("still here")); err != nil {
		t.Fatal(err)
	}
	endpoint.await(t, "message", has[ChannelMessage])
	if events := endpoint.seen(); count[ChannelOpen](events) != 1 || has[ChannelClosed](events) {
		t.Errorf("another channel was taken for the control channel: %v", events)
	}
}

func TestCloseIsSeen(t *testing.T) {
	for _, closing := range []string{"endpoint", "caller"} {
		t.Run(closing, func(t *testing.T) {
			a, b := pair(t)
			if closing == "caller" {
				a, b = b, a
			}
			before := a.seen()
			if err := a.Close(); err != nil {
				t.Fatal(err)
			}
			if err := a.Close(); err != nil {
				t.Fatal(err)
			}
			b.await(t, "closed channel", has[ChannelClosed])
			if err := b.Send([]byte("x")); !errors.Is(err, ErrNotOpen) {
				t.Errorf("Send to a closed peer: %v", err)
			}
			ctx := context.Background()
			_, offerErr := a.Offer(ctx)
			_, answerErr := a.Answer(ctx, "")
			for name, err := range map[string]error{
				"Send": a.Send([]byte("x")), "Offer": offerErr, "Answer": answerErr, "ApplyAnswer": a.ApplyAnswer(ctx, ""),
				"AddCandidates": a.AddCandidates(ctx, nil, true), "Attach": a.Attach(Audio, nil),
			} {
				if !errors.Is(err, ErrClosed) {
					t.Errorf("%s after Close: %v", name, err)
				}
			}
			b.Close()
			if after := a.seen(); len(after) != len(before) {
				t.Errorf("reported after Close: %v", after[len(before):])
			}
		})
	}
}

func TestCloseWhileNegotiating(t *testing.T) {
	before := runtime.NumGoroutine()
	for i := range 20 {
		c, err := New(Config{Loopback: true}, func(Event) {})
		if err != nil {
			t.Fatal(err)
		}
		result := make(chan error)
		go func() {
			_, err := c.Offer(context.Background())
			result <- err
		}()
		for range i {
			runtime.Gosched()
		}
		c.Close()
		if err := <-result; err != nil && !errors.Is(err, ErrClosed) {
			t.Fatal(err)
		}
	}
	for deadline := time.Now().Add(patience); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines before, %d after", before, runtime.NumGoroutine())
		}
	}
}

func TestOrderOfDescriptions(t *testing.T) {
	ctx := context.Background()
	endpoint, caller := newSide(t, "endpoint", Config{Loopback: true}), newSide(t, "caller", Config{Loopback: true})
	if err := endpoint.AddCandidates(ctx, nil, true); !errors.Is(err, ErrOrder) {
		t.Errorf("candidates before descriptions: %v", err)
	}
	if err := endpoint.ApplyAnswer(ctx, "v=0"); !errors.Is(err, ErrOrder) {
		t.Errorf("answer before offer: %v", err)
	}
	offer, err := endpoint.Offer(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := endpoint.Offer(ctx); !errors.Is(err, ErrOrder) {
		t.Errorf("second offer: %v", err)
	}
	if err := endpoint.ApplyAnswer(ctx, "not a description"); err == nil || errors.Is(err, ErrOrder) {
		t.Errorf("bad answer: %v", err)
	}
	answer, err := caller.Answer(ctx, offer)
	if err != nil {
		t.Fatal(err)
	}
	if err := endpoint.ApplyAnswer(ctx, answer); err != nil {
		t.Errorf("good answer after a bad one: %v", err)
	}
}

func TestAnswerRefuses(t *testing.T) {
	ctx := context.Background()
	endpoint := newSide(t, "endpoint", Config{Loopback: true})
	offer, err := endpoint.Offer(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cut := strings.Index(offer, "m=video")
	for name, sdp := range map[string]string{
		"nothing":   "",
		"no SDP":    "hello",
		"too long":  offer + strings.Repeat("a=x\r\n", maxDescription/5),
		"one track": offer[:cut],
		"kinds":     strings.Replace(strings.Replace(offer, "m=audio", "m=video", 1), "opus/48000/2", "VP8/90000", 1),
		"direction": strings.Replace(offer, "a=sendrecv", "a=recvonly", 1),
	} {
		caller := newSide(t, "caller", Config{Loopback: true})
		_, err := caller.Answer(ctx, sdp)
		var failed *Error
		if !errors.As(err, &failed) {
			t.Errorf("%s: %v", name, err)
		} else if err.Error() != "failed to answer an offer" {
			t.Errorf("%s: error says more than it may: %v", name, err)
		}
	}
}

func TestBadCandidatesDoNotKeepGoodOnesOut(t *testing.T) {
	ctx := context.Background()
	endpoint, caller := newSide(t, "endpoint", Config{Loopback: true}), newSide(t, "caller", Config{Loopback: true})
	offer, err := endpoint.Offer(ctx)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := caller.Answer(ctx, offer)
	if err != nil {
		t.Fatal(err)
	}
	if err := endpoint.ApplyAnswer(ctx, answer); err != nil {
		t.Fatal(err)
	}
	candidates := []Candidate{
		{Line: "candidate:1 1 udp one 127.0.0.1 1 typ host"},
		{Line: "candidate:1 1 udp 1 127.0.0.1 1 typ host\r\na=evil"},
		{Line: strings.Repeat("candidate:1 1 udp 1 127.0.0.1 1 typ host ", 50)},
	}
	caller.await(t, "end of candidates", has[CandidatesEnd])
	for _, e := range caller.seen() {
		if found, ok := e.(CandidateFound); ok {
			candidates = append(candidates, found.Candidate)
		}
	}
	if err := endpoint.AddCandidates(ctx, candidates, true); err == nil {
		t.Error("bad candidates give no error")
	}
	endpoint.await(t, "open channel", has[ChannelOpen])

	flood := make([]Candidate, maxCandidates+1)
	for i := range flood {
		flood[i] = Candidate{Line: fmt.Sprintf("candidate:1 1 udp 1 127.0.0.1 %d typ host", 1000+i)}
	}
	if err := caller.AddCandidates(ctx, flood, false); err == nil {
		t.Error("too many candidates give no error")
	}
}

func TestUselessCandidates(t *testing.T) {
	for line, want := range map[string]bool{
		"": true,
		"candidate:1 1 udp 2113937151 192.0.2.1 5000 typ host generation 0 ufrag a":                        false,
		"candidate:1 2 UDP 2113937151 192.0.2.1 5000 typ host":                                             true,
		"candidate:1 1 TCP 2113937151 192.0.2.1 9 typ host tcptype active":                                 true,
		"candidate:1 1 tcp 2113937151 192.0.2.1 9 typ host tcptype active generation 0":                    true,
		"candidate:1 1 tcp 2113937151 192.0.2.1 4000 typ host tcptype passive":                             false,
		"candidate:1 1 udp 1 192.0.2.1 5000 typ relay raddr 0.0.0.0 rport 0 generation 0 network-cost 999": false,
	} {
		if got := (Candidate{Line: line}).useless(); got != want {
			t.Errorf("%q: %v", line, got)
		}
	}
}

func TestTinesShareOnePort(t *testing.T) {
	mux, err := NewMux("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mux.Close()
	_, port, err := net.SplitHostPort(mux.Addrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	const tines = 4
	var all sync.WaitGroup
	for i := range tines {
		endpoint := newSide(t, fmt.Sprint("endpoint ", i), Config{Loopback: true})
		caller := newSide(t, fmt.Sprint("caller ", i), Config{Loopback: true, Mux: mux})
		connect(t, endpoint, caller)
		defer endpoint.Close()
		defer caller.Close()
		for _, e := range caller.seen() {
			if found, ok := e.(CandidateFound); ok && strings.Fields(found.Candidate.Line)[5] != port {
				t.Errorf("candidate uses another port: %s", found.Candidate.Line)
			}
		}
		all.Go(func() {
			want := []byte(fmt.Sprint("tine ", i))
			if err := caller.Send(want); err != nil {
				t.Error(err)
				return
			}
			endpoint.await(t, "message", has[ChannelMessage])
			for _, e := range endpoint.seen() {
				if m, ok := e.(ChannelMessage); ok && !bytes.Equal(m.Data, want) {
					t.Errorf("got %q, want %q", m.Data, want)
				}
			}
		})
	}
	all.Wait()
}

func TestNewRefusesBadServers(t *testing.T) {
	c, err := New(Config{ICEServers: []ICEServer{{URLs: []string{"http://example.com"}}}}, func(Event) {})
	var failed *Error
	if !errors.As(err, &failed) || c != nil {
		t.Errorf("got %v, %v", c, err)
	}
}
