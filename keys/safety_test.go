package keys

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func countingID(from byte) (id AccountID) {
	for i := range id {
		id[i] = from + byte(i)
	}
	return id
}

// The numbers come from a second implementation, in another language.
func TestSafetyNumberVectors(t *testing.T) {
	ones := AccountID{}
	for i := range ones {
		ones[i] = 0xff
	}
	for _, v := range []struct {
		a, b                AccountID
		digits, emoji, text string
	}{
		{countingID(0), countingID(100),
			"32335 80888 45895 41067 70710 85042 60092 76766 38175 54052 05398 08064", "⚽📷🌲🐙📷🌵🔔🌙🐘🌲🥕🚂",
			"rfs1PBJPas-9Ix9seBOE-dvnPdY7sGuwvWhCluTbAgCy4inqSb5enBTMhG1-hDUzT19CvKS7hLFYVW8WRQVsAqAUYw"},
		{AccountID{}, ones,
			"61343 06844 61627 86013 98596 65490 98062 90274 57558 86543 70853 66528", "🍎🎸🎲👓🦀🎸👓🍰🐢🥁🍕🥁",
			"rfs1Pg5UC396AuuhfOZ-v5Bbnceord0PK8FPxE3ku1qyTkmpo6t9rrKgK5hCEruK9ZZe_Ym2L_xJebJFCOJYJ8CuMQ"},
	} {
		for _, s := range []Safety{SafetyNumber(v.a, v.b), SafetyNumber(v.b, v.a)} {
			if s.Digits != v.digits || strings.Join(s.Emoji, "") != v.emoji || s.Text != v.text {
				t.Errorf("got %+v", s)
			}
		}
	}
}

func TestSafetyEmoji(t *testing.T) {
	seen := map[rune]bool{}
	for _, r := range safetyEmoji {
		if seen[r] || r < 0x2300 || 0xFE00 <= r && r <= 0xFE0F || 0x1F3FB <= r && r <= 0x1F3FF {
			t.Errorf("%c does not belong there", r)
		}
		seen[r] = true
	}
	if n := utf8.RuneCountInString(safetyEmoji); n != 64 || len(seen) != 64 {
		t.Errorf("there are %d", n)
	}
}

func TestSafetyMatch(t *testing.T) {
	a, b, c := countingID(0), countingID(1), countingID(2)
	s := SafetyNumber(a, b)
	for text, want := range map[string]error{
		SafetyNumber(b, a).Text:                 nil,
		" " + s.Text + "\n":                     nil,
		SafetyNumber(a, c).Text:                 ErrSafetyMismatch,
		SafetyNumber(c, b).Text:                 ErrSafetyMismatch,
		s.Text[:40] + "AAAA" + s.Text[44:]:      ErrSafetyMismatch,
		"":                                      ErrSafetyText,
		s.Text[:50]:                             ErrSafetyText,
		s.Text + "A":                            ErrSafetyText,
		"rfs2" + s.Text[4:]:                     ErrSafetyText,
		s.Digits:                                ErrSafetyText,
		testCard().Link("https://ring.example"): ErrSafetyText,
		"rfs1" + strings.Repeat(" ", 86):        ErrSafetyText,
	} {
		if err := s.Match(text); !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("%q: got %v, want %v", text, err, want)
		}
	}
}

func BenchmarkSafetyNumber(b *testing.B) {
	for b.Loop() {
		SafetyNumber(countingID(0), countingID(1))
	}
}
