package signalcore

import "fmt"

// xPair is how a call ended for its caller and for an endpoint called that showed it.
type xPair struct {
	caller, called string
	won            bool // the caller said won to the endpoint
	trouble        bool // something went wrong or came late on the way
}

const replacedInGlare = "replaced in glare"

// xAgreements are the ways in which a call may end for both. "" is any way. A winner is one to which the caller said so.
var xAgreements = []struct {
	caller, called string
	winner, others bool // for whom the line is
	trouble        bool // only after something went wrong or came late
	why            string
}{
	{"hangup", "hangup", true, false, false, "they talked, and one of them hung up"},
	{"hangup", "answered-elsewhere", false, true, false, "others talked"},
	{"failed", "answered-elsewhere", false, true, false, "others were to talk, and did not connect"},
	{"lost", "answered-elsewhere", false, true, true, "others talked, and lost each other"},
	{"declined", "declined", false, true, false, "declined here"},
	{"declined", "declined-elsewhere", false, true, false, "declined at another endpoint"},
	{"declined", "hangup", false, true, false, "picked up and hung up again before the caller knew: counts as declined"},
	{"cancelled", "cancelled", false, true, false, "the caller cancelled"},
	{"unanswered", "unanswered", false, true, false, "nobody answered"},

	{"", "declined", false, true, false, "the decline came too late, or crossed an end of another kind"},
	{"", "declined-elsewhere", false, true, false, "a sibling told of its decline, which came too late for the caller"},
	{"", "hangup", false, true, false, "picked up and hung up again, which came too late for the caller"},
	{"failed", "hangup", true, true, false, "the caller gave up to connect, and says so with a hangup"},
	{"cancelled", "unanswered", false, true, false, "the ring's end here crossed the cancel"},

	{replacedInGlare, "cancelled", false, true, false, "withdrawn for the call that goes first"},
	{"", replacedInGlare, true, true, false, "the user's call went on as the other one"},

	{"", "unanswered", false, true, true, "no word of the end came through: the ring ended by itself"},
	{"", "cancelled", false, true, true, "the caller was not heard in time: it counts as gone"},
	{"", "failed", true, true, true, "picked up, and no word of the caller's came through, nor a connection"},
	{"hangup", "lost", true, false, true, "the hangup did not come through"},
	{"lost", "hangup", true, false, true, "the same, the other way round"},
	{"lost", "lost", true, false, true, "they lost each other"},
	{"failed", "lost", true, false, true, "connected at one side only"},
}

// agree checks that caller and called end a call in ways that fit each other.
func (e *explorer) agree(s *xState, caller, c *xCall, n int) string {
	p := xPair{caller: xEnd(caller), called: xEnd(c), won: caller.wonTo == n+1, trouble: !s.faultless()}
	e.pairs[p]++
	for _, a := range xAgreements {
		if (a.caller == "" || a.caller == p.caller) && a.called == p.called && (a.winner && p.won || a.others && !p.won) &&
			(p.trouble || !a.trouble) {
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
