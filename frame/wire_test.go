package frame

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"ringfork/signalcore"
)

// stateBody is a state with one more field, whose key and value are raw msgpack.
func stateBody(raw string) []byte { return []byte("\x82\x14\x07" + raw) }

func TestUnknownFieldsAreSkipped(t *testing.T) {
	for name, raw := range map[string]string{
		"number":       "\x3f\x01",
		"negative":     "\x3f\xff",
		"long number":  "\x3f\xcf\x00\x00\x00\x00\x00\x00\x00\x01",
		"float":        "\x3f\xcb\x00\x00\x00\x00\x00\x00\x00\x01",
		"nil":          "\x3f\xc0",
		"text":         "\x3f\xa3abc",
		"bytes":        "\x3f\xc4\x03abc",
		"array":        "\x3f\x93\x01\xa1x\xc0",
		"map":          "\x3f\x81\xa1k\x92\x01\x02",
		"nested":       "\x3f\x91\x91\x91\x91\x01",
		"empty nested": "\x3f\x91\x91\x91\x91\x90",
	} {
		m, err := unmarshalBody(signalcore.KindState, stateBody(raw))
		if err != nil || m != (signalcore.State{Seq: 7}) {
			t.Errorf("%s: %v, %v", name, m, err)
		}
	}
}

func TestMalformedBodiesAreRefused(t *testing.T) {
	for name, body := range map[string]string{
		"nothing":            "",
		"nil":                "\xc0",
		"array":              "\x91\x01",
		"map in extension":   "\xd4\x01\x00\x80",
		"trailing byte":      "\x80\x00",
		"cut off":            "\x81\x14",
		"huge map":           "\xdf\xff\xff\xff\xff",
		"too many fields":    "\xde\x00\x40" + strings.Repeat("\x01\x01", 64),
		"key 0":              "\x81\x00\x01",
		"key 64":             "\x81\x40\x01",
		"key nil":            "\x81\xc0\x01",
		"key negative":       "\x81\xff\x01",
		"key text":           "\x81\xa1a\x01",
		"duplicate":          "\x82\x14\x07\x14\x07",
		"duplicate, long":    "\x82\x14\x07\xcc\x14\x07",
		"duplicate, unknown": "\x82\x3f\x07\x3f\x07",
		"text for a number":  "\x81\x14\xa1a",
		"nil for a number":   "\x81\x14\xc0",
		"number for a bool":  "\x81\x02\x01",
		"too great":          "\x81\x14\xcf\x00\x00\x00\x01\x00\x00\x00\x00",
		"extension":          string(stateBody("\x3f\xd4\x01\x00")),
		"long bytes":         string(stateBody("\x3f\xc6\xff\xff\xff\xff")),
		"long text":          string(stateBody("\x3f\xdb\xff\xff\xff\xff")),
		"long array":         string(stateBody("\x3f\xdd\xff\xff\xff\xff")),
		"long map":           string(stateBody("\x3f\xdf\xff\xff\xff\xff")),
		"reserved code":      string(stateBody("\x3f\xc1")),
		"deep":               string(stateBody("\x3f\x91\x91\x91\x91\x91\x01")),
		// In a page, skipping this without counting would overflow the stack.
		"bottomless": string(stateBody("\x3f" + strings.Repeat("\x91", MaxBody-5) + "\x01")),
	} {
		m, err := unmarshalBody(signalcore.KindState, []byte(body))
		if err == nil {
			t.Errorf("%s: got %v", name, m)
		}
		wantDrop(t, err, ReasonMalformed)
	}
}

func TestFieldsOfWrongSizeAreRefused(t *testing.T) {
	ring := func(change func(*writer)) []byte {
		w := newWriter()
		change(w)
		return w.body()
	}
	good := func(w *writer) { w.bytes(keyCard, make([]byte, 84)); w.bytes(keyRecipient, make([]byte, 1216)) }
	if _, err := unmarshalBody(signalcore.KindRing, ring(good)); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*writer){
		"nothing":         func(w *writer) {},
		"no card":         func(w *writer) { w.bytes(keyRecipient, make([]byte, 1216)) },
		"long card":       func(w *writer) { w.bytes(keyCard, make([]byte, 257)); w.bytes(keyRecipient, make([]byte, 1216)) },
		"short recipient": func(w *writer) { w.bytes(keyCard, make([]byte, 84)); w.bytes(keyRecipient, make([]byte, 1215)) },
		"long recipient":  func(w *writer) { w.bytes(keyCard, make([]byte, 84)); w.bytes(keyRecipient, make([]byte, 1217)) },
		"short hash":      func(w *writer) { good(w); w.bytes(keyLogHead, make([]byte, 31)) },
		"long hash":       func(w *writer) { good(w); w.bytes(keyLogHead, make([]byte, 33)) },
		"long address":    func(w *writer) { good(w); w.bytes(keyMailbox, make([]byte, 21)) },
		"late":            func(w *writer) { good(w); w.uint(keySentAt, math.MaxUint64) },
		"long ttl":        func(w *writer) { good(w); w.uint(keyTTL, maxTTL+1) },
		"long name":       func(w *writer) { good(w); w.text(keyName, strings.Repeat("a", 65)) },
		"name not UTF-8":  func(w *writer) { good(w); w.text(keyName, "\xff") },
	} {
		_, err := unmarshalBody(signalcore.KindRing, ring(change))
		if err == nil {
			t.Errorf("%s was accepted", name)
		}
		wantDrop(t, err, ReasonMalformed)
	}
}

func TestSettledNeedsAnOutcome(t *testing.T) {
	_, err := unmarshalBody(signalcore.KindSettled, []byte{0x80})
	wantDrop(t, err, ReasonMalformed)
	// One of a later version settles all the same.
	m, err := unmarshalBody(signalcore.KindSettled, []byte{0x81, keyOutcome, 5})
	if err != nil || m.(signalcore.Settled).Outcome != 5 {
		t.Errorf("got %v, %v", m, err)
	}
}

// A body is plain msgpack: the library reads it on its own.
func TestBodyIsMsgpack(t *testing.T) {
	body, err := marshalBody(signalcore.State{Seq: 300, Audio: true})
	if err != nil {
		t.Fatal(err)
	}
	d := msgpack.NewDecoder(bytes.NewReader(body))
	d.SetMapDecoder(func(d *msgpack.Decoder) (any, error) { return d.DecodeUntypedMap() })
	v, err := d.DecodeInterfaceLoose()
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(v); got != "map[2:true 20:300]" {
		t.Errorf("got %s", got)
	}
}

func TestControl(t *testing.T) {
	alice := newParty(t, strings.Repeat("a", 64))
	for _, m := range messages(t, alice) {
		b, err := MarshalControl(7, m)
		if err != nil {
			t.Fatal(err)
		}
		id, got, err := UnmarshalControl(b)
		switch m.(type) {
		case signalcore.Ring, signalcore.Offer, signalcore.Answer, signalcore.Sync, Hello, Link:
			wantDrop(t, err, ReasonUnexpected)
			continue
		}
		if err != nil || id != 7 || got.Kind() != m.Kind() {
			t.Errorf("%T: %v, %v, %v", m, id, got, err)
		}
	}
	_, _, err := UnmarshalControl(nil)
	wantDrop(t, err, ReasonSize)
	_, _, err = UnmarshalControl(make([]byte, controlHeader+MaxBody+1))
	wantDrop(t, err, ReasonSize)
	_, _, err = UnmarshalControl([]byte{2, 6, 0, 0, 0, 1, 0x80})
	wantDrop(t, err, ReasonVersion)
	_, _, err = UnmarshalControl([]byte{1, 13, 0, 0, 0, 1, 0x80})
	wantDrop(t, err, ReasonKind)
	_, _, err = UnmarshalControl([]byte{1, 6, 0, 0, 0, 1, 0x80, 0})
	wantDrop(t, err, ReasonMalformed)
}

func TestReasonOfHangup(t *testing.T) {
	for _, test := range []struct {
		body []byte
		want signalcore.Hangup
	}{
		{[]byte{0x80}, signalcore.Hangup{}}, // from before there were reasons
		{[]byte{0x81, keyAck, 0xc3}, signalcore.Hangup{Ack: true}},
		{[]byte{0x81, keyReason, 1}, signalcore.Hangup{Reason: signalcore.HangupLeft}},
		{[]byte{0x81, keyReason, 2}, signalcore.Hangup{Reason: signalcore.HangupLost}},
		{[]byte{0x81, keyReason, 99}, signalcore.Hangup{Reason: 99}}, // of a later version: hangs up all the same
	} {
		m, err := unmarshalBody(signalcore.KindHangup, test.body)
		if err != nil || m != test.want {
			t.Errorf("%x: got %#v, %v, want %#v", test.body, m, err, test.want)
		}
	}
	if _, err := unmarshalBody(signalcore.KindHangup, []byte{0x81, keyReason, 0xcd, 1, 0}); err == nil {
		t.Error("a reason of 256 is taken")
	}
}
