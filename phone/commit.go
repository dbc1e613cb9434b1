package phone

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"time"

	"ringfork/keys"
)

// A change is made again because another device was faster: so often, and after at most so long.
const (
	commitTries = 10
	slowerTime  = 200 * time.Millisecond
)

// profile is where one profile's account lives: at the relay, sealed, for all its devices, and in the store for this one.
type profile struct {
	transport Transport
	store     Store
	wrote     bool // commit wrote something at the relay
}

// change is what commit makes of an account. It is called again, on fresh copies, where another device was faster.
type change func(*keys.Account, *keys.Contacts) error

// commit brings the account in the store and the one at the relay together, makes a change to both, and writes what others
// do not have yet. Without a change, or where it changes nothing, it only does the rest. It returns the account as it is then.
//
// Endpoints of one profile take turns; with other devices the relay's compare-and-swap decides, and who was slower reads
// and changes again. Where the change holds but could not be shown to contacts, there is an account as well as an error.
func (pr *profile) commit(ctx context.Context, f change) (*keys.Account, error) {
	unlock, err := pr.store.Lock(ctx, keyAccount)
	if err != nil {
		return nil, storeError("failed to lock the profile", err)
	}
	defer unlock()
	var made *keys.Account // with the change, from the moment on in which it holds
	var last error
	for range commitTries {
		account, err := pr.tryCommit(ctx, f)
		if err == nil {
			f, made = nil, account // a change is made once, even if showing it takes another round
			err = pr.show(ctx, account)
		}
		if !errors.Is(err, errSlower) && !errors.Is(err, fs.ErrExist) {
			return made, err
		}
		last = err
		select {
		case <-after(rand.N(slowerTime)):
		case <-ctx.Done():
		}
	}
	if errors.Is(last, keys.ErrPen) {
		return made, &Error{Code: CodeSlotTaken, Text: "the relay keeps something else in the place of this account, and takes nothing from its devices there", Err: last}
	}
	return made, &Error{Code: CodeRelay, Text: "the account could not be written: the relay refuses it, or too many devices write at once"}
}

// errSlower says that another device changed the account meanwhile.
var errSlower = errors.New("another device was faster")

// errPen says that it may have been so: it changed the pens, or somebody else took the slot.
var errPen = fmt.Errorf("%w: %w", errSlower, keys.ErrPen)

func (pr *profile) tryCommit(ctx context.Context, f change) (*keys.Account, error) {
	account, version, err := loadAccount(ctx, pr.store)
	if err != nil {
		return nil, err
	}
	if account == nil {
		return nil, storeError("the account is gone from the store", nil)
	}
	value, err := getSlot(ctx, pr.transport, account.PrivateAddress())
	if err != nil {
		return nil, err
	}
	there, err := pr.read(ctx, account, version, value)
	if err != nil {
		return nil, err
	}
	contacts, _, err := loadContacts(ctx, pr.store)
	if err != nil {
		return nil, err
	}
	if there != nil {
		contacts.Merge(there.Contacts())
	}
	before, known := account.Clone(), contacts.MarshalShared()
	if f != nil {
		if err := f(account, contacts); err != nil {
			return nil, err
		}
	}
	changed := !sameAccount(before, account) || !slices.Equal(known, contacts.MarshalShared())
	if !changed && !account.KeyDue() && there != nil && there.Holds(account, contacts) {
		return account, pr.keep(ctx, account, version, contacts)
	}
	if account.KeyDue() { // stored before anything is sealed to the new key
		account.RefreshKey()
		before.TakeKey(account)
		if version, err = storeAccount(ctx, pr.store, before, version); err != nil {
			return nil, err
		}
	}
	next, err := account.PrivateValue(value, contacts)
	if errors.Is(err, keys.ErrPen) {
		return nil, errPen
	}
	if err != nil {
		return nil, &Error{Code: CodeFull, Text: "the account could not be written", Err: err}
	}
	if replaced, err := putSlot(ctx, pr.transport, account.PrivateAddress(), next, value); err != nil {
		return nil, err
	} else if !replaced {
		return nil, errSlower
	}
	account.Written()
	pr.wrote = true
	return account, pr.keep(ctx, account, version, contacts)
}

func sameAccount(a, b *keys.Account) bool {
	x, _ := a.MarshalBinary()
	y, _ := b.MarshalBinary()
	return slices.Equal(x, y)
}

// read opens the private part that the relay shows, and takes over what is newer in it. Where it is nothing to be believed
// the result is nil: it is written over, if this account has the pen for it.
func (pr profile) read(ctx context.Context, account *keys.Account, version uint64, value []byte) (*keys.Private, error) {
	if value == nil {
		return nil, nil
	}
	there, err := account.OpenPrivate(value)
	switch {
	case keys.IsNotForUs(err):
		return nil, pr.expectMember(ctx, account, version)
	case errors.Is(err, keys.ErrForked):
		return nil, errForked(err)
	case errors.Is(err, keys.ErrNewer):
		return nil, readError("account", err)
	case err != nil:
		return nil, nil
	}
	_, err = account.Adopt(there)
	return there, err
}

// expectMember finds out whether the account's log lists this device no more. If so, the account is forgotten here. Nothing
// else that the relay shows says so, not even that it shows nothing.
func (pr profile) expectMember(ctx context.Context, account *keys.Account, version uint64) error {
	card := account.Card()
	value, err := getSlot(ctx, pr.transport, card.Slot)
	if err != nil {
		return err
	}
	card.Head = card.Account // any log of this account's
	public, err := keys.OpenSlot(card, value)
	if err != nil || !public.Knows(account.LogHead()) || public.Has(account.Device()) {
		return nil
	}
	for _, key := range []string{keyContacts, keyRequests, keySeen} {
		if err := wipe(ctx, pr.store, key); err != nil {
			return err
		}
	}
	if err := pr.store.Put(ctx, keyAccount, revokedMark, version); err != nil {
		return storeError("failed to forget the account", err)
	}
	return errRevoked()
}

// keep stores what was written or read. Contacts that an endpoint of this profile changed meanwhile stay changed.
func (pr profile) keep(ctx context.Context, account *keys.Account, version uint64, contacts *keys.Contacts) error {
	if _, err := storeAccount(ctx, pr.store, account, version); err != nil {
		return err
	}
	return changeContacts(ctx, pr.store, func(l *keys.Contacts) (bool, error) { return l.Merge(contacts), nil })
}

// show puts the account's public part into its slot, where contacts find it, unless it is there already.
func (pr profile) show(ctx context.Context, account *keys.Account) error {
	address := account.Card().Slot
	value, err := getSlot(ctx, pr.transport, address)
	if err != nil {
		return err
	}
	now := time.Now()
	if value != nil {
		switch state, err := account.JudgeSlot(value, now); {
		case err == nil && state == keys.SlotGood:
			return nil
		case err == nil && state == keys.SlotAhead:
			return errSlower
		case err == nil && state == keys.SlotForked:
			return errForked(keys.ErrForked)
		case errors.Is(err, keys.ErrNewer):
			return errNewer(err)
		}
	}
	next, err := account.SlotValue(value, now)
	if errors.Is(err, keys.ErrPen) {
		return errPen
	}
	if err != nil {
		return &Error{Code: CodeSlotInvalid, Text: "the relay shows something else in the place of this account", Err: err}
	}
	if replaced, err := putSlot(ctx, pr.transport, address, next, value); err != nil {
		return err
	} else if !replaced {
		return errSlower
	}
	return nil
}
