package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"ringfork/phone/echo"
	"ringfork/relay"
)

// runEcho answers calls and sends back what it hears and sees, until ctx ends.
func runEcho(ctx context.Context, args []string, stdout io.Writer) error {
	f := flag.NewFlagSet("ringfork echo", flag.ContinueOnError)
	relayURL := f.String("relay", "http://"+defaultAddr, "")
	dir := f.String("data", "", "")
	if err := parseFlags(f, args); err != nil {
		return err
	}
	origin, err := relay.ParseOrigin(*relayURL)
	if err != nil {
		return badUsage("-relay %v", err)
	}
	if *dir == "" {
		user, err := os.UserConfigDir()
		if err != nil {
			return fmt.Errorf("failed to find a folder for the account: %w; say where with -data DIR", err)
		}
		*dir = filepath.Join(user, "ringfork", "echo")
	}
	err = echo.Run(ctx, echo.Options{Relay: origin, Dir: *dir, Name: "Echo"}, func(link string) {
		fmt.Fprintf(stdout, "Echo: %s\n", link)
	})
	if errors.Is(err, echo.ErrRelay) {
		return fmt.Errorf("%w; start it first, with go run . in another terminal, or say where it is with -relay URL", err)
	}
	return err
}
