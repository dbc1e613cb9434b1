package main

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// parseOrigins reads what a flag says, a list of origins.
func parseOrigins(flag, list string) ([]string, error) {
	var origins []string
	for text := range strings.SplitSeq(list, ",") {
		origin, err := parseOrigin(text)
		if err != nil {
			return nil, badUsage("%s %q is not http(s)://HOST[:PORT]", flag, text)
		}
		origins = append(origins, origin)
	}
	return origins, nil
}

// parseOrigin returns text in the form that browsers give an origin.
func parseOrigin(text string) (string, error) {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("%q is not http(s)://HOST[:PORT]", text)
	}
	return originOf(u.Scheme, u.Hostname(), u.Port()), nil
}

// originOf returns an origin; a port that goes without saying is not part of it.
func originOf(scheme, host, port string) string {
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port == "" || scheme == "http" && port == "80" || scheme == "https" && port == "443" {
		return strings.ToLower(scheme + "://" + host)
	}
	return strings.ToLower(scheme + "://" + host + ":" + port)
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
		origins = append(origins, originOf(scheme, name, port))
	}
	return origins
}
