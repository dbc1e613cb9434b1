package relay

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"ringfork/relay/limit"
	"ringfork/relay/store"
)

// What a client makes the relay keep for good is limited: slots that are new or get longer, and no others.
func TestNewSlotsAreLimited(t *testing.T) {
	r := startRelay(t, nil)
	r.limits.grows = limit.NewClients(limit.Rate{PerSecond: 1e-6, Burst: 5})
	put := func(m mailbox, version uint64, size, status int) {
		t.Helper()
		if got, code := r.putSlot(t, m.address, m.valueFor(m.address, m, version, "x", size), version-1); got != status {
			t.Errorf("version %d of %d bytes: %d %s, want %d", version, size, got, code, status)
		}
	}
	first := newMailbox()
	put(first, 1, 4096, 204)  // one
	put(first, 2, 4096, 204)  // as long
	put(first, 3, 16384, 204) // three more
	put(first, 4, 4096, 204)  // shorter
	put(newMailbox(), 1, 4096, 204)
	put(newMailbox(), 1, 4096, 429)
	put(first, 5, 16384, 429)
	put(first, 5, 4096, 204)
}

func TestClientFactor(t *testing.T) {
	client := netip.MustParsePrefix("192.0.2.1/32")
	for _, test := range []struct {
		factor             float64
		posts, puts, conns int // at once
	}{{1, 2000, 1024, 1024}, {10, 20000, 10240, 10240}, {0.01, 20, 65, 10}, {0.0001, 1, 65, 1}} {
		cfg := Config{Origins: []string{"https://a"}, ClientFactor: test.factor}
		if err := cfg.setDefaults(); err != nil {
			t.Fatal(err)
		}
		l := newClientLimits(cfg)
		now := time.Now()
		for what, got := range map[string][2]int{
			"posts": {spend(l.posts, client, now), test.posts},
			"puts":  {spend(l.puts, client, now), test.puts},
			"conns": {newConnSet(1, test.factor).perClient.conns.Most(), test.conns},
		} {
			if got[0] != got[1] {
				t.Errorf("times %v: %d %s, want %d", test.factor, got[0], what, got[1])
			}
		}
		// The longest value can be put whatever the factor.
		l = newClientLimits(cfg)
		if _, ok := l.puts.AllowN(client, now, 1); !ok {
			t.Errorf("times %v: no put at all", test.factor)
		}
		if _, ok := l.puts.AllowN(client, now, putCost(MaxSlotSize)); !ok {
			t.Errorf("times %v: the longest value cannot be put", test.factor)
		}
		if _, ok := l.grows.AllowN(client, now, growCost(MaxSlotSize)); !ok {
			t.Errorf("times %v: the longest value cannot be kept", test.factor)
		}
	}
}

// Some clients that post as much as they may cannot fill the backlog: neither addresses, nor networks with many of them.
func TestBacklogIsShared(t *testing.T) {
	for _, backlog := range []int64{256 << 20, 4 << 30} {
		cfg := Config{Origins: []string{"https://relay.example"}, MailboxBytes: backlog}
		if err := cfg.setDefaults(); err != nil {
			t.Fatal(err)
		}
		for prefix, share := range map[string]int64{"2001:db8:1:1::/64": 32, "2001:db8:1:%x::/64": 8} {
			l, start, kept := newClientLimits(cfg), time.Unix(1e9, 0), int64(0)
			for second := range int(cfg.FrameAge / time.Second) {
				for c := range 8 {
					client := prefix
					if strings.Contains(client, "%") {
						client = fmt.Sprintf(prefix, c)
					}
					kept += int64(spend(l.keeps, netip.MustParsePrefix(client), start.Add(time.Duration(second)*time.Second)))
				}
			}
			if most := backlog / share; kept*keptFrame > most || kept*keptFrame < most*9/10 {
				t.Errorf("of %d MiB %s has %d MiB after two minutes, want at most %d", backlog>>20, prefix, kept*keptFrame>>20, most>>20)
			}
		}
	}
	if l := keptRate(1<<20, MaxFrameAge); l.Burst < 256 {
		t.Errorf("of a small backlog a client has %d frames", l.Burst)
	}
	// And a thousand contacts can be told something at once.
	if l := keptRate(256<<20, MaxFrameAge); l.Burst < 1024 {
		t.Errorf("a client may post %d frames at once", l.Burst)
	}
}

// What a frame takes of the backlog is the engine's to say.
func TestKeptFrame(t *testing.T) {
	r := startRelay(t, nil)
	const frames = 10
	for n := range frames {
		r.mustPost(t, newMailbox().address, frame(n))
	}
	stream, err := r.streams(t).Stream(t.Context(), store.MailboxStream)
	if err != nil {
		t.Fatal(err)
	}
	if s := stream.CachedInfo().State; s.Msgs != frames || s.Bytes > frames*keptFrame || s.Bytes < frames*FrameSize {
		t.Errorf("%d frames take %d bytes, reckoned with %d each", s.Msgs, s.Bytes, keptFrame)
	}
}

// spend returns how many tokens a bucket has.
func spend(l *limit.Clients, client netip.Prefix, now time.Time) (n int) {
	for {
		if _, ok := l.Allow(client, now); !ok {
			return n
		}
		n++
	}
}

// A mailbox takes so few frames that one address could keep all others from it.
func TestOneAddressDoesNotUseUpAMailbox(t *testing.T) {
	r := startRelay(t, func(c *Config) {
		c.tuning.clientMailbox = limit.Rate{}
		c.tuning.mailbox = limit.Rate{PerSecond: 1e-6, Burst: 256}
	})
	honest, flooder := from(t, "127.0.0.1"), from(t, "127.0.0.2")
	account, other := newMailbox(), newMailbox()
	taken := 0
	for n := range 300 {
		switch status, err := r.postFrom(t.Context(), flooder, account.address, frame(n)); {
		case err != nil:
			t.Fatal(err)
		case status == http.StatusNoContent || status == http.StatusServiceUnavailable: // it passed the limit, and may not be stored
			taken++
		case status != http.StatusTooManyRequests:
			t.Errorf("a frame too many is answered %d", status)
		}
	}
	if taken < 64 || taken > 200 { // what it may at once, and as many as a slow machine takes its time for
		t.Errorf("%d frames of one address were taken", taken)
	}
	for _, post := range []struct {
		as *http.Client
		to mailbox
	}{{honest, account}, {flooder, other}} {
		f := frame(0)
		if err := keepPosting(f, func() error { return r.tryPostFrom(t.Context(), post.as, post.to.address, f) }); err != nil {
			t.Errorf("another address or mailbox: %v", err)
		}
	}
}

// Values of slots that do not end coming take memory. One address may have some under way, and no more.
func TestValuesUnderWayAreLimited(t *testing.T) {
	r := startRelay(t, func(c *Config) { c.tuning.valueTimeout = time.Hour })
	begin := func() (net.Conn, string) {
		conn, err := net.Dial("tcp", strings.TrimPrefix(r.origin, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		conn.SetDeadline(time.Now().Add(30 * time.Second))
		fmt.Fprintf(conn, "PUT /v1/slot/%s?replaces=0 HTTP/1.1\r\nHost: relay\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n",
			strings.Repeat("ab", 20), MaxSlotSize)
		answer := make([]byte, len("HTTP/1.1 100"))
		if _, err := io.ReadFull(conn, answer); err != nil {
			t.Fatal(err)
		}
		return conn, string(answer[len("HTTP/1.1 "):])
	}
	var first net.Conn
	for i := range maxBodies {
		conn, answer := begin()
		if answer != "100" {
			t.Fatalf("value %d: %s", i, answer)
		}
		if i == 0 {
			first = conn
		}
	}
	if _, answer := begin(); answer != "429" {
		t.Errorf("one more is answered %s", answer)
	}
	first.Close()
	waitFor(t, func() bool { _, answer := begin(); return answer == "100" })
}
