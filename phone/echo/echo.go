//go:build !js

// Package echo is a native endpoint that answers every call and sends back what it hears and sees.
//
// [Run] is all of it. It is for trying out a page when nobody else is there, and it shows what a native endpoint takes:
// phone.Open with a transport (relay/client), a store (phone/disk), media, and somebody who picks up.
package echo

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"ringfork/keys"
	"ringfork/phone"
	"ringfork/phone/disk"
	"ringfork/relay/client"
)

// Options says which endpoint to run.
type Options struct {
	Relay string // origin of the relay, "http://host[:port]" or "https://host[:port]"
	Dir   string // folder of the profile: phone/disk
	Name  string // claimed towards callers, at most 64 bytes; empty keeps the profile's
}

// ErrRelay is in the error of Run when the relay cannot be used.
var ErrRelay = errors.New("failed to use the relay")

// readyTime is how long the relay may take at the start. Later it may be gone for as long as it likes.
const readyTime = 15 * time.Second

// Run answers calls until ctx ends; then it hangs up, and the error is nil. It calls onCard, once, when the endpoint can be
// found and called by the link it is given. It fails only before that:
// with ErrRelay when no relay answers, or because of the profile's folder.
func Run(ctx context.Context, o Options, onCard func(link string)) error {
	err := run(ctx, o, onCard)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func run(ctx context.Context, o Options, onCard func(link string)) error {
	relay, err := client.New(o.Relay)
	if err != nil {
		return err
	}
	store, err := disk.Open(o.Dir)
	if err != nil {
		relay.Close()
		return fmt.Errorf("failed to open the profile: %w", err)
	}

	var beside sync.WaitGroup
	defer beside.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	transport := &reading{Client: relay, read: make(chan struct{}), again: make(chan struct{}, 1)}
	servers := &iceServers{relay: relay, again: transport.again}
	calls := newCalls()
	mirror := newMirror()
	defer mirror.close()
	loopback := onLoopback(relay.Origin())
	p, err := phone.Open(ctx, phone.Config{
		Transport: transport, Store: store, Media: mirror, Name: o.Name, Incoming: phone.FromAnyone,
		Peer: func(phone.Direction) phone.PeerConfig {
			return phone.PeerConfig{ICEServers: servers.list(), Loopback: loopback}
		},
		On: calls.on,
	})
	if err != nil {
		relay.Close()
		return err
	}
	defer p.Close()

	next, err := servers.fetch(ctx)
	if err == nil {
		err = ready(ctx, transport, p.Card())
	}
	if err != nil {
		return fmt.Errorf("%w at %s: %w", ErrRelay, relay.Origin(), err)
	}
	beside.Go(func() { servers.refresh(ctx, next) })
	beside.Go(func() { calls.answer(ctx, p) })
	onCard(p.Card())
	<-ctx.Done()
	return nil
}

// reading is a relay's client that tells when the first mailbox, the account's own, is read, and when a mailbox is read by
// another connection than before.
type reading struct {
	*client.Client
	once  sync.Once
	read  chan struct{} // closed then
	again chan struct{} // has an element then; capacity 1
}

// Subscribe implements phone.Transport.
func (r *reading) Subscribe(m phone.Mailbox, onFrame func([]byte, time.Duration), onBacklogEnd func()) (cancel func()) {
	before := false // callbacks come from one goroutine
	return r.Client.Subscribe(m, onFrame, func() {
		r.once.Do(func() { close(r.read) })
		if before {
			select {
			case r.again <- struct{}{}:
			default:
			}
		}
		before = true
		onBacklogEnd()
	})
}

// ready waits until calls arrive here and the card leads here.
func ready(ctx context.Context, r *reading, card string) error {
	c, err := keys.ParseCard(card)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	select {
	case <-r.read:
	case <-ctx.Done():
		if err := r.Err(); err != nil {
			return err
		}
		return errors.New("it does not let the account's mailbox be read")
	}
	for {
		_, err := r.GetSlot(ctx, c.Slot)
		if err == nil || ctx.Err() != nil {
			return err
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}

// onLoopback reports whether an origin is this machine's own.
func onLoopback(origin string) bool {
	u, err := url.Parse(origin)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return err == nil && ip.IsLoopback() || u.Hostname() == "localhost"
}
