// Package store keeps frames and slots, and carries frames between relays.
package store

import "time"

const (
	// FrameSize is the length of every frame in bytes, whatever it holds.
	FrameSize = 4096
	// MaxFrameAge is the longest time for which a frame is kept.
	MaxFrameAge = 120 * time.Second
	// MaxSlotSize is the length of the longest signed value that a slot takes, in bytes.
	MaxSlotSize = 256 << 10
)
