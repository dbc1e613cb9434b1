package frame

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"ringfork/fork"
	"ringfork/keys"
	"ringfork/signalcore"
)

// party is somebody who can sign: an account with one endpoint.
type party struct {
	*keys.Account
	signalcore.Sender
}

func newParty(t testing.TB, name string) party {
	t.Helper()
	a := keys.NewAccount(name, "", time.Now())
	p := party{a, signalcore.Sender{Account: signalcore.AccountID(a.ID()), Device: signalcore.DeviceID(a.Device())}}
	rand.Read(p.Endpoint[:])
	return p
}

var start = time.UnixMilli(1_800_000_000_000)

// seal seals m from one party to another's account and returns its frames.
func (p party) seal(t testing.TB, m signalcore.Message, to party, id signalcore.MessageID) ([][]byte, signalcore.Hash) {
	t.Helper()
	h := Header{ID: id, Call: signalcore.CallID{1}, From: p.Sender, To: to.Sender.Account, Ref: signalcore.Hash{9}}
	frames, hash, err := Seal(h, m, p.Sign, keys.HybridFromSeed(inboxSeed).Recipient())
	if err != nil {
		t.Fatal(err)
	}
	return frames, hash
}

// inboxSeed makes the identity that all tests seal to: making one costs a millisecond.
var inboxSeed = [32]byte{1, 2, 3}

func newOpener() *Opener { return NewOpener(IdentityFromSeed(inboxSeed)) }

func wantDrop(t testing.TB, err error, reason string) {
	t.Helper()
	var d DropError
	if !errors.As(err, &d) || d.Reason != reason {
		t.Errorf("got %v, want a drop for %s", err, reason)
	}
}

func description(t testing.TB, name string) string {
	t.Helper()
	b, err := testFiles.ReadFile("testdata/" + name + ".sdp")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// candidates returns n candidates such as Chromium finds.
func candidates(n int) (list []signalcore.Candidate) {
	for i := range n {
		list = append(list, signalcore.Candidate{
			Line: fmt.Sprintf("candidate:%d 1 udp 2113937151 %08x-80b6-4ede-9346-b4e0e7b2085e.local %d typ host generation 0 "+
				"ufrag ogAy network-cost 999", 356403972+i*7919, i*104729, 38319+i*13),
			Mid:   fmt.Sprint(i % 4),
			Ufrag: "ogAy",
		})
	}
	return list
}

// fullRing is as long as a ring gets.
func fullRing(t testing.TB, from party) signalcore.Ring {
	media := signalcore.Media{Audio: true, Video: true}
	m := signalcore.Ring{Number: 1<<64 - 1, Media: media, SentAt: start, TTL: 45 * time.Second}
	m = Introduce(m, from.Account, from.Public(time.Now()), keys.NewMailbox(), RecipientBytes(NewCallIdentity().Recipient()))
	m.PeerLogHead = signalcore.Hash(bytes.Repeat([]byte{0xff}, 32))
	if len(m.Name) != keys.MaxName {
		t.Fatalf("the name has %d bytes", len(m.Name))
	}
	return m
}

// messages returns one of each kind, with every field set.
func messages(t testing.TB, from party) []signalcore.Message {
	list := candidates(4)
	sdp := description(t, "chromium-offer")
	media := signalcore.Media{Audio: true, Video: true}
	return []signalcore.Message{
		fullRing(t, from),
		signalcore.Offer{Label: "Laptop", SDP: sdp, Candidates: list, LogHead: signalcore.Hash{1}, Seed: [32]byte{2},
			Mailbox: signalcore.Address{3}},
		signalcore.Answer{SDP: description(t, "chromium-answer"), Candidates: list},
		signalcore.Candidates{List: list, End: true},
		signalcore.Candidates{List: list, Generation: 7},
		signalcore.Restart{Generation: 3, SDP: "v=0\r\n", Candidates: list},
		signalcore.Restart{Generation: 1},
		signalcore.Busy{},
		signalcore.Sync{What: signalcore.SyncAnswered, Label: "Phone", Counter: 9},
		signalcore.Sync{What: signalcore.SyncDialing, Peer: signalcore.AccountID{1}, Counter: 1},
		signalcore.Accept{Media: media, SDP: sdp, Candidates: list},
		signalcore.Won{},
		signalcore.Settled{Outcome: fork.Won, Winner: signalcore.EndpointID{1}, Label: "Phone"},
		signalcore.Decline{Everywhere: true},
		signalcore.Hangup{Ack: true, Reason: signalcore.HangupLost},
		signalcore.State{Seq: 1<<32 - 1, Audio: true, Video: true, Screen: true, Hold: true},
		signalcore.Offer{},
		signalcore.Answer{},
		signalcore.Candidates{},
		signalcore.Accept{},
		signalcore.Decline{},
		signalcore.Hangup{},
		signalcore.State{},
		signalcore.Settled{Outcome: fork.Cancelled},
		Hello{What: HelloRequest, Number: 1 << 40, Name: "Alice", Card: from.Card().Bytes(), Mailbox: signalcore.Address{4}, Boxes: 5,
			LogHead: signalcore.Hash{6}, PeerLogHead: signalcore.Hash{7}},
		Hello{What: HelloDecline, Card: from.Card().Bytes()},
		Link{Body: []byte{1, 2, 3}},
	}
}

func TestEveryMessageArrivesInOneFrame(t *testing.T) {
	alice, bob := newParty(t, strings.Repeat("ä", 32)), newParty(t, "Bob")
	o := newOpener()
	for i, m := range messages(t, alice) {
		frames, hash := alice.seal(t, m, bob, signalcore.MessageID(i+1))
		if len(frames) != 1 || len(frames[0]) != Size {
			t.Fatalf("%T takes %d frames, the first of %d bytes", m, len(frames), len(frames[0]))
		}
		e, err := o.Open(start, frames[0])
		if err != nil || e == nil {
			t.Fatalf("%T: %v, %v", m, e, err)
		}
		if !reflect.DeepEqual(e.Msg, m) {
			t.Errorf("got %#v, want %#v", e.Msg, m)
		}
		want := Header{m.Kind(), signalcore.MessageID(i + 1), signalcore.CallID{1}, alice.Sender, bob.Sender.Account,
			signalcore.EndpointID{}, signalcore.Hash{9}}
		if e.Header != want || e.Hash != hash {
			t.Errorf("%T: the header or the hash changed", m)
		}
	}
}

func TestFramesLookAlike(t *testing.T) {
	if PlainSize != 2437 {
		t.Fatalf("PlainSize is %d", PlainSize)
	}
	alice, bob := newParty(t, ""), newParty(t, "")
	short, _ := alice.seal(t, signalcore.Won{}, bob, 1)
	again, _ := alice.seal(t, signalcore.Won{}, bob, 1)
	if bytes.Equal(short[0], again[0]) {
		t.Error("sealed twice, a message gives the same frame")
	}
	if !bytes.HasPrefix(short[0], frameStart) {
		t.Errorf("a frame begins with %q", short[0][:50])
	}
}

func TestSealAgainIsTheSameMessage(t *testing.T) {
	alice, bob := newParty(t, ""), newParty(t, "")
	h := Header{ID: 1, From: alice.Sender, To: bob.Sender.Account}
	_, one, err := Seal(h, signalcore.Won{}, alice.Sign, NewCallIdentity().Recipient())
	if err != nil {
		t.Fatal(err)
	}
	_, two, err := Seal(h, signalcore.Won{}, alice.Sign, NewCallIdentity().Recipient())
	if err != nil || one != two {
		t.Errorf("the hash is %x, then %x: %v", one, two, err)
	}
}

// The statement is written out by hand here: other programs must be able to make it.
func TestStatement(t *testing.T) {
	p := &part{part: 2, parts: 3, body: []byte("body")}
	p.Header = Header{Kind: 4, ID: 7, Call: signalcore.CallID{1}, From: signalcore.Sender{Account: signalcore.AccountID{2},
		Device: signalcore.DeviceID{3}, Endpoint: signalcore.EndpointID{4}}, To: signalcore.AccountID{5}, Ref: signalcore.Hash{6}}
	id := func(b byte, n int) string { return string([]byte{b}) + strings.Repeat("\x00", n-1) }
	rest := []string{id(1, 16), id(2, 32), id(3, 32), id(4, 16), id(5, 32), id(0, 16), id(6, 32), "body"}
	join := func(fields ...string) (b []byte) {
		for _, f := range fields {
			b = append(b, 0, 0, 0, byte(len(f)))
			b = append(b, f...)
		}
		return b
	}
	number := func(n byte) string { return string([]byte{0, 0, 0, n}) }
	want := join(append([]string{"ringfork/1/frame", number(4), number(7), number(2), number(3)}, rest...)...)
	if got := p.statement(); !bytes.Equal(got, want) {
		t.Errorf("a part's statement is\n%q, want\n%q", got, want)
	}
	want = join(append([]string{"ringfork/1/message", number(4), number(7)}, rest...)...)
	if got := p.Header.statement(contextMessage, nil, nil, p.body); !bytes.Equal(got, want) {
		t.Errorf("a message's statement is\n%q, want\n%q", got, want)
	}
}

func TestSealRefusesMisuse(t *testing.T) {
	alice := newParty(t, strings.Repeat("a", 64))
	to := NewCallIdentity().Recipient()
	noise := make([]byte, 3<<12)
	rand.Read(noise)
	ring := fullRing(t, alice)
	short, early, long := ring, ring, ring
	longLine := []signalcore.Candidate{{Line: strings.Repeat("a", maxCandidateText+1)}}
	short.Recipient = short.Recipient[1:]
	early.SentAt = time.UnixMilli(-1)
	long.TTL = 2 * time.Hour
	for name, m := range map[string]signalcore.Message{
		"bare ring":            signalcore.Ring{},
		"short recipient":      short,
		"time before 1970":     early,
		"long ttl":             long,
		"longer than 4 frames": signalcore.Answer{SDP: string(noise)},
		"long description":     signalcore.Answer{SDP: strings.Repeat("a", maxText+1)},
		"many candidates":      signalcore.Candidates{List: candidates(maxCandidates + 1)},
		"long candidate":       signalcore.Candidates{List: longLine},
	} {
		if _, _, err := Seal(Header{ID: 1}, m, alice.Sign, to); err == nil {
			t.Errorf("%s was sealed", name)
		}
	}
	if _, _, err := Seal(Header{}, signalcore.Won{}, alice.Sign, to); err == nil {
		t.Error("message id 0 was sealed")
	}
	if _, _, err := Seal(Header{ID: 1, Kind: 1}, signalcore.Won{}, alice.Sign, to); err == nil {
		t.Error("a header of another kind was sealed")
	}
	if _, _, err := Seal(Header{ID: 1}, signalcore.Won{}, func([]byte) []byte { return nil }, to); err == nil {
		t.Error("no signature was sealed")
	}
}

func TestNamesAreCutOnEncode(t *testing.T) {
	long := strings.Repeat("ä", 40)
	m := signalcore.Offer{Label: long}
	b, err := marshalBody(m)
	if err != nil {
		t.Fatal(err)
	}
	got, err := unmarshalBody(m.Kind(), b)
	if err != nil || got.(signalcore.Offer).Label != long[:64] {
		t.Errorf("got %v, %v", got, err)
	}
	w := newWriter()
	w.text(keyName, long)
	_, err = unmarshalBody(m.Kind(), w.body())
	wantDrop(t, err, ReasonMalformed)
	w = newWriter()
	w.text(keyName, "\u202Eevil")
	_, err = unmarshalBody(m.Kind(), w.body())
	wantDrop(t, err, ReasonMalformed)
}

// forge seals any part, signed by the key.
func forge(t testing.TB, p part, key ed25519.PrivateKey) []byte {
	t.Helper()
	copy(p.From.Device[:], key.Public().(ed25519.PublicKey))
	copy(p.signature[:], ed25519.Sign(key, p.statement()))
	return sealPlain(t, p.marshal())
}

// sealPlain seals any plaintext.
func sealPlain(t testing.TB, plain []byte) []byte {
	t.Helper()
	b, err := encrypt(plain, IdentityFromSeed(inboxSeed).Recipient())
	if err != nil {
		t.Fatal(err)
	}
	return b
}
