package keys

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"slices"
	"testing"
	"time"

	"filippo.io/age"
)

// household is an account with several devices and the slots of an honest relay.
type household struct {
	t       testing.TB
	private []byte
	public  []byte
}

// write makes a change on one device as a driver would: read, adopt, change, write.
func (h *household) write(a *Account, contacts *Contacts, change func(*Account) error) {
	h.t.Helper()
	h.read(a)
	if change != nil {
		if err := change(a); err != nil {
			h.t.Fatal(err)
		}
	}
	if a.KeyDue() {
		a.RefreshKey()
	}
	value, err := a.PrivateValue(h.private, contacts)
	if err != nil {
		h.t.Fatal(err)
	}
	a.Written()
	h.private = value
	if h.public, err = a.SlotValue(h.public, start); err != nil {
		h.t.Fatal(err)
	}
}

// read adopts what others wrote.
func (h *household) read(a *Account) (newer bool) {
	h.t.Helper()
	if h.private == nil {
		return false
	}
	p, err := a.OpenPrivate(h.private)
	if err == nil {
		newer, err = a.Adopt(p)
	}
	if err != nil {
		h.t.Fatal(err)
	}
	return newer
}

// join adds a device by the hand of another one.
func (h *household) join(by *Account, label string) *Account {
	h.t.Helper()
	j := NewJoiner(label)
	h.write(by, &Contacts{}, func(a *Account) error { return a.AddDevice(j.Device(), start) })
	a, _, err := j.Open(by.Locator(), h.private)
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

func TestDevicesShareAnAccount(t *testing.T) {
	h := &household{t: t}
	phone := newAccount(t, "Bob")
	h.write(phone, &Contacts{}, nil)
	friend := newAccount(t, "Alice")
	var list Contacts
	if err := list.Add(contactOf(friend, "Alice")); err != nil {
		t.Fatal(err)
	}
	j := NewJoiner("laptop")
	h.write(phone, &list, func(a *Account) error { return a.AddDevice(j.Device(), start) })
	laptop, contacts, err := j.Open(phone.Locator(), h.private)
	if err != nil {
		t.Fatal(err)
	}
	if laptop.ID() != phone.ID() || laptop.Device() == phone.Device() || laptop.Label() != "laptop" ||
		laptop.Card() != phone.Card() || laptop.Inbox().Address() != phone.Inbox().Address() ||
		laptop.SyncIdentity().String() != phone.SyncIdentity().String() ||
		laptop.MailboxFor(friend.ID()).Address() != phone.MailboxFor(friend.ID()).Address() {
		t.Error("the two devices do not have one account")
	}
	if got := contacts.List(); len(got) != 1 || got[0].Name != "Alice" || got[0].Card != friend.Card() {
		t.Errorf("the new device got contacts %v", got)
	}
	if phone.MailboxFor(friend.ID()).Address() == phone.MailboxFor(laptop.ID()).Address() ||
		phone.MailboxFor(friend.ID()).Address() == phone.Inbox().Address() {
		t.Error("two contacts are told one mailbox")
	}
	p, err := OpenSlot(phone.Card(), h.public)
	if err != nil || len(p.Devices) != 2 || !p.Has(laptop.Device()) {
		t.Errorf("contacts see %d devices, %v", len(p.Devices), err)
	}
	labels := []string{}
	for _, m := range laptop.Members() {
		labels = append(labels, m.Label)
	}
	if !slices.Equal(labels, []string{"Bob's device", "laptop"}) {
		t.Errorf("members %q", labels)
	}
	// What the laptop changes the phone learns.
	h.write(laptop, &Contacts{}, func(a *Account) error { a.SetName("Robert"); return nil })
	if !h.read(phone) || phone.Name() != "Robert" || h.read(phone) {
		t.Error("the change was not adopted, once")
	}
}

// TestMembersRunOut fills an account with members, which makes room by a revocation, and then its log, which never does.
func TestMembersRunOut(t *testing.T) {
	a := NewAccount("Alice", "laptop", start)
	var last DeviceID
	for len(a.Members()) < MaxMembers {
		d := NewJoiner("").Device()
		if err := a.AddDevice(d, start); err != nil {
			t.Fatalf("member %d: %v", len(a.Members()), err)
		}
		last = d.ID
	}
	for what, err := range map[string]error{
		"device": a.AddDevice(NewJoiner("").Device(), start),
		"login":  a.AddSecret(Secret{1}, LoginMember, "", start),
		"backup": a.AddSecret(Secret{2}, BackupMember, "", start),
	} {
		if !errors.Is(err, ErrFull) {
			t.Errorf("one %s too many: %v", what, err)
		}
	}
	for n := 0; ; n++ {
		if err := a.Revoke(last, start); err != nil {
			t.Fatal(err)
		}
		d := NewJoiner("").Device()
		if err := a.AddDevice(d, start); err != nil {
			if !errors.Is(err, ErrUsedUp) || n < 100 {
				t.Errorf("after %d revocations: %v", n, err)
			}
			break
		}
		last = d.ID
	}
	for _, m := range a.Members() { // there is always room to revoke
		if err := a.Revoke(m.ID, start); err != nil && m.ID != a.Device() {
			t.Errorf("the log has no room for a revocation: %v", err)
		}
	}
}

func TestRevoke(t *testing.T) {
	h := &household{t: t}
	phone := newAccount(t, "Bob")
	h.write(phone, &Contacts{}, nil)
	laptop, stolen := h.join(phone, "laptop"), h.join(phone, "stolen")
	before := phone.Clone()
	friend := NewSeed()
	h.write(phone, &Contacts{}, func(a *Account) error { return a.Revoke(stolen.Device(), start) })

	if phone.Inbox().Address() == before.Inbox().Address() || phone.MailboxFor(friend).Address() == before.MailboxFor(friend).Address() ||
		phone.SyncMailbox().Address() == before.SyncMailbox().Address() || phone.SyncIdentity().String() == before.SyncIdentity().String() ||
		phone.Boxes() != before.Boxes()+1 {
		t.Error("addresses or keys are as before")
	}
	if ids := phone.InboxIdentities(); len(ids) != 1 {
		t.Errorf("%d inbox keys are left, want the new one only", len(ids))
	}
	if phone.Card().Slot != before.Card().Slot || phone.PrivateAddress() != before.PrivateAddress() {
		t.Error("the slots moved")
	}
	if _, err := stolen.OpenPrivate(h.private); !IsNotForUs(err) {
		t.Errorf("the revoked device opens the private part: %v", err)
	}
	if state, err := stolen.JudgeSlot(h.public, start); err != nil || state != SlotAhead {
		t.Errorf("the revoked device finds the slot %v, %v", state, err)
	}
	if p, err := OpenSlot(stolen.Card(), h.public); err != nil || p.Has(stolen.Device()) || !p.Has(laptop.Device()) {
		t.Errorf("contacts see the revoked device: %v", err)
	}
	// It has no pen for either slot, and what it signs with its old log nobody follows.
	if _, err := stolen.SlotValue(h.public, start); err == nil {
		t.Error("the revoked device wrote the account's slot")
	}
	if _, err := stolen.PrivateValue(h.private, &Contacts{}); err == nil {
		t.Error("the revoked device wrote the private part")
	}
	stolen.shared.member(phone.Device()).recipient = phone.shared.member(phone.Device()).recipient // should it have learned that
	forged, err := stolen.PrivateValue(nil, &Contacts{})                                           // for a relay that takes anything
	if err != nil {
		t.Fatal(err)
	}
	if _, err := phone.OpenPrivate(forged); !errors.Is(err, ErrSlot) {
		t.Errorf("a private part by the revoked device gives %v", err)
	}
	if err := stolen.AddDevice(NewJoiner("x").Device(), start); err != nil {
		t.Fatal(err)
	}
	forked, err := stolen.PrivateValue(nil, &Contacts{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := phone.OpenPrivate(forked); !errors.Is(err, ErrForked) {
		t.Errorf("a log forked by the revoked device gives %v", err)
	}
	// The other device slept, and goes on.
	if !h.read(laptop) || laptop.LogHead() != phone.LogHead() || laptop.Inbox().Address() != phone.Inbox().Address() {
		t.Error("the other device does not follow")
	}
	if phone.Revoke(stolen.Device(), start) == nil || phone.Revoke(phone.Device(), start) == nil {
		t.Error("one that is no member, or itself, was revoked")
	}
	if err := phone.AddDevice(NewDevice{stolen.Device(), RecipientBytes(HybridFromSeed(NewSeed()).Recipient()), ""}, start); err == nil {
		t.Error("a revoked device came back")
	}
}

func TestRotate(t *testing.T) {
	h := &household{t: t}
	phone := newAccount(t, "Bob")
	h.write(phone, &Contacts{}, nil)
	laptop := h.join(phone, "laptop")
	now, address := start, phone.Inbox().Address()
	var keysSeen []string
	key := func(a *Account) string { return string(a.Public(now).InboxRecipient) }
	keysSeen = append(keysSeen, key(phone))
	for range 3 {
		if phone.RotationDue(now.Add(RotateEvery - time.Second)) {
			t.Fatal("a rotation is due too early")
		}
		now = now.Add(RotateEvery)
		if !phone.RotationDue(now) {
			t.Fatal("no rotation is due")
		}
		own := string(phone.shared.member(phone.Device()).recipient)
		h.write(phone, &Contacts{}, func(a *Account) error { a.Rotate(now); return nil })
		if slices.Contains(keysSeen, key(phone)) || phone.Inbox().Address() != address {
			t.Error("the inbox key is an old one, or its address changed")
		}
		if string(phone.shared.member(phone.Device()).recipient) == own || phone.KeyDue() {
			t.Error("the device's own key did not change with it")
		}
		keysSeen = append(keysSeen, key(phone))
	}
	if ids := phone.InboxIdentities(); len(ids) != 3 {
		t.Errorf("%d inbox keys are kept", len(ids))
	}
	if !h.read(laptop) || key(laptop) != keysSeen[3] {
		t.Error("a device that slept through three rotations does not catch up")
	}
	if !laptop.KeyDue() {
		t.Error("a device that slept has its key of before")
	}
	h.write(laptop, &Contacts{}, nil)
	if laptop.KeyDue() || !h.read(phone) {
		t.Error("its new key is not there")
	}
}

// TestKeyChangeInterrupted stops a device at every point of changing its own key: it never locks itself out.
func TestKeyChangeInterrupted(t *testing.T) {
	h := &household{t: t}
	phone := newAccount(t, "Bob")
	h.write(phone, &Contacts{}, nil)
	laptop := h.join(phone, "laptop")
	h.write(phone, &Contacts{}, func(a *Account) error { a.Rotate(start); return nil })
	h.read(laptop)
	stored := laptop.Clone()
	stored.RefreshKey() // stored, and then the page is gone
	h.write(phone, &Contacts{}, nil)
	h.read(stored) // sealed to the old key
	if !stored.KeyDue() {
		t.Error("the new key is not told any more")
	}
	written := stored.Clone()
	h.write(written, &Contacts{}, nil) // written, and then the page is gone before Written was stored
	h.write(phone, &Contacts{}, nil)   // sealed to the new key
	h.read(stored)
	if stored.KeyDue() {
		t.Error("a key that is in use waits to be told")
	}
}

func TestPrivateRefuses(t *testing.T) {
	h := &household{t: t}
	phone, other := newAccount(t, "Bob"), newAccount(t, "Alice")
	h.write(phone, &Contacts{}, nil)
	old := h.private
	h.write(phone, &Contacts{}, func(a *Account) error { a.SetName("Robert"); return nil })
	if p, err := phone.OpenPrivate(old); err != nil {
		t.Error(err)
	} else if newer, err := phone.Adopt(p); newer || err != nil || phone.Name() != "Robert" {
		t.Errorf("an old private part was adopted: %v", err)
	}
	value, err := other.PrivateValue(nil, &Contacts{})
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string][]byte{"another's": value, "nothing": nil, "cut": h.private[:4096]} {
		if _, err := phone.OpenPrivate(v); len(v) != len(h.private) && err == nil || bytes.Equal(v, value) && err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for at := slotHeader; at < len(h.private); at += 311 {
		bad := bytes.Clone(h.private)
		bad[at] ^= 1
		if _, err := phone.OpenPrivate(bad); !errors.Is(err, ErrSlot) {
			t.Fatalf("byte %d changed: %v", at, err)
		}
	}
}

func TestSecret(t *testing.T) {
	h := &household{t: t}
	phone := newAccount(t, "Bob")
	s := Secret(NewSeed())
	h.write(phone, &Contacts{}, func(a *Account) error { return a.AddSecret(s, LoginMember, "", start) })
	value, err := s.SlotValue(nil, phone.Locator())
	if err != nil || addressOf(value[8:40]) != s.Address() {
		t.Fatal("the secret's slot is not its own", err)
	}
	locator, err := s.OpenSlot(value)
	if err != nil || locator != phone.Locator() {
		t.Fatal("the secret does not lead to the account", err)
	}
	if _, err := Secret(NewSeed()).OpenSlot(value); !errors.Is(err, ErrSlot) {
		t.Errorf("another secret gives %v", err)
	}
	j := NewJoiner("kiosk")
	kiosk, _, err := j.Enter(locator, s, h.private, start)
	if err != nil {
		t.Fatal(err)
	}
	if h.private, err = kiosk.PrivateValue(h.private, &Contacts{}); err != nil {
		t.Fatal(err)
	}
	if !h.read(phone) || !phone.Has(kiosk.Device()) || !phone.HasSecret(s) {
		t.Error("the new device is not in the account")
	}
	h.write(phone, &Contacts{}, func(a *Account) error { return a.Revoke(publicID(s.signer()), start) })
	if _, _, err := NewJoiner("late").Enter(locator, s, h.private, start); !IsNotForUs(err) {
		t.Errorf("a revoked secret gives %v", err)
	}
}

func TestBackupHoldsTheAccount(t *testing.T) {
	h := &household{t: t}
	phone, friend := newAccount(t, "Bob"), newAccount(t, "Alice")
	var list Contacts
	if err := list.Add(contactOf(friend, "Alice")); err != nil {
		t.Fatal(err)
	}
	s := Secret(NewSeed())
	h.write(phone, &list, func(a *Account) error { return a.AddSecret(s, BackupMember, "", start) })
	b := phone.Backup(s, &list)
	saved, err := ParseBackup(b)
	if err != nil {
		t.Fatal(err)
	}
	j := NewJoiner("third")
	a, contacts, err := saved.Enter(j, start)
	if err != nil || a.ID() != phone.ID() || len(contacts.List()) != 1 {
		t.Fatalf("the backup alone does not give the account: %v", err)
	}
	a, _, err = NewJoiner("fourth").Enter(saved.Locator, saved.Secret, h.private, start)
	if err != nil || a.ID() != phone.ID() {
		t.Fatalf("the backup does not lead to the account: %v", err)
	}
	if _, err := ParseBackup(append([]byte{backupFormat + 1}, b[1:]...)); !errors.Is(err, ErrNewer) {
		t.Errorf("a backup of a newer version gives %v", err)
	}
	for _, n := range []int{0, 1, 40, 200, len(b) - 1} {
		if _, err := ParseBackup(b[:n]); err == nil {
			t.Errorf("the first %d bytes were accepted", n)
		}
	}
}

// What a newer version wrote is told apart from what is damaged, if it is a device of the account that wrote it: it must not be
// written over.
func TestNewerPrivatePart(t *testing.T) {
	a := vectorBob()
	sealed := func(writer ed25519.PrivateKey, change func([]byte) []byte) []byte {
		plain := change(append(a.shared.appendTo(nil), (&Contacts{}).MarshalShared()...))
		var file bytes.Buffer
		w, err := age.Encrypt(&file, HybridFromSeed(a.local.age).Recipient())
		if err != nil {
			t.Fatal(err)
		}
		w.Write(plain)
		w.Close()
		id := publicID(writer)
		content := append(id[:], ed25519.Sign(writer, privateStatement(a.ID(), file.Bytes()))...)
		value, err := a.shared.private.seal(a.privateSlot(), nil, append(content, file.Bytes()...))
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
	contacts := len(a.shared.appendTo(nil))
	for name, c := range map[string]struct {
		writer string
		change func([]byte) []byte
		newer  bool
	}{
		"newer":               {"bob laptop", func(b []byte) []byte { b[0]++; return b }, true},
		"newer contacts":      {"bob laptop", func(b []byte) []byte { b[contacts]++; return b }, true},
		"of a revoked device": {"bob old phone", func(b []byte) []byte { b[0]++; return b }, false},
		"damaged":             {"bob laptop", func(b []byte) []byte { return b[:contacts] }, false},
	} {
		_, err := a.OpenPrivate(sealed(vectorKey(c.writer), c.change))
		if !errors.Is(err, ErrSlot) || errors.Is(err, ErrNewer) != c.newer {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What an account is, what its devices share and what a backup holds are encoded in one way only.
func FuzzPrivate(f *testing.F) {
	a := vectorBob()
	account, _ := a.MarshalBinary()
	f.Add(append(a.shared.appendTo(nil), vectorContacts().MarshalShared()...))
	f.Add(account)
	f.Add(a.Backup(vectorSecret(), vectorContacts()))
	f.Fuzz(func(t *testing.T, b []byte) {
		same := func(got, want []byte) {
			if !bytes.Equal(got, want) {
				t.Fatalf("got %x, want %x", got, want)
			}
		}
		r := reader{b: b}
		if s := r.shared(); r.ok() {
			same(s.appendTo(nil), b[:len(b)-len(r.b)])
		}
		if p, _, err := parsePrivate(b, a.ID()); err == nil {
			same(append(p.shared.appendTo(nil), p.contacts.MarshalShared()...), b)
		}
		if a, err := ParseAccount(b); err == nil {
			got, _ := a.MarshalBinary()
			same(got, b)
			if a.Clone(); a.Label() != a.shared.member(a.Device()).Label {
				t.Fatal("the device is no member")
			}
			a.Public(start)
		}
		if s, err := ParseBackup(b); err == nil {
			got := append([]byte{backupFormat}, s.Secret[:]...)
			got = append(got, s.Locator.Bytes()...)
			same(append(s.private.shared.appendTo(got), s.private.contacts.MarshalShared()...), b)
			s.Enter(NewJoiner(""), start)
		}
	})
}
