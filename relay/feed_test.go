package relay

import (
	"slices"
	"strings"
	"testing"
)

// A script is what a subscription hears: "+x" live, "x" from a backlog read, "|" the end of a read, "-x" what the reader was
// too slow for, "-|" the end of the backlog that it was too slow for, "?" that live frames may have been lost. The result is
// what it delivers, "|" being the end of the backlog.
func TestFeed(t *testing.T) {
	for _, c := range []struct{ name, script, want string }{
		{"nothing", "| |", "|"},
		{"backlog, then live", "a b | +c | +d", "a b | c d"},
		{"live waits for the end", "+c a b | |", "a b | c"},
		{"raced with the first read", "+b a b | |", "a b |"},
		{"posted twice before the read had it", "+b +b a | |", "a | b"},
		{"posted again after the read had it", "a +a b | |", "a b | a"},
		{"found only by the second read", "a | a b | +c", "a | b c"},
		{"live between the reads", "a | +b a b | +c", "a | b c"},
		{"posted again between the reads", "a | +a a | +a", "a | a a"},
		{"posted again after the second read had it", "| b +b | +b", "| b b b"},
		{"a read after the last is nothing", "a | | b", "a |"},

		{"missed when settled", "a | | +b -c a b c | +d", "a | b c d"},
		{"missed, and posted again", "| | -a +a a | +b", "| a b"},
		{"missed while refilling", "| | -a -b a +c -d | b c d |", "| a c b d"},
		{"missed, and gone", "| | -a b | b | a", "|"},
		{"missed between the reads", "a | -b a b | +c", "a | b c"},
		{"what the backlog brought is missed", "a b -b b | |", "a b b |"},
		{"missed before the end", "a -b a b | |", "a b |"},
		{"the end is missed", "a | -| -a a b | +c |", "a | a b | c"},
		{"the end is missed, and nothing remembered", "a | | -| a b | |", "a | a b |"},

		{"lost when settled", "a | | ? a b | b c | +d", "a | a b c d"},
		{"lost between the reads", "a | ? a b | +d", "a | b d"},
		{"lost before the end", "a ? a b | |", "a b |"},
		{"lost while refilling", "a | | -b ? a b | c |", "a | a b c"},
	} {
		f, got, ends := newFeed(), []string{}, 0
		for _, s := range strings.Fields(c.script) {
			id, kind := strings.TrimLeft(s, "+-"), s[0]
			switch {
			case s == "-|":
				f.missEnd()
			case s == "?":
				f.lose()
				ends = 0
			case s == "|" && f.phase == catchingUp:
				got = append(got, "|")
				for _, h := range f.endOfBacklog() {
					got = append(got, string(h.frame))
				}
				ends = 1
			case s == "|":
				if ends++; ends >= 2 || f.complete() {
					f.endOfRecheck()
				}
			case kind == '-':
				if f.phase == settled {
					ends = 0
				}
				f.miss(id)
			case kind == '+' && f.live(id, []byte(id)), kind != '+' && f.stored(id):
				got = append(got, id)
			}
		}
		if !slices.Equal(got, strings.Fields(c.want)) {
			t.Errorf("%s: %s gives %v, want %s", c.name, c.script, got, c.want)
		}
		if f.phase == settled && (f.seen != nil || f.missed != nil || f.held != nil) {
			t.Errorf("%s: a settled feed remembers", c.name)
		}
	}
}
