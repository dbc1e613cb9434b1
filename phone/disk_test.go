//go:build !js

package phone

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"ringfork/relay"
	"ringfork/signalcore"
)

// TestRelaysDisk looks at every file that a relay leaves behind, while it runs and after, once two accounts met and called: no
// frame, no address of a mailbox, nothing that names an account, a device or a person.
func TestRelaysDisk(t *testing.T) {
	dir := t.TempDir()
	var handler http.Handler
	w := &town{t: t, server: httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { handler.ServeHTTP(rw, r) }))}
	t.Cleanup(w.server.Close)
	r, err := relay.New(t.Context(), relay.Config{Origins: []string{w.server.URL}, DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	w.relay, handler = r, r.Handler()
	t.Cleanup(func() { r.Close() })

	alice, bob := w.open("Alice Liddell", newMemory(), nil), w.open("Bob Cratchit", newMemory(), nil)
	w.meet(alice, bob)
	id, err := alice.Call(bob.Account(), signalcore.Media{Audio: true})
	if err != nil {
		t.Fatal(err)
	}
	bob.awaitRing(t)
	if err := bob.PickUp(id, signalcore.Media{Audio: true}); err != nil {
		t.Fatal(err)
	}
	alice.awaitState(t, signalcore.StateActive)

	hidden := map[string][]byte{"a frame": []byte("age-encryption.org"), "the call": id[:]}
	for _, e := range []*endpoint{alice, bob} {
		account, device, slot, private := e.Account(), e.own().Device(), e.own().Card().Slot, e.own().PrivateAddress()
		inbox := e.own().Inbox().Address()
		hidden[e.Name()] = []byte(e.Name())
		hidden[e.Name()+"'s account"] = account[:]
		hidden[e.Name()+"'s device"] = device[:]
		hidden[e.Name()+"'s inbox"] = inbox[:]
		hidden[e.Name()+"'s slot"] = slot[:]
		hidden[e.Name()+"'s private slot"] = private[:]
	}
	look := func(when string) {
		t.Helper()
		size := 0
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			if errors.Is(err, fs.ErrNotExist) {
				return nil // a temporary one, which has got its name or gone since
			}
			size += len(b)
			for what, secret := range hidden {
				if bytes.Contains(b, secret) || bytes.Contains(bytes.ToLower(b), []byte(hex.EncodeToString(secret))) {
					t.Errorf("%s: %s is on the disk, in %s", when, what, filepath.Base(path))
				}
			}
			return err
		})
		if err != nil || size < 4<<10 {
			t.Errorf("%s: %d bytes were looked at, %v: the slots are not there", when, size, err)
		}
	}
	look("while it runs")
	if err := bob.HangUp(id); err != nil {
		t.Fatal(err)
	}
	alice.awaitState(t, signalcore.StateEnded)
	alice.Close()
	bob.Close()
	r.Close()
	look("afterwards")
}
