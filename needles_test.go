package main

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

// secrets are what must not be found: of those of 16 bytes and more any 16 in a row, in each of their spellings; of names and
// IP addresses the whole.
type secrets struct {
	mu      sync.Mutex
	count   int
	windows map[[window]byte]string
	texts   map[string]string
	probe   []byte // one of them, for trying the search out
}

const window = 16

func newSecrets() *secrets {
	s := &secrets{windows: map[[window]byte]string{}, texts: map[string]string{}}
	s.texts[clientIP], s.texts[hex.EncodeToString([]byte(rawIP))] = "a client's IP address", "a client's IP address in hex"
	return s
}

// rawIP is clientIP as it goes through wires. Those are 4 bytes only: in a megabyte of what is sealed, one run in some thousands has
// them by chance.
var rawIP = string(net.ParseIP(clientIP).To4())

// searchIP returns where rawIP stands, but for one place in what is no text: that may be chance. What is sealed may lie in more than
// one part, so places with the same bytes around are one.
func searchIP(h *haystack) (found []string) {
	places := map[string]bool{}
	for _, p := range h.parts {
		text := string(p.bytes)
		n := strings.Count(text, rawIP)
		if n > 1 || n == 1 && utf8.ValidString(strings.Replace(text, rawIP, "", 1)) {
			found = append(found, fmt.Sprintf("a client's IP address, raw, is in %s, %d times", p.name, n))
		}
		if at := strings.Index(text, rawIP); at >= 0 {
			places[text[max(0, at-8):min(len(text), at+12)]] = true
		}
	}
	if len(places) > 1 {
		found = append(found, fmt.Sprintf("a client's IP address, raw, is in %d places", len(places)))
	}
	return found
}

// TestSearchIP: chance is told from what somebody wrote.
func TestSearchIP(t *testing.T) {
	sealed, other := "\xc3\x28 sealed \xff", "\xc3\x28 other \xff"
	for _, c := range []struct {
		parts []string
		found bool
	}{
		{[]string{sealed, other}, false},
		{[]string{sealed + rawIP + sealed}, false},
		{[]string{sealed + rawIP + sealed, "name" + sealed + rawIP + sealed}, false}, // the same, seen twice
		{[]string{"addr=" + rawIP}, true},
		{[]string{sealed + rawIP + sealed + rawIP}, true},
		{[]string{sealed + rawIP + sealed, other + rawIP + sealed}, true},
	} {
		h := &haystack{}
		for _, text := range c.parts {
			h.add("a part", []byte(text))
		}
		if found := searchIP(h); (len(found) > 0) != c.found {
			t.Errorf("in %q: %q", c.parts, found)
		}
	}
}

// name adds a text that people read.
func (s *secrets) name(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	s.texts[text] = text
	s.texts[hex.EncodeToString([]byte(text))] = text + " in hex"
	for _, spelling := range spell([]byte(text))[3:] {
		s.texts[spelling] = text + " in base64"
	}
}

// text adds what is written in letters and is as good as random.
func (s *secrets) text(what, text string) { s.add(what, text) }

// secret adds bytes.
func (s *secrets) secret(what string, b []byte) { s.add(what, spell(b)...) }

func (s *secrets) add(what string, spellings ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	for _, text := range spellings {
		for at := 0; at+window <= len(text); at++ {
			if w := [window]byte([]byte(text[at : at+window])); !dull(w) {
				s.windows[w] = what
			}
		}
	}
}

// dull reports whether bytes may stand anywhere: zeros, counters, text that programs write.
func dull(w [window]byte) bool {
	var have [256]bool
	distinct := 0
	for _, b := range w {
		if !have[b] {
			have[b] = true
			distinct++
		}
	}
	return distinct < 6
}

// spell returns the ways in which bytes may be written down: as they are, in hex, and in base64 (RFC 4648, both alphabets)
// behind any other bytes, without the letters that those and the next ones touch.
func spell(b []byte) []string {
	out := []string{string(b), hex.EncodeToString(b), strings.ToUpper(hex.EncodeToString(b))}
	for shift := range 3 {
		text := base64.RawStdEncoding.EncodeToString(append(make([]byte, shift), b...))
		first, last := 0, (shift+len(b))*8/6
		if shift > 0 {
			first = shift + 1
		}
		text = text[first:last]
		out = append(out, text, strings.NewReplacer("+", "-", "/", "_").Replace(text))
	}
	return out
}

// total returns how many there are. Phones that go on may add to them.
func (s *secrets) total() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// search returns what was found, and where.
func (s *secrets) search(h *haystack) (found []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found = searchIP(h)
	for _, p := range h.parts {
		for text, what := range s.texts {
			if strings.Contains(string(p.bytes), text) {
				found = append(found, fmt.Sprintf("%s is in %s", what, p.name))
			}
		}
		for at := 0; at+window <= len(p.bytes); at++ {
			if what, ok := s.windows[[window]byte(p.bytes[at:at+window])]; ok {
				found = append(found, fmt.Sprintf("%s is in %s, at %d", what, p.name, at))
				break
			}
		}
	}
	return found
}
