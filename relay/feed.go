package relay

// feed decides, for one subscription, what of the two streams it hears (frames live, and what its backlog reads find) is
// delivered, and in which order: backlog, end of backlog, live. It holds no lock and knows no clock.
//
// The rule for a frame that is heard twice: a live copy heard before the backlog's copy is the same post seen twice, one of
// them is delivered. A live copy heard after it is a post made later, by a sender who tries again because it has had no
// answer, and is delivered. That order is the engine's: it hands out live messages before it answers a later read.
type feed struct {
	phase feedPhase
	seen  map[string]bool // delivered, or held, since the start; nil when settled
	held  []heldFrame     // live frames that wait for the end of the backlog
}

type feedPhase int

const (
	catchingUp feedPhase = iota // the backlog is being read
	rechecking                  // its end was told; the second read is still to come or under way
	settled                     // live only
)

type heldFrame struct {
	id    string
	frame []byte
	again bool // posted again after the backlog had it
}

func newFeed() *feed { return &feed{seen: map[string]bool{}} }

// live takes a frame as it is posted, and reports whether to deliver it now. If not, it is held.
func (f *feed) live(id string, frame []byte) bool {
	switch f.phase {
	case catchingUp:
		f.held = append(f.held, heldFrame{id, frame, f.seen[id]})
		return false
	case rechecking:
		f.seen[id] = true
	}
	return true
}

// stored takes a frame that a backlog read found, and reports whether to deliver it.
func (f *feed) stored(id string) bool {
	if f.phase == settled || f.seen[id] {
		return false
	}
	f.seen[id] = true
	return true
}

// endOfBacklog ends the first read. It returns the held frames to deliver after the end was told.
func (f *feed) endOfBacklog() [][]byte {
	var frames [][]byte
	for _, h := range f.held {
		if h.again || !f.seen[h.id] {
			frames = append(frames, h.frame)
			f.seen[h.id] = true
		}
	}
	f.phase, f.held = rechecking, nil
	return frames
}

// endOfRecheck ends the second read: from here on everything live is delivered and nothing remembered.
func (f *feed) endOfRecheck() { f.phase, f.seen = settled, nil }
