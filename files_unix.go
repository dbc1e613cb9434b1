//go:build unix

package main

import (
	"math"
	"syscall"
)

// openFiles returns how many files and connections the system lets this program have open, as getrlimit says.
func openFiles() int {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil || uint64(l.Cur) > math.MaxInt32 {
		return math.MaxInt32
	}
	return int(l.Cur)
}
