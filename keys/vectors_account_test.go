package keys

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"testing"

	"filippo.io/age"

	"ringfork/keys/vector"
)

type cardVector struct {
	Account vector.Hex       `json:"account"`
	Slot    vector.Hex       `json:"slot"`
	Secret  vector.Hex       `json:"secret"`
	Head    vector.Hex       `json:"head"`
	Bytes   vector.Hex       `json:"bytes"`
	Code    string           `json:"code"`
	Origin  string           `json:"origin"`
	Link    string           `json:"link"`
	Refused []vector.Refused `json:"refused"`
}

func TestVectorCard(t *testing.T) {
	write := func() cardVector {
		c := vectorAlice().Card()
		code := c.Code()
		return cardVector{c.Account[:], c.Slot[:], c.Secret[:], c.Head[:], c.Bytes(), code, "https://example.org", c.Link("https://example.org"),
			[]vector.Refused{
				{What: "flipped", Text: code[:40] + string(code[40]^1) + code[41:], Why: "typing error"},
				{What: "truncated", Text: code[:100], Why: "cut off after 100 of 163 characters"},
				{What: "longer", Text: code + "AAAA", Why: "4 characters too long"},
				{What: "wrong version", Text: "rf2" + code[3:], Why: "another version"},
				{What: "a linking code", Text: testLinkSecret().Code(), Why: "a card is a link with"},
			}}
	}
	vector.Check(t, vectorFiles, "card", write, func(v cardVector) error {
		var d vector.Differences
		c, err := CardFromBytes(v.Bytes)
		d.Failed(err)
		d.Bytes("account", c.Account[:], v.Account)
		d.Bytes("slot", c.Slot[:], v.Slot)
		d.Bytes("secret", c.Secret[:], v.Secret)
		d.Bytes("head", c.Head[:], v.Head)
		d.Bytes("bytes", c.Bytes(), v.Bytes)
		d.Equal("code", c.Code(), v.Code)
		d.Equal("link", c.Link(v.Origin), v.Link)
		for _, text := range []string{v.Code, v.Link, "call me: <" + v.Link + ">."} {
			got, err := ParseCard(text)
			d.Failed(err)
			d.Equal("parsed card", got == c, true)
		}
		for _, r := range v.Refused {
			_, err := ParseCard(r.Text)
			d.Failed(vector.WantError(r.What, r.Why, err))
		}
		return d.Err()
	})
}

type logVector struct {
	Entries []entryVector    `json:"entries"`
	Log     vector.Hex       `json:"log"`
	Devices []vector.Hex     `json:"devices"`
	Keys    []vector.Hex     `json:"keys"`
	Revoked []vector.Hex     `json:"revoked"`
	Added   int              `json:"added"`
	Refused []vector.Refused `json:"refused"`
}

type entryVector struct {
	What      string     `json:"what"`
	Entry     vector.Hex `json:"entry"`
	Signer    vector.Hex `json:"signer"`
	Seed      vector.Hex `json:"seed"` // of the signer
	Signature vector.Hex `json:"signature"`
	Hash      vector.Hex `json:"hash"`
}

func ids(list []DeviceID) (out []vector.Hex) {
	for _, id := range list {
		out = append(out, bytes.Clone(id[:]))
	}
	return out
}

func TestVectorLog(t *testing.T) {
	vector.Check(t, vectorFiles, "log", writeLog, func(v logVector) error {
		var d vector.Differences
		r := reader{b: v.Log}
		l := r.log()
		d.Equal("read to the end", r.done(), true)
		m, err := l.verify()
		d.Failed(err)
		d.Bytes("log", l.appendTo(nil), v.Log)
		for i, want := range [][]vector.Hex{v.Devices, v.Keys, v.Revoked} {
			got := ids([][]DeviceID{m.devices, m.keys, m.revoked}[i])
			d.Bytes("members", bytes.Join(rows(got), nil), bytes.Join(rows(want), nil))
		}
		d.Equal("added", int(m.added), v.Added)
		d.Equal("entries", len(l), len(v.Entries))
		again := deviceLog(nil)
		for i, e := range v.Entries {
			key := ed25519.NewKeyFromSeed(e.Seed)
			again = again.with(key, e.Entry[1], DeviceID(e.Entry[entrySize-32:]))
			d.Bytes("entry", again[i].entry, e.Entry)
			d.Bytes("signer", again[i].signer[:], e.Signer)
			d.Bytes("signature", again[i].signature, e.Signature)
			hash := sha256.Sum256(e.Entry)
			d.Bytes("hash", hash[:], e.Hash)
		}
		d.Bytes("log of the entries", again.appendTo(nil), v.Log)
		for _, c := range v.Refused {
			r := reader{b: c.Bytes}
			l := r.log()
			err := errors.New("malformed")
			if r.done() {
				_, err = l.verify()
			}
			d.Failed(vector.WantError(c.What, c.Why, err))
		}
		return d.Err()
	})
}

func rows(list []vector.Hex) (out [][]byte) {
	for _, b := range list {
		out = append(out, b)
	}
	return out
}

func writeLog() logVector {
	l := vectorBob().shared.log
	m, err := l.verify()
	if err != nil {
		panic(err)
	}
	v := logVector{Log: l.appendTo(nil), Devices: ids(m.devices), Keys: ids(m.keys), Revoked: ids(m.revoked), Added: int(m.added)}
	phone, laptop, login, stranger := vectorKey("bob phone"), vectorKey("bob laptop"), vectorSecret().signer(), vectorKey("stranger")
	what := []string{"the first device adds itself", "adds another device", "adds a key", "the key adds a device", "the other device revokes it"}
	signers := []ed25519.PrivateKey{phone, phone, phone, login, laptop}
	for i, e := range l {
		hash := sha256.Sum256(e.entry)
		v.Entries = append(v.Entries, entryVector{what[i], e.entry, bytes.Clone(e.signer[:]), signers[i].Seed(), e.signature, hash[:]})
	}
	refuse := func(what, why string, l deviceLog) {
		v.Refused = append(v.Refused, vector.Refused{What: what, Bytes: l.appendTo(nil), Why: why})
	}
	resigned := func(at int, key ed25519.PrivateKey, change func([]byte)) deviceLog {
		c := append(deviceLog{}, l[:3]...)
		e := bytes.Clone(c[at].entry)
		change(e)
		c[at] = signedEntry{e, publicID(key), ed25519.Sign(key, Statement(contextLog, e))}
		return c
	}
	signature := append(deviceLog{}, l[:3]...)
	signature[1].signature = bytes.Clone(signature[1].signature)
	signature[1].signature[0] ^= 1
	one, two := newLog(phone), l[:2]
	refuse("flipped signature", "bad signature", signature)
	refuse("no entry", "no entry", nil)
	refuse("wrong format", "unknown format", resigned(1, phone, func(e []byte) { e[0] = 1 }))
	refuse("unknown type", "unknown type", resigned(1, phone, func(e []byte) { e[1] = 4 }))
	refuse("wrong number", "does not follow", resigned(1, phone, func(e []byte) { e[5] = 2 }))
	refuse("wrong hash of the entry before", "does not follow", resigned(2, phone, func(e []byte) { e[6] ^= 1 }))
	refuse("first entry missing", "does not follow", l[1:])
	refuse("the first entry is signed by another", "begin", resigned(0, laptop, func([]byte) {}))
	refuse("signed by a stranger", "may not", resigned(1, stranger, func([]byte) {}))
	refuse("adds a device twice", "twice", two.with(laptop, entryDevice, publicID(phone)))
	refuse("adds a revoked device again", "twice", l.with(phone, entryDevice, publicID(vectorKey("bob old phone"))))
	refuse("signed by a revoked device", "may not", l.with(vectorKey("bob old phone"), entryDevice, publicID(stranger)))
	refuse("revokes a stranger", "no member", two.with(phone, entryRevoked, publicID(stranger)))
	refuse("revokes the last device", "last device", one.with(phone, entryRevoked, publicID(phone)))
	refuse("a key adds a key", "may not", l[:3].with(login, entryKey, publicID(stranger)))
	refuse("a key revokes", "may not", l[:3].with(login, entryRevoked, publicID(laptop)))
	good := two.appendTo(nil)
	v.Refused = append(v.Refused, vector.Refused{What: "truncated", Bytes: good[:len(good)-1], Why: "malformed"},
		vector.Refused{What: "a count of 255 and no entry", Bytes: vector.Hex{255}, Why: "malformed"})
	return v
}

type slotVector struct {
	Card    vector.Hex   `json:"card"`
	Value   vector.Hex   `json:"value"`
	Version uint64       `json:"version"`
	Writer  vector.Hex   `json:"writer"`
	Next    vector.Hex   `json:"next"`
	Content vector.Hex   `json:"content"` // log and head
	Head    headVector   `json:"head"`
	Devices []vector.Hex `json:"devices"`
	Expires int64        `json:"expires"`
	// Changes of the value, of its content and of the card, and other contents.
	Refused        []vector.Changed `json:"refused"`
	ChangedContent []vector.Changed `json:"changedContent"`
	RefusedCards   []vector.Changed `json:"refusedCards"`
	RefusedContent []vector.Refused `json:"refusedContent"`
}

type headVector struct {
	Sequence  uint64     `json:"sequence"`
	Boxes     uint32     `json:"boxes"`
	Entries   int        `json:"entries"`
	LogHead   vector.Hex `json:"logHead"`
	Inbox     vector.Hex `json:"inbox"`
	Recipient vector.Hex `json:"recipient"`
	Name      string     `json:"name"`
	Made      int64      `json:"made"`
	Signer    vector.Hex `json:"signer"`
	Signature vector.Hex `json:"signature"`
}

func TestVectorSlot(t *testing.T) {
	vector.Check(t, vectorFiles, "slot", writeSlot, func(v slotVector) error {
		var d vector.Differences
		card, err := CardFromBytes(v.Card)
		d.Failed(err)
		p, err := OpenSlot(card, v.Value)
		d.Failed(err)
		content, err := slot{card.Slot, card.Secret}.open(v.Value)
		d.Failed(err)
		d.Bytes("content", content, v.Content)
		d.Equal("version", SlotVersion(v.Value), v.Version)
		d.Bytes("writer", v.Value[8:40], v.Writer)
		d.Bytes("next", v.Value[40:72], v.Next)
		writer := addressOf(v.Writer)
		d.Bytes("slot", writer[:], card.Slot[:])
		d.Equal("signature", ed25519.Verify(ed25519.PublicKey(v.Writer), Statement(contextSlot, card.Slot[:], v.Value[:8], v.Next, v.Value[slotHeader:]), v.Value[72:slotHeader]), true)

		r := reader{b: v.Content}
		h := r.publicPart().head
		d.Equal("sequence", h.sequence, v.Head.Sequence)
		d.Equal("boxes", h.boxes, v.Head.Boxes)
		d.Equal("entries", h.entries, v.Head.Entries)
		d.Bytes("log head", h.logHead[:], v.Head.LogHead)
		d.Bytes("inbox", h.inbox[:], v.Head.Inbox)
		d.Bytes("recipient", h.recipient, v.Head.Recipient)
		d.Equal("name", h.name, v.Head.Name)
		d.Equal("made", h.made.Unix(), v.Head.Made)
		d.Bytes("signer", h.signer[:], v.Head.Signer)
		d.Bytes("signature", h.signature, v.Head.Signature)
		d.Bytes("devices", bytes.Join(rows(ids(p.Devices)), nil), bytes.Join(rows(v.Devices), nil))
		d.Equal("expires", p.Expires, v.Expires)
		d.Bytes("account", vectorBob().publicPart(vectorNow).appendTo(nil), v.Content)

		open := func(b []byte) error { _, err := OpenSlot(card, b); return err }
		d.Failed(vector.WantRefused(v.Value, v.Refused, open))
		d.Failed(vector.WantRefused(v.Card, v.RefusedCards, func(b []byte) error {
			c, err := CardFromBytes(b)
			if err == nil {
				_, err = OpenSlot(c, v.Value)
			}
			return err
		}))
		openContent := func(b []byte) error {
			value, err := vectorBob().shared.public.seal(slot{card.Slot, card.Secret}, nil, b)
			if err != nil {
				return err
			}
			return open(value)
		}
		d.Failed(vector.WantRefused(v.Content, v.ChangedContent, openContent))
		for _, c := range v.RefusedContent {
			d.Failed(vector.WantError(c.What, c.Why, openContent(c.Bytes)))
		}
		return d.Err()
	})
}

func writeSlot() slotVector {
	a := vectorBob()
	older := *a
	older.shared.public = older.shared.public[1:] // before the revocation
	first, err := older.SlotValue(nil, start)
	if err != nil {
		panic(err)
	}
	value, err := a.SlotValue(first, vectorNow)
	if err != nil {
		panic(err)
	}
	p := a.publicPart(vectorNow)
	h, content := p.head, p.appendTo(nil)
	v := slotVector{Card: a.Card().Bytes(), Value: value, Version: 2, Writer: value[8:40], Next: value[40:72], Content: content,
		Head:    headVector{h.sequence, h.boxes, h.entries, bytes.Clone(h.logHead[:]), bytes.Clone(h.inbox[:]), h.recipient, h.name, h.made.Unix(), bytes.Clone(h.signer[:]), h.signature},
		Devices: ids(a.members.devices), Expires: a.Public(vectorNow).Expires}
	const sealed = "secret does not open it"
	v.Refused = []vector.Changed{
		{What: "flipped in the nonce", At: slotHeader, Xor: vector.Hex{1}, Why: sealed},
		{What: "flipped in the sealed content", At: 1000, Xor: vector.Hex{1}, Why: sealed},
		{What: "truncated", Cut: 1, Why: "wrong size"},
		{What: "longer", Add: vector.Hex{0}, Why: "wrong size"},
	}
	v.RefusedCards = []vector.Changed{
		{What: "another account's", At: 0, Xor: vector.Hex{1}, Why: "another account"},
		{What: "another slot's", At: 32, Xor: vector.Hex{1}, Why: sealed},
		{What: "another secret", At: 52, Xor: vector.Hex{1}, Why: sealed},
		{What: "made of another log", At: 84, Xor: vector.Hex{1}, Why: "another one than the log seen before"},
	}
	refuse := func(what, why string, change func(p *publicPart)) {
		c := a.publicPart(vectorNow)
		change(&c)
		v.RefusedContent = append(v.RefusedContent, vector.Refused{What: what, Bytes: c.appendTo(nil), Why: why})
	}
	resign := func(p *publicPart) { p.head = p.head.sign(a.ID(), a.publicSlot().address, a.key) }
	refuse("another account's log", "another account", func(p *publicPart) { p.log = vectorAlice().shared.log })
	refuse("an older log under a newer head", "head is of another log", func(p *publicPart) { p.log = p.log[:4] })
	refuse("signed by a revoked device", "no device of the account", func(p *publicPart) { p.head = p.head.sign(a.ID(), a.publicSlot().address, vectorKey("bob old phone")) })
	refuse("signed by a key that only adds devices", "no device of the account", func(p *publicPart) { p.head = p.head.sign(a.ID(), a.publicSlot().address, vectorSecret().signer()) })
	refuse("signed for another slot", "bad signature", func(p *publicPart) { p.head = p.head.sign(a.ID(), vectorAlice().publicSlot().address, a.key) })
	refuse("a recipient that is no key", "not an age hybrid recipient", func(p *publicPart) {
		p.head.recipient = bytes.Repeat([]byte{0xff}, RecipientSize)
		resign(p)
	})
	at := len(a.shared.log.appendTo(nil))
	v.ChangedContent = []vector.Changed{
		{What: "flipped in the head", At: at + 8, Xor: vector.Hex{1}, Why: "bad signature"},
		{What: "wrong version of the head", At: at, Set: vector.Hex{headFormat + 1}, Why: ErrNewer.Error()},
		{What: "truncated", Cut: 1, Why: "malformed"},
		{What: "longer", Add: vector.Hex{1}, Why: "malformed"},
	}
	return v
}

// accountVector is an account as a profile keeps it, and what its seeds make.
type accountVector struct {
	Bytes          vector.Hex       `json:"bytes"`
	Device         vector.Hex       `json:"device"`
	DeviceSeed     vector.Hex       `json:"deviceSeed"`
	ID             vector.Hex       `json:"id"`
	Card           vector.Hex       `json:"card"`
	BoxSeed        vector.Hex       `json:"boxSeed"`
	Inbox          vector.Hex       `json:"inbox"`   // the mailbox for all
	Contact        vector.Hex       `json:"contact"` // another account
	Mailbox        vector.Hex       `json:"mailbox"` // the mailbox for that one
	SyncSeed       vector.Hex       `json:"syncSeed"`
	SyncMailbox    vector.Hex       `json:"syncMailbox"`
	SyncIdentity   string           `json:"syncIdentity"`
	InboxSeeds     []string         `json:"inboxIdentities"`
	InboxRecipient vector.Hex       `json:"inboxRecipient"` // of the first of them
	Private        vector.Hex       `json:"private"`        // the private part's slot
	Refused        []vector.Changed `json:"refused"`
}

func TestVectorAccount(t *testing.T) {
	write := func() accountVector {
		a := vectorBob()
		b, _ := a.MarshalBinary()
		inbox, box, private, sync := a.Inbox().Address(), a.MailboxFor(vectorAlice().ID()).Address(), a.PrivateAddress(), a.SyncMailbox().Address()
		id, device, contact := a.ID(), a.Device(), vectorAlice().ID()
		v := accountVector{Bytes: b, Device: device[:], DeviceSeed: a.local.device[:], ID: id[:], Card: a.Card().Bytes(),
			BoxSeed: a.shared.boxSeed[:], Inbox: inbox[:], Contact: contact[:], Mailbox: box[:],
			SyncSeed: a.shared.syncSeed[:], SyncMailbox: sync[:], SyncIdentity: a.SyncIdentity().String(), Private: private[:],
			InboxRecipient: a.Public(vectorNow).InboxRecipient}
		for _, e := range a.shared.epochs {
			v.InboxSeeds = append(v.InboxSeeds, HybridFromSeed(e.seed).String())
		}
		v.Refused = []vector.Changed{
			{What: "truncated", Cut: 1, Why: "malformed"},
			{What: "longer", Add: vector.Hex{0}, Why: "malformed"},
			{What: "newer version", Set: vector.Hex{accountFormat + 1}, Why: "newer version"},
			{What: "older version", Set: vector.Hex{1}, Why: "format is unknown"},
			{What: "newer version of what devices share", At: 101, Set: vector.Hex{sharedFormat + 1}, Why: "newer version"},
			{What: "a device that is not in the log", At: 1, Xor: vector.Hex{1}, Why: "removed from its account"},
			{What: "a time in the year 10,681", At: len(b) - RecipientSize - 8, Set: vector.Hex{0, 0, 0, 0x40, 0, 0, 0, 1}, Why: "malformed"},
		}
		return v
	}
	vector.Check(t, vectorFiles, "account", write, func(v accountVector) error {
		var d vector.Differences
		a, err := ParseAccount(v.Bytes)
		if err != nil {
			return err
		}
		b, _ := a.MarshalBinary()
		d.Bytes("bytes", b, v.Bytes)
		id, device := a.ID(), a.Device()
		d.Bytes("id", id[:], v.ID)
		d.Bytes("device", device[:], v.Device)
		d.Bytes("card", a.Card().Bytes(), v.Card)
		d.Bytes("device seed", a.local.device[:], v.DeviceSeed)
		d.Bytes("boxes", a.shared.boxSeed[:], v.BoxSeed)
		d.Bytes("sync", a.shared.syncSeed[:], v.SyncSeed)
		inbox, box, private, sync := a.Inbox().Address(), a.MailboxFor(AccountID(v.Contact)).Address(), a.PrivateAddress(), a.SyncMailbox().Address()
		d.Bytes("inbox", inbox[:], v.Inbox)
		d.Bytes("mailbox", box[:], v.Mailbox)
		d.Bytes("private", private[:], v.Private)
		d.Bytes("sync mailbox", sync[:], v.SyncMailbox)
		d.Equal("sync identity", a.SyncIdentity().String(), v.SyncIdentity)
		d.Equal("inbox identities", len(v.InboxSeeds), len(a.shared.epochs))
		for i, e := range a.shared.epochs {
			d.Equal("inbox identity", HybridFromSeed(e.seed).String(), v.InboxSeeds[i])
		}
		d.Bytes("inbox recipient", a.Public(vectorNow).InboxRecipient, v.InboxRecipient)
		mine, _ := vectorBob().MarshalBinary()
		d.Bytes("account", mine, v.Bytes)
		d.Failed(vector.WantRefused(v.Bytes, v.Refused, func(b []byte) error { _, err := ParseAccount(b); return err }))
		return d.Err()
	})
}

type privateVector struct {
	Account    vector.Hex       `json:"account"`
	Slot       vector.Hex       `json:"slot"`
	Secret     vector.Hex       `json:"secret"` // of the slot
	Value      vector.Hex       `json:"value"`
	Version    uint64           `json:"version"`
	Signer     vector.Hex       `json:"signer"`
	Identities []string         `json:"identities"` // each opens it
	Shared     vector.Hex       `json:"shared"`
	Contacts   vector.Hex       `json:"contacts"`
	Stranger   string           `json:"stranger"`     // an identity that does not
	Refused    []vector.Changed `json:"refused"`      // changes of the value
	Plain      []vector.Changed `json:"refusedPlain"` // changes of shared and contacts
}

func TestVectorPrivate(t *testing.T) {
	write := func() privateVector {
		a := vectorBob()
		value, err := a.privateValue(nil, vectorContacts())
		if err != nil {
			panic(err)
		}
		id, device, address := a.ID(), a.Device(), a.PrivateAddress()
		v := privateVector{Account: id[:], Slot: address[:], Secret: a.shared.outer[:], Value: value, Version: 1, Signer: device[:],
			Shared: a.shared.appendTo(nil), Contacts: vectorContacts().MarshalShared(), Stranger: HybridFromSeed(vectorSeed("stranger age")).String()}
		for _, who := range []string{"bob phone age", "bob laptop age"} {
			v.Identities = append(v.Identities, HybridFromSeed(vectorSeed(who)).String())
		}
		v.Identities = append(v.Identities, vectorSecret().identity().String())
		log := 1 + 8 + 1 + 3 + 32 + 32 + 2*(1+2*32) + 1 + 2*44 + 4 + 64
		second := log + 1 + 5*signedSize + 1 + 32 + 1 + 1 + len(a.shared.members[0].Label) + 8 + RecipientSize
		v.Refused = []vector.Changed{
			{What: "flipped", At: 2000, Xor: vector.Hex{1}, Why: "secret does not open it"},
			{What: "truncated", Cut: 1, Why: "wrong size"},
		}
		v.Plain = []vector.Changed{
			{What: "newer version", Set: vector.Hex{sharedFormat + 1}, Why: "newer version"},
			{What: "truncated", Cut: 1, Why: "malformed"},
			{What: "longer", Add: vector.Hex{0}, Why: "malformed"},
			{What: "flipped in the first entry of the log", At: log + 1 + 40, Xor: vector.Hex{1}, Why: "begin"},
			{What: "flipped in the first signature of the log", At: log + 1 + entrySize + 32, Xor: vector.Hex{1}, Why: "bad signature"},
			{What: "another member than the log's", At: log + 1 + 5*signedSize + 1, Xor: vector.Hex{1}, Why: "other members than the log"},
			{What: "a device called a login", At: log + 1 + 5*signedSize + 1 + 32, Set: vector.Hex{2}, Why: "other members than the log"},
			{What: "a member twice, another one not at all", At: second, Set: a.shared.members[0].ID[:], Why: "a member twice"},
			{What: "no member", At: log + 1 + 5*signedSize, Set: vector.Hex{0}, Why: "malformed"},
			{What: "nine pens", At: 1 + 8 + 1 + 3 + 32 + 32, Set: vector.Hex{9}, Why: "malformed"},
		}
		return v
	}
	vector.Check(t, vectorFiles, "private", write, func(v privateVector) error {
		var d vector.Differences
		s, id := slot{Address(v.Slot), [32]byte(v.Secret)}, AccountID(v.Account)
		d.Equal("version", SlotVersion(v.Value), v.Version)
		content, err := s.open(v.Value)
		if err != nil {
			return err
		}
		d.Bytes("signer", content[:32], v.Signer)
		for _, text := range v.Identities {
			identity, err := age.ParseHybridIdentity(text)
			if err != nil {
				return err
			}
			p, _, err := openPrivate(s, id, v.Value, identity)
			if err != nil {
				return err
			}
			d.Bytes("shared", p.shared.appendTo(nil), v.Shared)
			d.Bytes("contacts", p.Contacts().MarshalShared(), v.Contacts)
		}
		stranger, err := age.ParseHybridIdentity(v.Stranger)
		if err != nil {
			return err
		}
		if _, _, err := openPrivate(s, id, v.Value, stranger); !IsNotForUs(err) {
			d.Failed(errors.New("a stranger opens it"))
		}
		other := id
		other[0] ^= 1
		_, _, err = openPrivate(s, other, v.Value, stranger)
		d.Failed(vector.WantError("another account's", "bad signature", err))
		phone, _ := age.ParseHybridIdentity(v.Identities[0])
		d.Failed(vector.WantRefused(v.Value, v.Refused, func(b []byte) error { _, _, err := openPrivate(s, id, b, phone); return err }))
		d.Failed(vector.WantRefused(append(bytes.Clone(v.Shared), v.Contacts...), v.Plain, func(b []byte) error { _, _, err := parsePrivate(b, id); return err }))
		d.Bytes("account", vectorBob().shared.appendTo(nil), v.Shared)
		return d.Err()
	})
}

type secretVector struct {
	Secret   vector.Hex       `json:"secret"`
	Signer   vector.Hex       `json:"signer"` // the key in the account's log
	Identity string           `json:"identity"`
	Slot     vector.Hex       `json:"slot"`
	Value    vector.Hex       `json:"value"`
	Locator  vector.Hex       `json:"locator"`
	Card     vector.Hex       `json:"card"`
	Private  vector.Hex       `json:"private"`
	Outer    vector.Hex       `json:"outer"`
	Refused  []vector.Changed `json:"refused"`
}

func TestVectorSecret(t *testing.T) {
	write := func() secretVector {
		s, l := vectorSecret(), vectorBob().Locator()
		value, err := s.SlotValue(nil, l)
		if err != nil {
			panic(err)
		}
		signer, address := publicID(s.signer()), s.Address()
		return secretVector{s[:], signer[:], s.identity().String(), address[:], value, l.Bytes(), l.Card.Bytes(), l.Private[:], l.outer[:],
			[]vector.Changed{
				{What: "flipped", At: 500, Xor: vector.Hex{1}, Why: "secret does not open it"},
				{What: "truncated", Cut: 2048, Why: "wrong size"},
			}}
	}
	vector.Check(t, vectorFiles, "secret", write, func(v secretVector) error {
		var d vector.Differences
		s := Secret(v.Secret)
		signer, address := publicID(s.signer()), s.Address()
		d.Bytes("signer", signer[:], v.Signer)
		d.Bytes("slot", address[:], v.Slot)
		d.Equal("identity", s.identity().String(), v.Identity)
		l, err := s.OpenSlot(v.Value)
		d.Failed(err)
		d.Bytes("locator", l.Bytes(), v.Locator)
		d.Bytes("card", l.Card.Bytes(), v.Card)
		d.Bytes("private", l.Private[:], v.Private)
		d.Bytes("outer", l.outer[:], v.Outer)
		d.Equal("member", vectorBob().HasSecret(s), true)
		d.Failed(vector.WantRefused(v.Value, v.Refused, func(b []byte) error { _, err := s.OpenSlot(b); return err }))
		_, err = LocatorFromBytes(v.Locator[1:])
		d.Failed(vector.WantError("truncated locator", "wrong size", err))
		return d.Err()
	})
}
