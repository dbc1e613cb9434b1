package hostile

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// slotValue is a slot's value: see package relay.
type slotValue []byte

const slotHeader = 8 + 32 + 32 + 64

func (v slotValue) version() uint64   { return binary.BigEndian.Uint64(v) }
func (v slotValue) writer() []byte    { return v[8:40] }
func (v slotValue) next() []byte      { return v[40:72] }
func (v slotValue) signature() []byte { return v[72:slotHeader] }
func (v slotValue) content() []byte   { return v[slotHeader:] }

// last returns the value that is in a slot, nil if it is empty. mu is held.
func (r *Relay) last(a address) slotValue {
	if all := r.slots[a]; len(all) > 0 {
		return all[len(all)-1]
	}
	return nil
}

// getSlot answers a read, as the rules want it.
func (r *Relay) getSlot(request int, text string) answer {
	a, err := parseAddress(text)
	if err != nil {
		return answer{status: http.StatusBadRequest, code: "bad-address"}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	value := r.last(a)
	for _, rule := range r.rules {
		if !r.fires(rule, a, "old-value", "other-value", "no-value", "flip-value") {
			continue
		}
		r.record.Requests[request].Fate = append(r.record.Requests[request].Fate, rule.Do)
		switch rule.Do {
		case "old-value":
			value = r.old(a, rule.Version)
		case "other-value":
			value = r.last(rule.other)
		case "no-value":
			value = nil
		case "flip-value":
			value = flipped(value, rule.Byte)
		}
	}
	if len(value) == 0 {
		return answer{status: http.StatusNoContent}
	}
	return answer{status: http.StatusOK, body: value}
}

// old returns the value of a version that was in a slot; of version 0, the one before the last. If there was none it is the
// one that is there. mu is held.
func (r *Relay) old(a address, version uint64) slotValue {
	all := r.slots[a]
	if n := len(all); version == 0 && n > 1 {
		return all[n-2]
	}
	for _, v := range slices.Backward(all) {
		if v.version() == version {
			return v
		}
	}
	return r.last(a)
}

// putSlot answers a write, as the rules want it.
func (r *Relay) putSlot(request int, text, replaces string, value slotValue) answer {
	a, err := parseAddress(text)
	if err != nil {
		return answer{status: http.StatusBadRequest, code: "bad-address"}
	}
	p := SlotPut{At: time.Now(), Request: request, Address: text, Replaces: replaces, Value: value, Fate: []string{}}
	if !slices.Contains([]int{4096, 16384, 65536, 262144}, len(value)) {
		p.Code = "bad-size"
	} else {
		p.Version, p.Writer, p.Next = value.version(), hex.EncodeToString(value.writer()), hex.EncodeToString(value.next())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	keep := true
	rule := r.first(a, "freeze", "any-writer")
	switch {
	case p.Code != "":
	case rule != nil:
		p.Fate = append(p.Fate, rule.Do)
		keep = rule.Do == "any-writer"
	default:
		p.Code, keep = judge(a, r.last(a), value, replaces)
	}
	r.record.Slots = append(r.record.Slots, p)
	status := map[string]int{"": 204, "bad-size": 400, "bad-version": 400, "slot-conflict": 409}[p.Code]
	if status == 0 {
		status = http.StatusForbidden
	}
	if p.Code == "" && keep {
		r.slots[a] = append(r.slots[a], value)
	}
	return answer{status: status, code: p.Code}
}

// judge says what an honest relay says to a value, and whether it is a new one.
func judge(a address, held, v slotValue, replaces string) (code string, keep bool) {
	n, err := strconv.ParseUint(replaces, 10, 64)
	switch {
	case err != nil || v.version() == 0 || v.version() != n+1:
		return "bad-version", false
	case !verify(v.writer(), v.signature(), "ringfork/1/slot", a[:], v[:8], v.next(), v.content()):
		return "bad-signature", false
	case bytes.Equal(held, v):
		return "", false
	case held == nil && n != 0, held != nil && held.version() != n:
		return "slot-conflict", false
	case held == nil && addressOf(v.writer()) != a, held != nil && !bytes.Equal(held.next(), v.writer()):
		return "not-the-writer", false
	}
	return "", true
}
