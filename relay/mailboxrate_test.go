package relay

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

func defaultMailboxRates(t *testing.T) *mailboxRates {
	t.Helper()
	cfg := Config{Origins: []string{"https://relay.example"}}
	if err := cfg.setDefaults(); err != nil {
		t.Fatal(err)
	}
	return newClientLimits(cfg).into
}

// Many networks with many addresses each post into one mailbox as much as they can, without a pause. Who posts a frame now and
// then can do so at once, whenever it likes, but for the first moments.
func TestMailboxIsShared(t *testing.T) {
	for _, test := range []struct {
		name, prefix string
		networks     int
	}{
		{"three addresses", "198.51.%d.%d/32", 3},
		{"IPv4 networks", "198.%d.51.%d/32", 20},
		{"IPv6 networks", "2001:db8:%x:%x::/64", 20},
	} {
		m, to := defaultMailboxRates(t), address{1}
		var flood []netip.Prefix
		for n := range test.networks {
			for c := range 8 {
				flood = append(flood, netip.MustParsePrefix(fmt.Sprintf(test.prefix, n, c)))
			}
		}
		honest := netip.MustParsePrefix("192.0.2.1/32")
		start := time.Unix(1e9, 0)
		posted := 0
		for tick := range 3 * 600 {
			now := start.Add(time.Duration(tick) * time.Second / 10)
			for _, client := range flood {
				for {
					if _, ok := m.allow(client, to, now); !ok {
						break
					}
					posted++
				}
			}
			if tick < 600 || tick%200 != 0 {
				continue
			}
			if wait, ok := m.allow(honest, to, now); !ok {
				t.Errorf("%s: after %v another address is to wait %v", test.name, now.Sub(start), wait)
			}
		}
		if posted < 5*180 {
			t.Errorf("%s: %d frames in three minutes, so the mailbox was not full", test.name, posted)
		}
	}
}

// Who has all addresses of a network has a part of a mailbox for it, and no more.
func TestNetworkHasAPartOfAMailbox(t *testing.T) {
	for prefix, want := range map[string]int{"203.0.113.%d/32": 192, "2001:db8:7:%x::/64": 192} {
		m, now, posted := defaultMailboxRates(t), time.Unix(1e9, 0), 0
		m.kept = 0 // what of it is for others is another test's
		for c := range 256 {
			for range 200 {
				if _, ok := m.allow(netip.MustParsePrefix(fmt.Sprintf(prefix, c)), address{1}, now); ok {
					posted++
				}
			}
		}
		if posted != want {
			t.Errorf("%d frames came from one network at once, want %d", posted, want)
		}
		if _, ok := m.allow(netip.MustParsePrefix("192.0.2.1/32"), address{1}, now); !ok {
			t.Error("there is no room for another network")
		}
	}
}
