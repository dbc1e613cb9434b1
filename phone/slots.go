package phone

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"ringfork/keys"
)

// getSlot reads a slot: nil where it is empty.
func getSlot(ctx context.Context, t Transport, address keys.Address) ([]byte, error) {
	value, err := t.GetSlot(ctx, address)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, relayError("the relay cannot be asked", err)
	}
	return value, nil
}

// putSlot writes a slot in place of a value that was read, nil for none. It reports false where another device was faster.
func putSlot(ctx context.Context, t Transport, address keys.Address, value, replaces []byte) (bool, error) {
	err := t.PutSlot(ctx, address, value, keys.SlotVersion(replaces))
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, relayError("the relay did not take what this device wrote", err)
	}
	return true, nil
}

// fetch reads the public part of the account that a card names.
func (p *Phone) fetch(ctx context.Context, card keys.Card) (keys.Public, error) {
	return fetchPublic(ctx, p.cfg.Transport, card)
}

func fetchPublic(ctx context.Context, t Transport, card keys.Card) (keys.Public, error) {
	value, err := getSlot(ctx, t, card.Slot)
	if err != nil {
		return keys.Public{}, err
	}
	if value == nil {
		return keys.Public{}, &Error{Code: CodeSlotEmpty,
			Text: "nobody is known under this card at this relay: its owner has to open their page once"}
	}
	public, err := keys.OpenSlot(card, value)
	switch {
	case errors.Is(err, keys.ErrForked):
		return keys.Public{}, errForked(err)
	case errors.Is(err, keys.ErrNewer):
		return keys.Public{}, errNewer(err)
	case err != nil:
		return keys.Public{}, &Error{Code: CodeSlotInvalid, Text: "what the relay has under this card is not its owner's", Err: err}
	case public.Expired(time.Now()):
		return keys.Public{}, &Error{Code: CodeSlotExpired,
			Text: "what the relay has under this card is more than two weeks old: its owner has to open their page once"}
	}
	return public, nil
}

func errNewer(err error) error {
	return &Error{Code: CodeNewer, Text: "what the relay has of the account was written by a newer version: reload the page, or update the application", Err: err}
}

func errForked(err error) error {
	return &Error{Code: CodeLogForked, Text: "the relay shows a list of devices that is not the one known before: it is refused", Err: err}
}
