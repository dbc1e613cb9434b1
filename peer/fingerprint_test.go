//go:build !js

package peer

import (
	"context"
	"regexp"
	"strings"
	"testing"
)

// TestForeignFingerprint connects two sides one of which was told another certificate than the other has: somebody stands
// between them and can only pass packets on, or end the connection. No channel opens and no media flows.
func TestForeignFingerprint(t *testing.T) {
	for _, told := range []string{"the endpoint", "the caller"} {
		t.Run(told, func(t *testing.T) {
			endpoint, caller := newSide(t, "endpoint", Config{Loopback: true}), newSide(t, "caller", Config{Loopback: true})
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			offer, err := endpoint.Offer(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if told == "the caller" {
				offer = foreign(t, offer)
			}
			answer, err := caller.Answer(ctx, offer)
			if err != nil {
				t.Fatal(err)
			}
			if told == "the endpoint" {
				answer = foreign(t, answer)
			}
			if err := endpoint.ApplyAnswer(ctx, answer); err != nil {
				t.Fatal(err)
			}
			go trickle(ctx, endpoint, caller)
			go trickle(ctx, caller, endpoint)
			victim := endpoint
			if told == "the caller" {
				victim = caller
			}
			victim.await(t, "refusal", hasState(Failed))
			for _, s := range []*side{endpoint, caller} {
				if events := s.seen(); has[ChannelOpen](events) || len(s.tracks) > 0 {
					t.Errorf("the %s took it: %v", s.name, events)
				}
			}
		})
	}
}

// foreign puts another certificate's fingerprint into a description.
func foreign(t *testing.T, sdp string) string {
	t.Helper()
	line := regexp.MustCompile(`(?m)^a=fingerprint:sha-256 [0-9A-Fa-f:]+`)
	if !line.MatchString(sdp) {
		t.Fatal("the description has no fingerprint")
	}
	return line.ReplaceAllString(sdp, "a=fingerprint:sha-256 "+strings.TrimSuffix(strings.Repeat("AB:", 32), ":"))
}
