package frame

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"reflect"
	"testing"
	"time"

	"ringfork/signalcore"
)

// longAnswer takes n frames: its description cannot be packed.
func longAnswer(n int) signalcore.Answer {
	noise := make([]byte, n*maxPart-200)
	rand.Read(noise)
	return signalcore.Answer{SDP: string(noise)}
}

func TestOpenPutsPartsTogether(t *testing.T) {
	alice, bob := newParty(t, ""), newParty(t, "")
	m := longAnswer(4)
	frames, hash := alice.seal(t, m, bob, 1)
	if len(frames) != 4 {
		t.Fatalf("the message takes %d frames", len(frames))
	}
	o := newOpener()
	for _, i := range []int{3, 1, 1, 0, 3} { // any order, some twice
		if e, err := o.Open(start, frames[i]); e != nil || err != nil {
			t.Fatalf("part %d: %v, %v", i, e, err)
		}
	}
	e, err := o.Open(start, frames[2])
	if err != nil || e == nil {
		t.Fatalf("got %v, %v", e, err)
	}
	if !reflect.DeepEqual(e.Msg, m) || e.Hash != hash {
		t.Error("the message changed")
	}
	if len(o.waiting) != 0 {
		t.Error("a finished message is still waited for")
	}
}

func TestOpenForgetsUnfinishedMessages(t *testing.T) {
	alice, bob := newParty(t, ""), newParty(t, "")
	frames, _ := alice.seal(t, longAnswer(2), bob, 1)
	o := newOpener()
	o.Open(start, frames[0])
	if e, _ := o.Open(start.Add(assemblyTime), frames[1]); e != nil {
		t.Error("a part was kept for too long")
	}
	if e, _ := o.Open(start.Add(assemblyTime+time.Second), frames[0]); e == nil {
		t.Error("the second part was forgotten too early")
	}
}

func TestOpenKeepsEightUnfinishedMessages(t *testing.T) {
	alice, bob := newParty(t, ""), newParty(t, "")
	o := newOpener()
	var rest [][]byte
	for id := range signalcore.MessageID(maxOpen + 1) {
		frames, _ := alice.seal(t, longAnswer(2), bob, id+1)
		o.Open(start, frames[0])
		rest = append(rest, frames[1])
		if n := len(o.waiting); n > maxOpen {
			t.Fatalf("%d messages are waited for", n)
		}
	}
	for i, f := range rest[1:] {
		if e, err := o.Open(start, f); e == nil || err != nil {
			t.Errorf("message %d: %v, %v", i+2, e, err)
		}
	}
	if e, _ := o.Open(start, rest[0]); e != nil {
		t.Error("the oldest was kept")
	}
}

func TestOpenRefusesPartsThatDisagree(t *testing.T) {
	_, key, _ := ed25519.GenerateKey(nil)
	first := part{part: 1, parts: 2, body: make([]byte, maxPart)}
	first.Header = Header{Kind: signalcore.KindAnswer, ID: 1}
	for name, change := range map[string]func(*part){
		"kind":      func(p *part) { p.Kind = signalcore.KindOffer },
		"recipient": func(p *part) { p.To[0] = 1 },
		"endpoint":  func(p *part) { p.ToEndpoint[0] = 1 },
		"reference": func(p *part) { p.Ref[0] = 1 },
		"parts":     func(p *part) { p.parts = 3; p.body = make([]byte, maxPart) },
	} {
		t.Run(name, func(t *testing.T) {
			o := newOpener()
			if _, err := o.Open(start, forge(t, first, key)); err != nil {
				t.Fatal(err)
			}
			second := first
			second.part, second.body = 2, []byte{0x80}
			change(&second)
			_, err := o.Open(start, forge(t, second, key))
			wantDrop(t, err, ReasonPart)
		})
	}
	// Messages of different senders, calls or ids are not mixed up at all.
	o := newOpener()
	o.Open(start, forge(t, first, key))
	other := first
	other.part, other.body, other.ID = 2, []byte{0x80}, 2
	if e, err := o.Open(start, forge(t, other, key)); e != nil || err != nil || len(o.waiting) != 2 {
		t.Errorf("got %v, %v, and %d messages are waited for", e, err, len(o.waiting))
	}
}

func TestOpenRefuses(t *testing.T) {
	alice, bob := newParty(t, ""), newParty(t, "")
	frames, _ := alice.seal(t, signalcore.Won{}, bob, 1)
	good := frames[0]
	o := newOpener()
	open := func(f []byte) error {
		e, err := o.Open(start, f)
		if err == nil {
			t.Errorf("opened %v", e)
		}
		return err
	}
	wantDrop(t, open(nil), ReasonSize)
	wantDrop(t, open(good[:Size-1]), ReasonSize)
	wantDrop(t, open(append(bytes.Clone(good), 0)), ReasonSize)
	wantDrop(t, open(make([]byte, Size)), ReasonSeal)
	for _, at := range []int{len(frameStart), 1000, 1600, 1700, Size - 1} {
		bad := bytes.Clone(good)
		bad[at] ^= 1
		wantDrop(t, open(bad), ReasonSeal)
	}
	_, err := NewOpener(NewCallIdentity()).Open(start, good)
	wantDrop(t, err, ReasonSeal)

	_, key, _ := ed25519.GenerateKey(nil)
	well := part{part: 1, parts: 1, body: []byte{0x80}}
	well.Header = Header{Kind: signalcore.KindWon, ID: 1}
	if e, err := o.Open(start, forge(t, well, key)); e == nil || err != nil {
		t.Fatalf("got %v, %v", e, err)
	}
	for name, c := range map[string]struct {
		reason string
		change func(*part)
	}{
		"kind 0":         {ReasonKind, func(p *part) { p.Kind = 0 }},
		"reserved kind":  {ReasonKind, func(p *part) { p.Kind = 13 }},
		"id 0":           {ReasonMalformed, func(p *part) { p.ID = 0 }},
		"part 0":         {ReasonMalformed, func(p *part) { p.part = 0 }},
		"part behind":    {ReasonMalformed, func(p *part) { p.part = 2 }},
		"too many parts": {ReasonMalformed, func(p *part) { p.parts = MaxParts + 1; p.body = make([]byte, maxPart) }},
		"part not full":  {ReasonMalformed, func(p *part) { p.parts = 2 }},
		"no body":        {ReasonMalformed, func(p *part) { p.body = nil }},
		"no map":         {ReasonMalformed, func(p *part) { p.body = []byte{0x90} }},
	} {
		t.Run(name, func(t *testing.T) {
			p := well
			c.change(&p)
			_, err := newOpener().Open(start, forge(t, p, key))
			wantDrop(t, err, c.reason)
		})
	}

	copy(well.From.Device[:], key.Public().(ed25519.PublicKey))
	copy(well.signature[:], ed25519.Sign(key, well.statement()))
	plain := well.marshal()
	long := bytes.Clone(plain)
	long[184], long[185] = maxPart>>8, maxPart&0xff+1
	_, err = newOpener().Open(start, sealPlain(t, long))
	wantDrop(t, err, ReasonMalformed)
	for name, c := range map[string]struct {
		reason string
		at     int
	}{
		"version":          {ReasonVersion, 0},
		"kind":             {ReasonSignature, 1},
		"id":               {ReasonSignature, 2},
		"call":             {ReasonSignature, 8},
		"account":          {ReasonSignature, 24},
		"device":           {ReasonSignature, 56},
		"endpoint":         {ReasonSignature, 88},
		"recipient":        {ReasonSignature, 104},
		"to endpoint":      {ReasonSignature, 136},
		"reference":        {ReasonSignature, 152},
		"length":           {ReasonSignature, 184},
		"signature":        {ReasonSignature, 186},
		"body":             {ReasonSignature, 250},
		"padding":          {ReasonMalformed, 251},
		"end of padding":   {ReasonMalformed, PlainSize - 1},
		"signature's half": {ReasonSignature, 249},
	} {
		t.Run("changed "+name, func(t *testing.T) {
			bad := bytes.Clone(plain)
			bad[c.at] ^= 4
			_, err := newOpener().Open(start, sealPlain(t, bad))
			wantDrop(t, err, c.reason)
		})
	}
}

func TestOpenKeepsToItsBudget(t *testing.T) {
	bad := append(bytes.Clone(frameStart), make([]byte, Size-len(frameStart))...)
	o := newOpener()
	reason := func(now time.Time) string {
		_, err := o.Open(now, bad)
		return err.(DropError).Reason
	}
	for i := range budgetBurst {
		if r := reason(start); r != ReasonSeal {
			t.Fatalf("frame %d: %s", i, r)
		}
	}
	if r := reason(start); r != ReasonBudget {
		t.Errorf("one frame more: %s", r)
	}
	if r := reason(start.Add(-time.Hour)); r != ReasonBudget {
		t.Errorf("with the clock an hour back: %s", r)
	}
	n := 0
	for reason(start.Add(time.Second)) != ReasonBudget {
		n++
	}
	if n != budgetRate {
		t.Errorf("a second gives %d frames", n)
	}
}
