package frame

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"ringfork/signalcore"
)

// Whatever body parses, parses to the same when it is encoded again, and is encoded the same from then on.
func FuzzUnmarshal(f *testing.F) {
	alice := newParty(f, strings.Repeat("a", 64))
	hello := Hello{What: HelloAccept, Number: 1, Name: "Alice", Card: alice.Card().Bytes(), Mailbox: signalcore.Address{1}, Boxes: 2, LogHead: signalcore.Hash{3}}
	for _, m := range append(messages(f, alice), hello, Link{Body: []byte{1, 1}}) {
		body, err := marshalBody(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(byte(m.Kind()), body)
	}
	f.Add(byte(signalcore.KindState), []byte("\x82\x14\x07\x3f\x91\x91\x91\x91\x01"))
	f.Fuzz(func(t *testing.T, kind byte, body []byte) {
		k := signalcore.Kind(kind)
		m, err := unmarshalBody(k, body)
		if err != nil {
			if _, ok := err.(DropError); !ok {
				t.Fatalf("the error is %T: %v", err, err)
			}
			return
		}
		if m.Kind() != k {
			t.Fatalf("kind %d parses as %T", kind, m)
		}
		again, err := marshalBody(m)
		if err != nil {
			return // packed by somebody better at it, it fitted
		}
		m2, err := unmarshalBody(k, again)
		if err != nil || !reflect.DeepEqual(m, m2) {
			t.Fatalf("got %#v, %v; want %#v", m2, err, m)
		}
		if third, err := marshalBody(m2); err != nil || !bytes.Equal(again, third) {
			t.Fatalf("got %x, %v; want %x", third, err, again)
		}
	})
}

// Whatever comes in a frame, and whatever a frame holds: a message or a drop.
func FuzzOpen(f *testing.F) {
	alice, bob := newParty(f, ""), newParty(f, "")
	frames, _ := alice.seal(f, longAnswer(2), bob, 1)
	f.Add(frames[0])
	p := part{part: 1, parts: 1, body: []byte{0x80}}
	p.Header = Header{Kind: signalcore.KindWon, ID: 1, From: alice.Sender}
	copy(p.signature[:], alice.Sign(p.statement()))
	f.Add(p.marshal()[:300])
	f.Add(p.marshal())
	o := newOpener()
	f.Fuzz(func(t *testing.T, b []byte) {
		o.budget = budget{}
		padded := make([]byte, PlainSize)
		copy(padded, b)
		for _, frame := range [][]byte{b, sealPlain(t, padded)} {
			_, err := o.Open(start, frame)
			if _, ok := err.(DropError); err != nil && !ok {
				t.Fatalf("the error is %T: %v", err, err)
			}
		}
	})
}

// Packed text is bounded whatever it claims.
func FuzzUnpack(f *testing.F) {
	for _, s := range []string{"", "a=mid:0\r\n", dictionary()} {
		p, err := pack(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := unpack(b)
		if err != nil {
			if _, ok := err.(DropError); !ok {
				t.Fatalf("the error is %T: %v", err, err)
			}
			return
		}
		if len(s) > maxText {
			t.Fatalf("unpacked %d bytes", len(s))
		}
		p, err := pack(s)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := unpack(p); err != nil || again != s {
			t.Fatalf("got %q, %v", again, err)
		}
	})
}

// A part of a message is encoded in one way only.
func FuzzHeader(f *testing.F) {
	full := part{part: 1, parts: 2, body: make([]byte, maxPart)}
	full.Header = Header{Kind: signalcore.KindAnswer, ID: 1<<32 - 1, Call: signalcore.CallID{1}, Ref: signalcore.Hash{2}}
	last := part{part: 4, parts: 4, body: []byte{0x80}}
	last.ID = 1
	f.Add(full.marshal())
	f.Add(last.marshal()[:300])
	f.Fuzz(func(t *testing.T, b []byte) {
		plain := make([]byte, PlainSize)
		copy(plain, b)
		p, err := unmarshalPart(plain)
		if err != nil {
			if _, ok := err.(DropError); !ok {
				t.Fatalf("the error is %T: %v", err, err)
			}
			return
		}
		if got := p.marshal(); !bytes.Equal(got, plain) {
			t.Fatalf("got %x, want %x", got, plain)
		}
		if p.part == p.parts && p.parts == 1 {
			return
		}
		var waiting assemblies
		if body, err := waiting.add(start, p); body != nil || err != nil {
			t.Fatalf("one of %d parts gives %d bytes, %v", p.parts, len(body), err)
		}
	})
}

// What comes over a data channel is a message that may be said there, or a drop.
func FuzzControl(f *testing.F) {
	alice := newParty(f, strings.Repeat("a", 64))
	for i, m := range messages(f, alice) {
		b, err := MarshalControl(signalcore.MessageID(i), m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		id, m, err := UnmarshalControl(b)
		if err != nil {
			if _, ok := err.(DropError); !ok {
				t.Fatalf("the error is %T: %v", err, err)
			}
			return
		}
		switch m.(type) {
		case signalcore.Ring, signalcore.Offer, signalcore.Answer, signalcore.Sync, Hello, Link:
			t.Fatalf("a %T came over a data channel", m)
		}
		again, err := MarshalControl(id, m)
		if err != nil {
			return // packed by somebody better at it, it fitted
		}
		if id2, m2, err := UnmarshalControl(again); err != nil || id2 != id || !reflect.DeepEqual(m2, m) {
			t.Fatalf("got %#v, %v; want %#v", m2, err, m)
		}
	})
}

// A list of candidates is bounded whatever it claims.
func FuzzUnpackCandidates(f *testing.F) {
	for _, n := range []int{0, 1, maxCandidates} {
		p, err := packCandidates(candidates(n))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := unpackCandidates(b)
		if err != nil {
			if _, ok := err.(DropError); !ok {
				t.Fatalf("the error is %T: %v", err, err)
			}
			return
		}
		p, err := packCandidates(list)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := unpackCandidates(p); err != nil || !reflect.DeepEqual(again, list) {
			t.Fatalf("got %q, %v", again, err)
		}
	})
}
