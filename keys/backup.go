package keys

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"filippo.io/age"
)

// A backup is an armored age file with a passphrase: the age tool opens it too, so what is in it outlives this program.

const (
	// backupWork is the base-2 logarithm of scrypt's work factor. This one takes 64 MiB of memory, which a page on a phone can
	// still have, and on a computer 0.14 s natively and 0.3 s in the Wasm; a phone takes several times that. One more doubles all
	// of it, also what each guess at a passphrase costs.
	backupWork = 16

	// maxBackupWork bounds what a file can ask for: 256 MiB, which is what the age tool uses.
	maxBackupWork = 18

	maxBackup = 8 << 20 // bytes of text; what is longer is no backup
)

var (
	// ErrPassphrase says that a backup does not open with this passphrase.
	ErrPassphrase = errors.New("the passphrase is wrong")

	// ErrBackup says that a text is no backup, or one that was cut off or changed. The text around it tells a person which.
	ErrBackup = errors.New("not a usable backup")
)

// SealBackup returns content as an armored age file that opens with the passphrase, which may not be empty. It takes
// a moment, and 64 MiB of memory.
func SealBackup(passphrase string, content []byte) (string, error) {
	return sealBackup(passphrase, content, backupWork)
}

func sealBackup(passphrase string, content []byte, work int) (string, error) {
	if passphrase == "" {
		return "", errors.New("failed to seal the backup: the passphrase is empty")
	}
	var file bytes.Buffer
	w, err := age.Encrypt(&file, passphraseKey{passphrase, work})
	if err == nil {
		_, err = w.Write(content)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return "", fmt.Errorf("failed to seal the backup: %w", err)
	}
	return armor(file.Bytes()), nil
}

// OpenBackup returns the content of what SealBackup wrote. It takes as long. White space around the text does not matter, nor
// how its lines end. Its errors wrap ErrPassphrase or ErrBackup; damage to the file's first lines looks like a wrong passphrase.
func OpenBackup(text, passphrase string) ([]byte, error) {
	text = strings.TrimSpace(text)
	switch {
	case passphrase == "":
		return nil, fmt.Errorf("failed to open the backup: %w: it is empty", ErrPassphrase)
	case !strings.HasPrefix(text, armorHeader):
		return nil, fmt.Errorf("failed to open the backup: %w: one starts with %s", ErrBackup, armorHeader)
	case !strings.HasSuffix(text, armorFooter):
		return nil, fmt.Errorf("failed to open the backup: %w: it is cut off, one ends with %s", ErrBackup, armorFooter)
	case len(text) > maxBackup:
		return nil, fmt.Errorf("failed to open the backup: %w: it is too long", ErrBackup)
	}
	content, err := openArmored(text, passphrase)
	var wrong *age.NoIdentityMatchError
	switch {
	case err == nil:
		return content, nil
	case errors.As(err, &wrong) && slices.Equal(wrong.StanzaTypes, []string{"scrypt"}):
		return nil, fmt.Errorf("failed to open the backup: %w", ErrPassphrase)
	}
	// Not the cause: it quotes what it could not read.
	return nil, fmt.Errorf("failed to open the backup: %w: it was changed or is no backup of this program", ErrBackup)
}

func openArmored(text, passphrase string) ([]byte, error) {
	file, err := dearmor(text)
	if err != nil {
		return nil, err
	}
	r, err := age.Decrypt(bytes.NewReader(file), passphraseKey{passphrase, maxBackupWork})
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}
