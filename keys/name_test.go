package keys

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestCleanName(t *testing.T) {
	for in, want := range map[string]string{
		"":                             "",
		"Alice":                        "Alice",
		"  Alice \n":                   "Alice",
		"Ali\nce":                      "Ali ce",
		"A\x00l\x1bice\u202E":          "Alice",
		"\u2066\u200FAlice":            "Alice",
		"a\xffb":                       "ab",
		"\uFFFD":                       "\uFFFD",
		"👩\u200D🚀 Mae":                 "👩\u200D🚀 Mae",
		strings.Repeat("ä", 40):        strings.Repeat("ä", 32),
		"a" + strings.Repeat("ä", 40):  "a" + strings.Repeat("ä", 31),
		strings.Repeat("a", 63) + " b": strings.Repeat("a", 63),
	} {
		if got := CleanName(in); got != want {
			t.Errorf("CleanName(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCleanNameIsClean(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := CleanName(rapid.String().Draw(t, "name"))
		if len(s) > MaxName || !utf8.ValidString(s) || strings.TrimSpace(s) != s {
			t.Fatalf("%q is not clean", s)
		}
		if again := CleanName(s); again != s {
			t.Fatalf("%q becomes %q", s, again)
		}
	})
}
