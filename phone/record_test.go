//go:build !js

package phone

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"flag"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"ringfork/relay/hostile"
	"ringfork/signalcore"
)

var talkTime = flag.Duration("talk", 0, "how long the long call of TestWhatTheRelaySees lasts at least")

// TestWhatTheRelaySees records two accounts with five endpoints: calls that are won, with picture and without, declined and
// missed. Then it looks at every byte of what the relay has seen.
func TestWhatTheRelaySees(t *testing.T) {
	t.Parallel()
	w := newWild(t)
	hers, his := newMemory(), newMemory()
	alice := w.open("Alice Liddell", hers, func(c *Config) { c.RingTime = signalcore.MinRingTime })
	bob := w.open("Bob Cratchit", his, nil)
	w.befriend(alice, bob)
	alice2, bob2 := w.open("Alice Liddell", hers, nil), w.open("Bob Cratchit", his, nil)
	laptop := w.link(bob, "Bob's laptop")
	all := []*endpoint{alice, alice2, bob, bob2, laptop}
	w.calm()

	secrets := &secrets{names: map[string][]byte{}}
	video, audio := signalcore.Media{Audio: true, Video: true}, signalcore.Media{Audio: true}
	call := func(from, to *endpoint, media signalcore.Media) signalcore.CallID {
		t.Helper()
		id, err := from.Call(to.Account(), media)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	hangUp := func(what string, id signalcore.CallID, by, other *endpoint) {
		t.Helper()
		secrets.ofCall(id, by, other)
		w.calmFor(1500 * time.Millisecond) // what was said twice, was
		own := w.mailboxesOf(id, all)
		before, began := w.hostile.Record(), time.Now()
		if err := by.HangUp(id); err != nil {
			t.Fatal(err)
		}
		by.reaches(t, id, signalcore.StateEnded)
		other.reaches(t, id, signalcore.StateEnded)
		eventually(t, "the end of the connection", func() (ended bool) {
			inside(by, func() { ended = len(by.conns) == 0 })
			return ended
		})
		heard := time.Since(began)
		time.Sleep(3 * time.Second)
		after := w.hostile.Record()
		if heard > 900*time.Millisecond { // nothing came back within a second, on a machine that stood still: it is posted too
			t.Logf("%s took %v", what, heard)
			if frames := after.Frames[len(before.Frames):]; len(frames) != len(framesAt(frames, own)) {
				t.Errorf("%s brought frames to other mailboxes", what)
			}
			return
		}
		assertNothing(t, what, before, after, own)
	}

	first := call(alice, bob, video)
	for _, e := range []*endpoint{bob, bob2, laptop} {
		e.rings(t, first)
	}
	bob2.PickUp(first, video)
	alice.reaches(t, first, signalcore.StateActive)
	bob2.reaches(t, first, signalcore.StateActive)
	alice.awaitHeard(t)
	hangUp("hanging up a call with picture", first, alice, bob2)

	declined := call(alice2, bob, audio)
	laptop.rings(t, declined)
	laptop.Decline(declined, true)
	alice2.reaches(t, declined, signalcore.StateEnded)

	long := call(bob, alice, audio)
	alice2.rings(t, long)
	alice2.PickUp(long, audio)
	bob.reaches(t, long, signalcore.StateActive)
	began := time.Now()
	w.calmFor(1500 * time.Millisecond)
	quiet := w.hostile.Record()
	missed := call(alice, bob, video) // at the same time, by another endpoint
	laptop.rings(t, missed)
	alice.reaches(t, missed, signalcore.StateEnded)
	if during := w.mailboxesOf(long, all); len(during) != 2 || len(framesAt(w.hostile.Record().Frames[len(quiet.Frames):], during)) > 0 {
		t.Error("a call that is on tells the relay something")
	}
	w.calmFor(1500 * time.Millisecond)
	own := w.mailboxesOf(long, all)
	quiet = w.hostile.Record()
	time.Sleep(*talkTime - time.Since(began))
	assertNothing(t, "a call that is on", quiet, w.hostile.Record(), own)
	hangUp("hanging up a long call", long, bob, alice2)

	secrets.ofEndpoints(all)
	for _, id := range []signalcore.CallID{declined, missed} {
		secrets.add("call id", id[:])
	}
	r := w.hostile.Record()
	assertRequests(t, r)
	assertFrames(t, r, map[string][20]byte{
		"rings for Bob": ringFor(alice, bob), "rings for Alice": ringFor(bob, alice), "words between Bob's": bob.own().SyncMailbox().Address(),
	})
	secrets.assertNowhere(t, r)
	t.Logf("%d requests, %d frames, %d messages on %d connections, %d slot writes", len(r.Requests), len(r.Frames), len(r.Messages),
		len(r.Connections), len(r.Slots))
}

// mailboxesOf returns the addresses of a call's own mailboxes.
func (w *wild) mailboxesOf(id signalcore.CallID, all []*endpoint) (list []string) {
	for _, e := range all {
		inside(e, func() {
			if s := e.sessions[id]; s != nil {
				list = append(list, text(s.mailbox.Address()))
			}
		})
	}
	return list
}

func framesAt(frames []hostile.Frame, addresses []string) (found []hostile.Frame) {
	for _, f := range frames {
		if slices.Contains(addresses, f.To) {
			found = append(found, f)
		}
	}
	return found
}

// assertNothing compares two records. Between them nothing may have come to the relay, but that mailboxes of calls that ended
// long before are read no more: that happens at a random time after each.
func assertNothing(t *testing.T, what string, before, after hostile.Record, own []string) {
	t.Helper()
	if len(own) == 0 {
		t.Error("the call has no mailbox")
	}
	if n := len(after.Requests) - len(before.Requests); n != 0 {
		t.Errorf("%s brought %d requests, the first %s %s", what, n, after.Requests[len(before.Requests)].Method, after.Requests[len(before.Requests)].Path)
	}
	if len(after.Frames) != len(before.Frames) || len(after.Slots) != len(before.Slots) || len(after.Connections) != len(before.Connections) {
		t.Errorf("%s brought frames, slot writes or connections", what)
	}
	for i, c := range after.Connections[:len(before.Connections)] {
		if c.Closed != before.Connections[i].Closed {
			t.Errorf("%s closed a connection", what)
		}
	}
	for _, m := range after.Messages[len(before.Messages):] {
		if m.Kind != "unsubscribe" || slices.Contains(own, m.Address) {
			t.Errorf("%s brought %s on a connection", what, m.Kind)
		}
	}
}

var (
	slotPath = regexp.MustCompile(`^/v1/slot/[0-9a-f]{40}$`)
	putPath  = regexp.MustCompile(`^/v1/slot/[0-9a-f]{40}\?replaces=[0-9]+$`)
)

// assertRequests looks at all but the frames: of each sort of request there is one form, the same from everybody.
func assertRequests(t *testing.T, r hostile.Record) {
	t.Helper()
	forms := map[string]map[string]bool{}
	reading := map[string]bool{}
	for _, q := range r.Requests {
		sort := "?"
		switch {
		case q.Method == "POST" && q.Path == "/v1/pub" && q.Length == 20+4096:
			sort = "post"
		case q.Method == "GET" && q.Path == "/v1/sub" && q.Length <= 0:
			sort = "read"
			reading[q.From] = true
		case q.Method == "GET" && slotPath.MatchString(q.Path) && q.Length == 0:
			sort = "look"
		case q.Method == "PUT" && putPath.MatchString(q.Path) && slices.Contains([]int{4096, 16384, 65536, 262144}, q.Length):
			sort = "write"
		}
		form := ""
		for _, name := range slices.Sorted(maps.Keys(q.Header)) {
			value := strings.Join(q.Header[name], ",")
			switch name {
			case "Sec-Websocket-Key": // random, RFC 6455
				value = fmt.Sprint(len(value), " random bytes")
			case "Content-Length":
				value = "that of the body"
			}
			form += name + ": " + value + "\n"
		}
		if forms[sort] == nil {
			forms[sort] = map[string]bool{}
		}
		forms[sort][form] = true
	}
	for sort, list := range forms {
		if len(list) != 1 || sort == "?" {
			t.Errorf("requests of sort %q have %d forms: %q", sort, len(list), slices.Sorted(maps.Keys(list)))
		}
	}
	for _, q := range r.Requests {
		if q.Method == "POST" && reading[q.From] {
			t.Error("a frame was posted on a reading connection")
		}
	}
	for _, m := range r.Messages {
		if want := map[string]int{"subscribe": 97, "unsubscribe": 21}[m.Kind]; len(m.Bytes) != want || m.Kind == "subscribe" && !m.Proved {
			t.Errorf("a %s has %d bytes", m.Kind, len(m.Bytes))
		}
	}
}

// payload is where the random-looking part of a frame after its age header begins.
const payload = 1627

// assertFrames looks at every byte of every frame. What is the same in all is the form of an age file to one recipient; behind that
// no two frames share anything, not even those of one mailbox, and no byte of those in one mailbox is always the same.
func assertFrames(t *testing.T, r hostile.Record, mailboxes map[string][20]byte) {
	t.Helper()
	const start = "age-encryption.org/v1\n-> mlkem768x25519 "
	var first []byte
	distinct := map[string]bool{}
	windows := map[[12]byte]bool{}
	for _, f := range r.Frames {
		if distinct[string(f.Bytes)] {
			continue // said again, byte for byte
		}
		distinct[string(f.Bytes)] = true
		if first == nil {
			first = f.Bytes
		}
		if len(f.Bytes) != 4096 || len(f.To) != 40 || !bytes.HasPrefix(f.Bytes, []byte(start)) {
			t.Fatalf("a frame of %d bytes", len(f.Bytes))
		}
		head := f.Bytes[len(start):payload]
		for i, c := range head {
			inForm := strings.ContainsRune("\n ->", rune(c)) || c == '-'
			if sameForm := strings.ContainsRune("\n ->", rune(first[len(start)+i])); inForm != sameForm || inForm && c != first[len(start)+i] {
				t.Fatalf("byte %d shows another form", len(start)+i)
			}
		}
		for at := len(start); at+12 <= len(f.Bytes); at++ {
			x := [12]byte(f.Bytes[at : at+12])
			if at < payload && bytes.ContainsAny(x[:], "\n ->") {
				continue
			}
			if windows[x] {
				t.Fatalf("byte %d of a frame begins what another one has too", at)
			}
			windows[x] = true
		}
	}
	for name, address := range mailboxes {
		group := map[string]bool{}
		for _, f := range r.Frames {
			if f.To == text(address) {
				group[string(f.Bytes)] = true
			}
		}
		if len(group) < 4 {
			t.Errorf("%s: only %d frames", name, len(group))
			continue
		}
		list := slices.Collect(maps.Keys(group))
		run := 0 // bytes that are the same in all, one behind another
		for at := len(start); at < 4096; at++ {
			same := !strings.ContainsRune("\n ->", rune(first[at])) || at >= payload
			for _, f := range list[1:] {
				same = same && f[at] == list[0][at]
			}
			if run++; !same {
				run = 0
			}
			if run == 4 {
				t.Errorf("%s: bytes %d to %d are the same in all %d frames", name, at-3, at, len(list))
			}
		}
	}
}

// secrets are byte strings that must not be seen.
type secrets struct{ names map[string][]byte }

func (s *secrets) add(name string, b []byte) {
	s.names[fmt.Sprint(name, " ", len(s.names))] = bytes.Clone(b)
}

func (s *secrets) ofCall(id signalcore.CallID, ends ...*endpoint) {
	s.add("call id", id[:])
	for _, e := range ends {
		inside(e, func() {
			if x := e.sessions[id]; x != nil {
				s.add("seed", x.seed[:])
				if x.caller != nil {
					for _, to := range x.endpoints {
						s.add("hash", to.answers[:])
					}
				}
			}
		})
	}
}

func (s *secrets) ofEndpoints(all []*endpoint) {
	for _, e := range all {
		a := e.own()
		account, head, card := a.ID(), a.LogHead(), a.Card()
		for name, b := range map[string][]byte{"account": account[:], "device": e.self.Device[:], "endpoint": e.self.Endpoint[:], "log head": head[:],
			"card's secret": card.Secret[:], "name": []byte(a.Name()), "label": []byte(a.Label())} {
			s.add(name, b)
		}
		for _, key := range []string{string(a.Public(time.Now()).InboxRecipient)} {
			s.add("inbox key", []byte(key[:32]))
			s.add("inbox key", []byte(key[len(key)-32:]))
		}
	}
	for _, word := range []string{"v=0\r\n", "candidate:", "fingerprint", "sha-256", "ice-ufrag", "m=audio", "m=video", "webrtc-datachannel", "typ host",
		"hangup", "decline", "Cratchit", "Liddell", "laptop"} {
		s.add("word", []byte(word))
	}
}

// assertNowhere looks for each secret, as it is and in the usual texts, in all that the relay has seen.
func (s *secrets) assertNowhere(t *testing.T, r hostile.Record) {
	t.Helper()
	var seen bytes.Buffer
	for _, q := range r.Requests {
		fmt.Fprintln(&seen, q.Method, q.Path, q.Header, q.Code)
	}
	for _, m := range r.Messages {
		seen.Write(m.Bytes)
		fmt.Fprintln(&seen, m.Kind, m.Address)
	}
	for _, f := range r.Frames {
		fmt.Fprintln(&seen, f.To)
		seen.Write(f.Bytes)
	}
	for _, p := range r.Slots {
		fmt.Fprintln(&seen, p.Address, p.Writer, p.Next, p.Replaces)
		seen.Write(p.Value)
	}
	for name, b := range s.names {
		for form, x := range map[string][]byte{
			"as it is": b, "in hexadecimal": []byte(hex.EncodeToString(b)), "in capitals": []byte(strings.ToUpper(hex.EncodeToString(b))),
			"in base64": []byte(base64.RawStdEncoding.EncodeToString(b)), "in base64url": []byte(base64.RawURLEncoding.EncodeToString(b)),
		} {
			if bytes.Contains(seen.Bytes(), x) {
				t.Errorf("the relay sees a %s %s", strings.TrimRight(name, " 0123456789"), form)
			}
		}
	}
}
