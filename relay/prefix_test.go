package relay

import (
	"net/netip"
	"testing"
)

func TestClientPrefix(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.7": "192.0.2.7/32", "::ffff:192.0.2.7": "192.0.2.7/32",
		"2001:db8:1:2:3::4": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64",
	} {
		if got := ClientPrefix(netip.MustParseAddr(in)).String(); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	if got := ClientPrefix(netip.Addr{}); got != (netip.Prefix{}) {
		t.Errorf("no address: %v", got)
	}
}

func TestClientCount(t *testing.T) {
	one, other := netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("192.0.2.2/32")
	c := NewClientCount(2)
	for i, want := range []bool{true, true, false} {
		if got := c.Add(one); got != want {
			t.Errorf("number %d of a client that may have two: %v", i+1, got)
		}
	}
	if !c.Add(other) {
		t.Error("another client has none")
	}
	c.Done(one)
	for _, want := range []bool{true, false} {
		if c.Add(one) != want {
			t.Error("one that is done does not make room for one")
		}
	}
	for _, client := range []netip.Prefix{one, one, other} {
		c.Done(client)
	}
	if len(c.of) != 0 {
		t.Errorf("%d clients are remembered", len(c.of))
	}
	if !NewClientCount(0).Add(one) {
		t.Error("a small factor leaves a client nothing")
	}
}
