package signalcore

import (
	"testing"
	"time"

	"ringfork/fork"
)

// FuzzMachine takes bytes for a schedule: what the users of two phones do, what the network brings and in which order, what
// connections become of, and what a hostile peer says. Whatever it is: no panic, no output that may not be, bounded memory,
// and once nothing happens any more but time, no call is left.
func FuzzMachine(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		z := newFuzzWorld(data)
		for len(z.data) > 0 && z.steps < 2000 {
			z.act()
		}
		z.settle()
		for _, found := range z.found {
			if why := simRare[found.rule]; why == "" {
				t.Errorf("%s: call %x: %s", found.rule, found.call[:2], found.what)
			}
		}
	})
}

// fuzzWorld is two phones without a network: what they say waits until the bytes deliver it.
type fuzzWorld struct {
	sim
	data  []byte
	node  [3]*simEnd // two accounts, and a second endpoint of the second
	calls []CallID
	said  []fuzzLetter
}

type fuzzLetter struct {
	from *simEnd
	in   Received
}

func newFuzzWorld(data []byte) *fuzzWorld {
	z := &fuzzWorld{data: data}
	z.sim.calls = map[CallID]*simCall{}
	first := z.byte()
	for i := range z.node {
		p := &simPhone{account: min(i, 1)}
		p.cfg.Self = z.sender(i)
		p.cfg.Incoming = Incoming(first >> 1 & 1)
		p.cfg.Preconnect = Preconnect(first >> 2 & 3 % 3)
		p.cfg.Busy = WhenBusy(first >> 4 & 1)
		p.cfg.RingTime = 20 * time.Second
		z.node[i] = &simEnd{phone: p, self: p.cfg.Self, m: New(p.cfg), checker: newChecker()}
		if first&1 == 0 {
			z.give(z.node[i], BacklogRead{Done: true})
		}
	}
	return z
}

// sender names one of many: the first three are the phones.
func (z *fuzzWorld) sender(i int) (s Sender) {
	s.Account = simAccount(min(i, 1))
	if i > 20 {
		s.Account = simAccount(i)
	}
	s.Device[0], s.Endpoint[0] = byte(i/2+1), byte(i+1)
	return s
}

func (z *fuzzWorld) byte() byte {
	if len(z.data) == 0 {
		return 0
	}
	b := z.data[0]
	z.data = z.data[1:]
	return b
}

func (z *fuzzWorld) call() CallID {
	if b := int(z.byte()); len(z.calls) > 0 {
		return z.calls[len(z.calls)-1-b%len(z.calls)]
	}
	return CallID{1}
}

func (z *fuzzWorld) conn(n *simEnd) ConnID { return ConnID(max(int(n.last)-int(z.byte()%4), 0)) }

func (z *fuzzWorld) give(n *simEnd, in Input) {
	z.steps++
	for _, out := range n.m.Step(simStart.Add(z.now), in) {
		z.checkOutput(n, out)
		if p, ok := out.(Post); ok && len(z.said) < 256 {
			z.said = append(z.said, fuzzLetter{n, Received{Call: p.Call, From: n.self, ID: p.ID, Msg: p.Msg}})
		}
	}
	z.checkStep(n)
}

// act takes one action from the bytes.
func (z *fuzzWorld) act() {
	op := z.byte()
	n := z.node[int(op>>5)%len(z.node)]
	media := Media{Audio: true}
	switch op % 20 {
	case 0:
		z.now += time.Duration(z.byte()) * 10 * time.Millisecond
		z.give(n, Tick{})
	case 1:
		z.now += time.Duration(z.byte()) * 200 * time.Millisecond
		z.give(n, Tick{})
	case 2:
		id := CallID{byte(len(z.calls) + 1), z.byte()}
		z.calls = append(z.calls, id)
		to := 1 - n.phone.account
		n.dials[id] = to
		z.give(n, Dial{Call: id, To: simAccount(to), Media: media})
	case 3:
		id := z.call()
		n.pressed[id] = true
		z.give(n, PickUp{Call: id, Media: media})
	case 4:
		z.give(n, Refuse{Call: z.call(), Everywhere: z.byte()&1 == 0})
	case 5:
		z.give(n, HangUp{Call: z.call()})
	case 6, 7, 8: // the network delivers something, or loses it, or does it again later
		if len(z.said) == 0 {
			return
		}
		b := z.byte()
		i := int(b&31) % len(z.said)
		l := z.said[i]
		if b&64 == 0 {
			z.said = append(z.said[:i:i], z.said[i+1:]...)
		}
		if b&128 == 0 && l.from != n {
			in := l.in
			in.Stranger = b&32 != 0
			z.give(n, in)
		}
	case 9:
		z.give(n, Described{Conn: z.conn(n), SDP: "d"})
	case 10:
		z.give(n, Opened{Conn: z.conn(n)})
	case 11:
		z.give(n, Closed{Conn: z.conn(n)})
	case 12:
		z.give(n, Changed{Conn: z.conn(n), State: ConnState(z.byte() % 4)})
	case 13:
		z.give(n, Broken{Conn: z.conn(n)})
	case 14:
		if z.byte()&1 == 0 {
			z.give(n, Found{Conn: z.conn(n), Candidate: Candidate{Line: "c"}})
		} else {
			z.give(n, FoundAll{Conn: z.conn(n)})
		}
	case 15:
		if call, b := z.call(), z.byte(); b&1 == 0 {
			z.give(n, Posted{Call: call, ID: MessageID(b)})
		} else {
			z.give(n, Unposted{Call: call, ID: MessageID(b)})
		}
	case 16:
		switch z.byte() % 5 {
		case 0:
			z.give(n, BacklogRead{})
		case 1:
			z.give(n, BacklogRead{Done: true})
		case 2:
			z.give(n, RelayOnline{})
		case 3:
			z.give(n, Leave{})
		case 4:
			z.give(n, SetState{Call: z.call(), Audio: true, Hold: true})
		}
	case 17: // over the channel
		z.give(n, Heard{Conn: z.conn(n), ID: MessageID(z.byte()), Msg: z.message()})
	default: // by mailbox, signed by somebody
		id := z.call()
		if b := z.byte(); b&7 == 0 {
			id = CallID{0xff, b}
			z.calls = append(z.calls, id)
		}
		from := z.sender(int(z.byte()) % 40)
		z.give(n, Received{Call: id, From: from, ID: MessageID(z.byte()), Msg: z.message(), Stranger: z.byte()&1 != 0})
	}
}

// message makes up a well-typed message.
func (z *fuzzWorld) message() Message {
	kind, x := z.byte(), z.byte()
	sdp := ""
	if x&1 != 0 {
		sdp = "d"
	}
	list := make([]Candidate, x>>2)
	switch Kind(kind%12 + 1) {
	case KindRing:
		return Ring{Number: uint64(x), SentAt: simStart.Add(z.now).Add(time.Duration(int8(z.byte())) * time.Minute), TTL: time.Duration(z.byte()) * time.Second}
	case KindOffer:
		return Offer{SDP: sdp, Candidates: list}
	case KindAnswer:
		return Answer{SDP: sdp, Candidates: list}
	case KindCandidates:
		return Candidates{List: list, End: x&2 != 0, Generation: uint32(x & 3)}
	case KindAccept:
		return Accept{SDP: sdp, Candidates: list}
	case KindWon:
		return Won{}
	case KindSettled:
		s := Settled{Outcome: fork.Outcome(x % 7)}
		if x&8 != 0 {
			s.Winner = z.node[int(x>>4)%len(z.node)].self.Endpoint
		}
		return s
	case KindDecline:
		return Decline{Everywhere: x&1 != 0}
	case KindBusy:
		return Busy{}
	case KindHangup:
		return Hangup{Ack: x&1 != 0}
	case KindState:
		return State{Seq: uint32(x)}
	default:
		return Restart{Generation: uint32(x >> 2), SDP: sdp, Candidates: list}
	}
}

// settle lets time pass, and nothing else: every call ends by itself.
func (z *fuzzWorld) settle() {
	for _, n := range z.node {
		for range 3000 {
			at := n.m.Deadline()
			if at.IsZero() {
				break
			}
			z.now = max(z.now, at.Sub(simStart))
			z.give(n, Tick{})
		}
		z.checkIdle(n)
	}
}
