package limit

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

func TestForgetsOnlyFullBuckets(t *testing.T) {
	l := NewBuckets[int](Rate{PerSecond: 1, Burst: 2})
	now := time.Now()
	for i := range minBuckets {
		l.Allow(i, now)
	}
	l.Allow(0, now)
	now = now.Add(1500 * time.Millisecond) // all but bucket 0 are full again
	l.Allow(minBuckets, now)
	if len(l.buckets) != 2 || l.buckets[0] == nil {
		t.Errorf("%d buckets are left", len(l.buckets))
	}
	if _, ok := l.Allow(0, now); !ok {
		t.Error("bucket 0 should have one token")
	}
	if wait, ok := l.Allow(0, now); ok || wait <= 0 || wait > time.Second {
		t.Errorf("bucket 0 should be empty for a while: %v, %v", wait, ok)
	}
}

func TestBucketsAreBounded(t *testing.T) {
	l := NewBuckets[int](Rate{PerSecond: 1, Burst: 2})
	now := time.Now()
	refused := 0
	for i := range maxBuckets + 10 {
		if _, ok := l.Allow(i, now); !ok {
			refused++
		}
	}
	if len(l.buckets) != maxBuckets || refused != 8 {
		t.Errorf("%d buckets, %d refused", len(l.buckets), refused)
	}
}

func TestRatesOfAnIPv6Network(t *testing.T) {
	l := NewClients(Rate{PerSecond: 1, Burst: 100})
	now, all := time.Now(), 0
	for i := range 16 {
		n := spend(l, netip.MustParsePrefix(fmt.Sprintf("2001:db8:1:%x::/64", i)), now)
		if i < 4 && n != 100 {
			t.Errorf("client %d has %d tokens", i, n)
		}
		all += n
	}
	if all != 400 {
		t.Errorf("a /48 has %d tokens", all)
	}
	if n := spend(l, netip.MustParsePrefix("2001:db8:2::/64"), now); n != 100 {
		t.Errorf("a client of another network has %d tokens", n)
	}
	u := NewCount(5)
	all = 0
	for i := range 16 {
		for u.Add(netip.MustParsePrefix(fmt.Sprintf("2001:db8:1:%x::/64", i))) {
			all++
		}
	}
	if all != 20 {
		t.Errorf("a /48 has %d things open", all)
	}
	for i := range 4 {
		for range 5 {
			u.Done(netip.MustParsePrefix(fmt.Sprintf("2001:db8:1:%x::/64", i)))
		}
	}
	if len(u.of) != 0 {
		t.Errorf("%d clients are left", len(u.of))
	}
}

func TestClient(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.7": "192.0.2.7/32", "::ffff:192.0.2.7": "192.0.2.7/32",
		"2001:db8:1:2:3::4": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64",
	} {
		if got := Client(netip.MustParseAddr(in)).String(); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	if got := Client(netip.Addr{}); got != (netip.Prefix{}) {
		t.Errorf("no address: %v", got)
	}
}

func TestCount(t *testing.T) {
	one, other := netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("192.0.2.2/32")
	c := NewCount(2)
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
	if !NewCount(0).Add(one) {
		t.Error("a small factor leaves a client nothing")
	}
}

// spend returns how many tokens a client has.
func spend(l *Clients, client netip.Prefix, now time.Time) (n int) {
	for {
		if _, ok := l.Allow(client, now); !ok {
			return n
		}
		n++
	}
}
