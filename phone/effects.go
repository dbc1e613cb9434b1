package phone

import (
	"time"

	"ringfork/signalcore"
)

// step runs the machine and executes what it says, in order. Only the pump calls it.
func (p *Phone) step(in signalcore.Input) {
	for _, out := range p.machine.Step(time.Now(), in) {
		p.do(out)
	}
	for id := range p.rings { // those that ended before they rang
		if !p.machine.Live(id) {
			delete(p.rings, id)
		}
	}
}

func (p *Phone) tick() { p.step(signalcore.Tick{}) }

func (p *Phone) do(out signalcore.Output) {
	switch out := out.(type) {
	case signalcore.OpenMailbox:
		p.openSession(out)
	case signalcore.CloseMailbox:
		p.closeSession(out.Call)
	case signalcore.Post:
		p.post(out)
	case signalcore.Repost:
		p.publish(out.Call, out.ID)
	case signalcore.Connect:
		if l := p.open(out.Conn, signalcore.IncomingCall); l != nil {
			l.describe(func() (string, error) { return l.conn.Offer(l.ctx) })
		}
	case signalcore.Answering:
		if l := p.open(out.Conn, signalcore.Outgoing); l != nil {
			l.describe(func() (string, error) { return l.conn.Answer(l.ctx, out.SDP) })
		}
	case signalcore.Apply:
		p.withLeg(out.Conn, func(l *leg) { l.apply(out.SDP) })
	case signalcore.AddCandidates:
		p.withLeg(out.Conn, func(l *leg) { l.add(out.List, out.End) })
	case signalcore.Tell:
		p.withLeg(out.Conn, func(l *leg) { l.tell(out.ID, out.Msg) })
	case signalcore.Disconnect:
		p.withLeg(out.Conn, func(l *leg) { delete(p.conns, out.Conn); l.close() })
	case signalcore.Attach:
		p.withLeg(out.Conn, func(l *leg) { p.cfg.Media.Attach(out.Call, l.conn) })
	case signalcore.Show:
		p.withLeg(out.Conn, func(l *leg) { p.cfg.Media.Show(out.Call, l.conn) })
	case signalcore.Detach:
		p.cfg.Media.Detach(out.Call)
	case signalcore.Notify:
		call := p.describe(out.View)
		if out.New {
			p.tell(Incoming{Call: call})
		} else {
			p.tell(CallChanged{Call: call})
		}
	case signalcore.ShareOwn:
		p.shareOwn(out.Msg)
	case signalcore.Remember:
		p.remember(out)
	case signalcore.Misuse:
		p.tell(Refused{Call: out.Call, Code: out.Code})
	case signalcore.Drop:
		p.drop(out.Reason)
	default:
		panic("internal error: unknown output")
	}
}

func (p *Phone) withLeg(id signalcore.ConnID, f func(*leg)) {
	if l := p.conns[id]; l != nil {
		f(l)
	}
}

// effect runs f beside the pump. Only the pump starts effects.
func (p *Phone) effect(f func()) {
	p.effects.Add(1)
	go func() {
		defer p.effects.Done()
		f()
	}()
}

func (p *Phone) drop(reason string) {
	p.mu.Lock()
	p.drops[reason]++
	p.mu.Unlock()
}
