package phone

import (
	"context"
	"errors"
	"io/fs"

	"ringfork/keys"
)

func loadContacts(ctx context.Context, s Store) (*keys.Contacts, uint64, error) {
	b, version, err := s.Get(ctx, keyContacts)
	if err != nil {
		return nil, 0, storeError("failed to read the contacts", err)
	}
	if b == nil {
		return &keys.Contacts{}, version, nil
	}
	l, err := keys.ParseContacts(b)
	if err != nil {
		return nil, 0, storeError("failed to read the contacts: they were stored by another version, or damaged", err)
	}
	return l, version, nil
}

// Contacts returns the contacts, by name.
func (p *Phone) Contacts() []keys.Contact {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.contacts.List()
}

func (p *Phone) contact(id keys.AccountID) (keys.Contact, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.contacts.Get(id)
}

// AddContact finds the account of a card (a link, a code or a text with one of them), and keeps it under a name; without
// a name under the one it claims. Adding a contact again gives it the new name and card.
func (p *Phone) AddContact(ctx context.Context, card, name string) (keys.Contact, error) {
	c, err := keys.ParseCard(card)
	if err != nil {
		return keys.Contact{}, &Error{Code: CodeBadCard, Text: "failed to read the card", Err: err}
	}
	if c.Account == p.account.ID() {
		return keys.Contact{}, &Error{Code: CodeSelfCall, Text: "this is your own card: give it to somebody else"}
	}
	public, err := p.fetch(ctx, c)
	if err != nil {
		return keys.Contact{}, err
	}
	if name = keys.CleanName(name); name == "" {
		name = public.Name
	}
	contact := keys.Contact{Name: name, Card: c, Public: public}
	return contact, p.change(ctx, func(l *keys.Contacts) error {
		if old, ok := l.Get(contact.ID()); ok {
			contact.Verified = old.Verified
			if !public.Replaces(old.Public) {
				contact.Public = old.Public
			}
		}
		if err := l.Add(contact); err != nil {
			return &Error{Code: CodeFull, Text: "failed to add the contact", Err: err}
		}
		return nil
	})
}

// RemoveContact forgets a contact.
func (p *Phone) RemoveContact(ctx context.Context, id keys.AccountID) error {
	return p.change(ctx, func(l *keys.Contacts) error {
		if !l.Remove(id) {
			return &Error{Code: CodeUnknownContact, Text: "no such contact"}
		}
		return nil
	})
}

// change changes the stored contacts. Endpoints of one profile may do so at once: what another one stored meanwhile is
// read and kept.
func (p *Phone) change(ctx context.Context, f func(*keys.Contacts) error) error {
	for {
		l, version, err := loadContacts(ctx, p.cfg.Store)
		if err != nil {
			return err
		}
		if err := f(l); err != nil {
			return err
		}
		b, err := l.MarshalBinary()
		if err != nil {
			return storeError("failed to store the contacts", err)
		}
		err = p.cfg.Store.Put(ctx, keyContacts, b, version)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return storeError("failed to store the contacts", err)
		}
		return p.Refresh(ctx)
	}
}

// Refresh reads the contacts from the store: another endpoint of the profile may have changed them.
func (p *Phone) Refresh(ctx context.Context) error {
	l, version, err := loadContacts(ctx, p.cfg.Store)
	if err != nil {
		return err
	}
	p.mu.Lock()
	changed := version > p.version
	if changed {
		p.contacts, p.version = l, version
	}
	p.mu.Unlock()
	if changed {
		p.queue.put(func() { p.tell(ContactsChanged{}) })
	}
	return nil
}
