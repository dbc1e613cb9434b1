package signalcore

import (
	"fmt"
	"slices"
)

// xNode is one endpoint of an explored world: its machine, and what a watcher noted of what it put out.
type xNode struct {
	me    int
	m     *Machine
	calls []xCall
	conns []xConn // open ones
	last  ConnID  // conns are numbered upwards and never again

	acts uint8 // what its user did
}

// What a user did.
const (
	didAccept uint8 = 1 << iota
	didDecline
	didDeclineHere
	didHangUp
	didDial
	didRedial
)

// xCall is a call as the watcher of one node knows it.
type xCall struct {
	id       CallID
	incoming bool
	shown    bool // its user saw it
	hidden   bool // its user sees another call in its place
	fresh    bool // it was announced as new
	view     View // as last told
	mailbox  xMailbox
	posts    []Post

	mic     bool // its media is attached, and was not detached since
	settled bool // a called endpoint heard how it was settled
	talked  bool // it was active once
	since   int64
	wonTo   int // caller: the node it said won to, plus one
}

type xMailbox uint8

const (
	mailboxNone xMailbox = iota
	mailboxOpen
	mailboxClosed
)

// xConn is a connection that was made and not closed yet.
type xConn struct {
	id   ConnID
	call CallID
	peer int  // node at the other side plus one, 0: not known
	open bool // the machine was told that its channel is open
	hers bool // it has the other side's description
	gone bool // the machine was told that its channel is closed or its connection failed
}

func (n *xNode) call(id CallID) *xCall {
	for i := range n.calls {
		if n.calls[i].id == id {
			return &n.calls[i]
		}
	}
	n.calls = append(n.calls, xCall{id: id})
	return &n.calls[len(n.calls)-1]
}

func (n *xNode) conn(id ConnID) *xConn {
	for i := range n.conns {
		if n.conns[i].id == id {
			return &n.conns[i]
		}
	}
	return nil
}

// ended reports whether a call is over for its user.
func (c *xCall) ended() bool { return c.view.State == StateEnded }

// rings reports whether an incoming call rings audibly.
func (c *xCall) rings() bool {
	return c.incoming && c.shown && !c.hidden && c.view.State == StateRinging
}

// watcher checks one Step of one node: the rules of a machine's outputs, whatever the others do.
type watcher struct {
	n   *xNode
	me  int
	now int64
	in  Input
	bad string // the first rule that was broken
}

func (w *watcher) fail(format string, args ...any) {
	if w.bad == "" {
		w.bad = fmt.Sprintf(format, args...)
	}
}

func (w *watcher) watch(outs []Output) {
	w.before()
	for _, out := range outs {
		w.output(out)
	}
	w.gone()
	w.after()
}

// before notes what the machine is told of its connections. That one is gone counts from the next Step on: in this one what
// was due goes first.
func (w *watcher) before() {
	if in, ok := w.in.(Opened); ok {
		if c := w.n.conn(in.Conn); c != nil {
			c.open, c.gone = true, false
		}
	}
}

func (w *watcher) gone() {
	switch in := w.in.(type) {
	case Closed:
		w.goneConn(in.Conn)
	case Changed:
		if in.State == ConnFailed {
			w.goneConn(in.Conn)
		}
	}
}

func (w *watcher) goneConn(id ConnID) {
	if c := w.n.conn(id); c != nil {
		c.gone = true
	}
}

// outcome returns the call of which the input tells a called endpoint how it was settled.
func (w *watcher) outcome() (c *xCall, won, lost bool) {
	var msg Message
	var id CallID
	switch in := w.in.(type) {
	case Received:
		id, msg = in.Call, in.Msg
	case Heard:
		if x := w.n.conn(in.Conn); x != nil {
			id, msg = x.call, in.Msg
		}
	}
	i := slices.IndexFunc(w.n.calls, func(c xCall) bool { return c.id == id && c.incoming })
	if i < 0 {
		return nil, false, false
	}
	switch msg := msg.(type) {
	case Won:
		won = true
	case Settled:
		won = msg.Outcome == 1 && msg.Winner == self(xName(w.me)).Endpoint
		lost = !won
	}
	return &w.n.calls[i], won, lost
}

func (w *watcher) output(out Output) {
	n := w.n
	switch out := out.(type) {
	case OpenMailbox:
		c := n.call(out.Call)
		if c.mailbox != mailboxNone {
			w.fail("a mailbox is opened twice")
		}
		c.mailbox, c.incoming = mailboxOpen, out.Incoming
	case CloseMailbox:
		c := n.call(out.Call)
		if c.mailbox != mailboxOpen {
			w.fail("a mailbox is closed that is not open")
		}
		c.mailbox, c.posts = mailboxClosed, nil
	case Post:
		w.posted(out)
	case Repost:
		c := n.call(out.Call)
		if c.mailbox != mailboxOpen || !slices.ContainsFunc(c.posts, func(p Post) bool { return p.ID == out.ID }) {
			w.fail("a message is posted again that was not posted")
		}
	case Connect:
		w.connect(out.Conn, out.Call, 0)
	case Answering:
		side, _ := xSide(out.SDP)
		w.connect(out.Conn, out.Call, side+1)
	case Apply:
		if c := w.live(out.Conn, "a description is given to"); c != nil {
			c.hers = true
		}
	case AddCandidates:
		if c := w.live(out.Conn, "candidates are given to"); c != nil && !c.hers {
			w.fail("candidates are given to a connection before the description they belong to")
		}
	case Tell:
		if c := w.live(out.Conn, "something is told on"); c != nil {
			switch {
			case !c.open:
				w.fail("something is told on a channel that is not open")
			case c.gone:
				w.fail("something is told on a channel that closed")
			}
			if _, won := out.Msg.(Won); won {
				w.won(n.call(c.call), c.peer)
			}
		}
	case Disconnect:
		if w.live(out.Conn, "closed again is") != nil {
			n.conns = slices.DeleteFunc(n.conns, func(c xConn) bool { return c.id == out.Conn })
		}
	case Attach:
		c := n.call(out.Call)
		c.mic = true
		if x := w.live(out.Conn, "media is attached to"); x != nil && !c.incoming && x.peer != c.wonTo {
			w.fail("the caller attaches its media to a tine that did not win")
		}
	case Show:
		w.live(out.Conn, "media is shown of")
	case Detach:
		n.call(out.Call).mic = false
	case Notify:
		w.notified(out)
	}
}

func (w *watcher) posted(out Post) {
	c := w.n.call(out.Call)
	switch {
	case c.mailbox == mailboxNone:
		w.fail("a message is posted before its mailbox is open")
	case c.mailbox == mailboxClosed:
		w.fail("a message is posted after its mailbox was closed")
	}
	for _, p := range c.posts {
		if p.ID == out.ID {
			w.fail("two messages have one number")
		}
	}
	c.posts = append(c.posts, out)
	if _, won := out.Msg.(Won); won {
		w.won(c, xNodeOf(out.To)+1)
	}
}

func (w *watcher) won(c *xCall, to int) {
	if c.wonTo != 0 && c.wonTo != to {
		w.fail("the caller says won to two endpoints")
	}
	c.wonTo = to
}

func (w *watcher) connect(id ConnID, call CallID, peer int) {
	if id <= w.n.last {
		w.fail("a connection's number is used again")
	}
	w.n.last = id
	w.n.conns = append(w.n.conns, xConn{id: id, call: call, peer: peer, hers: peer > 0})
}

func (w *watcher) live(id ConnID, what string) *xConn {
	c := w.n.conn(id)
	if c == nil {
		w.fail("%s a connection that is closed", what)
	}
	return c
}

func (w *watcher) notified(out Notify) {
	c := w.n.call(out.View.Call)
	was, is := c.view.State, out.View.State
	c.incoming = out.View.Direction == IncomingCall
	switch {
	case !c.shown:
	case was == StateEnded && (is != StateEnded || out.View.End != c.view.End):
		w.fail("a call that ended changes")
	case is < was && !(was == StateReconnecting && is == StateActive):
		w.fail("a call goes back from %v to %v", was, is)
	}
	if out.New {
		if c.fresh {
			w.fail("a call is announced twice")
		}
		c.fresh = true
	}
	if is == StateActive && !c.talked {
		c.talked, c.since = true, w.now
	}
	c.view, c.shown, c.hidden = out.View, true, false
	if r := out.View.Replaces; r != (CallID{}) {
		old := w.n.call(r) // its media goes over to the call in its place
		old.hidden = true
		if old.mic {
			old.mic = false
			w.n.call(out.View.Call).mic = true
		}
	}
}

// after checks what holds at the end of a Step.
func (w *watcher) after() {
	n := w.n
	c, won, lost := w.outcome()
	switch {
	case won:
		c.settled = true
	case lost && c.shown:
		c.settled = true
		if !c.hidden && !c.ended() {
			w.fail("a called endpoint heard that it lost, and is still %v", c.view.State)
		}
		if c.mic {
			w.fail("a called endpoint heard that it lost, and keeps its microphone")
		}
	}
	for i := range n.calls {
		if c := &n.calls[i]; c.mic && c.ended() && !c.hidden {
			w.fail("a call ended, and its microphone is on")
		}
	}
	if !n.m.Idle() && n.m.Deadline().IsZero() {
		w.fail("a machine waits without a deadline")
	}
}
