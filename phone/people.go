package phone

import (
	"context"
	"errors"
	"slices"

	"ringfork/keys"
	"ringfork/signalcore"
)

// Contacts returns the contacts, by name.
func (p *Phone) Contacts() []keys.Contact {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.contacts.List()
}

// Blocked returns who is blocked, by name.
func (p *Phone) Blocked() []keys.Contact {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.contacts.Blocked()
}

func (p *Phone) contact(id keys.AccountID) (keys.Contact, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.contacts.Get(id)
}

func (p *Phone) blocked(id keys.AccountID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.contacts.IsBlocked(id)
}

// AddContact finds the account of a card (a link, a code or a text with one of them), keeps it under a name, without a name
// under the one it claims, and asks it to do the same. Adding a contact again gives it the new name and card.
func (p *Phone) AddContact(ctx context.Context, card, name string) (keys.Contact, error) {
	c, err := keys.ParseCard(card)
	if err != nil {
		return keys.Contact{}, &Error{Code: CodeBadCard, Text: "failed to read the card", Err: err}
	}
	if c.Account == p.own().ID() {
		return keys.Contact{}, &Error{Code: CodeSelfCall, Text: "this is your own card: give it to somebody else"}
	}
	public, err := p.fetch(ctx, c)
	if err != nil {
		return keys.Contact{}, err
	}
	return p.add(ctx, c, public, name)
}

func (p *Phone) add(ctx context.Context, card keys.Card, public keys.Public, name string) (contact keys.Contact, err error) {
	if name = keys.CleanName(name); name == "" {
		name = public.Name
	}
	err = p.change(ctx, func(l *keys.Contacts) error {
		old, _ := l.Get(card.Account)
		before := len(l.MarshalShared())
		err := l.Add(keys.Contact{Name: name, Card: card, Public: public, Verified: old.Verified})
		switch {
		case errors.Is(err, keys.ErrForked):
			return errForked(err)
		case err != nil:
			return &Error{Code: CodeContactsFull, Text: "failed to add the contact", Err: err}
		}
		if err := p.roomFor(l, before); err != nil {
			return err
		}
		contact, _ = l.Get(card.Account)
		return nil
	})
	p.queue.put(p.greetAll)
	return contact, err
}

// RemoveContact forgets a contact: it is a stranger from then on.
func (p *Phone) RemoveContact(ctx context.Context, id keys.AccountID) error {
	return p.change(ctx, func(l *keys.Contacts) error {
		if _, ok := l.Get(id); !ok {
			return errNoContact()
		}
		l.Remove(id)
		return nil
	})
}

// Block keeps an account from getting through, be it a contact or one that asked to be. Calls with it end: who rings is told
// nothing, who talks hears of a hangup.
func (p *Phone) Block(ctx context.Context, id keys.AccountID) error {
	name := ""
	if r, ok := p.request(id); ok {
		name = r.Name
	}
	err := p.change(ctx, func(l *keys.Contacts) error {
		if c, ok := l.Get(id); ok {
			name = c.Name
		}
		before := len(l.MarshalShared())
		if err := l.Block(id, name); err != nil {
			return &Error{Code: CodeContactsFull, Text: "failed to block the account", Err: err}
		}
		return p.roomFor(l, before)
	})
	if err != nil {
		return err
	}
	return p.settleRequest(ctx, id)
}

// Unblock ends a block. Who was a contact is one again.
func (p *Phone) Unblock(ctx context.Context, id keys.AccountID) error {
	return p.change(ctx, func(l *keys.Contacts) error {
		if !l.Unblock(id) {
			return errNoContact()
		}
		return nil
	})
}

// roomFor refuses contacts that make the account larger than a slot, where they are more than before: they would never reach the
// other devices.
func (p *Phone) roomFor(l *keys.Contacts, before int) error {
	if len(l.MarshalShared()) > before && !p.own().HasRoomFor(l) {
		return &Error{Code: CodeFull, Text: "the account has grown too large: remove contacts, devices or logins first"}
	}
	return nil
}

func errNoContact() error { return &Error{Code: CodeUnknownContact, Text: "no such contact"} }

// change changes the contacts: in the store at once, with the account's other devices soon.
func (p *Phone) change(ctx context.Context, f func(*keys.Contacts) error) error {
	changed := false
	err := changeContacts(ctx, p.cfg.Store, func(l *keys.Contacts) (bool, error) {
		before := l.MarshalShared()
		if err := f(l); err != nil {
			return false, err
		}
		after := l.MarshalShared()
		changed = !slices.Equal(before, after)
		return true, nil
	})
	if err != nil {
		return err
	}
	if changed {
		p.queue.put(p.catchUp)
	}
	return p.Refresh(ctx)
}

// Refresh reads what the store has: another endpoint of the profile may have changed it.
func (p *Phone) Refresh(ctx context.Context) error {
	if err := p.refreshAccount(ctx); err != nil {
		return err
	}
	_, version, err := p.cfg.Store.Get(ctx, keyContacts)
	if err != nil {
		return storeError("failed to read the contacts", err)
	}
	p.mu.Lock()
	same := version == p.version
	p.mu.Unlock()
	if same { // parsing a thousand for each ring of a stranger would take too long
		return p.refreshRequests(ctx)
	}
	l, version, err := loadContacts(ctx, p.cfg.Store)
	if err != nil {
		return err
	}
	p.mu.Lock()
	old := p.contacts
	changed := version > p.version
	if changed {
		p.contacts, p.version = l, version
	}
	p.mu.Unlock()
	if changed {
		p.queue.put(func() {
			if p.boxes.all {
				p.boxes.subscribe(p.own(), p.callers())
			}
			p.tell(ContactsChanged{})
			p.warnOfDevices(old, l)
			for _, c := range l.Blocked() {
				if !old.IsBlocked(c.ID()) {
					p.step(signalcore.Blocked{Account: signalcore.AccountID(c.ID())})
				}
			}
		})
	}
	return p.refreshRequests(ctx)
}

// refreshAccount goes on with the account as another endpoint of the profile stored it.
func (p *Phone) refreshAccount(ctx context.Context) error {
	_, version, err := p.cfg.Store.Get(ctx, keyAccount)
	if err != nil {
		return storeError("failed to read the account", err)
	}
	p.mu.Lock()
	same := version == p.accountVersion
	p.mu.Unlock()
	if same {
		return nil
	}
	account, version, err := loadAccount(ctx, p.cfg.Store)
	if Code(err) == CodeRevoked {
		p.queue.put(p.revoked)
	}
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.accountVersion = version
	p.mu.Unlock()
	if account != nil && account.NewerThan(p.own()) {
		p.adopt(account)
	}
	return nil
}

// warnOfDevices says which verified contacts have a device that their owner and this one never looked at together.
func (p *Phone) warnOfDevices(before, now *keys.Contacts) {
	for _, c := range now.List() {
		if old, ok := before.Get(c.ID()); c.NewDevice() && ok && !old.NewDevice() {
			p.tell(Warning{Code: WarnDeviceAdded, Contact: c.ID()})
		}
	}
}
