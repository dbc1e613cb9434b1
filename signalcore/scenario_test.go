package signalcore

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
)

// TestScenarios plays the files in testdata: one a rule of a call, commands in, transcript out. `go test ./signalcore
// -run Scenarios -rewrite` writes the transcripts anew; read the difference before you keep it.
func TestScenarios(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		if strings.Contains(path, "fuzz") {
			return
		}
		w := newWorld()
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			w.log.Reset()
			if err := w.command(d); err != nil {
				d.Fatalf(t, "%v", err)
			}
			return w.log.String()
		})
	})
}

// command runs one line of a scenario:
//
//	endpoints NAME ... [from=anyone] [preconnect=always|never] [ring=DURATION] [backlog=held]
//	dial NAME to=ACCOUNT [video] · accept NAME [video] · decline NAME [here] · hangup NAME · state NAME [video] [muted]
//	leave NAME · crash NAME · sleep NAME DURATION · run DURATION · lose KIND [n=N] · delay KIND DURATION [to=NAME] · relay off|on
//	channels off|on · block [off] · break NAME · drop NAME · flap NAME · fail NAME · network NAME · clock NAME DURATION · backlog NAME
//	again NAME kind=KIND · distrust NAME endpoint=NAME · late NAME what=KIND · hostile NAME what=...
func (w *world) command(d *datadriven.TestData) error {
	name := ""
	if len(d.CmdArgs) > 0 {
		name = d.CmdArgs[0].Key
	}
	has := func(key string) bool { return d.HasArg(key) }
	arg := func(key string) string {
		for _, a := range d.CmdArgs {
			if a.Key == key && len(a.Vals) > 0 {
				return a.Vals[0]
			}
		}
		return ""
	}
	switch d.Cmd {
	case "endpoints":
		return w.endpoints(d, arg)
	case "run":
		dur, err := time.ParseDuration(name)
		w.run(dur)
		return err
	case "lose":
		w.lose[name] = 1
		if n := arg("n"); n != "" {
			if _, err := fmt.Sscan(n, ptr(w.lose, name)); err != nil {
				return err
			}
		}
		return nil
	case "delay": // what is posted of this kind is under way for so much longer
		dur, err := time.ParseDuration(d.CmdArgs[1].Key)
		w.delay[strings.TrimSpace(name+" "+arg("to"))] = dur
		return err
	case "relay":
		w.relayDown = name == "off"
		if !w.relayDown {
			for _, n := range w.nodes {
				w.step(n, RelayOnline{})
			}
		}
		return nil
	case "block":
		w.blocked = name != "off"
		for _, n := range w.nodes {
			for _, id := range n.wires() {
				w.check(n.ends[id])
			}
		}
		return nil
	case "channels":
		w.mute = name == "off"
		return nil
	}
	n := w.node(name)
	if n == nil {
		return fmt.Errorf("no endpoint %q for %s", name, d.Cmd)
	}
	media := Media{Audio: true, Video: has("video")}
	switch d.Cmd {
	case "dial":
		w.calls++
		w.step(n, Dial{Call: CallID{byte(w.calls)}, To: account(arg("to")), Media: media})
	case "accept":
		w.step(n, PickUp{Call: w.named(arg("call")), Media: media})
	case "decline":
		w.step(n, Refuse{Call: w.named(arg("call")), Everywhere: !has("here")})
	case "hangup":
		w.step(n, HangUp{Call: w.named(arg("call"))})
	case "state":
		w.step(n, SetState{Call: w.lastCall(), Audio: !has("muted"), Video: has("video")})
	case "leave":
		w.step(n, Leave{})
	case "crash":
		w.crash(n)
	case "drop": // only this side sees its connections disconnected
		for _, id := range n.wires() {
			w.after(0, func() { w.step(n, Changed{Conn: id, State: ConnDisconnected}) })
		}
	case "break":
		w.breakWires(n)
	case "distrust": // its driver found that the other endpoint's device was revoked
		for _, c := range n.m.calls {
			w.step(n, Distrusted{Call: c.id, Endpoint: w.node(arg("endpoint")).self.Endpoint})
		}
	case "shun": // its user blocks an account
		w.step(n, Blocked{Account: account(arg("account"))})
	case "network":
		w.step(n, NetworkChanged{})
	case "fail": // its connections fail, at both sides, or at first only "here"
		w.failWires(n, has("here"))
	case "flap":
		for _, id := range n.wires() {
			w.after(0, func() { w.step(n, Changed{Conn: id, State: ConnDisconnected}) })
			w.after(time.Second, func() { w.step(n, Changed{Conn: id, State: ConnConnected}) })
		}
	case "clock": // this endpoint's clock is off by so much from now on
		dur, err := time.ParseDuration(d.CmdArgs[1].Key)
		n.skew = dur
		return err
	case "sleep":
		// The tab is suspended: it handles nothing for so long, then wakes to its timer first.
		dur, err := time.ParseDuration(d.CmdArgs[1].Key)
		if err != nil {
			return err
		}
		n.asleep = true
		w.run(dur)
		n.asleep = false
		missed := n.missed
		n.missed = nil
		w.step(n, Tick{})
		for _, in := range missed {
			w.step(n, in)
		}
	case "backlog":
		w.step(n, BacklogRead{Done: true})
	case "again":
		w.replay(n, arg("kind"))
	case "late": // what it says now was under way all the time
		msg, ok := map[string]Message{"busy": Busy{}, "decline": Decline{Everywhere: true}}[arg("what")]
		if !ok {
			return fmt.Errorf("nothing known is late: %s", arg("what"))
		}
		w.lateID++
		w.step(w.node("alice"), Received{Call: w.lastCall(), From: n.self, ID: w.lateID, Msg: msg})
	case "hostile":
		return w.hostile(n, arg("what"))
	default:
		return fmt.Errorf("unknown command %q", d.Cmd)
	}
	return nil
}

func ptr(m map[string]int, key string) mapInt { return mapInt{m, key} }

// mapInt scans into a map's entry.
type mapInt struct {
	m   map[string]int
	key string
}

func (p mapInt) Scan(s fmt.ScanState, _ rune) error {
	var n int
	_, err := fmt.Fscan(s, &n)
	p.m[p.key] = n
	return err
}

func (w *world) lastCall() CallID { return CallID{byte(w.calls)} }

// named returns the call of a number, by default the last one dialed.
func (w *world) named(n string) CallID {
	if n == "" {
		return w.lastCall()
	}
	return CallID{n[0] - '0'}
}

func (w *world) endpoints(d *datadriven.TestData, arg func(string) string) error {
	cfg := Config{}
	if arg("from") == "anyone" {
		cfg.Incoming = FromAnyone
	}
	switch arg("preconnect") {
	case "always":
		cfg.Preconnect = PreconnectAlways
	case "never":
		cfg.Preconnect = PreconnectNever
	}
	if arg("busy") == "refuse" {
		cfg.Busy = BusyRefuse
	}
	if r := arg("ring"); r != "" {
		dur, err := time.ParseDuration(r)
		if err != nil {
			return err
		}
		cfg.RingTime = dur
	}
	for _, a := range d.CmdArgs {
		if len(a.Vals) == 0 {
			w.add(a.Key, cfg, arg("backlog") != "held")
		}
	}
	if arg("backlog") != "held" {
		w.run(w.mail)
	}
	return nil
}

// replay delivers everything of a kind that was posted to an account's mailbox once more.
func (w *world) replay(n *node, kind string) {
	for _, l := range w.mailbox {
		if got, _, _ := strings.Cut(kindOf(l.in.Msg), " "); got == kind && l.to == n.self.Account {
			in := l.in
			in.Age = w.now.Sub(l.sent)
			w.step(n, in)
		}
	}
}

// quiet writes down only how often a machine dropped something until the function it returns is called.
func (w *world) quiet(n *node) func() {
	before := w.log.String()
	w.log.Reset()
	return func() {
		count := map[string]int{}
		var order []string
		for line := range strings.SplitSeq(strings.TrimRight(w.log.String(), "\n"), "\n") {
			what := line[min(len(line), 17):]
			if strings.HasPrefix(what, "sees ringing") {
				what = fmt.Sprintf("sees ringing on %d devices", strings.Count(line, " ringing")-1)
			}
			what, _, _ = strings.Cut(what, " to bob/")
			if count[what]++; count[what] == 1 {
				order = append(order, what)
			}
		}
		w.log.Reset()
		w.log.WriteString(before)
		for _, what := range order {
			if strings.HasPrefix(what, "sees ringing on") && what != order[len(order)-2] && what != order[len(order)-1] {
				continue
			}
			w.printf(n, "%s (%d times)", what, count[what])
		}
	}
}

// hostile makes up what an honest peer would not say.
func (w *world) hostile(n *node, what string) error {
	defer w.quiet(n)()
	for i := range 40 {
		from := self(fmt.Sprintf("bob/%d", 100+i))
		switch what {
		case "rings":
			w.step(n, Received{Call: CallID{0xee, byte(i)}, From: self(fmt.Sprintf("eve%d/%d", i/3, i)), ID: 1,
				Msg: Ring{Number: 1, SentAt: w.now, TTL: time.Minute, Name: "Eve"}})
		case "endpoints":
			w.step(n, Received{Call: w.lastCall(), From: from, ID: 1, Msg: Offer{}})
		case "endpoints-of-one-device":
			from.Device = DeviceID{1}
			w.step(n, Received{Call: w.lastCall(), From: from, ID: 1, Msg: Offer{}})
		case "candidates":
			w.step(n, Received{Call: w.lastCall(), From: self("bob/100"), ID: MessageID(1000 + i),
				Msg: Candidates{List: make([]Candidate, 20)}})
		case "restarts":
			w.now = w.now.Add(10 * time.Millisecond)
			w.step(n, Received{Call: w.lastCall(), From: self("bob/1"), ID: MessageID(1000 + i),
				Msg: Restart{Generation: uint32(100 + i), SDP: "nothing"}})
		case "accepts":
			w.now = w.now.Add(10 * time.Millisecond)
			w.step(n, Received{Call: w.lastCall(), From: self("bob/1"), ID: MessageID(1000 + i),
				Msg: Accept{Generation: uint32(100 + i), SDP: "nothing"}})
		case "failures": // each connection that it makes is answered by what is no description
			w.now = w.now.Add(10 * time.Millisecond)
			for _, id := range n.wires() {
				w.step(n, Changed{Conn: id, State: ConnFailed})
			}
		default:
			return fmt.Errorf("unknown hostility %q", what)
		}
		if what == "candidates" && i == 5 {
			return nil
		}
	}
	return nil
}
