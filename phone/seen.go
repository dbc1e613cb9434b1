package phone

import (
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"slices"
	"time"

	"ringfork/signalcore"
)

// keySeen is where the store keeps the calls that are over, so that a replayed ring does not ring in a fresh tab: 24 bytes
// each, the call's id and, in big-endian milliseconds since 1970, how long to remember it.
const keySeen = "seen"

// maxSeen bounds the list; the ones that are forgotten first make room.
const maxSeen = 1024

type seenCall struct {
	id    signalcore.CallID
	until time.Time
}

// parseSeen reads what marshalSeen wrote of at most maxSeen calls; what is behind them is not looked at.
func parseSeen(b []byte) []seenCall {
	var out []seenCall
	for ; len(b) >= 24 && len(out) < maxSeen; b = b[24:] {
		out = append(out, seenCall{signalcore.CallID(b[:16]), time.UnixMilli(int64(binary.BigEndian.Uint64(b[16:24])))})
	}
	return out
}

func marshalSeen(list []seenCall) []byte {
	var b []byte
	for _, s := range list {
		b = append(b, s.id[:]...)
		b = binary.BigEndian.AppendUint64(b, uint64(s.until.UnixMilli()))
	}
	return b
}

// loadSeen returns the calls that other endpoints of the profile saw the end of.
func loadSeen(ctx context.Context, s Store) (map[signalcore.CallID]time.Time, error) {
	b, _, err := s.Get(ctx, keySeen)
	if err != nil {
		return nil, storeError("failed to read the calls that are over", err)
	}
	out := map[signalcore.CallID]time.Time{}
	for _, c := range parseSeen(b) {
		if c.until.After(time.Now()) {
			out[c.id] = c.until
		}
	}
	return out, nil
}

// remember adds a call that is over to the store.
func (p *Phone) remember(out signalcore.Remember) {
	p.effect(func() {
		for p.ctx.Err() == nil {
			b, version, err := p.cfg.Store.Get(p.ctx, keySeen)
			if err == nil {
				list := slices.DeleteFunc(parseSeen(b), func(c seenCall) bool { return c.id == out.Call || !c.until.After(time.Now()) })
				list = append(list, seenCall{out.Call, out.Until})
				slices.SortStableFunc(list, func(a, b seenCall) int { return b.until.Compare(a.until) })
				err = p.cfg.Store.Put(p.ctx, keySeen, marshalSeen(list[:min(len(list), maxSeen)]), version)
			}
			if errors.Is(err, fs.ErrExist) {
				continue // another endpoint was faster
			}
			if err != nil {
				p.queue.put(func() { p.drop("call not remembered") })
			}
			return
		}
	})
}
