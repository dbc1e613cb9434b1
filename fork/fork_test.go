package fork

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func endpoint(n int) EndpointID { return EndpointID{byte(n), byte(n >> 8), 1} }

// model is the dumb fork: a log of what was handed in, from which every question is answered anew.
type model struct{ log []entry }

type entry struct {
	what       string
	e          EndpointID
	everywhere bool
}

func (m model) outcome() (Outcome, EndpointID) {
	joined, declined, busy := []EndpointID{}, []EndpointID{}, []EndpointID{}
	for _, x := range m.log {
		in := slices.Contains(joined, x.e)
		out := slices.Contains(declined, x.e) || slices.Contains(busy, x.e)
		switch x.what {
		case "join":
			if !in {
				joined = append(joined, x.e)
			}
		case "accept":
			if !out {
				return Won, x.e
			}
		case "decline":
			if x.everywhere {
				return Declined, EndpointID{}
			}
			if in && !slices.Contains(declined, x.e) {
				declined = append(declined, x.e)
				busy = slices.DeleteFunc(busy, func(e EndpointID) bool { return e == x.e })
			}
		case "busy":
			if in && !out {
				busy = append(busy, x.e)
			}
		case "count":
			if len(joined) == 0 || len(declined)+len(busy) < len(joined) {
				continue
			}
			if len(declined) == 0 {
				return Busy, EndpointID{}
			}
			return Declined, EndpointID{}
		case "cancel":
			return Cancelled, EndpointID{}
		case "expire":
			return Unanswered, EndpointID{}
		}
	}
	return Ringing, EndpointID{}
}

// TestForkAgainstModel hands the same random events to a fork and to the model: both settle alike, once, and the fork
// tells everybody who joined but the winner.
func TestForkAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var f Fork
		var m model
		joined := map[EndpointID]bool{}
		settledBy := 0
		for range rapid.IntRange(1, 30).Draw(t, "events") {
			x := entry{
				what:       rapid.SampledFrom([]string{"join", "join", "join", "accept", "decline", "busy", "lose", "count", "cancel", "expire"}).Draw(t, "what"),
				e:          endpoint(rapid.IntRange(0, 5).Draw(t, "endpoint")),
				everywhere: rapid.IntRange(0, 3).Draw(t, "everywhere") == 0,
			}
			m.log = append(m.log, x)
			settled := false
			switch x.what {
			case "join":
				if err := f.Join(x.e, DeviceID(slices.Repeat(x.e[:], 2))); err == nil {
					joined[x.e] = true
				} else if !errors.Is(err, ErrSettled) {
					t.Fatalf("join: %v", err)
				}
			case "accept":
				settled = f.Accept(x.e)
			case "decline":
				settled = f.Decline(x.e, x.everywhere)
			case "busy":
				f.Busy(x.e)
			case "lose":
				f.Lose(x.e)
			case "count":
				settled = f.Count()
			case "cancel":
				settled = f.Cancel()
			case "expire":
				settled = f.Expire()
			}
			if settled {
				settledBy++
			}
			outcome, winner := m.outcome()
			got, isWon := f.Winner()
			if f.Outcome() != outcome || isWon != (outcome == Won) || isWon && got != winner {
				t.Fatalf("after %+v: outcome %v, winner %v; want %v, %v", m.log, f.Outcome(), got, outcome, winner)
			}
			if want := min(1, int(outcome)); settledBy != want {
				t.Fatalf("settled %d times, want %d", settledBy, want)
			}
			if outcome == Ringing {
				continue
			}
			want := len(joined)
			if isWon && joined[winner] {
				want--
			}
			losers := f.Losers()
			if len(losers) != want || slices.Contains(losers, winner) && isWon {
				t.Fatalf("tells %d, want %d without the winner", len(losers), want)
			}
		}
	})
}

func TestForkBounds(t *testing.T) {
	var f Fork
	for i := range MaxTines {
		if err := f.Join(endpoint(i), DeviceID{byte(i / MaxTinesPerDevice)}); err != nil {
			t.Fatalf("tine %d: %v", i, err)
		}
	}
	if err := f.Join(endpoint(MaxTines), DeviceID{99}); !errors.Is(err, ErrFull) {
		t.Errorf("one tine more: %v, want ErrFull", err)
	}
	if err := f.Join(endpoint(0), DeviceID{}); err != nil {
		t.Errorf("joining again: %v", err)
	}
	var g Fork
	for i := range MaxTinesPerDevice {
		if err := g.Join(endpoint(i), DeviceID{1}); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.Join(endpoint(100), DeviceID{1}); !errors.Is(err, ErrDeviceFull) {
		t.Errorf("one of the device more: %v, want ErrDeviceFull", err)
	}
	if err := g.Join(endpoint(101), DeviceID{2}); err != nil {
		t.Errorf("another device: %v", err)
	}
}

func TestLostTineComesBack(t *testing.T) {
	var f Fork
	e := endpoint(1)
	if err := f.Join(e, DeviceID{}); err != nil {
		t.Fatal(err)
	}
	f.Lose(e)
	if s, _ := f.State(e); s != TineLost {
		t.Fatalf("state %v, want lost", s)
	}
	if f.Outcome() != Ringing {
		t.Fatal("a lost tine settled the fork")
	}
	if !f.Accept(e) {
		t.Fatal("a lost tine that speaks again cannot win")
	}
}
