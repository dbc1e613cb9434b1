package keys

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxName is the longest a name or label may be, in bytes.
const MaxName = 64

// CleanName makes a name or label out of any text: valid UTF-8 on one line, without control characters and without the
// characters that change the direction of what follows (they would let a name pretend to be more than a name), no space at
// either end, at most MaxName bytes, cut between characters. A clean name is left as it is.
func CleanName(s string) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		if r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD") {
			continue // not UTF-8
		}
		if unicode.IsSpace(r) {
			r = ' '
		}
		if hidden(r) || r == ' ' && b.Len() == 0 {
			continue
		}
		if b.Len()+utf8.RuneLen(r) > MaxName {
			break
		}
		b.WriteRune(r)
	}
	return strings.TrimRight(b.String(), " ")
}

// plain reports whether s is clean and all ASCII, as most names are: reading a long list of contacts is much faster so.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return len(s) <= MaxName && strings.Trim(s, " ") == s
}

func hidden(r rune) bool {
	switch {
	case unicode.IsControl(r):
		return true
	case r == '\u061C', r == '\u200E', r == '\u200F', r == '\uFEFF':
		return true
	case '\u202A' <= r && r <= '\u202E', '\u2066' <= r && r <= '\u2069': // embeddings, overrides, isolates
		return true
	}
	return false
}
