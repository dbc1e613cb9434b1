//go:build !unix

package main

import "math"

// openFiles returns how many files and connections the system lets this program have open: as many as it likes.
func openFiles() int { return math.MaxInt32 }
