package relay

import (
	"net/netip"
	"time"

	"golang.org/x/time/rate"

	"ringfork/relay/limit"
)

// mailboxRates bounds what goes into each mailbox, and shares it. A mailbox takes so few frames that few who mean it harm could
// use them all up, and keep everybody else's from it. So
//
//   - one client may have half of what a mailbox takes, and one network three quarters;
//   - the last quarter of a mailbox's bucket is for who has posted little into it while there was no more than that.
//
// What is little is so little that it takes dozens of networks to use up the last quarter all the time: see TestMailboxIsShared.
type mailboxRates struct {
	all                       *limit.Buckets[address]
	kept                      float64 // tokens of all that are for who has posted little
	each, network             *limit.Buckets[posting]
	littleEach, littleNetwork *limit.Buckets[posting]
}

// posting is a client, or a network, and a mailbox that it posts to.
type posting struct {
	by      netip.Prefix
	mailbox address
}

const (
	// A client has posted little into a mailbox that posts a thirty-second part of what it may at once and a sixtieth of what it
	// may steadily: 4 frames, and one every 20 s.
	littleBurst = 32
	littleRate  = 60
)

// What a network may do is so many times what one client may.
const (
	networkShare  = 1.5
	networkLittle = 2
)

// newMailboxRates takes what a mailbox takes, and what of that is one client's.
func newMailboxRates(mailbox, client limit.Rate, factor float64) *mailboxRates {
	of := func(times, burst, perSecond float64) *limit.Buckets[posting] {
		return limit.NewBuckets[posting](limit.Rate{
			PerSecond: client.PerSecond * rate.Limit(times*factor/perSecond),
			Burst:     max(1, int(float64(client.Burst)*times*factor/burst)),
		})
	}
	return &mailboxRates{
		all: limit.NewBuckets[address](mailbox), kept: float64(mailbox.Burst / 4),
		each: of(1, 1, 1), network: of(networkShare, 1, 1),
		littleEach: of(1, littleBurst, littleRate), littleNetwork: of(networkLittle, littleBurst, littleRate),
	}
}

// allow takes room for one frame of a client. If there is none it returns how long to wait for it.
func (m *mailboxRates) allow(client netip.Prefix, to address, now time.Time) (wait time.Duration, ok bool) {
	each, network := posting{client, to}, posting{limit.Network(client), to}
	if wait, ok = m.each.Allow(each, now); !ok {
		return wait, false
	}
	if wait, ok = m.network.Allow(network, now); !ok {
		return wait, false
	}
	more := m.all.Wait(to, now, m.kept+1)
	if more > 0 && m.all.Wait(to, now, 1) == 0 && !m.little(each, network, now) {
		return more, false
	}
	return m.all.Allow(to, now)
}

// little reports whether somebody has posted so little that what is kept is for it, and counts that it did once more.
func (m *mailboxRates) little(each, network posting, now time.Time) bool {
	if _, ok := m.littleEach.Allow(each, now); !ok {
		return false
	}
	_, ok := m.littleNetwork.Allow(network, now)
	return ok
}
