package keys

import "testing"

func BenchmarkNewAccount(b *testing.B) {
	for b.Loop() {
		NewAccount("Alice", "laptop", start)
	}
}

// manyContacts returns a full list, as one device keeps it.
func manyContacts(b *testing.B) *Contacts {
	b.Helper()
	p := contactOf(newAccount(b, "Bob"), "Bob")
	var l Contacts
	for i := range 900 {
		p.Card.Account[0], p.Card.Account[1] = byte(i), byte(i>>8)
		p.Public.Account = p.Card.Account
		if err := l.Add(p); err != nil {
			b.Fatal(err)
		}
	}
	return &l
}

// BenchmarkPrivateValue writes the private part of an account with 900 contacts and three devices.
func BenchmarkPrivateValue(b *testing.B) {
	h := &household{t: b}
	phone := newAccount(b, "Bob")
	h.write(phone, &Contacts{}, nil)
	h.join(phone, "laptop")
	h.join(phone, "tablet")
	list := manyContacts(b)
	for b.Loop() {
		if _, err := phone.PrivateValue(nil, list); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpenPrivate opens it.
func BenchmarkOpenPrivate(b *testing.B) {
	h := &household{t: b}
	phone := newAccount(b, "Bob")
	h.write(phone, manyContacts(b), nil)
	for b.Loop() {
		if _, err := phone.OpenPrivate(h.private); err != nil {
			b.Fatal(err)
		}
	}
}
