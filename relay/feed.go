package relay

// feed decides, for one subscription, what of the two streams it hears (frames live, and what its backlog reads find) is
// delivered, and in which order: backlog, end of backlog, live. It holds no lock and knows no clock.
//
// The rule for a frame that is heard twice: a live copy heard before the backlog's copy is the same post seen twice, one of
// them is delivered. A live copy heard after it is a post made later, by a sender who tries again because it has had no
// answer, and is delivered. That order is the store's: it hands out live frames before the answer to a later read.
type feed struct {
	phase  feedPhase
	seen   map[string]bool // delivered, or held, since the start; nil in the last two phases
	missed map[string]bool // not delivered because the reader was too slow; nil in the first two phases
	held   []heldFrame     // live frames that wait for the end of the backlog
}

type feedPhase int

const (
	catchingUp feedPhase = iota // the backlog is being read
	rechecking                  // its end was told; another read, for all that was not seen, is to come or under way
	refilling                   // another read, for what was missed, is to come or under way
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
	case refilling:
		delete(f.missed, id)
	}
	return true
}

// stored takes a frame that a backlog read found, and reports whether to deliver it.
func (f *feed) stored(id string) bool {
	switch f.phase {
	case settled:
		return false
	case refilling:
		missed := f.missed[id]
		delete(f.missed, id)
		return missed
	}
	if f.seen[id] {
		return false
	}
	f.seen[id] = true
	return true
}

// endOfBacklog ends the first read. It returns the held frames to deliver after the end was told.
func (f *feed) endOfBacklog() []heldFrame {
	var frames []heldFrame
	for _, h := range f.held {
		if h.again || !f.seen[h.id] {
			frames = append(frames, h)
			f.seen[h.id] = true
		}
	}
	f.phase, f.held = rechecking, nil
	return frames
}

// endOfRecheck ends the last read: from here on everything live is delivered and nothing remembered.
func (f *feed) endOfRecheck() { f.phase, f.seen, f.missed = settled, nil, nil }

// complete reports whether a further read could find nothing to deliver.
func (f *feed) complete() bool {
	return f.phase == settled || f.phase == refilling && len(f.missed) == 0
}

// miss takes a frame that is not delivered although live or stored said so, or that was heard live and not told to the feed:
// the next read, from the start, is to bring it.
func (f *feed) miss(id string) {
	switch f.phase {
	case settled:
		f.phase, f.missed = refilling, map[string]bool{id: true}
	case refilling:
		f.missed[id] = true
	default:
		delete(f.seen, id)
	}
}

// missHeld forgets the frames that wait for the end of the backlog, and returns how many they were: a new read, from the
// start, is to bring them.
func (f *feed) missHeld() int {
	n := len(f.held)
	f.held = nil
	return n
}

// missEnd takes back the end of the first read, which was not told after all.
func (f *feed) missEnd() {
	f.lose()
	f.phase = catchingUp
}

// lose is for when live frames may have gone past unheard: the next read is to bring all that the feed has not seen since the
// start, and if it does not remember that, everything.
func (f *feed) lose() {
	if f.phase == refilling || f.phase == settled {
		f.phase, f.seen, f.missed = rechecking, map[string]bool{}, nil
	}
}

// overlook takes a frame that is stored and did not come live, and reports whether another read is to bring it.
func (f *feed) overlook(id string) bool {
	switch f.phase {
	case catchingUp:
		return false // there is one to come
	case rechecking:
		return !f.seen[id]
	}
	f.miss(id)
	return true
}
