package relay

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"

	"ringfork/relay/limit"
	"ringfork/relay/store"
)

// fill opens connections of a client until they are refused, and returns them and the code.
func (s *connSet) fill(client string) (open []*conn, code string) {
	for {
		c := &conn{client: netip.MustParsePrefix(client)}
		if err := s.add(c); err != nil {
			var r *refusal
			errors.As(err, &r)
			return open, r.code
		}
		open = append(open, c)
	}
}

// readAll subscribes c to mailboxes until it is refused.
func (s *connSet) readAll(c *conn) (all []*subscription) {
	for {
		n := s.subscriptions()
		sub := &subscription{conn: c, address: address{byte(n >> 16), byte(n >> 8), byte(n)}}
		if s.own(sub, func(address, store.Reader) (*store.Subscription, error) { return &store.Subscription{}, nil }) != nil {
			return all
		}
		all = append(all, sub)
	}
}

// left returns how many clients and networks still have something.
func (u use) left() int {
	n := 0
	for _, c := range []*limit.Count{u.conns, u.subs} {
		n += c.Len()
	}
	return n
}

// Some addresses with all that each may have do not shut out the others.
func TestLastConnectionsAreForWhoHasFew(t *testing.T) {
	s := newConnSet(16384, 1)
	var all []*conn
	for i, want := range []int{13: 1024, 14: 8, 15: 8} {
		if i < 14 {
			want = maxClientConns
		}
		open, code := s.fill(fmt.Sprintf("192.0.2.%d/32", i))
		if len(open) != want || code != map[bool]string{true: "too-many-connections", false: "relay-full"}[want == maxClientConns] {
			t.Errorf("client %d has %d connections and then %s, want %d", i, len(open), code, want)
		}
		all = append(all, open...)
	}
	for s.open() < 16384 { // by those with few
		open, _ := s.fill(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(s.open() >> 8), byte(s.open())}), 32).String())
		if len(open) == 0 {
			t.Fatalf("refused at %d", s.open())
		}
		all = append(all, open...)
	}
	for _, c := range all {
		s.remove(c)
	}
	if n := s.perClient.left(); n != 0 || s.open() != 0 {
		t.Errorf("%d clients are left", n)
	}
}

// Who has a /56 has 256 clients' addresses, and not as many connections.
func TestConnectionsOfAnIPv6NetworkAreBounded(t *testing.T) {
	s := newConnSet(16384, 1)
	count := func(prefix string) (n int, all []*conn) {
		for i := range 256 {
			open, _ := s.fill(fmt.Sprintf("%s%02x::/64", prefix, i))
			n, all = n+len(open), append(all, open...)
		}
		return n, all
	}
	n, all := count("2001:db8:1:5a")
	if n != 4*maxClientConns {
		t.Errorf("a /56 has %d connections", n)
	}
	for i := range 4 { // the last of them find little left
		more, open := count(fmt.Sprintf("2001:db8:%d:5a", 2+i))
		want := 4 * maxClientConns
		if i == 2 {
			want = 16384*7/8 - 3*want
		}
		if i > 2 {
			want = 4 * fewClientConns
		}
		if more != want {
			t.Errorf("/56 %d has %d connections, want %d", i, more, want)
		}
		all = append(all, open...)
	}
	for _, c := range all {
		s.remove(c)
	}
	if n := s.perClient.left(); n != 0 {
		t.Errorf("%d clients are left", n)
	}
}

func TestSubscriptionsOfAnIPv6NetworkAreBounded(t *testing.T) {
	s := newConnSet(10, 1)
	n := 0
	for i := range 8 {
		n += len(s.readAll(&conn{client: netip.MustParsePrefix(fmt.Sprintf("2001:db8:1:%x::/64", i))}))
	}
	if n != 4*maxClientSubs {
		t.Errorf("a /48 has %d subscriptions", n)
	}
}
