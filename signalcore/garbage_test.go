package signalcore

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// TestGarbage hands a machine well-typed nonsense: nothing panics, nothing is woken for ever, and all of it ends.
func TestGarbage(t *testing.T) {
	seeds := 400
	if testing.Short() {
		seeds = 40
	}
	for seed := range seeds {
		rnd := rand.New(rand.NewPCG(uint64(seed), 2))
		m := New(Config{Self: self("bob/1"), Incoming: FromAnyone, Preconnect: Preconnect(rnd.IntN(3)),
			Busy: WhenBusy(rnd.IntN(2))})
		now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
		var played []string
		step := func(in Input) {
			defer func() {
				if r := recover(); r != nil {
					t.Fatalf("seed %d: %v after\n%s", seed, r, strings.Join(played, "\n"))
				}
			}()
			played = append(played, fmt.Sprintf("%T %+v", in, in))
			m.Step(now, in)
			if at := m.Deadline(); !at.IsZero() && !at.After(m.now) {
				t.Fatalf("seed %d: woken for ever", seed)
			}
		}
		for range 200 {
			now = now.Add(time.Duration(rnd.ExpFloat64()*float64(200*time.Millisecond)) - 20*time.Millisecond)
			if rnd.IntN(20) == 0 {
				now = now.Add(time.Duration(rnd.IntN(20)) * time.Second)
			}
			step(garbage(rnd, now))
		}
		step(Leave{})
		for range 2000 {
			if at := m.Deadline(); !at.IsZero() {
				now = at
				step(Tick{})
			}
		}
		if !m.Idle() || len(m.conns) > 0 {
			t.Fatalf("seed %d: it does not end\n%s", seed, strings.Join(played, "\n"))
		}
	}
}

func garbage(rnd *rand.Rand, now time.Time) Input {
	call := CallID{byte(rnd.IntN(4))}
	conn := ConnID(rnd.IntN(8))
	id := MessageID(rnd.IntN(30))
	from := self([]string{"alice/1", "alice/2", "alice/3", "carol/1", "bob/2"}[rnd.IntN(5)])
	switch rnd.IntN(26) {
	case 25:
		return Blocked{Account: from.Account}
	case 24:
		return Synced{From: from.Endpoint, Msg: Sync{What: SyncWhat(rnd.IntN(5)), Call: call, Peer: from.Account,
			Counter: rnd.Uint64N(100)}, Age: time.Duration(rnd.IntN(2)) * time.Second}
	case 0:
		return Dial{Call: call, To: from.Account}
	case 1:
		return PickUp{Call: call, Media: Media{Audio: true}}
	case 2:
		return Refuse{Call: call, Everywhere: rnd.IntN(2) == 0}
	case 3:
		return HangUp{Call: call}
	case 4:
		return SetState{Call: call, Audio: rnd.IntN(2) == 0}
	case 5:
		return BacklogRead{Done: rnd.IntN(2) == 0}
	case 6:
		return RelayOnline{}
	case 7:
		if rnd.IntN(2) == 0 {
			return Unposted{Call: call, ID: id}
		}
		return Posted{Call: call, ID: id}
	case 8:
		return Described{Conn: conn, SDP: "sdp"}
	case 9:
		return Found{Conn: conn}
	case 10:
		return FoundAll{Conn: conn}
	case 11, 12:
		return Opened{Conn: conn}
	case 13:
		return Closed{Conn: conn}
	case 14:
		return Changed{Conn: conn, State: ConnState(rnd.IntN(5))}
	case 15:
		return Broken{Conn: conn}
	case 16, 17, 18:
		return Heard{Conn: conn, ID: id, Msg: garbled(rnd, now)}
	default:
		return Received{Call: call, From: from, ID: id, Msg: garbled(rnd, now), Stranger: rnd.IntN(2) == 0,
			Age: time.Duration(rnd.IntN(3)) * time.Second}
	}
}

func garbled(rnd *rand.Rand, now time.Time) Message {
	sdp := []string{"", "sdp"}[rnd.IntN(2)]
	some := make([]Candidate, rnd.IntN(80))
	switch rnd.IntN(14) {
	case 11:
		return Restart{Generation: rnd.Uint32N(4), SDP: sdp, Candidates: some}
	case 12:
		return Busy{}
	case 0, 1:
		ttl := []time.Duration{-time.Second, 0, 1, time.Second, time.Minute, 1 << 62}[rnd.IntN(6)]
		return Ring{SentAt: now.Add(time.Duration(rnd.IntN(1200)-600) * time.Second), TTL: ttl}
	case 2:
		return Offer{SDP: sdp, Candidates: some}
	case 3:
		return Answer{SDP: sdp, Candidates: some}
	case 4:
		return Candidates{List: some, End: rnd.IntN(2) == 0}
	case 5:
		return Accept{SDP: sdp, Candidates: some}
	case 6:
		return Won{}
	case 7:
		return Settled{Outcome: Outcome(rnd.IntN(7)), Winner: self([]string{"bob/1", "alice/1", ""}[rnd.IntN(3)]).Endpoint}
	case 8:
		return Decline{Everywhere: rnd.IntN(2) == 0}
	case 9:
		return Hangup{Ack: rnd.IntN(3) == 0}
	case 10:
		return State{Seq: rnd.Uint32(), Audio: rnd.IntN(2) == 0}
	}
	return nil
}
