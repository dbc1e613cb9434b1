package keys

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"testing"

	"filippo.io/age"
	agearmor "filippo.io/age/armor"
)

const testPassphrase = "correct horse battery staple"

// quickBackup returns a backup that takes less time than a real one.
func quickBackup(t testing.TB, content []byte) string {
	t.Helper()
	text, err := sealBackup(testPassphrase, content, 4)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestBackup(t *testing.T) {
	for _, content := range [][]byte{{}, []byte("content"), bytes.Repeat([]byte{1, 2, 3}, 70000)} {
		text := quickBackup(t, content)
		if strings.Contains(text, "content") || !strings.HasPrefix(text, armorHeader) {
			t.Error("the backup is not sealed")
		}
		got, err := OpenBackup("\r\n "+strings.ReplaceAll(text, "\n", "\r\n")+" \n", testPassphrase)
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes: got %d, %v", len(content), len(got), err)
		}
	}
	text, err := SealBackup(testPassphrase, []byte("content"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := OpenBackup(text, testPassphrase); err != nil || string(got) != "content" {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := SealBackup("", nil); err == nil {
		t.Error("sealed without a passphrase")
	}
}

func TestOpenBackupExplains(t *testing.T) {
	text := quickBackup(t, []byte(strings.Repeat("content", 20)))
	body := strings.TrimSuffix(strings.TrimPrefix(text, armorHeader+"\n"), armorFooter+"\n")
	raw, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(body, "\n", ""))
	if err != nil {
		t.Fatal(err)
	}
	if armor(raw) != text {
		t.Fatal("the test takes the file apart wrongly")
	}
	flip := func(at int) string {
		b := bytes.Clone(raw)
		b[at] ^= 1
		return armor(b)
	}
	otherSalt := bytes.Clone(raw)
	if at := bytes.Index(raw, []byte("scrypt ")) + len("scrypt "); raw[at] == 'B' {
		otherSalt[at] = 'C'
	} else {
		otherSalt[at] = 'B'
	}
	for name, c := range map[string]struct {
		text, passphrase string
		want             error
		says             string
	}{
		"wrong passphrase":  {text, "Correct horse battery staple", ErrPassphrase, "wrong"},
		"no passphrase":     {text, "", ErrPassphrase, "is empty"},
		"nothing":           {"", testPassphrase, ErrBackup, "starts with -----BEGIN"},
		"something else":    {testCard().Code(), testPassphrase, ErrBackup, "starts with -----BEGIN"},
		"cut off":           {text[:len(text)-60], testPassphrase, ErrBackup, "cut off"},
		"a line less":       {strings.Join(append(strings.SplitAfter(text, "\n")[:4:4], strings.SplitAfter(text, "\n")[5:]...), ""), testPassphrase, ErrBackup, "changed"},
		"last byte changed": {flip(len(raw) - 1), testPassphrase, ErrBackup, "changed"},
		"nonce changed":     {flip(len(raw) - 16 - 140 - 16), testPassphrase, ErrBackup, "changed"},
		"salt changed":      {armor(otherSalt), testPassphrase, ErrPassphrase, "wrong"},
		"letter added":      {strings.Replace(text, "\n", "\n=", 1), testPassphrase, ErrBackup, "changed"},
		"too much work":     {armor(bytes.Replace(raw, []byte(" 4\n"), []byte(" 30\n"), 1)), testPassphrase, ErrBackup, "changed"},
		"two lines":         {armorHeader + "\n" + armorFooter, testPassphrase, ErrBackup, "changed"},
		"too long":          {armorHeader + strings.Repeat("\n", maxBackup) + armorFooter, testPassphrase, ErrBackup, "too long"},
		"to a recipient":    {sealedToRecipient(t), testPassphrase, ErrBackup, "changed"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := OpenBackup(c.text, c.passphrase)
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) || got != nil {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func sealedToRecipient(t *testing.T) string {
	var b bytes.Buffer
	w, err := age.Encrypt(&b, HybridFromSeed(NewSeed()).Recipient())
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	return armor(b.Bytes())
}

// What this package seals age opens, and the other way round.
func TestBackupIsAnAgeFile(t *testing.T) {
	content := bytes.Repeat([]byte("content "), 1000)
	identity, err := age.NewScryptIdentity(testPassphrase)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 130 { // lines that are full, and not
		r, err := age.Decrypt(agearmor.NewReader(strings.NewReader(quickBackup(t, content[:n]))), identity)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content[:n]) {
			t.Fatalf("%d bytes: age read %q, %v", n, got, err)
		}
	}

	recipient, err := age.NewScryptRecipient(testPassphrase)
	if err != nil {
		t.Fatal(err)
	}
	recipient.SetWorkFactor(5)
	for n := range 130 {
		var text strings.Builder
		armored := agearmor.NewWriter(&text)
		w, err := age.Encrypt(armored, recipient)
		if err != nil {
			t.Fatal(err)
		}
		w.Write(content[:n])
		w.Close()
		armored.Close()
		if got, err := OpenBackup(text.String(), testPassphrase); err != nil || !bytes.Equal(got, content[:n]) {
			t.Fatalf("%d bytes: got %q, %v", n, got, err)
		}
	}
}

func FuzzDearmor(f *testing.F) {
	for _, n := range []int{1, 47, 48, 49, 96} {
		f.Add(strings.TrimSpace(armor(make([]byte, n))))
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, err := dearmor(text)
		if err == nil && armor(file) != strings.ReplaceAll(text, "\r\n", "\n")+"\n" {
			t.Fatalf("%q is not what armor writes", text)
		}
	})
}
