package keys

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"

	"filippo.io/age"
	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/crypto/scrypt"
)

// What age has in its ScryptRecipient, ScryptIdentity and armor, whose use would make the Wasm 27 kB larger: they bring in the
// matching of regular expressions. The formats are age's (C2SP, age.md); tests hold the two against each other.

// passphraseKey is an age recipient, sealing with its work factor, and an age identity, opening up to that.
type passphraseKey struct {
	passphrase string
	work       int // base-2 logarithm
}

const (
	scryptStanza   = "scrypt"
	scryptLabel    = "age-encryption.org/v1/scrypt"
	scryptSaltSize = 16
	fileKeySize    = 16
)

var stanzaEncoding = base64.RawStdEncoding.Strict()

// Wrap implements age.Recipient.
func (k passphraseKey) Wrap(fileKey []byte) ([]*age.Stanza, error) {
	salt := make([]byte, scryptSaltSize)
	rand.Read(salt)
	aead, err := k.cipher(salt, k.work)
	if err != nil {
		return nil, err
	}
	// The nonce is zero because the key, by its salt, is used once.
	body := aead.Seal(nil, make([]byte, aead.NonceSize()), fileKey, nil)
	return []*age.Stanza{{Type: scryptStanza, Args: []string{stanzaEncoding.EncodeToString(salt), strconv.Itoa(k.work)}, Body: body}}, nil
}

// Unwrap implements age.Identity. The error is age.ErrIncorrectIdentity where the passphrase does not open the stanza.
func (k passphraseKey) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	if len(stanzas) != 1 || stanzas[0].Type != scryptStanza {
		return nil, errors.New("it is not sealed with a passphrase alone")
	}
	s := stanzas[0]
	if len(s.Args) != 2 || len(s.Body) != fileKeySize+chacha20poly1305.Overhead {
		return nil, errors.New("its header is malformed")
	}
	salt, err := stanzaEncoding.DecodeString(s.Args[0])
	if err != nil || len(salt) != scryptSaltSize {
		return nil, errors.New("its salt is malformed")
	}
	work := 1
	for strconv.Itoa(work) != s.Args[1] {
		if work++; work > k.work {
			return nil, errors.New("its work factor is malformed or too large")
		}
	}
	aead, err := k.cipher(salt, work)
	if err != nil {
		return nil, err
	}
	fileKey, err := aead.Open(nil, make([]byte, aead.NonceSize()), s.Body, nil)
	if err != nil {
		return nil, age.ErrIncorrectIdentity
	}
	return fileKey, nil
}

func (k passphraseKey) cipher(salt []byte, work int) (cipher.AEAD, error) {
	salt = append([]byte(scryptLabel), salt...)
	key, err := scrypt.Key([]byte(k.passphrase), salt, 1<<work, 8, 1, chacha20poly1305.KeySize)
	if err != nil {
		return nil, err
	}
	return chacha20poly1305.New(key)
}

const (
	armorHeader  = "-----BEGIN AGE ENCRYPTED FILE-----"
	armorFooter  = "-----END AGE ENCRYPTED FILE-----"
	armorColumns = 64
)

// armor returns a file as text: base64 in lines of 64 characters between the header and the footer.
func armor(file []byte) string {
	var b strings.Builder
	b.WriteString(armorHeader + "\n")
	for line := base64.StdEncoding.EncodeToString(file); line != ""; {
		n := min(len(line), armorColumns)
		b.WriteString(line[:n] + "\n")
		line = line[n:]
	}
	b.WriteString(armorFooter + "\n")
	return b.String()
}

// dearmor returns what armor was given. Lines may end in CR LF.
func dearmor(text string) ([]byte, error) {
	line, rest, _ := strings.Cut(text, "\n")
	if strings.TrimSuffix(line, "\r") != armorHeader {
		return nil, errors.New("it has no header")
	}
	var file []byte
	for full := true; ; {
		line, rest, _ = strings.Cut(rest, "\n")
		line = strings.TrimSuffix(line, "\r")
		if line == armorFooter && rest == "" && len(file) > 0 {
			return file, nil
		}
		part, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil || !full || len(part) == 0 || len(line) > armorColumns || strings.Contains(line, "\r") {
			return nil, errors.New("it has a malformed line")
		}
		full = len(part) == armorColumns/4*3
		file = append(file, part...)
	}
}
