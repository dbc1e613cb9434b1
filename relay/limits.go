package relay

import (
	"time"

	"golang.org/x/time/rate"

	"ringfork/relay/limit"
	"ringfork/relay/store"
)

// clientLimits are the rates at which one client, known by its address prefix, may ask for things.
type clientLimits struct {
	posts *limit.Clients
	keeps *limit.Clients // posts that are kept: see keptRate
	into  *mailboxRates
	conns *limit.Clients
	reads *limit.Clients // slots and ICE servers
	puts  *limit.Clients // slots: see putCost
	grows *limit.Clients // slots that are new, or get longer: what a client makes the relay keep for good

	subscribes *limit.Clients // of all the client's connections together
	backlogs   *limit.Clients // frames that are read for them: see reads

	bodies *limit.Count // values of slots that are coming
}

// maxBodies is how many values of slots may be on their way from one client: each takes up to 256 kB until it is whole, for
// which it has half a minute.
const maxBodies = 64

const (
	// keptFrame is what a frame takes of the backlog at most: itself, what the engine keeps with it, and its part of the journal.
	keptFrame = FrameSize + 256
	// keptShare says what part of the backlog one client's frames may take, at any time.
	keptShare = 32
	// keptLeast is the least number of frames that a client may have there, however small the backlog is.
	keptLeast = 512
)

// keptRate returns how much a client may post in the long run. A backlog that is full takes nothing from anybody, and a client
// may post so much in a moment that few of them could fill it. So what a client posts while a frame lives, the bucket's size
// and what comes to it in that time, is a small part of the backlog. Most of it may come at once: who has a thousand contacts
// may have something to tell all of them.
func keptRate(backlog int64, age time.Duration) limit.Rate {
	frames := max(keptLeast, int(backlog/keptFrame/keptShare))
	steady := frames / 4
	return limit.Rate{PerSecond: rate.Limit(float64(steady) / age.Seconds()), Burst: frames - steady}
}

// putCost is what a put of so many bytes costs, besides the one token that each costs.
func putCost(bytes int) int { return bytes / store.SlotSizes[0] }

// growCost is what a slot costs that gets so many bytes longer.
func growCost(bytes int) int { return (bytes + store.SlotSizes[0] - 1) / store.SlotSizes[0] }

func newClientLimits(cfg Config) clientLimits {
	factor, posts, keeps := cfg.ClientFactor, cfg.tuning.clientPosts, keptRate(cfg.MailboxBytes, cfg.FrameAge)
	of := func(perSecond, burst float64) *limit.Clients {
		return limit.NewClients(limit.Rate{PerSecond: rate.Limit(perSecond * factor), Burst: max(1, int(burst*factor))})
	}
	return clientLimits{
		posts: of(float64(posts.PerSecond), float64(posts.Burst)),
		keeps: of(float64(keeps.PerSecond), float64(keeps.Burst)),
		into:  newMailboxRates(cfg.tuning.mailbox, cfg.tuning.clientMailbox, factor),
		conns: of(20, 400),
		reads: of(50, 500),
		// A put costs up to 65 tokens, whatever the factor.
		puts:  of(40, max(1024, 65/factor)),  // 160 kB a second
		grows: of(0.1, max(1024, 64/factor)), // 4 MB at once, then 35 MB a day

		subscribes: of(1000, 1<<14),
		backlogs:   of(1000, 1<<14), // 4 MB a second; most mailboxes that are subscribed to are empty

		bodies: limit.NewCount(int(maxBodies * factor)),
	}
}
