package keys

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
)

// allocated returns how many bytes f takes, at the least of a few times.
func allocated(f func()) uint64 {
	least := uint64(math.MaxUint64)
	var before, after runtime.MemStats
	for range 3 {
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}

// Whatever lengths and counts say, no more memory is taken than is there to be read.
func TestLengthsCostNothing(t *testing.T) {
	ff := func(b []byte) []byte { return append(b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff) }
	shared := vectorAlice().shared.appendTo(nil)
	pens := 1 + 8 + 1 + len("Alice") + 32 + 32
	epochs := pens + 2*33
	log := epochs + 1 + 44 + 4 + 64
	account, _ := vectorAlice().MarshalBinary()
	stranger := slot{Address{1}, [32]byte{2}}
	value := make([]byte, slotSizes[0])
	aead, err := stranger.cipher()
	if err != nil {
		t.Fatal(err)
	}
	plain := make([]byte, len(value)-slotHeader-slotOverhead)
	binary.BigEndian.PutUint32(plain, 1<<30)
	copy(value[slotHeader:], aead.Seal(value[slotHeader:slotHeader+24:slotHeader+24], value[slotHeader:slotHeader+24], plain, stranger.data()))
	backup := func(work string) string {
		salt := stanzaEncoding.EncodeToString(make([]byte, scryptSaltSize))
		body := stanzaEncoding.EncodeToString(make([]byte, fileKeySize+16))
		mac := stanzaEncoding.EncodeToString(make([]byte, 32))
		return armor(fmt.Appendf(nil, "age-encryption.org/v1\n-> scrypt %s %s\n%s\n--- %s\n%032d", salt, work, body, mac, 0))
	}
	log255 := func(b []byte) func() error {
		return func() error { return read(b, func(r *reader) { r.log() }) }
	}
	for name, parse := range map[string]func() error{
		"log of 250 entries":           log255([]byte{250}),
		"log of 255 entries":           log255([]byte{255}),
		"head's name":                  func() error { return read(ff(make([]byte, 1+8+4+1+32+20+RecipientSize)), func(r *reader) { r.head() }) },
		"slot's content of 1 GB":       func() error { _, err := stranger.open(value); return err },
		"slot of 1 GB":                 func() error { _, err := stranger.open(nil); return err },
		"shared name":                  func() error { return read(ff(bytes.Clone(shared[:9])), func(r *reader) { r.shared() }) },
		"pens":                         func() error { return read(ff(bytes.Clone(shared[:pens])), func(r *reader) { r.shared() }) },
		"epochs":                       func() error { return read(ff(bytes.Clone(shared[:epochs])), func(r *reader) { r.shared() }) },
		"shared log":                   func() error { return read(ff(bytes.Clone(shared[:log])), func(r *reader) { r.shared() }) },
		"members":                      func() error { return read(ff(bytes.Clone(shared[:log+1+signedSize])), func(r *reader) { r.shared() }) },
		"account":                      func() error { _, err := ParseAccount(ff(bytes.Clone(account[:101]))); return err },
		"backup":                       func() error { _, err := ParseBackup(ff([]byte{backupFormat})); return err },
		"2,000 contacts":               func() error { _, err := ParseContacts([]byte{contactsFormat, 0x07, 0xd0}); return err },
		"2,000 shared contacts":        func() error { _, err := ParseShared([]byte{contactsFormat, 0x07, 0xd0}); return err },
		"65,535 contacts":              func() error { _, err := ParseContacts(ff([]byte{contactsFormat})); return err },
		"devices and log of a contact": func() error { return read(ff(make([]byte, 8+4+8+1)), func(r *reader) { r.public(AccountID{}) }) },
		"grant":                        func() error { _, err := ParseLinkMessage(ff([]byte{linkFormat, kindGrant})); return err },
		"label of who wants to be let in": func() error {
			_, err := ParseLinkMessage(ff(append([]byte{linkFormat, kindAsk}, make([]byte, 64+2*RecipientSize)...)))
			return err
		},
		"scrypt with 2^30 rounds, 1 TB": func() error { _, err := OpenBackup(backup("30"), "x"); return err },
		"scrypt with 2^19 rounds":       func() error { _, err := OpenBackup(backup("19"), "x"); return err },
		"card":                          func() error { _, err := CardFromBytes(ff(nil)); return err },
		"bech32":                        func() error { _, err := bech32Decode("age1pq", "age1pq1"); return err },
	} {
		if err := parse(); err == nil {
			t.Errorf("%s: it was taken", name)
		}
		if n := allocated(func() { parse() }); n > 32<<10 {
			t.Errorf("%s: %d bytes were allocated", name, n)
		}
	}
	// What is long is refused by its length.
	long := make([]byte, 64<<20)
	longAccount := bytes.Clone(long)
	longAccount[0] = accountFormat
	text := armorHeader + "\n" + strings.Repeat(base64.StdEncoding.EncodeToString(make([]byte, 48))+"\n", 1<<20) + armorFooter
	for name, parse := range map[string]func() error{
		"slot":     func() error { _, err := stranger.open(long); return err },
		"account":  func() error { _, err := ParseAccount(longAccount); return err },
		"contacts": func() error { _, err := ParseContacts(long); return err },
		"shared":   func() error { _, err := ParseShared(long); return err },
		"backup":   func() error { _, err := OpenBackup(text, "x"); return err },
		"log":      log255(long),
		"link":     func() error { _, err := ParseLinkMessage(long); return err },
		"locator":  func() error { _, err := LocatorFromBytes(long); return err },
	} {
		if err := parse(); err == nil {
			t.Errorf("%s: 64 MB were taken", name)
		}
		if n := allocated(func() { parse() }); n > 32<<10 {
			t.Errorf("%s: of 64 MB %d bytes were allocated", name, n)
		}
	}
}

// read reads something, and reports whether it was all there.
func read(b []byte, f func(*reader)) error {
	r := reader{b: b}
	if f(&r); !r.done() {
		return errNotThere
	}
	return nil
}

var errNotThere = errors.New("it is not there")
