package main

import (
	"flag"
	"fmt"
	"strings"

	"ringfork/relay"
)

// natsOptions is what the command line says about a NATS cluster to use as the relay's engine.
type natsOptions struct {
	urls     string // empty: none, the engine is embedded
	creds    string // a file; empty: none
	ca       string // a file; empty: the system's
	replicas int    // zero: the relay's default
	key      string // a file
}

func (o *natsOptions) define(f *flag.FlagSet) {
	f.StringVar(&o.urls, "nats", "", "")
	f.StringVar(&o.creds, "nats-creds", "", "")
	f.StringVar(&o.ca, "nats-ca", "", "")
	f.IntVar(&o.replicas, "nats-replicas", 0, "")
	f.StringVar(&o.key, "nats-key", "", "")
}

// check checks what can be checked without looking at files. dataDir is what -data says.
func (o *natsOptions) check(dataDir string) error {
	switch {
	case o.urls == "" && (o.creds != "" || o.ca != "" || o.key != "" || o.replicas != 0):
		return badUsage("-nats-creds, -nats-ca, -nats-key and -nats-replicas are of use with -nats URL only")
	case o.urls == "":
		return nil
	case o.key == "":
		return badUsage("-nats needs -nats-key FILE, with the key that all relays of the cluster share: openssl rand -hex 32")
	case dataDir != "" && dataDir != "none":
		return badUsage("-data is of no use with -nats: slots are in the cluster")
	case o.replicas < 0 || o.replicas > 5:
		return badUsage("-nats-replicas %d is not a number from 1 to 5", o.replicas)
	}
	for _, u := range o.list() {
		if u == "" {
			return badUsage("-nats has an empty URL")
		}
	}
	return nil
}

func (o *natsOptions) list() []string {
	var urls []string
	for u := range strings.SplitSeq(o.urls, ",") {
		urls = append(urls, strings.TrimSpace(u))
	}
	return urls
}

// config returns what the relay is to know, nothing without -nats.
func (o *natsOptions) config() (relay.NATSConfig, error) {
	if o.urls == "" {
		return relay.NATSConfig{}, nil
	}
	key, err := readKey(o.key)
	if err != nil {
		return relay.NATSConfig{}, fmt.Errorf("failed to read the key of -nats-key: %w", err)
	}
	return relay.NATSConfig{URLs: o.list(), CredsFile: o.creds, CAFile: o.ca, Replicas: o.replicas, Key: key}, nil
}
