package phone

import (
	"context"
	"sync/atomic"

	"ringfork/frame"
	"ringfork/peer"
	"ringfork/signalcore"
)

// leg is one peer connection with what is being done to it: jobs run one after another, beside the pump.
type leg struct {
	p      *Phone
	id     signalcore.ConnID
	conn   *peer.Conn
	ctx    context.Context
	cancel context.CancelFunc
	jobs   []func() // of the pump: those that wait for the one that runs
	busy   bool

	waiting atomic.Int32 // messages in the phone's queue
}

// maxWaiting bounds the messages of one connection that wait in the phone's queue.
const maxWaiting = 256

// open makes a connection. Where that fails the machine hears it, and the result is nil.
func (p *Phone) open(id signalcore.ConnID, d signalcore.Direction) *leg {
	var cfg peer.Config
	if p.cfg.Peer != nil {
		cfg = p.cfg.Peer(d)
	}
	l := &leg{p: p, id: id}
	conn, err := peer.New(cfg, l.happened)
	if err != nil {
		p.drop("peer connection not made")
		p.queue.put(func() { p.step(signalcore.Broken{Conn: id}) })
		return nil
	}
	l.conn = conn
	l.ctx, l.cancel = context.WithCancel(p.ctx)
	p.conns[id] = l
	return l
}

// happened puts what happens to the connection into the queue. The machine ignores a connection that it closed.
func (l *leg) happened(e peer.Event) {
	var in signalcore.Input
	switch e := e.(type) {
	case peer.CandidateFound:
		in = signalcore.Found{Conn: l.id, Candidate: signalcore.Candidate(e.Candidate)}
	case peer.CandidatesEnd:
		in = signalcore.FoundAll{Conn: l.id}
	case peer.ChannelOpen:
		in = signalcore.Opened{Conn: l.id}
	case peer.ChannelClosed:
		in = signalcore.Closed{Conn: l.id}
	case peer.ChannelMessage:
		if l.waiting.Add(1) > maxWaiting {
			l.waiting.Add(-1) // a peer that floods loses what it says
			return
		}
		l.p.queue.put(func() { l.waiting.Add(-1); l.heard(e.Data) })
		return
	case peer.StateChanged:
		switch e.State {
		case peer.Connected:
			in = signalcore.Changed{Conn: l.id, State: signalcore.ConnConnected}
		case peer.Disconnected:
			in = signalcore.Changed{Conn: l.id, State: signalcore.ConnDisconnected}
		case peer.Failed:
			in = signalcore.Changed{Conn: l.id, State: signalcore.ConnFailed}
		default:
			return
		}
	default:
		return
	}
	l.p.queue.put(func() { l.p.step(in) })
}

func (l *leg) heard(data []byte) {
	id, msg, err := frame.UnmarshalControl(data)
	if err != nil {
		l.p.drop(reason(err))
		return
	}
	l.p.step(signalcore.Heard{Conn: l.id, ID: id, Msg: msg})
}

// run starts a job when those before it are done.
func (l *leg) run(job func()) {
	if l.busy {
		l.jobs = append(l.jobs, job)
		return
	}
	l.busy = true
	l.p.effect(func() {
		job()
		l.p.queue.put(func() {
			l.busy = false
			if len(l.jobs) > 0 && l.ctx.Err() == nil {
				next := l.jobs[0]
				l.jobs = l.jobs[1:]
				l.run(next)
			}
		})
	})
}

// describe makes the connection's own description.
func (l *leg) describe(make func() (string, error)) {
	l.run(func() {
		sdp, err := make()
		l.p.queue.put(func() {
			if err != nil {
				l.broke("description not made")
				return
			}
			l.p.step(signalcore.Described{Conn: l.id, SDP: sdp})
		})
	})
}

func (l *leg) apply(sdp string) {
	l.run(func() {
		if err := l.conn.ApplyAnswer(l.ctx, sdp); err != nil {
			l.p.queue.put(func() { l.broke("answer not applied") })
		}
	})
}

func (l *leg) broke(why string) {
	if l.ctx.Err() != nil {
		return
	}
	l.p.drop(why)
	l.p.step(signalcore.Broken{Conn: l.id})
}

func (l *leg) add(list []signalcore.Candidate, end bool) {
	cands := make([]peer.Candidate, len(list))
	for i, c := range list {
		cands[i] = peer.Candidate(c)
	}
	l.run(func() {
		if err := l.conn.AddCandidates(l.ctx, cands, end); err != nil && l.ctx.Err() == nil {
			l.p.queue.put(func() { l.p.drop("candidate not usable") })
		}
	})
}

func (l *leg) tell(id signalcore.MessageID, msg signalcore.Message) {
	b, err := frame.MarshalControl(id, msg)
	if err == nil {
		err = l.conn.Send(b)
	}
	if err != nil {
		l.p.drop("message not told")
	}
}

// close ends the connection. Jobs that wait never run. Closing may wait for others, such as a TURN server.
func (l *leg) close() {
	l.cancel()
	l.jobs = nil
	l.p.effect(func() { l.conn.Close() })
}
