package signalcore

import (
	"bytes"
	"fmt"
	"strings"
)

func (w *world) printf(n *node, format string, args ...any) {
	fmt.Fprintf(&w.log, "%7.3f %-8s %s\n", w.now.Sub(w.start).Seconds(), n.name, fmt.Sprintf(format, args...))
}

// nameOf turns an endpoint's or account's id back into its name.
func nameOf(id []byte) string { return string(bytes.TrimRight(id, "\x00")) }

func kindOf(m Message) string {
	s := strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", m), "signalcore."))
	switch m := m.(type) {
	case Offer:
		if m.SDP == "" {
			return s + " (no description)"
		}
		return fmt.Sprintf("%s (%d candidates)", s, len(m.Candidates))
	case Answer:
		if m.SDP == "" {
			return s + " (no description)"
		}
		return fmt.Sprintf("%s (%d candidates)", s, len(m.Candidates))
	case Accept:
		if m.SDP != "" {
			return s + " (description)"
		}
	case Candidates:
		return fmt.Sprintf("%s (%d)", s, len(m.List))
	case Settled:
		if m.Label != "" {
			return fmt.Sprintf("%s %s by %s", s, m.Outcome, m.Label)
		}
		return s + " " + m.Outcome.String()
	case Decline:
		if m.Everywhere {
			return s + " everywhere"
		}
		return s + " here"
	case Restart:
		if m.SDP == "" {
			return fmt.Sprintf("%s %d (no description)", s, m.Generation)
		}
		return fmt.Sprintf("%s %d (%d candidates)", s, m.Generation, len(m.Candidates))
	case Hangup:
		if m.Ack {
			return s + " acknowledged"
		}
		return s + [...]string{"", " (left)", " (lost)"}[m.Reason]
	}
	return s
}

func (w *world) view(v View, fresh bool) string {
	var b strings.Builder
	if fresh {
		fmt.Fprintf(&b, "a call from %s", v.ClaimedName)
		if v.Stranger {
			b.WriteString(", a stranger")
		}
		b.WriteString(": ")
	}
	b.WriteString(v.State.String())
	if v.End != NotEnded {
		fmt.Fprintf(&b, " %s", v.End)
	}
	if v.AnsweredBy != "" {
		fmt.Fprintf(&b, ", answered by %s", v.AnsweredBy)
	}
	for i, d := range v.Devices {
		sep := ", "
		if i == 0 {
			sep = " ["
		}
		fmt.Fprintf(&b, "%s%s %s", sep, d.Label, d.State)
	}
	if len(v.Devices) > 0 {
		b.WriteString("]")
	}
	if v.Waiting {
		b.WriteString(" (waiting)")
	}
	if v.Replaces != (CallID{}) {
		fmt.Fprintf(&b, " in place of call %d", v.Replaces[0])
	}
	if v.Remote.Video {
		b.WriteString(" +video")
	}
	return b.String()
}

func (w *world) addressee(n *node, p Post) string {
	if c, ok := n.call[p.Call]; ok {
		return nameOf(c.Endpoint[:])
	}
	if p.To == (EndpointID{}) {
		return "all"
	}
	return nameOf(p.To[:])
}

func (w *world) other(n *node, id ConnID) string {
	x := n.ends[id]
	if x == nil || x.node[1-x.side(n)] == nil {
		return "nobody yet"
	}
	return x.node[1-x.side(n)].name
}
