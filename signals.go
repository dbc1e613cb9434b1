package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// errTerminated is the cause of a context's end when the program is to end without haste: a server drains first.
var errTerminated = errors.New("terminated")

// untilSignal returns a context that ends with the first signal to end the program, with errTerminated as its cause if that
// was SIGTERM. The second signal ends the program at once.
func untilSignal() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		got := <-signals
		signal.Stop(signals)
		if got == syscall.SIGTERM {
			cancel(errTerminated)
		} else {
			cancel(nil)
		}
	}()
	return ctx
}
