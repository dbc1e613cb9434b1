//go:build !unix

package natstest

import "syscall"

// These systems have no such signals: sending them fails.
const (
	stopSignal = syscall.Signal(-1)
	contSignal = syscall.Signal(-1)
	endSignal  = syscall.Signal(-1)
)
