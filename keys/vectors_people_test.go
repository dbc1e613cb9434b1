package keys

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"ringfork/keys/vector"
)

// vectorContacts are Bob's.
func vectorContacts() *Contacts {
	l := &Contacts{}
	alice, zoe := vectorAlice(), someone(2, 3)
	zoe.Name = "Zoë"
	for _, err := range []error{
		l.Add(Contact{Name: "Alice", Card: alice.Card(), Verified: true, Public: alice.Public(vectorNow)}),
		l.Add(zoe),
		l.Block(AccountID(vectorSeed("mallory")), "Mallory"),
		l.Add(someone(1, 1)),
	} {
		if err != nil {
			panic("internal error: " + err.Error())
		}
	}
	l.Remove(someone(1, 1).ID())
	l.SetMailbox(alice.ID(), alice.MailboxFor(vectorBob().ID()).Address(), 0)
	l.SetGreeted(alice.ID(), 1)
	return l
}

type contactsVector struct {
	Local         vector.Hex       `json:"local"`
	Shared        vector.Hex       `json:"shared"`
	Contacts      []contactVector  `json:"contacts"` // in their order
	RefusedLocal  []vector.Changed `json:"refusedLocal"`
	RefusedShared []vector.Changed `json:"refusedShared"`
}

type contactVector struct {
	Account   vector.Hex    `json:"account"`
	State     string        `json:"state"`
	Stated    uint64        `json:"stated"`
	Forgotten uint64        `json:"forgotten"`
	Version   uint64        `json:"version"`
	Name      string        `json:"name"`
	Verified  bool          `json:"verified"`
	Card      vector.Hex    `json:"card,omitempty"`
	Greeted   uint32        `json:"greeted"`
	Mailbox   vector.Hex    `json:"mailbox,omitempty"`
	Boxes     uint32        `json:"boxes"`
	Entries   uint8         `json:"entries"`
	Added     uint8         `json:"added"`
	Looked    uint8         `json:"looked"`
	Head      vector.Hex    `json:"head,omitempty"`
	Public    *publicVector `json:"public,omitempty"` // in the local form only
}

type publicVector struct {
	Sequence  uint64       `json:"sequence"`
	Boxes     uint32       `json:"boxes"`
	Expires   int64        `json:"expires"`
	Added     uint8        `json:"added"`
	Devices   []vector.Hex `json:"devices"`
	Chain     []vector.Hex `json:"chain"`
	Inbox     vector.Hex   `json:"inbox"`
	Recipient vector.Hex   `json:"recipient"`
	Name      string       `json:"name"`
}

// viewContacts says what a list holds.
func viewContacts(l *Contacts) (out []contactVector) {
	for _, c := range slices.SortedFunc(maps.Values(l.byID), compareIDs) {
		v := contactVector{Account: c.Card.Account[:], State: []string{"known", "blocked", "removed"}[c.State], Stated: c.stated,
			Forgotten: c.forgotten, Version: c.Version, Name: c.Name, Verified: c.Verified, Greeted: c.Greeted, Boxes: c.Boxes,
			Entries: c.Entries, Added: c.Added, Looked: c.Looked}
		if c.hasCard() {
			v.Card = c.Card.Bytes()
		}
		if c.Mailbox != (Address{}) {
			v.Mailbox = c.Mailbox[:]
		}
		if c.Entries > 0 {
			v.Head = c.Head[:]
		}
		if p := &c.Public; c.Cached() {
			v.Public = &publicVector{p.Sequence, p.Boxes, p.Expires, p.Added, ids(p.Devices), nil, p.Inbox[:], p.InboxRecipient, p.Name}
			for i := range p.Chain {
				v.Public.Chain = append(v.Public.Chain, p.Chain[i][:])
			}
		}
		out = append(out, v)
	}
	return out
}

func TestVectorContacts(t *testing.T) {
	write := func() contactsVector {
		l := vectorContacts()
		local, _ := l.MarshalBinary()
		v := contactsVector{Local: local, Shared: l.MarshalShared(), Contacts: viewContacts(l)}
		v.RefusedShared = []vector.Changed{
			{What: "truncated", Cut: 1, Why: "malformed"},
			{What: "longer", Add: vector.Hex{0}, Why: "malformed"},
			{What: "newer version", Set: vector.Hex{contactsFormat + 1}, Why: "newer version"},
			{What: "older version", Set: vector.Hex{1}, Why: "format is unknown"},
			{What: "2,001 contacts", At: 1, Set: vector.Hex{0x07, 0xd1}, Why: "malformed"},
			{What: "one contact more than there are", At: 2, Set: vector.Hex{5}, Why: "malformed"},
			{What: "a state that is none", At: 3, Set: vector.Hex{3}, Why: "malformed"},
			{What: "a flag that is none", At: 3, Set: vector.Hex{1 << 6}, Why: "malformed"},
			{What: "not sorted", At: 4, Set: vector.Hex{0xff}, Why: "malformed"},
		}
		v.RefusedLocal = append([]vector.Changed{{What: "the local form without a byte for the public part", Cut: 1, Why: "malformed"}}, v.RefusedShared[1:]...)
		return v
	}
	vector.Check(t, vectorFiles, "contacts", write, func(v contactsVector) error {
		var d vector.Differences
		local, err := ParseContacts(v.Local)
		d.Failed(err)
		shared, err := ParseShared(v.Shared)
		d.Failed(err)
		if d != nil {
			return d.Err()
		}
		b, _ := local.MarshalBinary()
		d.Bytes("local form", b, v.Local)
		d.Bytes("shared form", shared.MarshalShared(), v.Shared)
		d.Bytes("shared form of the local one", local.MarshalShared(), v.Shared)
		got, _ := json.Marshal(viewContacts(local))
		want, _ := json.Marshal(v.Contacts)
		d.Equal("contacts", string(got), string(want))
		mine, _ := vectorContacts().MarshalBinary()
		d.Bytes("list", mine, v.Local)
		d.Failed(vector.WantRefused(v.Local, v.RefusedLocal, func(b []byte) error { _, err := ParseContacts(b); return err }))
		d.Failed(vector.WantRefused(v.Shared, v.RefusedShared, func(b []byte) error { _, err := ParseShared(b); return err }))
		return d.Err()
	})
}

type linkingVector struct {
	Secret     vector.Hex       `json:"secret"`
	Code       string           `json:"code"`
	Origin     string           `json:"origin"`
	Link       string           `json:"link"`
	Approver   linkEndVector    `json:"approver"`
	Requester  linkEndVector    `json:"requester"`
	DeviceSeed vector.Hex       `json:"deviceSeed"` // of the new device
	Reply      string           `json:"reply"`      // the identity to whose recipient the grant is sealed
	Open       vector.Hex       `json:"open"`
	Ask        vector.Hex       `json:"ask"`
	Reveal     vector.Hex       `json:"reveal"`
	Grant      vector.Hex       `json:"grant"`
	Rejection  vector.Hex       `json:"rejection"`
	Transcript vector.Hex       `json:"transcript"`
	ShortCode  string           `json:"shortCode"`
	Content    vector.Hex       `json:"content"` // of the grant
	Refused    []vector.Refused `json:"refused"`
	Codes      []vector.Refused `json:"refusedCodes"`
}

type linkEndVector struct {
	Mailbox  vector.Hex `json:"mailbox"`
	Identity string     `json:"identity"`
}

func viewEnd(e LinkEnd) linkEndVector {
	address := e.Mailbox.Address()
	return linkEndVector{address[:], e.Identity.String()}
}

// vectorLinking returns both ends of a linking in which nothing is random.
func vectorLinking() (*Approver, *Requester) {
	bob := vectorBob()
	a, _ := NewApprover(bob.ID(), bob.Device(), bob.Sign)
	a.reveal.Nonce = vectorSeed("approver nonce")
	a.open = LinkOpen{a.reveal.commitment()}
	r := NewRequester(vectorKey("bob new device"), RecipientBytes(HybridFromSeed(vectorSeed("bob new device age")).Recipient()), "Bob's tablet")
	r.reply = HybridFromSeed(vectorSeed("requester reply"))
	r.ask.Nonce, r.ask.Reply = vectorSeed("requester nonce"), RecipientBytes(r.reply.Recipient())
	return a, r
}

func TestVectorLinking(t *testing.T) {
	write := func() linkingVector {
		s := LinkSecret(vectorSeed("linking"))
		seed := vectorSeed("bob new device")
		v := linkingVector{Secret: s[:], Code: s.Code(), Origin: "https://example.org", Link: s.Link("https://example.org"),
			Approver: viewEnd(s.Approver()), Requester: viewEnd(s.Requester()), DeviceSeed: seed[:], Content: vectorBob().Locator().Bytes()}
		a, r := vectorLinking()
		ask, _ := r.Take(a.open)
		reveal, _ := a.Take(ask)
		r.Take(reveal)
		rejecting := *a
		no, _ := rejecting.Reject()
		grant, _ := a.Approve(v.Content)
		v.Reply, v.Transcript, v.ShortCode = r.reply.String(), a.transcript[:], a.ShortCode()
		v.Open, v.Ask, v.Reveal, v.Grant, v.Rejection = a.open.append(nil), ask.append(nil), reveal.append(nil), grant.append(nil), no.append(nil)
		v.Codes = []vector.Refused{
			{What: "flipped", Text: v.Code[:30] + string(v.Code[30]^1) + v.Code[31:], Why: "typing error"},
			{What: "truncated", Text: v.Code[:20], Why: "cut off after 20 of 52 characters"},
			{What: "wrong version", Text: "rfl2" + v.Code[4:], Why: "another version"},
			{What: "a card", Text: vectorAlice().Card().Code(), Why: "it is a card"},
		}
		long := append([]byte{linkFormat, kindGrant, (MaxGrant + 1) >> 8, (MaxGrant + 1) & 255}, make([]byte, MaxGrant+1+64)...)
		v.Refused = []vector.Refused{
			{What: "wrong version", Bytes: append(vector.Hex{2}, v.Open[1:]...), Why: "another version"},
			{What: "unknown kind", Bytes: append(vector.Hex{1, 5}, v.Open[2:]...), Why: "malformed"},
			{What: "truncated", Bytes: v.Reveal[:len(v.Reveal)-1], Why: "malformed"},
			{What: "longer", Bytes: append(bytes.Clone(v.Reveal), 0), Why: "malformed"},
			{What: "a grant that is too long", Bytes: long, Why: "malformed"},
			{What: "a grant that claims 65,535 bytes", Bytes: vector.Hex{linkFormat, kindGrant, 0xff, 0xff}, Why: "malformed"},
		}
		return v
	}
	vector.Check(t, vectorFiles, "linking", write, func(v linkingVector) error {
		var d vector.Differences
		s := LinkSecret(v.Secret)
		d.Equal("code", s.Code(), v.Code)
		d.Equal("link", s.Link(v.Origin), v.Link)
		for _, text := range []string{v.Code, v.Link} {
			got, err := ParseLink(text)
			d.Failed(err)
			d.Equal("parsed secret", got == s, true)
		}
		for i, e := range []LinkEnd{s.Approver(), s.Requester()} {
			got, want := viewEnd(e), []linkEndVector{v.Approver, v.Requester}[i]
			d.Bytes("mailbox", got.Mailbox, want.Mailbox)
			d.Equal("identity", got.Identity, want.Identity)
		}
		a, r := vectorLinking()
		d.Equal("reply identity", r.ReplyIdentity().String(), v.Reply)
		var messages []LinkMessage
		for _, b := range []vector.Hex{v.Open, v.Ask, v.Reveal, v.Grant, v.Rejection} {
			m, err := ParseLinkMessage(b)
			if err != nil {
				return err
			}
			d.Bytes("message", m.append(nil), b)
			messages = append(messages, m)
		}
		take := func(to func(LinkMessage) (LinkMessage, error), m, want LinkMessage) {
			got, err := to(m)
			d.Failed(err)
			if want != nil && err == nil {
				d.Bytes("answer", got.append(nil), want.append(nil))
			}
		}
		take(r.Take, messages[0], messages[1])
		take(a.Take, messages[1], messages[2])
		take(r.Take, messages[2], nil)
		d.Bytes("transcript", r.transcript[:], v.Transcript)
		d.Equal("short code of the new device", r.ShortCode(), v.ShortCode)
		d.Equal("short code of the other device", a.ShortCode(), v.ShortCode)
		rejected := *r
		if _, err := rejected.Take(messages[4]); !errors.Is(err, ErrLinkRejected) {
			d.Failed(errors.New("a rejection is none"))
		}
		take(r.Take, messages[3], nil)
		d.Bytes("content", r.Grant(), v.Content)
		for _, c := range v.Refused {
			_, err := ParseLinkMessage(c.Bytes)
			d.Failed(vector.WantError(c.What, c.Why, err))
		}
		for _, c := range v.Codes {
			_, err := ParseLink(c.Text)
			d.Failed(vector.WantError(c.What, c.Why, err))
		}
		return d.Err()
	})
}

type safetyVector struct {
	A            vector.Hex `json:"a"`
	B            vector.Hex `json:"b"`
	FingerprintA vector.Hex `json:"fingerprintA"`
	FingerprintB vector.Hex `json:"fingerprintB"`
	Digits       string     `json:"digits"`
	Emoji        []string   `json:"emoji"`
	Text         string     `json:"text"`
}

func TestVectorSafety(t *testing.T) {
	write := func() (out []safetyVector) {
		for _, pair := range [][2]AccountID{{vectorAlice().ID(), vectorBob().ID()}, {countingID(0), countingID(100)}, {AccountID{}, AccountID(bytes.Repeat([]byte{0xff}, 32))}} {
			a, b := fingerprint(pair[0]), fingerprint(pair[1])
			s := SafetyNumber(pair[0], pair[1])
			out = append(out, safetyVector{bytes.Clone(pair[0][:]), bytes.Clone(pair[1][:]), a[:], b[:], s.Digits, s.Emoji, s.Text})
		}
		return out
	}
	vector.Check(t, vectorFiles, "safety", write, func(list []safetyVector) error {
		var d vector.Differences
		for _, v := range list {
			a, b := fingerprint(AccountID(v.A)), fingerprint(AccountID(v.B))
			d.Bytes("fingerprint", a[:], v.FingerprintA)
			d.Bytes("fingerprint", b[:], v.FingerprintB)
			for _, s := range []Safety{SafetyNumber(AccountID(v.A), AccountID(v.B)), SafetyNumber(AccountID(v.B), AccountID(v.A))} {
				d.Equal("digits", s.Digits, v.Digits)
				d.Equal("emoji", strings.Join(s.Emoji, ""), strings.Join(v.Emoji, ""))
				d.Equal("text", s.Text, v.Text)
				d.Failed(s.Match(v.Text))
				d.Equal("another account's", s.Match(v.Text[:4]+v.Text[5:]+v.Text[4:5]), ErrSafetyMismatch)
				d.Equal("truncated", s.Match(v.Text[:40]), ErrSafetyText)
				d.Equal("wrong version", s.Match("rfs2"+v.Text[4:]), ErrSafetyText)
			}
		}
		return d.Err()
	})
}

type backupVector struct {
	Passphrase string           `json:"passphrase"`
	Wrong      string           `json:"wrongPassphrase"`
	Work       int              `json:"work"`
	Text       []string         `json:"text"` // its lines
	Content    vector.Hex       `json:"content"`
	Secret     vector.Hex       `json:"secret"`
	Locator    vector.Hex       `json:"locator"`
	Shared     vector.Hex       `json:"shared"`
	Contacts   vector.Hex       `json:"contacts"`
	Refused    []vector.Changed `json:"refused"` // changes of the text, whose lines end in a line feed
	Plain      []vector.Changed `json:"refusedContent"`
}

func TestVectorBackup(t *testing.T) {
	write := func() backupVector {
		s := vectorSecret()
		content := vectorBob().Backup(s, vectorContacts())
		text, err := sealBackup(testPassphrase, content, 4)
		if err != nil {
			panic(err)
		}
		lines := strings.Split(strings.TrimSpace(text), "\n")
		v := backupVector{Passphrase: testPassphrase, Wrong: testPassphrase + "!", Work: 4, Text: lines, Content: content, Secret: s[:], Locator: vectorBob().Locator().Bytes(),
			Shared: vectorBob().shared.appendTo(nil), Contacts: vectorContacts().MarshalShared()}
		v.Refused = []vector.Changed{
			{What: "flipped in the stanza", At: 100, Xor: vector.Hex{1}, Why: "the passphrase is wrong"},
			{What: "flipped in the content", At: 3000, Xor: vector.Hex{1}, Why: "changed or is no backup"},
			{What: "truncated", Cut: 200, Why: "cut off"},
			{What: "no armor", Set: vector.Hex("+"), Why: "one starts with"},
		}
		v.Plain = []vector.Changed{
			{What: "newer version", Set: vector.Hex{backupFormat + 1}, Why: "newer version"},
			{What: "version 0", Set: vector.Hex{0}, Why: "unknown"},
			{What: "truncated", Cut: 1, Why: "malformed"},
			{What: "longer", Add: vector.Hex{0}, Why: "malformed"},
			{What: "another account's card", At: 33, Xor: vector.Hex{1}, Why: "another account's"},
		}
		return v
	}
	vector.Check(t, vectorFiles, "backup", write, func(v backupVector) error {
		var d vector.Differences
		content, err := OpenBackup(strings.Join(v.Text, "\n"), v.Passphrase)
		d.Failed(err)
		d.Bytes("content", content, v.Content)
		saved, err := ParseBackup(v.Content)
		if err != nil {
			return err
		}
		d.Bytes("secret", saved.Secret[:], v.Secret)
		d.Bytes("locator", saved.Locator.Bytes(), v.Locator)
		d.Bytes("shared", saved.private.shared.appendTo(nil), v.Shared)
		d.Bytes("contacts", saved.private.contacts.MarshalShared(), v.Contacts)
		d.Bytes("account", vectorBob().Backup(Secret(v.Secret), vectorContacts()), v.Content)
		d.Failed(vector.WantRefused([]byte(strings.Join(v.Text, "\n")), v.Refused, func(b []byte) error {
			_, err := OpenBackup(string(b), v.Passphrase)
			return err
		}))
		_, err = OpenBackup(strings.Join(v.Text, "\n"), v.Wrong)
		d.Failed(vector.WantError("wrong passphrase", ErrPassphrase.Error(), err))
		d.Failed(vector.WantRefused(v.Content, v.Plain, func(b []byte) error { _, err := ParseBackup(b); return err }))
		return d.Err()
	})
}

type nameVector struct {
	Raw   string `json:"raw"`
	Clean string `json:"clean"`
	Why   string `json:"why"`
}

func TestVectorNames(t *testing.T) {
	write := func() (out []nameVector) {
		for _, v := range []nameVector{
			{"Alice", "", "clean"},
			{"Zoë 🦋", "", "clean: any characters that show"},
			{" Alice ", "", "a space at either end"},
			{"Al\nice\tB", "", "white space"},
			{"Al\u00a0ice", "", "white space that is no plain space"},
			{"\u202eecilA", "", "an override of the direction"},
			{"Al\u200eice\u2066\u2069\ufeff\u061c\u200f", "", "marks of the direction"},
			{"Al\x00ice\x7f\u0085", "", "control characters; U+0085 is white space"},
			{strings.Repeat("ä", 33), "", "66 bytes: cut between characters"},
			{"  ", "", "nothing is left"},
		} {
			out = append(out, nameVector{v.Raw, CleanName(v.Raw), v.Why})
		}
		return out
	}
	vector.Check(t, vectorFiles, "names", write, func(list []nameVector) error {
		var d vector.Differences
		for _, v := range list {
			d.Equal(v.Why, CleanName(v.Raw), v.Clean)
			r := reader{b: append([]byte{byte(len(v.Raw))}, v.Raw...)}
			r.name()
			d.Equal(v.Why+": taken as it is", r.done(), v.Raw == v.Clean)
		}
		return d.Err()
	})
}

// The mailbox proof is what a relay checks.
func TestVectorProof(t *testing.T) {
	type proofVector struct {
		Seed      vector.Hex `json:"seed"`
		Key       vector.Hex `json:"key"`
		Address   vector.Hex `json:"address"`
		Origin    string     `json:"origin"`
		Nonce     vector.Hex `json:"nonce"`
		Signature vector.Hex `json:"signature"`
	}
	prove := func(seed [32]byte, origin string, nonce []byte) proofVector {
		m := mailboxFromSeed(seed)
		address := m.Address()
		key, signature := m.Prove(origin, nonce)
		return proofVector{seed[:], key, address[:], origin, nonce, signature}
	}
	vector.Check(t, vectorFiles, "proof", func() proofVector {
		nonce := vectorSeed("nonce")
		return prove(vectorSeed("mailbox"), "https://example.org", nonce[:])
	}, func(v proofVector) error {
		var d vector.Differences
		got := prove([32]byte(v.Seed), v.Origin, v.Nonce)
		d.Bytes("key", got.Key, v.Key)
		d.Bytes("address", got.Address, v.Address)
		d.Bytes("signature", got.Signature, v.Signature)
		address := Address(v.Address)
		d.Equal("signature verifies", ed25519.Verify(ed25519.PublicKey(v.Key), Statement(contextMailbox, []byte(v.Origin), v.Nonce, address[:]), v.Signature), true)
		return d.Err()
	})
}
