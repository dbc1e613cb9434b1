package main

import (
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"ringfork/relay"
)

// runToken prints a publish token, as a site's backend would make it.
func runToken(args []string, stdout io.Writer) error {
	f := flag.NewFlagSet("ringfork token", flag.ContinueOnError)
	file := f.String("publish-key", "", "")
	if err := parseFlags(f, args); err != nil {
		return err
	}
	if *file == "" {
		return badUsage("token needs the key to make it with: -publish-key FILE")
	}
	key, err := (&server{publishKey: *file}).readPublishKey()
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout, relay.NewToken(key, relay.TokenExpiry(time.Now())))
	return nil
}

// readPublishKey returns the key of the tokens that the relay wants, nothing if it wants none.
func (s *server) readPublishKey() ([]byte, error) {
	if s.publishKey == "" {
		return nil, nil
	}
	key, err := readKey(s.publishKey)
	if err != nil {
		return nil, fmt.Errorf("failed to read the publish key: %w", err)
	}
	return key, nil
}

// readKey reads a file that holds 32 bytes in hexadecimal digits. No error tells what is in the file.
func readKey(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w; make one with: openssl rand -hex 32", err)
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != 32 {
		return nil, fmt.Errorf("%s does not hold 32 bytes in hex, as openssl rand -hex 32 prints them", path)
	}
	return key, nil
}
