package keys

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"regexp"
	"testing"
)

// linking is the two ends of one linking, before the first message.
type linking struct {
	account   *Account
	device    ed25519.PrivateKey
	approver  *Approver
	open      LinkOpen
	requester *Requester
}

func newLinking(t testing.TB) *linking {
	a := newAccount(t, "Alice")
	_, device, _ := ed25519.GenerateKey(nil)
	l := &linking{account: a, device: device}
	l.approver, l.open = NewApprover(a.ID(), a.Device(), a.Sign)
	l.requester = NewRequester(device, RecipientBytes(HybridFromSeed(NewSeed()).Recipient()), " Laptop\n")
	return l
}

// wire returns a message as it comes out at the other end.
func wire(t testing.TB, m LinkMessage) LinkMessage {
	t.Helper()
	b, err := m.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseLinkMessage(b)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// reply returns what an end says to a message.
func reply(t testing.TB, take func(LinkMessage) (LinkMessage, error), m LinkMessage) LinkMessage {
	t.Helper()
	next, err := take(wire(t, m))
	if err != nil {
		t.Fatal(err)
	}
	return next
}

func TestLink(t *testing.T) {
	l := newLinking(t)
	if l.approver.ShortCode() != "" || l.requester.ShortCode() != "" {
		t.Error("there is a short code before there is anything to compare")
	}
	ask := reply(t, l.requester.Take, l.open)
	reveal := reply(t, l.approver.Take, ask)
	reply(t, l.requester.Take, reveal)

	code := l.approver.ShortCode()
	if !regexp.MustCompile(`^\d{3} \d{3}$`).MatchString(code) || l.requester.ShortCode() != code {
		t.Errorf("the short codes are %q and %q", code, l.requester.ShortCode())
	}
	if account, device := l.requester.Approver(); account != l.account.ID() || device != l.account.Device() {
		t.Error("the requester takes the approver for another")
	}
	asked, ok := l.approver.Ask()
	if !ok || asked.Label != "Laptop" || asked.Device != DeviceID(l.device.Public().(ed25519.PublicKey)) ||
		!bytes.Equal(asked.Reply, RecipientBytes(l.requester.ReplyIdentity().Recipient())) {
		t.Error("the approver takes the requester for another")
	}
	if l.requester.Grant() != nil {
		t.Error("there is a grant before it was given")
	}
	grant, err := l.approver.Approve([]byte("come in"))
	if err != nil {
		t.Fatal(err)
	}
	if reply(t, l.requester.Take, grant); string(l.requester.Grant()) != "come in" {
		t.Errorf("the grant is %q", l.requester.Grant())
	}
}

func TestLinkRejected(t *testing.T) {
	l := newLinking(t)
	if _, err := l.approver.Reject(); err == nil {
		t.Error("nobody was rejected")
	}
	reply(t, l.requester.Take, reply(t, l.approver.Take, reply(t, l.requester.Take, l.open)))
	for _, n := range []int{0, MaxGrant + 1} {
		if _, err := l.approver.Approve(make([]byte, n)); err == nil {
			t.Errorf("a grant of %d bytes was given", n)
		}
	}
	no, err := l.approver.Reject()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.requester.Take(wire(t, no)); !errors.Is(err, ErrLinkRejected) || l.requester.Grant() != nil {
		t.Errorf("got %v", err)
	}
	if _, err := l.approver.Approve([]byte("after all")); err == nil {
		t.Error("the owner answered twice")
	}
}

// Every message that is not the next one is refused, and changes nothing.
func TestLinkRefusesWrongOrder(t *testing.T) {
	l := newLinking(t)
	other := newLinking(t)
	otherAsk := reply(t, other.requester.Take, other.open)
	otherReveal := reply(t, other.approver.Take, otherAsk)
	reply(t, other.requester.Take, otherReveal)
	otherGrant, _ := other.approver.Approve([]byte("come in"))

	refuse := func(who string, take func(LinkMessage) (LinkMessage, error), messages ...LinkMessage) {
		t.Helper()
		for _, m := range messages {
			if next, err := take(m); !errors.Is(err, ErrLinkMessage) || next != nil {
				t.Errorf("the %s took a %T: %v", who, m, err)
			}
		}
	}
	refuse("requester", l.requester.Take, LinkHere{}, otherAsk, otherReveal, otherGrant, nil)
	refuse("approver", l.approver.Take, LinkHere{}, l.open, otherReveal, otherGrant, otherAsk, nil)
	ask := reply(t, l.requester.Take, l.open)
	refuse("requester", l.requester.Take, l.open, other.open, ask, otherReveal, otherGrant)
	reveal := reply(t, l.approver.Take, ask)
	refuse("approver", l.approver.Take, LinkHere{}, ask, otherAsk, reveal)
	reply(t, l.requester.Take, reveal)
	code := l.requester.ShortCode()
	refuse("requester", l.requester.Take, l.open, reveal, otherReveal, otherGrant)
	if l.requester.ShortCode() != code || l.approver.ShortCode() != code {
		t.Error("a refused message changed the short code")
	}
	grant, _ := l.approver.Approve([]byte("come in"))
	reply(t, l.requester.Take, grant)
	refuse("requester", l.requester.Take, grant, l.open, reveal)
}

// A middleman changes one bit of one message: it is refused, or the two ends show different codes. In the test they are compared
// in full, where an owner compares six digits.
func TestLinkDetectsChanges(t *testing.T) {
	l := newLinking(t)
	_, middleman, _ := ed25519.GenerateKey(nil)
	run := func(change func(LinkMessage) LinkMessage) (same bool, err error) {
		approver, requester := *l.approver, *l.requester
		var m LinkMessage = l.open
		for _, take := range []func(LinkMessage) (LinkMessage, error){requester.Take, approver.Take, requester.Take} {
			if m, err = take(change(m)); err != nil {
				return false, err
			}
		}
		grant, _ := approver.Approve([]byte("come in"))
		if _, err := requester.Take(change(grant)); err != nil {
			return false, err
		}
		return approver.transcript == requester.transcript && string(requester.Grant()) == "come in", nil
	}
	if same, err := run(func(m LinkMessage) LinkMessage { return m }); !same || err != nil {
		t.Fatalf("an honest run fails: %v", err)
	}
	for kind := kindOpen; kind <= kindGrant; kind++ {
		size := 0
		run(func(m LinkMessage) LinkMessage {
			if b := m.append(nil); int(b[1]) == kind {
				size = len(b)
			}
			return m
		})
		for at := 2; at < size; at += max(1, size/150) {
			same, err := run(func(m LinkMessage) LinkMessage {
				b := m.append(nil)
				if int(b[1]) != kind {
					return m
				}
				b[at] ^= 1
				changed, err := ParseLinkMessage(b)
				if err != nil {
					return nil
				}
				return changed
			})
			if same || err != nil && !errors.Is(err, ErrLinkMessage) && !errors.Is(err, ErrLinkRejected) {
				t.Errorf("byte %d of message %d was changed: %v", at, kind, err)
			}
		}
	}

	// Fields replaced by good ones of the middleman's, signed by whom it can.
	mine := func(m LinkAsk) LinkMessage {
		m.Device = DeviceID(middleman.Public().(ed25519.PublicKey))
		m.Proof = [64]byte(ed25519.Sign(middleman, m.statement(l.open)))
		return m
	}
	recipient := RecipientBytes(HybridFromSeed(NewSeed()).Recipient())
	for name, change := range map[string]func(LinkMessage) LinkMessage{
		"commit": func(m LinkMessage) LinkMessage {
			if _, ok := m.(LinkOpen); ok {
				return LinkOpen{NewSeed()}
			}
			return m
		},
		"device": askChange(func(m LinkAsk) LinkMessage { return mine(m) }),
		"nonce":  askChange(func(m LinkAsk) LinkMessage { m.Nonce = NewSeed(); return mine(m) }),
		"recipient": askChange(func(m LinkAsk) LinkMessage {
			m.Recipient = recipient
			return mine(m)
		}),
		"reply": askChange(func(m LinkAsk) LinkMessage { m.Reply = recipient; return mine(m) }),
		"label": askChange(func(m LinkAsk) LinkMessage { m.Label = "Lapdog"; return mine(m) }),
		"reply under its signature": askChange(func(m LinkAsk) LinkMessage {
			m.Reply = recipient
			return m
		}),
		"account": revealChange(func(m LinkReveal) LinkMessage { m.Account[0] ^= 1; return m }),
		"approver": revealChange(func(m LinkReveal) LinkMessage {
			m.Device = DeviceID(middleman.Public().(ed25519.PublicKey))
			return m
		}),
		"grant": func(m LinkMessage) LinkMessage {
			if g, ok := m.(LinkGrant); ok {
				g.Grant = []byte("my account")
				g.Signature = [64]byte(ed25519.Sign(middleman, g.statement(l.approver.transcript)))
				return g
			}
			return m
		},
	} {
		if same, err := run(change); same {
			t.Errorf("%s: nobody noticed: %v", name, err)
		}
	}
}

func askChange(f func(LinkAsk) LinkMessage) func(LinkMessage) LinkMessage {
	return func(m LinkMessage) LinkMessage {
		if ask, ok := m.(LinkAsk); ok {
			return f(ask)
		}
		return m
	}
}

func revealChange(f func(LinkReveal) LinkMessage) func(LinkMessage) LinkMessage {
	return func(m LinkMessage) LinkMessage {
		if reveal, ok := m.(LinkReveal); ok {
			return f(reveal)
		}
		return m
	}
}

// A middleman that plays both parts wants the two codes to be equal, here the first two digits of each. It knows everything the
// requester will compute with once it has its LinkAsk, and may try as many LinkReveals as it wants: only the one it
// committed to before is taken.
func TestLinkMiddlemanCannotSearch(t *testing.T) {
	l := newLinking(t)
	mallory := newAccount(t, "Mallory")
	_, device, _ := ed25519.GenerateKey(nil)
	middleRequester := NewRequester(device, RecipientBytes(HybridFromSeed(NewSeed()).Recipient()), "Laptop")

	// Towards the approver first: it gives its reveal, and so its code, only for an ask that then stands.
	reply(t, l.approver.Take, reply(t, middleRequester.Take, l.open))
	want := l.approver.ShortCode()[:2]
	_, second, _ := ed25519.GenerateKey(nil)
	if _, err := l.approver.Take(reply(t, NewRequester(second, middleRequester.ask.Recipient, "").Take, l.open)); err == nil {
		t.Fatal("the approver gave a second code")
	}

	// Then towards the requester, with a target in hand.
	middleApprover, open := NewApprover(mallory.ID(), mallory.Device(), mallory.Sign)
	ask := reply(t, l.requester.Take, open).(LinkAsk)
	found := 0
	for range 2000 {
		try := LinkReveal{NewSeed(), mallory.ID(), mallory.Device()}
		if shortCode(transcriptOf(open, ask, try))[:2] != want {
			continue
		}
		found++ // without the commitment the owner would see what they expect
		if _, err := l.requester.Take(try); !errors.Is(err, ErrLinkMessage) {
			t.Fatal("a reveal was taken that nobody committed to")
		}
	}
	if found == 0 {
		t.Fatal("the search found nothing even without the commitment: this test shows nothing")
	}
	reply(t, l.requester.Take, reply(t, middleApprover.Take, ask))
	if sameHash(l.requester.transcript, l.approver.transcript) {
		t.Error("the two ends agree")
	}
}

func TestLinkEnds(t *testing.T) {
	s := NewLinkSecret()
	a, r := s.Approver(), s.Requester()
	if a.Mailbox.Address() == r.Mailbox.Address() || a.Identity.String() == r.Identity.String() {
		t.Error("the two ends are one")
	}
	if again := s.Approver(); again.Mailbox.Address() != a.Mailbox.Address() || again.Identity.String() != a.Identity.String() {
		t.Error("one secret makes two ends")
	}
	if other := NewLinkSecret().Approver(); other.Mailbox.Address() == a.Mailbox.Address() {
		t.Error("two secrets make one end")
	}
	if got := fmt.Sprint(s); got != "keys.LinkSecret" {
		t.Errorf("the secret is printed as %s", got)
	}
}

func FuzzParseLinkMessage(f *testing.F) {
	l := newLinking(f)
	ask := reply(f, l.requester.Take, l.open)
	reveal := reply(f, l.approver.Take, ask)
	grant, _ := l.approver.Approve([]byte("come in"))
	for _, m := range []LinkMessage{LinkHere{}, l.open, ask, reveal, grant} {
		f.Add(m.append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseLinkMessage(b)
		if err != nil {
			if !errors.Is(err, ErrLinkMessage) {
				t.Fatal(err)
			}
			return
		}
		if got, _ := m.MarshalBinary(); !bytes.Equal(got, b) {
			t.Fatalf("got %x, want %x", got, b)
		}
		for _, take := range []func(LinkMessage) (LinkMessage, error){newLinking(t).approver.Take, l.requester.Take} {
			if _, err := take(m); err != nil && !errors.Is(err, ErrLinkMessage) {
				t.Fatal(err)
			}
		}
	})
}
