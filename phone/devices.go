package phone

import (
	"context"
	"errors"
	"time"

	"ringfork/keys"
)

// Device is a member of the own account.
type Device struct {
	keys.Member
	Current bool // it is this device
}

// Devices returns the account's devices and the keys that may add some, in the order in which they were added.
func (p *Phone) Devices() []Device {
	account := p.own()
	var out []Device
	for _, m := range account.Members() {
		out = append(out, Device{m, m.ID == account.Device()})
	}
	return out
}

// Revoke removes a device, a login or a backup from the account. What is sealed from then on it cannot open, and contacts
// believe it no more; all addresses change.
func (p *Phone) Revoke(ctx context.Context, id keys.DeviceID) error {
	if id == p.own().Device() {
		return &Error{Code: CodeWrongState, Text: "a device does not remove itself: use another one"}
	}
	before := p.own()
	err := p.commit(ctx, func(a *keys.Account, _ *keys.Contacts) error {
		switch err := a.Revoke(id, time.Now()); {
		case errors.Is(err, keys.ErrNoMember) && before.HasMember(id):
			return nil // another own device removed it meanwhile
		case errors.Is(err, keys.ErrNoMember):
			return &Error{Code: CodeUnknownDevice, Text: "the account has no such device"}
		case err != nil:
			return &Error{Code: CodeDevicesFull, Text: "the device was not removed", Err: err}
		}
		return nil
	})
	if err != nil {
		return err
	}
	p.queue.put(func() {
		p.shareWith(before, p.changed()) // who still listens there: the other devices, and the one that is out
		clear(p.greetings)
		p.greetAll() // all contacts learn the new addresses
	})
	return nil
}

// Safety returns what two owners compare to know that nobody stands between them.
func (p *Phone) Safety(id keys.AccountID) (keys.Safety, error) {
	if _, ok := p.contact(id); !ok {
		return keys.Safety{}, errNoContact()
	}
	return keys.SafetyNumber(p.own().ID(), id), nil
}

// Verify notes that the owners compared their safety numbers and looked at the contact's devices, or that they take it back.
func (p *Phone) Verify(ctx context.Context, id keys.AccountID, verified bool) error {
	return p.change(ctx, func(l *keys.Contacts) error {
		if !l.SetVerified(id, verified) {
			return errNoContact()
		}
		return nil
	})
}

// VerifyScanned verifies a contact by the text of the QR code that its device shows.
func (p *Phone) VerifyScanned(ctx context.Context, id keys.AccountID, text string) error {
	safety, err := p.Safety(id)
	if err != nil {
		return err
	}
	if err := safety.Match(text); err != nil {
		return &Error{Code: CodeSafetyMismatch, Text: "this is not the safety number of this contact and you", Err: err}
	}
	return p.Verify(ctx, id, true)
}

// Backup returns an armored age file by which the account can be opened anew, with the passphrase.
func (p *Phone) Backup(ctx context.Context, passphrase string) (string, error) {
	if passphrase == "" {
		return "", &Error{Code: CodeBadPassphrase, Text: "a backup needs a passphrase"}
	}
	secret := keys.Secret(keys.NewSeed())
	var content []byte
	err := p.commit(ctx, func(a *keys.Account, l *keys.Contacts) error {
		if err := a.AddSecret(secret, keys.BackupMember, "", time.Now()); err != nil {
			return &Error{Code: CodeDevicesFull, Text: "the backup was not made: it would be one more member of the account", Err: err}
		}
		content = a.Backup(secret, l)
		return nil
	})
	if err != nil {
		return "", err
	}
	text, err := keys.SealBackup(passphrase, content)
	if err != nil {
		return "", &Error{Code: CodeBadBackup, Text: "the backup was not sealed", Err: err}
	}
	return text, nil
}
