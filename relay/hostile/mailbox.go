package hostile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/http"
	"slices"
	"time"
)

// box is what one mailbox holds: frames that are stored, and frames that wait to be overtaken.
type box struct {
	stored []stored
	held   []*delivery
}

type stored struct {
	frame []byte
	at    time.Time
	age   time.Duration // said in place of the true one, if not zero
}

// delivery is a frame on its way to a mailbox.
type delivery struct {
	to      address
	frame   []byte
	copies  int
	age     time.Duration
	ms      int  // arrives so much later
	reorder bool // waits for the next frame to its mailbox, for ms at most if that is not zero
}

func (r *Relay) boxOf(a address) *box {
	if r.boxes[a] == nil {
		r.boxes[a] = &box{}
	}
	return r.boxes[a]
}

// post takes what was posted, and lets the rules decide what becomes of it. The sender always hears that all is well.
func (r *Relay) post(request int, body []byte) answer {
	if len(body) != len(address{})+frameSize {
		return answer{status: http.StatusBadRequest, code: "bad-size"}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	to, frame := address(body), body[len(address{}):]
	d, fate := r.decide(&delivery{to: to, frame: frame, copies: 1})
	r.record.Frames = append(r.record.Frames, Frame{At: time.Now(), Request: request, To: to.String(), Bytes: frame, Fate: fate})
	if d != nil {
		r.dispatch(d)
	}
	return answer{status: http.StatusNoContent}
}

// decide applies the rules to a frame. The delivery is nil when it is dropped. mu is held.
func (r *Relay) decide(d *delivery) (*delivery, []string) {
	fate, to, dropped := []string{}, d.to, false
	for _, rule := range r.rules {
		if !r.fires(rule, to, "drop", "delay", "reorder", "duplicate", "flip", "truncate", "redirect", "swap", "age") {
			continue
		}
		fate = append(fate, rule.Do)
		switch rule.Do {
		case "drop":
			dropped = true
		case "delay":
			d.ms += rule.Ms
		case "reorder":
			d.reorder, d.ms = true, d.ms+rule.Ms
		case "duplicate":
			d.copies++
		case "flip":
			d.frame = flipped(d.frame, rule.Byte)
		case "truncate":
			d.frame = d.frame[:min(rule.Size, len(d.frame))]
		case "redirect":
			d.to = rule.other
		case "swap":
			if d.to = rule.other; to == rule.other {
				d.to = rule.to
			}
		case "age":
			d.age = max(time.Duration(rule.Ms)*time.Millisecond, 1)
		}
	}
	if dropped {
		return nil, fate
	}
	return d, fate
}

// flipped returns b with a bit of byte i changed. If b has no such byte it is left as it is.
func flipped(b []byte, i int) []byte {
	b = bytes.Clone(b)
	if i < len(b) {
		b[i] ^= 1
	}
	return b
}

// dispatch sends a delivery on its way. mu is held.
func (r *Relay) dispatch(d *delivery) {
	if !d.reorder {
		r.after(d.ms, func() { r.arrive(d) })
		return
	}
	b := r.boxOf(d.to)
	b.held = append(b.held, d)
	if d.ms > 0 {
		r.after(d.ms, func() {
			if i := slices.Index(b.held, d); i >= 0 {
				b.held = slices.Delete(b.held, i, i+1)
				r.store(d)
			}
		})
	}
}

// arrive stores a frame and delivers it to who reads the mailbox, then what has waited for it. mu is held.
func (r *Relay) arrive(d *delivery) {
	r.store(d)
	r.release(r.boxOf(d.to))
}

func (r *Relay) release(b *box) {
	held := b.held
	b.held = nil
	for _, d := range held {
		r.store(d)
	}
}

func (r *Relay) store(d *delivery) {
	b, now := r.boxOf(d.to), time.Now()
	b.expire(now)
	for n := range d.copies {
		// As an honest relay does it: a frame that is posted again is delivered again, but stored once.
		again := slices.ContainsFunc(b.stored, func(s stored) bool { return bytes.Equal(s.frame, d.frame) })
		if (n > 0 || !again) && len(d.frame) == frameSize {
			b.stored = append(b.stored, stored{d.frame, now, d.age})
		}
		for c := range r.conns {
			if c.subs[d.to] {
				c.frame(d.to, d.age, d.frame)
			}
		}
	}
}

func (b *box) expire(now time.Time) {
	b.stored = slices.DeleteFunc(b.stored, func(s stored) bool { return now.Sub(s.at) > frameLife })
}

// Replay delivers a frame of the record once more, as it was posted, and stores it anew; no rule applies to it.
func (r *Relay) Replay(p Replay) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.Frame < 0 || p.Frame >= len(r.record.Frames) {
		return errors.New("there is no such frame in the record")
	}
	f := r.record.Frames[p.Frame]
	if p.To == "" {
		p.To = f.To
	}
	to, err := parseAddress(p.To)
	if err != nil {
		return err
	}
	r.after(p.Ms, func() { r.arrive(&delivery{to: to, frame: f.Bytes, copies: 1}) })
	return nil
}

// message takes what a client says on a connection. It is false when that is no message.
func (r *Relay) message(c *conn, p []byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := Message{At: time.Now(), Connection: c.number, Kind: "unknown", Bytes: p, Fate: []string{}}
	switch {
	case len(p) == 1+32+64 && p[0] == msgSubscribe:
		key, signature := p[1:33], p[33:]
		a := addressOf(key)
		m.Kind, m.Address = "subscribe", a.String()
		m.Proved = verify(key, signature, "ringfork/1/mailbox", []byte(c.origin), c.nonce, a[:])
		m.Fate = r.subscribe(c, a, m.Proved)
	case len(p) == 1+20 && p[0] == msgUnsubscribe:
		a := address(p[1:])
		m.Kind, m.Address = "unsubscribe", a.String()
		delete(c.subs, a)
	}
	r.record.Messages = append(r.record.Messages, m)
	return m.Kind != "unknown"
}

// subscribe answers a subscription, and returns the rules that it met. mu is held.
func (r *Relay) subscribe(c *conn, a address, proved bool) []string {
	fate := []string{}
	if rule := r.first(a, "refuse-mailbox"); rule != nil {
		c.send(msgRefused, a[:], []byte(rule.Code))
		return append(fate, rule.Do)
	}
	if !proved {
		c.send(msgRefused, a[:], []byte("bad-proof"))
		return fate
	}
	c.subs[a] = true
	if rule := r.first(a, "no-backlog"); rule != nil {
		fate = append(fate, rule.Do)
	} else {
		now, b := time.Now(), r.boxOf(a)
		b.expire(now)
		for _, s := range b.stored {
			if s.age == 0 {
				s.age = now.Sub(s.at)
			}
			c.frame(a, s.age, s.frame)
		}
	}
	if rule := r.first(a, "no-end"); rule != nil {
		return append(fate, rule.Do)
	}
	c.send(msgEnd, a[:])
	return fate
}

// frame sends a frame.
func (c *conn) frame(a address, age time.Duration, frame []byte) {
	c.send(msgFrame, a[:], binary.BigEndian.AppendUint32(nil, uint32(age.Milliseconds())), frame)
}
