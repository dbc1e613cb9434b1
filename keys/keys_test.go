package keys

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"testing"
	"time"

	"filippo.io/age"
)

func newAccount(t testing.TB, name string) *Account {
	t.Helper()
	return NewAccount(name, name+"'s device", start)
}

// start is when the tests begin.
var start = time.Unix(1_800_000_000, 0)

func TestAccountSurvivesMarshal(t *testing.T) {
	a := newAccount(t, "Alice")
	b, err := a.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseAccount(bytes.Clone(b))
	if err != nil {
		t.Fatal(err)
	}
	if again.ID() != a.ID() || again.Device() != a.Device() || again.LogHead() != a.LogHead() || again.Name() != "Alice" ||
		again.Card() != a.Card() || again.Inbox().Address() != a.Inbox().Address() {
		t.Error("the account changed")
	}
	if !bytes.Equal(again.Public(start).InboxRecipient, a.Public(start).InboxRecipient) {
		t.Error("the inbox recipient changed")
	}
	for n := range b {
		if _, err := ParseAccount(b[:n]); err == nil {
			t.Fatalf("the first %d bytes were accepted", n)
		}
	}
	if _, err := ParseAccount(append(b, 0)); err == nil {
		t.Error("a trailing byte was accepted")
	}
	newer := append([]byte{accountFormat + 1}, b[1:]...)
	if _, err := ParseAccount(newer); !errors.Is(err, ErrNewer) {
		t.Errorf("an account of a newer version gives %v", err)
	}
	b[1] ^= 1 // another device key: not in the log
	if _, err := ParseAccount(b); !errors.Is(err, ErrRevoked) {
		t.Errorf("an account whose device is not in its log gives %v", err)
	}
}

func TestAccountSigns(t *testing.T) {
	a := newAccount(t, "")
	msg := Statement("test", []byte("hello"))
	device := a.Device()
	if !ed25519.Verify(device[:], msg, a.Sign(msg)) {
		t.Error("the device key does not verify")
	}
	if a.ID() != AccountID(a.LogHead()) {
		t.Error("with one entry the log's head is the account's id")
	}
}

func TestMailboxProof(t *testing.T) {
	m := NewMailbox()
	address := m.Address()
	key, sig := m.Prove("http://127.0.0.1:1", []byte("nonce"))
	if addressOf(key) != address {
		t.Error("the key does not hash to the address")
	}
	// Written out by hand: this is what a relay checks.
	var msg []byte
	for _, f := range []string{"ringfork/1/mailbox", "http://127.0.0.1:1", "nonce", string(address[:])} {
		msg = append(msg, 0, 0, 0, byte(len(f)))
		msg = append(msg, f...)
	}
	if !ed25519.Verify(key, msg, sig) {
		t.Error("the proof does not verify")
	}
}

func TestHybridFromSeedIsDeterministic(t *testing.T) {
	seed := NewSeed()
	a, b := HybridFromSeed(seed), HybridFromSeed(seed)
	if a.String() != b.String() {
		t.Fatal("one seed made two identities")
	}
	if HybridFromSeed(NewSeed()).String() == a.String() {
		t.Fatal("two seeds made one identity")
	}
	raw := RecipientBytes(a.Recipient())
	if len(raw) != RecipientSize {
		t.Fatalf("the recipient has %d bytes", len(raw))
	}
	r, err := ParseRecipient(raw)
	if err != nil {
		t.Fatal(err)
	}
	if r.String() != a.Recipient().String() {
		t.Error("the recipient changed on its way")
	}
	var buf bytes.Buffer
	w, err := age.Encrypt(&buf, r)
	if err != nil {
		t.Fatal(err)
	}
	w.Write([]byte("hello"))
	w.Close()
	out, err := age.Decrypt(&buf, b)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	got.ReadFrom(out)
	if got.String() != "hello" {
		t.Errorf("got %q", got.String())
	}
}

func TestParseRecipientRefuses(t *testing.T) {
	raw := RecipientBytes(HybridFromSeed(NewSeed()).Recipient())
	for _, bad := range [][]byte{nil, raw[:1215], append(bytes.Clone(raw), 0), bytes.Repeat([]byte{0xff}, RecipientSize)} {
		if _, err := ParseRecipient(bad); err == nil {
			t.Errorf("%d bytes that are no key were accepted", len(bad))
		}
	}
	if _, err := (Public{}).Recipient(); err == nil {
		t.Error("an empty public part has a recipient")
	}
}

func TestNothingSecretIsPrinted(t *testing.T) {
	a := newAccount(t, "Alice")
	for _, s := range []string{a.String(), a.Card().String(), a.Inbox().String(), a.Locator().String(), Secret{}.String()} {
		if len(s) > 20 {
			t.Errorf("String gives %q", s)
		}
	}
}
