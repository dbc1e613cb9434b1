//go:build !js

package echo

import (
	"context"
	"slices"
	"sync"

	"ringfork/phone"
)

// maxCalls is how many calls are answered at once: an endpoint has one active call. Others ring until it ends.
const maxCalls = 1

// calls picks up what rings, and says of each call that this side sends what the other does.
type calls struct {
	mu   sync.Mutex
	list []*call // in order of ringing
	poke chan struct{}
}

// call is one that has not ended.
type call struct {
	view     phone.Call // as the phone told it last
	answered bool
	told     phone.Sending
}

func newCalls() *calls { return &calls{poke: make(chan struct{}, 1)} }

// on takes the phone's events. It only notes what is: what to do about it answer does, outside the phone's pump.
func (c *calls) on(e phone.Event) {
	var view phone.Call
	switch e := e.(type) {
	case phone.Incoming:
		view = e.Call
	case phone.CallChanged:
		view = e.Call
	default:
		return
	}
	c.mu.Lock()
	i := slices.IndexFunc(c.list, func(known *call) bool { return known.view.View.Call == view.View.Call })
	switch ended := view.State.String() == "ended"; {
	case i >= 0 && ended:
		c.list = slices.Delete(c.list, i, i+1)
	case i >= 0:
		c.list[i].view = view
	case !ended:
		c.list = append(c.list, &call{view: view})
	}
	c.mu.Unlock()
	select {
	case c.poke <- struct{}{}:
	default:
	}
}

// answer does what there is to do until ctx ends.
func (c *calls) answer(ctx context.Context, p *phone.Phone) {
	for {
		for _, do := range c.due() {
			if do(p) != nil {
				return // the phone is closed
			}
		}
		select {
		case <-c.poke:
		case <-ctx.Done():
			return
		}
	}
}

// due returns what is to be done now. It counts as done.
func (c *calls) due() []func(*phone.Phone) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	running := 0
	for _, call := range c.list {
		if call.answered {
			running++
		}
	}
	var todo []func(*phone.Phone) error
	for _, call := range c.list {
		id := call.view.View.Call
		switch call.view.State.String() {
		case "ringing":
			if call.answered || running == maxCalls {
				continue
			}
			call.answered = true
			running++
			media := call.view.Media
			call.told = phone.Sending{Call: id, Audio: media.Audio, Video: media.Video}
			todo = append(todo, func(p *phone.Phone) error { return p.PickUp(id, media) })
		case "active":
			theirs := call.view.Remote
			mine := phone.Sending{Call: id, Audio: theirs.Audio, Video: theirs.Video, Screen: theirs.Screen}
			if call.told != mine {
				call.told = mine
				todo = append(todo, func(p *phone.Phone) error { return p.SetState(mine) })
			}
		}
	}
	return todo
}
