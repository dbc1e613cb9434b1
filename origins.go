package main

import (
	"net/netip"
	"strings"

	"ringfork/relay"
)

// parseOrigins reads what a flag says, a list of origins.
func parseOrigins(flag, list string) ([]string, error) {
	var origins []string
	for text := range strings.SplitSeq(list, ",") {
		origin, err := relay.ParseOrigin(text)
		if err != nil {
			return nil, badUsage("%s %v", flag, err)
		}
		origins = append(origins, origin)
	}
	return origins, nil
}

// originsOf returns the origins by which pages reach a server that listens on host and port, the one to show first.
func originsOf(scheme, host, port string) []string {
	names := []string{host}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		names = []string{"127.0.0.1", "localhost"}
	} else if host == "localhost" {
		names = []string{"localhost", "127.0.0.1"}
	} else if err == nil && ip.IsLoopback() {
		names = append(names, "localhost")
	}
	var origins []string
	for _, name := range names {
		origins = append(origins, relay.Origin(scheme, name, port))
	}
	return origins
}
