package phone

import (
	"bytes"
	"context"
	"errors"
	"io/fs"

	"ringfork/keys"
)

// Keys of the store.
const (
	keyAccount  = "account"
	keyContacts = "contacts"
)

// revokedMark stands where the account was when it was removed from this device.
var revokedMark = []byte("revoked")

// loadAccount returns the profile's account, nil where there is none yet, and the version in which it is stored.
func loadAccount(ctx context.Context, s Store) (*keys.Account, uint64, error) {
	b, version, err := s.Get(ctx, keyAccount)
	switch {
	case err != nil:
		return nil, 0, storeError("failed to read the account", err)
	case b == nil:
		return nil, version, nil
	case bytes.Equal(b, revokedMark):
		return nil, version, errRevoked()
	}
	a, err := keys.ParseAccount(b)
	if err != nil {
		return nil, version, readError("account", err)
	}
	return a, version, nil
}

// storeAccount stores an account in place of the version that was read, unless it is the same, and returns the version in
// which it is stored then.
func storeAccount(ctx context.Context, s Store, a *keys.Account, version uint64) (uint64, error) {
	b, err := a.MarshalBinary()
	if there, at, err := s.Get(ctx, keyAccount); err == nil && at == version && bytes.Equal(there, b) {
		return version, nil
	}
	if err == nil {
		err = s.Put(ctx, keyAccount, b, version)
	}
	if err != nil {
		return 0, storeError("failed to store the account", err)
	}
	return version + 1, nil
}

func loadContacts(ctx context.Context, s Store) (*keys.Contacts, uint64, error) {
	b, version, err := s.Get(ctx, keyContacts)
	if err != nil {
		return nil, 0, storeError("failed to read the contacts", err)
	}
	if len(b) == 0 {
		return &keys.Contacts{}, version, nil
	}
	l, err := keys.ParseContacts(b)
	if err != nil {
		return nil, 0, readError("contacts", err)
	}
	return l, version, nil
}

// changeContacts changes the stored contacts. Endpoints of one profile may do so at once: what another one stored
// meanwhile is read and kept. Nothing is stored where f reports no change.
func changeContacts(ctx context.Context, s Store, f func(*keys.Contacts) (changed bool, err error)) error {
	for {
		l, version, err := loadContacts(ctx, s)
		if err != nil {
			return err
		}
		if changed, err := f(l); err != nil || !changed {
			return err
		}
		b, err := l.MarshalBinary()
		if err == nil {
			err = s.Put(ctx, keyContacts, b, version)
		}
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return storeError("failed to store the contacts", err)
		}
		return nil
	}
}

func storeError(text string, err error) error { return &Error{Code: CodeStore, Text: text, Err: err} }

// readError says why something in the store was not understood.
func readError(what string, err error) error {
	if errors.Is(err, keys.ErrNewer) {
		return &Error{Code: CodeStoreNewer, Text: "the profile was written by a newer version: reload the page, or update the application"}
	}
	return storeError("failed to read the "+what+": it was stored by another version, or damaged", err)
}

func errRevoked() error {
	return &Error{Code: CodeRevoked, Text: "this device was removed from its account: link it again, or use another profile"}
}
