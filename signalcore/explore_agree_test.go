package signalcore

import "fmt"

// xPair is how a call ended for its caller and for an endpoint called that showed it.
type xPair struct {
	caller, called string
	won            bool // the caller said won to the endpoint
	trouble        bool // something went wrong or came late on the way
	crash          bool // an endpoint crashed
}

const replacedInGlare = "replaced in glare"

// xAgreements are the ways in which a call may end for both. "" is any way. A winner is one to which the caller said so.
var xAgreements = []struct {
	caller, called string
	winner, others bool // for whom the line is
	trouble        bool // only after something went wrong or came late
	crash          bool // only after an endpoint crashed
	why            string
}{
	{"hangup", "hangup", true, false, false, false, "they talked, and one of them hung up"},
	{"hangup", "answered-elsewhere", false, true, false, false, "others talked"},
	{"failed", "answered-elsewhere", false, true, false, false, "others were to talk, and did not connect"},
	{"lost", "answered-elsewhere", false, true, true, false, "others talked, and lost each other"},
	{"declined", "declined", false, true, false, false, "declined here"},
	{"declined", "declined-elsewhere", false, true, false, false, "declined at another endpoint"},
	{"declined", "hangup", false, true, false, false, "picked up and hung up again before the caller knew: counts as declined"},
	{"cancelled", "cancelled", false, true, false, false, "the caller cancelled"},
	{"unanswered", "unanswered", false, true, false, false, "nobody answered"},

	{"", "declined", false, true, false, false, "the decline came too late, or crossed an end of another kind"},
	{"", "declined-elsewhere", false, true, false, false, "a sibling told of its decline, which came too late for the caller"},
	{"", "hangup", false, true, false, false, "picked up and hung up again, which came too late for the caller"},
	{"failed", "hangup", true, true, false, false, "the caller gave up to connect, and says so with a hangup"},
	{"cancelled", "unanswered", false, true, false, false, "the ring's end here crossed the cancel"},

	{"", "replaced", false, true, false, false, "the caller dialed again, and that came before the end of the call before"},
	{"hangup", "replaced", true, false, false, false, "the same, after they talked"},

	{replacedInGlare, "cancelled", false, true, false, false, "withdrawn for the call that goes first"},
	{"", replacedInGlare, true, true, false, false, "the user's call went on as the other one"},

	{"", "unanswered", false, true, true, false, "no word of the end came through: the ring ended by itself"},
	{"", "cancelled", false, true, true, false, "the caller was not heard in time: it counts as gone"},
	{"", "failed", true, true, true, false, "picked up, and no word of the caller's came through, nor a connection"},
	{"lost", "lost", true, false, true, false, "they lost each other"},
	{"hangup", "lost", true, false, true, true, "the caller hung up and crashed before its word was on the way: the peer that vanishes"},
	{"lost", "hangup", true, false, true, true, "the same, the other way round"},
	{"failed", "lost", true, false, true, false, "connected at one side only"},
}

// agree checks that caller and called end a call in ways that fit each other.
func (e *explorer) agree(s *xState, caller, c *xCall, n int) string {
	p := xPair{caller: xEnd(caller), called: xEnd(c), won: caller.wonTo == n+1, trouble: !s.faultless(), crash: s.used[crash] > 0}
	e.pairs[p]++
	for _, a := range xAgreements {
		if (a.caller == "" || a.caller == p.caller) && a.called == p.called && (a.winner && p.won || a.others && !p.won) &&
			(p.trouble || !a.trouble) && (p.crash || !a.crash) {
			return ""
		}
	}
	return fmt.Sprintf("caller and called disagree: %+v", p)
}

func xEnd(c *xCall) string {
	if c.hidden {
		return replacedInGlare
	}
	return c.view.End.String()
}
