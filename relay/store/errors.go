package store

import "errors"

// Post, Slot and PutSlot return these as they are, and no other ones, but for what mayGrow of PutSlot says. Of those that say
// that something was not done or read nobody knows why: it may be worth trying again.
var (
	ErrNotStored    = errors.New("the frame was not stored")
	ErrMailboxFull  = errors.New("the relay keeps no more frames for now")
	ErrNotRead      = errors.New("the slot could not be read")
	ErrNotWritten   = errors.New("the slot was not written")
	ErrSlotsFull    = errors.New("the relay keeps no more slots")
	ErrSlotConflict = errors.New("the slot holds another version")
	ErrSlotRace     = errors.New("the slot was written meanwhile")
	ErrNotTheWriter = errors.New("the value that is there names another writer for the next one")
	ErrBadSize      = errors.New("a slot's value is 4096, 16384, 65536 or 262144 bytes")
	ErrBadVersion   = errors.New("the value's version does not follow the one it replaces")
	ErrBadSignature = errors.New("the value's signature is wrong")
)
