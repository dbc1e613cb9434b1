package signalcore

import "fmt"

// traceInput writes down what an endpoint of the traced call is given, if it belongs to that call.
func (w *sim) traceInput(n *simEnd, in Input) {
	switch x := in.(type) {
	case Tick, Posted, Found, FoundAll:
		return
	case Received:
		if x.Call != w.traced {
			return
		}
		w.tracef(n, "<- received %d %s of %x", x.ID, kindOf(x.Msg), x.From.Endpoint[6:8])
		return
	case Heard:
		if t := n.m.conns[x.Conn]; t == nil || t.call.id != w.traced {
			return
		}
		if _, beat := x.Msg.(State); !beat {
			w.tracef(n, "<- heard %s on %d", kindOf(x.Msg), x.Conn)
		}
		return
	case Described:
		w.traceConn(n, x.Conn, in)
		return
	case Opened:
		w.traceConn(n, x.Conn, in)
		return
	case Closed:
		w.traceConn(n, x.Conn, in)
		return
	case Changed:
		w.traceConn(n, x.Conn, in)
		return
	case Broken:
		w.traceConn(n, x.Conn, in)
		return
	case Dial:
		if x.Call != w.traced && n.m.call(w.traced) == nil {
			return
		}
	case PickUp:
		if x.Call != w.traced && n.m.call(w.traced) == nil {
			return
		}
	case Refuse:
		if x.Call != w.traced {
			return
		}
	case HangUp:
		if x.Call != w.traced && n.m.call(w.traced) == nil {
			return
		}
	default:
		if n.m.call(w.traced) == nil {
			return
		}
	}
	w.tracef(n, "<- %T %.40v", in, fmt.Sprintf("%x", in))
}

func (w *sim) traceConn(n *simEnd, id ConnID, in Input) {
	if t := n.m.conns[id]; t != nil && t.call.id == w.traced {
		w.tracef(n, "<- %T %v", in, in)
	}
}

func (w *sim) traceOutput(n *simEnd, out Output) {
	switch x := out.(type) {
	case Post:
		if x.Call == w.traced {
			w.tracef(n, "-> post %d %s", x.ID, kindOf(x.Msg))
		}
	case Repost:
		if x.Call == w.traced {
			w.tracef(n, "-> repost %d", x.ID)
		}
	case Tell:
		if t := n.m.conns[x.Conn]; t != nil && t.call.id == w.traced {
			if _, beat := x.Msg.(State); !beat {
				w.tracef(n, "-> tell %s on %d", kindOf(x.Msg), x.Conn)
			}
		}
	case Notify:
		if x.View.Call == w.traced || x.View.Replaces == w.traced {
			w.tracef(n, "   sees %x %v %v, new %v, waiting %v, replaces %x", x.View.Call[:4], x.View.State, x.View.End, x.New, x.View.Waiting, x.View.Replaces[:4])
		}
	case Connect:
		if x.Call == w.traced {
			w.tracef(n, "-> connect %d", x.Conn)
		}
	case Answering:
		if x.Call == w.traced {
			w.tracef(n, "-> answering %d", x.Conn)
		}
	case Disconnect:
		if x := n.wires[x.Conn]; x != nil && n.m.call(w.traced) != nil {
			w.tracef(n, "-> disconnect %d", x.conn[x.side(n)])
		}
	case Attach:
		if x.Call == w.traced {
			w.tracef(n, "-> attach %d", x.Conn)
		}
	case Drop:
		if n.m.call(w.traced) != nil {
			w.tracef(n, "   drops: %s", x.Reason)
		}
	case Misuse:
		if n.m.call(w.traced) != nil {
			w.tracef(n, "   misuse: %s", x.Code)
		}
	}
}

func (w *sim) tracef(n *simEnd, format string, args ...any) {
	fmt.Fprintf(&w.trace, "%8.3f %d/%x %s\n", w.now.Seconds(), n.phone.account, n.self.Endpoint[6:8], fmt.Sprintf(format, args...))
}
