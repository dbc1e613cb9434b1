package relay

import (
	"encoding/binary"
	"testing"
	"time"
)

// A frame of a backlog gets older while it waits for a slow reader. A live one is live when it comes. What is too old when its
// turn comes is not sent, whether it got old in the backlog or while it waited.
func TestFramesAgeWhileTheyWait(t *testing.T) {
	r := startRelay(t, nil)
	c := r.mute(t)
	now := time.Now()
	c.queue = []outgoing{
		{kind: msgFrame, id: "waited", at: now.Add(-MaxFrameAge - time.Second)},
		{kind: msgFrame, id: "old", age: MaxFrameAge + time.Millisecond, at: now},
		{kind: msgFrame, id: "live", at: now.Add(-30 * time.Second)},
		{kind: msgEnd},
		{kind: msgFrame, id: "old and waited", age: MaxFrameAge / 2, at: now.Add(-MaxFrameAge/2 - time.Second)},
		{kind: msgFrame, id: "young", age: time.Second, at: now.Add(-30 * time.Second)},
		{kind: msgFrame, id: "waited", at: now.Add(-MaxFrameAge - time.Second)},
	}
	c.mu.Unlock()
	defer c.mu.Lock() // as mute expects
	for _, want := range []struct {
		id  string
		age time.Duration
	}{{"live", 0}, {"", 0}, {"young", 31 * time.Second}} {
		m, ok := c.next()
		if !ok || m.id != want.id || m.age < want.age || m.age > 2*want.age {
			t.Fatalf("%q is sent with age %v, %v; want %q with %v", m.id, m.age, ok, want.id, want.age)
		}
	}
	if m, ok := c.next(); ok {
		t.Errorf("%q is sent", m.id)
	}
}

// A frame tells its age in milliseconds.
func TestHeadOfAFrame(t *testing.T) {
	head := outgoing{kind: msgFrame, age: 1500 * time.Millisecond}.head()
	if got := binary.BigEndian.Uint32(head[1+addressSize:]); got != 1500 {
		t.Errorf("the age told is %d, want 1500", got)
	}
}
