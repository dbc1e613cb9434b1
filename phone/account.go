package phone

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"time"

	"ringfork/keys"
	"ringfork/signalcore"
)

// Keys of the store.
const (
	keyAccount  = "account"
	keyContacts = "contacts"
)

// loadAccount returns the profile's account. In an empty store it makes one, under a lock: two endpoints that open a
// fresh profile in the same instant end with the same account.
func loadAccount(ctx context.Context, s Store, name string) (*keys.Account, error) {
	unlock, err := s.Lock(ctx, keyAccount)
	if err != nil {
		return nil, storeError("failed to lock the profile", err)
	}
	defer unlock()
	b, version, err := s.Get(ctx, keyAccount)
	if err != nil {
		return nil, storeError("failed to read the account", err)
	}
	var a *keys.Account
	if b == nil {
		if a, err = keys.NewAccount(name); err != nil {
			return nil, storeError("failed to make an account", err)
		}
	} else {
		if a, err = keys.ParseAccount(b); err != nil {
			return nil, storeError("failed to read the account: it was stored by another version, or damaged", err)
		}
		if name == "" || keys.CleanName(name) == a.Name() {
			return a, nil
		}
		a.SetName(name)
	}
	if b, err = a.MarshalBinary(); err != nil {
		return nil, storeError("failed to store the account", err)
	}
	if err := s.Put(ctx, keyAccount, b, version); err != nil {
		return nil, storeError("failed to store the account", err)
	}
	return a, nil
}

func storeError(text string, err error) error { return &Error{Code: CodeStore, Text: text, Err: err} }

// relay takes the transport's news.
func (p *Phone) relay(s RelayState) {
	p.mu.Lock()
	same := p.state == s
	p.state = s
	p.mu.Unlock()
	if same {
		return
	}
	switch s {
	case Online:
		p.step(signalcore.RelayOnline{})
		p.announce()
	default:
		p.step(signalcore.BacklogRead{Done: false})
	}
	p.tell(RelayChanged{State: s})
}

// announceTime bounds one attempt to put the account's public part into its slot.
const announceTime = 15 * time.Second

// announce puts the account's public part into its slot, where contacts find it, unless it is there already. It is tried
// whenever the relay is reached: a relay may have lost its slots.
func (p *Phone) announce() {
	if p.slotBusy {
		return
	}
	p.slotBusy = true
	p.effect(func() {
		ctx, cancel := context.WithTimeout(p.ctx, announceTime)
		defer cancel()
		err := p.putSlot(ctx)
		p.queue.put(func() {
			p.slotBusy = false
			if err != nil {
				p.drop("slot not written")
			}
		})
	})
}

func (p *Phone) putSlot(ctx context.Context) error {
	card := p.account.Card()
	for ctx.Err() == nil {
		var replaces uint64
		value, err := p.cfg.Transport.GetSlot(ctx, card.Slot)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return err
		default:
			there, err := keys.OpenSlot(card, value)
			if err != nil {
				return err
			}
			mine := p.account.Public()
			if there.Name == mine.Name && there.Inbox == mine.Inbox && bytes.Equal(there.InboxRecipient, mine.InboxRecipient) &&
				there.LogHead == mine.LogHead {
				return nil
			}
			replaces = there.Version
		}
		if value, err = p.account.SlotValue(replaces + 1); err != nil {
			return err
		}
		err = p.cfg.Transport.PutSlot(ctx, card.Slot, value, replaces)
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		// Another endpoint of this account was faster. The next round finds its value.
	}
	return ctx.Err()
}

// fetch reads the public part of the account that a card names.
func (p *Phone) fetch(ctx context.Context, card keys.Card) (keys.Public, error) {
	value, err := p.cfg.Transport.GetSlot(ctx, card.Slot)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return keys.Public{}, &Error{Code: CodeSlotEmpty,
			Text: "nobody is known under this card at this relay: its owner has to open their page once"}
	case err != nil:
		return keys.Public{}, &Error{Code: CodeRelay, Text: "failed to look up the card: the relay cannot be reached", Err: err}
	}
	public, err := keys.OpenSlot(card, value)
	if err != nil {
		return keys.Public{}, &Error{Code: CodeSlotInvalid, Text: "what the relay has under this card is not its owner's", Err: err}
	}
	return public, nil
}
