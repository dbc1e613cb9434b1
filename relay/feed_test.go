package relay

import (
	"slices"
	"strings"
	"testing"
)

// A script is what a subscription hears: "+x" live, "x" from a backlog read, "|" the end of a read. The result is what it
// delivers, "|" being the end of the backlog.
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
	} {
		f, got := newFeed(), []string{}
		for _, s := range strings.Fields(c.script) {
			switch id, isLive := strings.CutPrefix(s, "+"); {
			case s == "|" && f.phase == catchingUp:
				got = append(got, "|")
				for _, frame := range f.endOfBacklog() {
					got = append(got, string(frame))
				}
			case s == "|":
				f.endOfRecheck()
			case isLive && f.live(id, []byte(id)), !isLive && f.stored(id):
				got = append(got, id)
			}
		}
		if !slices.Equal(got, strings.Fields(c.want)) {
			t.Errorf("%s: %s gives %v, want %s", c.name, c.script, got, c.want)
		}
		if f.phase == settled && (f.seen != nil || f.held != nil) {
			t.Errorf("%s: a settled feed remembers", c.name)
		}
	}
}
