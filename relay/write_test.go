package relay

import (
	"encoding/binary"
	"testing"
	"time"
)

// A frame of a backlog gets older while it waits for a slow reader. A live one is live when it comes.
func TestFramesAgeWhileTheyWait(t *testing.T) {
	at := time.Now().Add(-30 * time.Second)
	for age, want := range map[time.Duration]time.Duration{time.Second: 31 * time.Second, 0: 0} {
		head := outgoing{kind: msgFrame, age: age, at: at}.head()
		got := time.Duration(binary.BigEndian.Uint32(head[1+addressSize:])) * time.Millisecond
		if got < want || got > 2*want {
			t.Errorf("a frame of age %v is told to have %v, half a minute later", age, got)
		}
	}
}

// What is too old when its turn comes is not sent, whether it got old in the backlog or while it waited.
func TestFramesThatGetTooOldAreNotSent(t *testing.T) {
	r := startRelay(t, nil)
	c := r.mute(t)
	now := time.Now()
	c.queue = []outgoing{
		{kind: msgEnd},
		{kind: msgFrame, id: "waited", at: now.Add(-MaxFrameAge - time.Second)},
		{kind: msgFrame, id: "old and waited", age: MaxFrameAge / 2, at: now.Add(-MaxFrameAge/2 - time.Second)},
		{kind: msgFrame, id: "young", age: time.Second, at: now},
	}
	c.mu.Unlock()
	defer c.mu.Lock() // as mute expects
	c.next()
	if m, ok := c.next(); !ok || m.id != "young" {
		t.Errorf("%q is sent, %v", m.id, ok)
	}
}
