package frame

import (
	"slices"
	"time"

	"ringfork/signalcore"
)

const (
	maxOpen      = 8                // messages waiting for parts
	assemblyTime = 10 * time.Second // a message that is not complete by then is forgotten
)

// assembly is a message of which not all parts have come. There is one for each sender, call and message id.
type assembly struct {
	header Header
	parts  []*part // by part number; nil where missing
	began  time.Time
}

// assemblies are a mailbox's, oldest first. There are at most maxOpen: a new one takes the place of the oldest, because the
// parts of an honest message come close together.
type assemblies []*assembly

// add takes in a verified part of several. It returns the whole body once the last part came, else nil.
func (l *assemblies) add(now time.Time, p *part) ([]byte, error) {
	*l = slices.DeleteFunc(*l, func(a *assembly) bool { return now.Sub(a.began) >= assemblyTime })
	a := l.find(p.From, p.Call, p.ID)
	if a == nil {
		if len(*l) == maxOpen {
			*l = slices.Delete(*l, 0, 1)
		}
		a = &assembly{p.Header, make([]*part, p.parts), now}
		*l = append(*l, a)
	}
	if a.header != p.Header || len(a.parts) != int(p.parts) {
		return nil, drop(ReasonPart)
	}
	if a.parts[p.part-1] == nil {
		a.parts[p.part-1] = p
	}
	var body []byte
	for _, p := range a.parts {
		if p == nil {
			return nil, nil
		}
		body = append(body, p.body...)
	}
	*l = slices.DeleteFunc(*l, func(b *assembly) bool { return b == a })
	return body, nil
}

func (l assemblies) find(from signalcore.Sender, call signalcore.CallID, id signalcore.MessageID) *assembly {
	for _, a := range l {
		if a.header.From == from && a.header.Call == call && a.header.ID == id {
			return a
		}
	}
	return nil
}
