package frame

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"filippo.io/age"

	"ringfork/fork"
	"ringfork/keys"
	"ringfork/keys/vector"
	"ringfork/signalcore"
)

// The files say what this package reads and writes, for other programs to read: see package vector.
//
//go:embed testdata
var testFiles embed.FS

// frameVector is a message as it is sent.
type frameVector struct {
	Identity string          `json:"identity"` // opens the frames
	Seed     vector.Hex      `json:"seed"`     // of the sending device
	Header   headerVector    `json:"header"`
	Message  json.RawMessage `json:"message"`
	Body     vector.Hex      `json:"body"`
	Hash     vector.Hex      `json:"hash"`
	Control  vector.Hex      `json:"control,omitempty"` // the same message on a data channel, where it may be said there
	Frames   []vector.Hex    `json:"frames"`
}

type headerVector struct {
	Kind       signalcore.Kind      `json:"kind"`
	ID         signalcore.MessageID `json:"id"`
	Call       vector.Hex           `json:"call"`
	Account    vector.Hex           `json:"account"`
	Device     vector.Hex           `json:"device"`
	Endpoint   vector.Hex           `json:"endpoint"`
	To         vector.Hex           `json:"to"`
	ToEndpoint vector.Hex           `json:"toEndpoint"`
	Reference  vector.Hex           `json:"reference"`
}

func (v headerVector) header() Header {
	return Header{v.Kind, v.ID, signalcore.CallID(v.Call),
		signalcore.Sender{Account: signalcore.AccountID(v.Account), Device: signalcore.DeviceID(v.Device), Endpoint: signalcore.EndpointID(v.Endpoint)},
		signalcore.AccountID(v.To), signalcore.EndpointID(v.ToEndpoint), signalcore.Hash(v.Reference)}
}

func viewHeader(h Header) headerVector {
	return headerVector{h.Kind, h.ID, h.Call[:], h.From.Account[:], h.From.Device[:], h.From.Endpoint[:], h.To[:], h.ToEndpoint[:], h.Ref[:]}
}

// viewMessage returns a message as JSON: field by field, bytes in hexadecimal, times in milliseconds.
func viewMessage(m any) json.RawMessage {
	b, err := json.Marshal(view(reflect.ValueOf(m)))
	if err != nil {
		panic(err)
	}
	return b
}

func view(v reflect.Value) any {
	switch x := v.Interface().(type) {
	case time.Time:
		return x.UnixMilli()
	case time.Duration:
		return x.Milliseconds()
	case []byte:
		return hex.EncodeToString(x)
	}
	switch v.Kind() {
	case reflect.Struct:
		out := map[string]any{}
		for i := range v.NumField() {
			name := []rune(v.Type().Field(i).Name)
			if strings.ToUpper(string(name)) == string(name) {
				out[strings.ToLower(string(name))] = view(v.Field(i))
				continue
			}
			name[0] = unicode.ToLower(name[0])
			out[string(name)] = view(v.Field(i))
		}
		return out
	case reflect.Array:
		var b []byte
		for i := range v.Len() {
			b = append(b, byte(v.Index(i).Uint()))
		}
		return hex.EncodeToString(b)
	case reflect.Slice:
		out := []any{}
		for i := range v.Len() {
			out = append(out, view(v.Index(i)))
		}
		return out
	}
	return v.Interface()
}

func vectorSeed(what string) [32]byte { return sha256.Sum256([]byte("ringfork vector: " + what)) }

func vectorBytes[T ~[16]byte](what string) (b T) {
	seed := vectorSeed(what)
	copy(b[:], seed[:])
	return b
}

func vectorKey(what string) ed25519.PrivateKey {
	seed := vectorSeed(what)
	return ed25519.NewKeyFromSeed(seed[:])
}

// The parties of the vectors: the accounts of the vectors of package keys.
type vectorParty struct {
	signalcore.Sender
	key  ed25519.PrivateKey
	card []byte
}

func newVectorParty(name, device, card string) vectorParty {
	b, err := hex.DecodeString(card)
	if err != nil {
		panic(err)
	}
	c, err := keys.CardFromBytes(b)
	if err != nil {
		panic(err)
	}
	key := vectorKey(device)
	return vectorParty{signalcore.Sender{Account: signalcore.AccountID(c.Account), Device: signalcore.DeviceID(key.Public().(ed25519.PublicKey)),
		Endpoint: vectorBytes[signalcore.EndpointID](device + " endpoint")}, key, b}
}

// vectorMessage is a message with what its header says.
type vectorMessage struct {
	name string
	from vectorParty
	to   signalcore.Sender // its endpoint is zero for the whole account
	id   signalcore.MessageID
	ref  signalcore.Hash
	msg  signalcore.Message
}

// vectorMessages returns one message of every kind and variety.
func vectorMessages() []vectorMessage {
	alice := newVectorParty("Alice", "alice phone", vectorCard("card", "bytes"))
	bob := newVectorParty("Bob", "bob laptop", vectorCard("slot", "card"))
	all := func(s signalcore.Sender) signalcore.Sender { s.Endpoint = signalcore.EndpointID{}; return s }
	aliceHead, bobHead := signalcore.Hash(alice.card[84:]), signalcore.Hash(bob.card[84:])
	mailbox := func(what string) (a signalcore.Address) {
		seed := vectorSeed(what)
		return signalcore.Address(seed[:20])
	}
	recipient := RecipientBytes(IdentityFromSeed(vectorSeed("call")).Recipient())
	media := signalcore.Media{Audio: true, Video: true}
	ring := signalcore.Ring{Number: 3, Media: media, SentAt: time.UnixMilli(1_800_000_000_123), TTL: 45 * time.Second, Name: "Alice", Card: alice.card,
		LogHead: aliceHead, PeerLogHead: bobHead, Mailbox: mailbox("call mailbox"), Recipient: recipient}
	list := []signalcore.Candidate{
		{Line: "candidate:1 1 udp 2130706431 192.0.2.1 54321 typ host", Mid: "0", Ufrag: "abcd"},
		{Line: "candidate:2 1 udp 1694498815 203.0.113.7 54321 typ srflx raddr 192.0.2.1 rport 54321", Mid: "0", Ufrag: "abcd"},
	}
	offer, answer := vectorSDP("chromium-offer"), vectorSDP("chromium-answer")
	long := "v=0\r\n"
	for i := 0; len(long) < 9000; i++ { // nothing in it repeats, so it does not get shorter by much
		line := sha256.Sum256(fmt.Appendf(nil, "line %d", i))
		long += "a=ssrc:" + hex.EncodeToString(line[:]) + "\r\n"
	}
	hash := func(what string) signalcore.Hash { return vectorSeed(what) }
	one := signalcore.MessageID(1)
	return []vectorMessage{
		{"ring", alice, all(bob.Sender), one, signalcore.Hash{}, ring},
		{"offer", bob, alice.Sender, one, hash("ring"), signalcore.Offer{Label: "Bob's laptop", SDP: offer, Candidates: list, LogHead: bobHead,
			PeerLogHead: aliceHead, Seed: vectorSeed("tine"), Mailbox: mailbox("tine mailbox")}},
		{"offer-to-a-stranger", bob, alice.Sender, one, hash("ring"), signalcore.Offer{LogHead: bobHead, Seed: vectorSeed("tine"), Mailbox: mailbox("tine mailbox")}},
		{"answer", alice, bob.Sender, 2, hash("offer"), signalcore.Answer{SDP: answer, Candidates: list}},
		{"answer-in-parts", alice, bob.Sender, 2, hash("accept"), signalcore.Answer{SDP: long, Generation: 2}},
		{"candidates", alice, bob.Sender, 3, signalcore.Hash{}, signalcore.Candidates{List: list, End: true}},
		{"accept", bob, alice.Sender, 4, signalcore.Hash{}, signalcore.Accept{Media: signalcore.Media{Audio: true}}},
		{"accept-with-a-description", bob, alice.Sender, 4, signalcore.Hash{}, signalcore.Accept{Media: media, SDP: offer, Generation: 1}},
		{"won", alice, bob.Sender, 5, signalcore.Hash{}, signalcore.Won{}},
		{"settled", alice, all(bob.Sender), 6, signalcore.Hash{}, signalcore.Settled{Outcome: fork.Won, Winner: bob.Endpoint}},
		{"settled-with-a-label", alice, bob.Sender, 6, signalcore.Hash{}, signalcore.Settled{Outcome: fork.Won, Winner: bob.Endpoint, Label: "Bob's laptop"}},
		{"decline", bob, alice.Sender, 2, signalcore.Hash{}, signalcore.Decline{Everywhere: true}},
		{"busy", bob, alice.Sender, 2, signalcore.Hash{}, signalcore.Busy{}},
		{"hangup", bob, alice.Sender, 7, signalcore.Hash{}, signalcore.Hangup{Reason: signalcore.HangupLeft}},
		{"hangup-acknowledged", alice, bob.Sender, 7, signalcore.Hash{}, signalcore.Hangup{Ack: true}},
		{"state", alice, bob.Sender, 300, signalcore.Hash{}, signalcore.State{Seq: 300, Audio: true, Screen: true}},
		{"restart", bob, alice.Sender, 8, signalcore.Hash{}, signalcore.Restart{Generation: 2, SDP: offer, Candidates: list[:1]}},
		{"restart-wanted", alice, bob.Sender, 8, signalcore.Hash{}, signalcore.Restart{Generation: 2}},
		{"sync", bob, all(bob.Sender), 9, signalcore.Hash{}, signalcore.Sync{What: signalcore.SyncAnswered, Peer: alice.Account, Label: "Bob's laptop", Counter: 9}},
		{"hello", alice, all(bob.Sender), 0x1234_5679, signalcore.Hash{}, Hello{What: HelloRequest, Number: 1_800_000_000_123, Name: "Alice", Card: alice.card,
			Mailbox: mailbox("bob's mailbox at alice"), Boxes: 1, LogHead: aliceHead, PeerLogHead: bobHead}},
		{"link", vectorParty{signalcore.Sender{Device: bob.Device, Endpoint: bob.Endpoint}, bob.key, nil}, signalcore.Sender{}, one, signalcore.Hash{},
			Link{Body: append([]byte{1, 1}, bytes.Repeat([]byte{7}, 32)...)}},
	}
}

// vectorCard returns a card of the vectors of package keys. Only writing needs it.
func vectorCard(file, field string) string {
	b, err := os.ReadFile("../keys/testdata/vectors/" + file + ".json")
	if err != nil {
		panic(err)
	}
	var v map[string]json.RawMessage
	var card vector.Hex
	if err := errors.Join(json.Unmarshal(b, &v), json.Unmarshal(v[field], &card)); err != nil {
		panic(err)
	}
	return hex.EncodeToString(card)
}

func vectorSDP(name string) string {
	b, err := testFiles.ReadFile("testdata/" + name + ".sdp")
	if err != nil {
		panic(err)
	}
	return string(b)
}

// vectorNames are those of vectorMessages.
var vectorNames = []string{"ring", "offer", "offer-to-a-stranger", "answer", "answer-in-parts", "candidates", "accept", "accept-with-a-description", "won",
	"settled", "settled-with-a-label", "decline", "busy", "hangup", "hangup-acknowledged", "state", "restart", "restart-wanted", "sync", "hello", "link"}

func writeFrame(name string) (v frameVector) {
	for _, m := range vectorMessages() {
		if m.name != name {
			continue
		}
		identity := IdentityFromSeed(vectorSeed("identity of the frames"))
		h := Header{m.msg.Kind(), m.id, vectorBytes[signalcore.CallID]("call"), m.from.Sender, m.to.Account, m.to.Endpoint, m.ref}
		if name == "link" {
			h.Call = signalcore.CallID{}
		}
		frames, hash, err := Seal(h, m.msg, func(b []byte) []byte { return ed25519.Sign(m.from.key, b) }, identity.Recipient())
		if err != nil {
			panic(err)
		}
		body, _ := marshalBody(m.msg)
		v = frameVector{Identity: identity.String(), Seed: m.from.key.Seed(), Header: viewHeader(h), Message: viewMessage(m.msg), Body: body, Hash: hash[:]}
		for _, f := range frames {
			v.Frames = append(v.Frames, f)
		}
		if c, err := MarshalControl(m.id, m.msg); err == nil {
			if _, _, err := UnmarshalControl(c); err == nil {
				v.Control = c
			}
		}
	}
	return v
}

func TestVectorFrames(t *testing.T) {
	for _, name := range vectorNames {
		t.Run(name, func(t *testing.T) {
			vector.Check(t, testFiles, name, func() frameVector { return writeFrame(name) }, checkFrame)
		})
	}
}

func checkFrame(v frameVector) error {
	var d vector.Differences
	identity, err := age.ParseHybridIdentity(v.Identity)
	if err != nil {
		return err
	}
	h := v.Header.header()
	o := NewOpener(identity)
	var e *Envelope
	for i, f := range v.Frames {
		if e, err = o.Open(start, f); err != nil || (e != nil) != (i == len(v.Frames)-1) {
			return fmt.Errorf("frame %d: %v, %v", i, e, err)
		}
	}
	d.Equal("header", e.Header, h)
	d.Bytes("hash", e.Hash[:], v.Hash)
	got, want := bytes.Buffer{}, bytes.Buffer{}
	d.Failed(json.Compact(&got, viewMessage(e.Msg)))
	d.Failed(json.Compact(&want, v.Message))
	d.Equal("message", got.String(), want.String())

	// What can be made again is.
	body, err := marshalBody(e.Msg)
	d.Failed(err)
	d.Bytes("body", body, v.Body)
	key := ed25519.NewKeyFromSeed(v.Seed)
	d.Bytes("device", key.Public().(ed25519.PublicKey), v.Header.Device)
	for i, p := range split(h, body) {
		copy(p.signature[:], ed25519.Sign(key, p.statement()))
		plain, err := o.unseal(v.Frames[i])
		d.Failed(err)
		d.Bytes("plaintext", plain, p.marshal())
	}
	if v.Control != nil {
		id, m, err := UnmarshalControl(v.Control)
		d.Failed(err)
		d.Equal("id on the channel", id, h.ID)
		d.Equal("message on the channel", string(viewMessage(m)), string(viewMessage(e.Msg)))
	}

	// The first frame, changed.
	for _, c := range []vector.Changed{
		{What: "flipped in the age header", At: 100, Xor: vector.Hex{1}, Why: ReasonSeal},
		{What: "flipped in the content", At: 3000, Xor: vector.Hex{1}, Why: ReasonSeal},
		{What: "truncated", Cut: 1, Why: ReasonSize},
		{What: "longer", Add: vector.Hex{0}, Why: ReasonSize},
		{What: "another version of age", At: 20, Set: vector.Hex("2"), Why: ReasonSeal},
	} {
		_, err := o.Open(start, c.Apply(v.Frames[0]))
		d.Failed(vector.WantError(c.What, c.Why, err))
	}
	_, err = NewOpener(NewCallIdentity()).Open(start, v.Frames[0])
	d.Failed(vector.WantError("another identity", ReasonSeal, err))
	return d.Err()
}

// refusedVector is what is dropped, and why. Plaintexts are without the zeros at their end.
type refusedVector struct {
	Plaintexts []vector.Refused `json:"plaintexts"`
	Bodies     []struct {
		Kind signalcore.Kind `json:"kind"`
		vector.Refused
	} `json:"bodies"`
	Packed  []vector.Refused `json:"packed"`
	Control []vector.Refused `json:"control"`
}

func TestVectorRefused(t *testing.T) {
	vector.Check(t, testFiles, "refused", writeRefused, func(v refusedVector) error {
		var d vector.Differences
		o := newOpener()
		for _, c := range v.Plaintexts {
			plain := make([]byte, PlainSize)
			copy(plain, c.Bytes)
			_, err := o.Open(start, sealPlain(t, plain))
			d.Failed(vector.WantError(c.What, c.Why, err))
		}
		for _, c := range v.Bodies {
			_, err := unmarshalBody(c.Kind, c.Bytes)
			d.Failed(vector.WantError(c.What, c.Why, err))
		}
		for _, c := range v.Packed {
			_, err := unpack(c.Bytes)
			d.Failed(vector.WantError(c.What, c.Why, err))
		}
		for _, c := range v.Control {
			_, _, err := UnmarshalControl(c.Bytes)
			d.Failed(vector.WantError(c.What, c.Why, err))
		}
		return d.Err()
	})
}

func writeRefused() (v refusedVector) {
	key := vectorKey("bob laptop")
	plaintext := func(what, why string, change func(*part), plain func([]byte)) {
		p := &part{part: 1, parts: 1, body: []byte{0x80}}
		p.Header = Header{Kind: signalcore.KindWon, ID: 5, Call: signalcore.CallID{7}, From: signalcore.Sender{Device: signalcore.DeviceID(key.Public().(ed25519.PublicKey))}}
		if change != nil {
			change(p)
		}
		copy(p.signature[:], ed25519.Sign(key, p.statement()))
		b := p.marshal()
		if plain != nil {
			plain(b)
		}
		v.Plaintexts = append(v.Plaintexts, vector.Refused{What: what, Bytes: bytes.TrimRight(b, "\x00"), Why: why})
	}
	plaintext("wrong version", ReasonVersion, nil, func(b []byte) { b[0] = 2 })
	plaintext("flipped in the signature", ReasonSignature, nil, func(b []byte) { b[186] ^= 1 })
	plaintext("flipped in the call id", ReasonSignature, nil, func(b []byte) { b[8] ^= 1 })
	plaintext("flipped in the body", ReasonSignature, nil, func(b []byte) { b[250] ^= 1 })
	plaintext("no signature", ReasonSignature, nil, func(b []byte) { clear(b[186:250]) })
	plaintext("no zero at the end", ReasonMalformed, nil, func(b []byte) { b[len(b)-1] = 1 })
	plaintext("a body of 65,535 bytes", ReasonMalformed, nil, func(b []byte) { b[184], b[185] = 255, 255 })
	plaintext("message id 0", ReasonMalformed, func(p *part) { p.ID = 0 }, nil)
	plaintext("part 0", ReasonMalformed, func(p *part) { p.part = 0 }, nil)
	plaintext("part 2 of 1", ReasonMalformed, func(p *part) { p.part = 2 }, nil)
	plaintext("5 parts", ReasonMalformed, func(p *part) { p.part, p.parts = 5, 5 }, nil)
	plaintext("a first part that is not full", ReasonMalformed, func(p *part) { p.parts = 2 }, nil)
	plaintext("an empty body", ReasonMalformed, func(p *part) { p.body = nil }, nil)
	plaintext("kind 13", ReasonKind, func(p *part) { p.Kind = 13 }, nil)
	plaintext("kind 200", ReasonKind, func(p *part) { p.Kind = 200 }, nil)
	plaintext("a body that is no map", ReasonMalformed, func(p *part) { p.body = []byte{0xc0} }, nil)

	body := func(what string, kind signalcore.Kind, b string, why string) {
		v.Bodies = append(v.Bodies, struct {
			Kind signalcore.Kind `json:"kind"`
			vector.Refused
		}{kind, vector.Refused{What: what, Bytes: vector.Hex(b), Why: why}})
	}
	state := signalcore.KindState
	body("nothing", state, "", ReasonMalformed)
	body("an array", state, "\x91\x01", ReasonMalformed)
	body("a byte after the map", state, "\x80\x00", ReasonMalformed)
	body("cut off", state, "\x81\x14", ReasonMalformed)
	body("4,294,967,295 pairs", state, "\xdf\xff\xff\xff\xff", ReasonMalformed)
	body("64 pairs", state, "\xde\x00\x40"+strings.Repeat("\x01\x01", 64), ReasonMalformed)
	body("key 0", state, "\x81\x00\x01", ReasonMalformed)
	body("key 64", state, "\x81\x40\x01", ReasonMalformed)
	body("a key twice", state, "\x82\x14\x07\x14\x07", ReasonMalformed)
	body("a key that is text", state, "\x81\xa1a\x01", ReasonMalformed)
	body("text for a number", state, "\x81\x14\xa1a", ReasonMalformed)
	body("1 for true", state, "\x81\x02\x01", ReasonMalformed)
	body("a sequence over 32 bits", state, "\x81\x14\xcf\x00\x00\x00\x01\x00\x00\x00\x00", ReasonMalformed)
	body("an extension", state, "\x81\x3f\xd4\x01\x00", ReasonMalformed)
	body("nested 5 deep", state, "\x81\x3f\x91\x91\x91\x91\x91\x01", ReasonMalformed)
	body("4 GB of bytes", signalcore.KindAnswer, "\x81\x0c\xc6\xff\xff\xff\xff", ReasonMalformed)
	body("4 GB of text", signalcore.KindOffer, "\x81\x06\xdb\xff\xff\xff\xff", ReasonMalformed)
	body("4 GB of an unknown field", state, "\x81\x3f\xc6\xff\xff\xff\xff", ReasonMalformed)
	body("an unknown array of 4,294,967,295", state, "\x81\x3f\xdd\xff\xff\xff\xff", ReasonMalformed)
	body("a label that is not clean", signalcore.KindOffer, "\x81\x06\xa2 a", ReasonMalformed)
	body("a seed of 31 bytes", signalcore.KindOffer, "\x81\x0e\xc4\x1f"+strings.Repeat("\x01", 31), ReasonMalformed)
	body("a ring without card", signalcore.KindRing, "\x80", ReasonMalformed)
	body("settled without outcome", signalcore.KindSettled, "\x80", ReasonMalformed)
	body("a hello without card", KindHello, "\x81\x18\x01", ReasonMalformed)
	body("an empty link", KindLink, "\x80", ReasonMalformed)
	body("an unknown dictionary", signalcore.KindAnswer, "\x81\x0c\xc4\x02\x02\x00", ReasonDictionary)
	body("an unknown kind", 13, "\x80", ReasonKind)

	for what, b := range map[string]string{
		"nothing": "", "text that is not there": "\x01\x05", "longer than 32,768": "\x01\x81\x80\x02", "1 GB": "\x01\x80\x80\x80\x80\x04",
		"more than was said": "\x01\x01\x04ab", "less than was said": "\x01\x03\x04ab", "a run of nothing": "\x01\x01\x00", "a byte too many": "\x01\x01\x02ab",
		"a copy from before the dictionary": "\x01\x04\x09\xe9\x45", "a copy from 0 back": "\x01\x04\x09\x00", "a length over 64 bits": "\x01" + strings.Repeat("\xff", 10) + "\x01",
	} {
		v.Packed = append(v.Packed, vector.Refused{What: what, Bytes: vector.Hex(b), Why: ReasonMalformed})
	}
	slices.SortFunc(v.Packed, byWhat)
	v.Packed = append(v.Packed, vector.Refused{What: "an unknown dictionary", Bytes: vector.Hex{2, 0}, Why: ReasonDictionary})

	control := func(what string, b string, why string) {
		v.Control = append(v.Control, vector.Refused{What: what, Bytes: vector.Hex(b), Why: why})
	}
	control("truncated", "\x01\x06\x00\x00\x00", ReasonSize)
	control("wrong version", "\x02\x06\x00\x00\x00\x05\x80", ReasonVersion)
	control("unknown kind", "\x01\x0d\x00\x00\x00\x05\x80", ReasonKind)
	for kind, what := range map[byte]string{1: "ring", 2: "offer", 3: "answer", 14: "sync", 15: "hello", 16: "link"} {
		control(what, "\x01"+string([]byte{kind})+"\x00\x00\x00\x05\x80", ReasonUnexpected)
	}
	slices.SortFunc(v.Control, byWhat)
	return v
}

func byWhat(a, b vector.Refused) int { return strings.Compare(a.What, b.What) }
