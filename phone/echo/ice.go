//go:build !js

package echo

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"ringfork/peer"
	"ringfork/relay/client"
)

// How long ICE servers are used before new ones are fetched, and how long to wait after that failed.
const (
	minRefresh = 10 * time.Second
	maxRefresh = 12 * time.Hour
	refetch    = 5 * time.Second
	// againWithin is how long after a new connection new ones are fetched at the latest: a relay that comes back is not asked
	// by all at once.
	againWithin = 2 * time.Second
)

// iceServers holds the relay's current ICE servers. Their credentials expire, so they are fetched again and again; and when the
// relay was started anew or is another one, so may be its TURN server, which takes no credentials of the former.
type iceServers struct {
	relay *client.Client
	again <-chan struct{} // has an element when the connection to the relay is another

	mu    sync.Mutex
	found []peer.ICEServer
}

func (s *iceServers) list() []peer.ICEServer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.found
}

// fetch gets the servers, and says when it is time for new ones: at half of their life.
func (s *iceServers) fetch(ctx context.Context) (next time.Duration, err error) {
	list, ttl, err := s.relay.ICEServers(ctx)
	if err != nil {
		return refetch, err
	}
	var found []peer.ICEServer
	for _, server := range list {
		found = append(found, peer.ICEServer(server))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.found = found
	return min(max(ttl/2, minRefresh), maxRefresh), nil
}

// refresh fetches them when it is time, until ctx ends. Where that fails the old ones stay, for they may still do.
func (s *iceServers) refresh(ctx context.Context, next time.Duration) {
	due := time.NewTimer(next)
	defer due.Stop()
	for {
		select {
		case <-due.C:
			next, _ = s.fetch(ctx)
			due.Reset(next)
		case <-s.again:
			due.Reset(rand.N(againWithin))
		case <-ctx.Done():
			return
		}
	}
}
