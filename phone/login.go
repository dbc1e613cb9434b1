package phone

import (
	"context"
	"errors"
	"slices"
	"time"

	"ringfork/keys"
)

// openAccount returns the profile's account, under a lock: two endpoints that open a fresh profile in the same instant end
// with the same account. In an empty store the account comes from the login's secret, from a backup, or is a new one.
func openAccount(ctx context.Context, cfg *Config) (*keys.Account, error) {
	unlock, err := cfg.Store.Lock(ctx, keyAccount)
	if err != nil {
		return nil, storeError("failed to lock the profile", err)
	}
	account, version, err := loadAccount(ctx, cfg.Store)
	switch {
	case err != nil:
	case account == nil:
		var contacts *keys.Contacts
		account, contacts, err = newcomer(ctx, cfg)
		if err == nil {
			err = profile{store: cfg.Store}.keep(ctx, account, version, contacts)
		}
	case cfg.Backup != "":
		err = &Error{Code: CodeWrongState, Text: "this profile has an account already: restore the backup into another one"}
	case rename(cfg, account):
		_, err = storeAccount(ctx, cfg.Store, account, version)
	}
	unlock()
	if err != nil {
		return nil, err
	}
	if cfg.Secret != nil && !account.HadSecret(*cfg.Secret) {
		return addLogin(ctx, cfg, account)
	}
	return account, nil
}

// rename gives the account the name and the device the label that the application says now, and reports whether they are
// others than before.
func rename(cfg *Config, account *keys.Account) (changed bool) {
	if name := keys.CleanName(cfg.Name); name != "" && name != account.Name() {
		account.SetName(name)
		changed = true
	}
	if label := keys.CleanName(cfg.Label); label != "" && label != account.Label() {
		account.SetLabel(label)
		changed = true
	}
	return changed
}

// newcomer makes this device one of an account: of a new one, of the login's, or of a backup's.
func newcomer(ctx context.Context, cfg *Config) (*keys.Account, *keys.Contacts, error) {
	now := time.Now()
	switch {
	case cfg.Backup != "":
		return restore(ctx, cfg)
	case cfg.Secret == nil:
		return keys.NewAccount(cfg.Name, cfg.Label, now), &keys.Contacts{}, nil
	}
	value, err := getSlot(ctx, cfg.Transport, cfg.Secret.Address())
	if err != nil {
		return nil, nil, err
	}
	if value == nil {
		account := keys.NewAccount(cfg.Name, cfg.Label, now)
		if err := account.AddSecret(*cfg.Secret, keys.LoginMember, "", now); err != nil {
			return nil, nil, err
		}
		first, err := claim(ctx, cfg, account)
		if first || err != nil {
			return account, &keys.Contacts{}, err
		}
		if value, err = getSlot(ctx, cfg.Transport, cfg.Secret.Address()); err != nil { // another browser was faster: that is its account
			return nil, nil, err
		}
	}
	locator, err := cfg.Secret.OpenSlot(value)
	if err != nil {
		return nil, nil, &Error{Code: CodeSlotInvalid, Text: "what the relay has under this login is not its owner's", Err: err}
	}
	return enter(ctx, cfg, locator, *cfg.Secret, nil)
}

// claim writes an account that is new to the relay, and last of all where the login finds it. It reports false where another
// browser's account is there.
func claim(ctx context.Context, cfg *Config, account *keys.Account) (bool, error) {
	value, err := account.PrivateValue(nil, &keys.Contacts{})
	if err != nil {
		return false, err
	}
	if _, err := putSlot(ctx, cfg.Transport, account.PrivateAddress(), value, nil); err != nil {
		return false, err
	}
	return point(ctx, cfg, account, nil)
}

// point makes the login's slot lead to the account.
func point(ctx context.Context, cfg *Config, account *keys.Account, replaces []byte) (bool, error) {
	value, err := cfg.Secret.SlotValue(replaces, account.Locator())
	if err != nil {
		return false, &Error{Code: CodeSlotInvalid, Text: "what the relay has under this login is not its owner's", Err: err}
	}
	return putSlot(ctx, cfg.Transport, cfg.Secret.Address(), value, replaces)
}

// keepLogin makes the login lead to the account again where the relay has lost that slot, as it may lose all: else who comes with
// the login next would get another account.
func keepLogin(ctx context.Context, cfg *Config, account *keys.Account) error {
	if cfg.Secret == nil || !account.HasSecret(*cfg.Secret) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, commitTime)
	defer cancel()
	value, err := getSlot(ctx, cfg.Transport, cfg.Secret.Address())
	if err != nil || value != nil {
		return err
	}
	_, err = point(ctx, cfg, account, nil) // if it is not empty after all, somebody was faster
	return err
}

// enter adds this device to an account by a secret of its. Where the relay does not have the account, the backup does.
func enter(ctx context.Context, cfg *Config, l keys.Locator, s keys.Secret, saved *keys.Saved) (*keys.Account, *keys.Contacts, error) {
	joiner := keys.NewJoiner(cfg.Label)
	for range commitTries {
		value, err := getSlot(ctx, cfg.Transport, l.Private)
		if err != nil {
			return nil, nil, err
		}
		var account *keys.Account
		var contacts *keys.Contacts
		switch {
		case value != nil:
			account, contacts, err = joiner.Enter(l, s, value, time.Now())
		case saved != nil:
			account, contacts, err = saved.Enter(joiner, time.Now())
		default:
			err = &Error{Code: CodeSlotEmpty, Text: "the relay does not know the account any more: open it on a device that has it"}
		}
		if err != nil {
			return nil, nil, enterError(err)
		}
		next, err := account.PrivateValue(value, contacts)
		if err != nil {
			return nil, nil, &Error{Code: CodeDevicesFull, Text: "the account could not be written", Err: err}
		}
		replaced, err := putSlot(ctx, cfg.Transport, l.Private, next, value)
		if replaced || err != nil {
			cfg.entered = replaced
			return account, contacts, err
		}
	}
	return nil, nil, &Error{Code: CodeRelay, Text: "the account could not be written: too many devices write at once"}
}

func enterError(err error) error {
	switch {
	case Code(err) != "":
		return err
	case errors.Is(err, keys.ErrRevoked), keys.IsNotForUs(err):
		return &Error{Code: CodeRevoked, Text: "the account does not let this login or backup in any more", Err: err}
	case errors.Is(err, keys.ErrNewer):
		return readError("account", err)
	case errors.Is(err, keys.ErrFull), errors.Is(err, keys.ErrUsedUp):
		return &Error{Code: CodeDevicesFull, Text: "the device was not added", Err: err}
	case errors.Is(err, keys.ErrOlder), errors.Is(err, keys.ErrForked):
		return errForked(err)
	}
	return &Error{Code: CodeSlotInvalid, Text: "what the relay has of the account is not its owner's", Err: err}
}

// restore makes this device one of a backup's account.
func restore(ctx context.Context, cfg *Config) (*keys.Account, *keys.Contacts, error) {
	b, err := keys.OpenBackup(cfg.Backup, cfg.Passphrase)
	switch {
	case errors.Is(err, keys.ErrPassphrase):
		return nil, nil, &Error{Code: CodeBadPassphrase, Text: "the passphrase does not open the backup"}
	case err != nil:
		return nil, nil, &Error{Code: CodeBadBackup, Text: "the backup is damaged, or none", Err: err}
	}
	saved, err := keys.ParseBackup(b)
	if err != nil {
		return nil, nil, &Error{Code: CodeBadBackup, Text: "the backup is damaged, or of a newer version", Err: err}
	}
	return enter(ctx, cfg, saved.Locator, saved.Secret, saved)
}

// addLogin lets an account that is on this device be opened by the login too.
func addLogin(ctx context.Context, cfg *Config, account *keys.Account) (*keys.Account, error) {
	value, err := getSlot(ctx, cfg.Transport, cfg.Secret.Address())
	if err != nil {
		return nil, err
	}
	if value != nil {
		if l, err := cfg.Secret.OpenSlot(value); err == nil && l.Card.Account != account.ID() {
			return nil, errWrongSecret()
		}
	} else if hasLogin(account) {
		return nil, errWrongSecret() // one that was never used may be of another user, who would get this account
	}
	ctx, cancel := context.WithTimeout(ctx, commitTime)
	defer cancel()
	// The login leads to the account before the account knows the login: what is begun here is made again by the next
	// opening if it is not finished.
	if pointed, err := point(ctx, cfg, account, value); err != nil {
		return nil, err
	} else if !pointed {
		return nil, &Error{Code: CodeWrongSecret, Text: "another account took this login in the same moment: open the profile again"}
	}
	pr := profile{transport: cfg.Transport, store: cfg.Store}
	account, err = pr.commit(ctx, func(a *keys.Account, _ *keys.Contacts) error {
		if err := a.AddSecret(*cfg.Secret, keys.LoginMember, "", time.Now()); err != nil {
			return &Error{Code: CodeDevicesFull, Text: "the login was not added", Err: err}
		}
		return nil
	})
	if account == nil {
		return nil, err
	}
	cfg.entered = true
	return account, nil
}

func hasLogin(a *keys.Account) bool {
	return slices.ContainsFunc(a.Members(), func(m keys.Member) bool { return m.Kind == keys.LoginMember })
}

func errWrongSecret() error {
	return &Error{Code: CodeWrongSecret, Text: "this profile belongs to another account than the login: use a profile for each"}
}
