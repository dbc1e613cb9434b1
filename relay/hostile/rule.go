package hostile

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
)

// Rule is one thing that the relay does to what it matches. Rules apply in the order in which they were added, each to what
// those before it left.
//
// To frames, when they are posted:
//
//	drop       nobody gets it; the sender is told that all is well
//	delay      it arrives Ms later
//	reorder    it arrives right after the next frame to its mailbox that is not held so, or Ms later if Ms is set
//	duplicate  it arrives twice, and is stored twice
//	flip       one bit of byte Byte is changed
//	truncate   only its first Size bytes arrive, at those who read now; it is not stored
//	redirect   it arrives in the mailbox Other
//	swap       frames to To arrive at Other, and the other way round
//	age        it is said to be Ms old
//
// To slots:
//
//	old-value    a read gets the value of version Version that was here once; Version 0: the one before the last
//	other-value  a read gets the value of the slot Other
//	no-value     a read is told that the slot is empty
//	flip-value   a read gets the value with one bit of byte Byte changed
//	freeze       a write is told that all is well, and forgotten
//	any-writer   a write is taken, whoever made it and whatever was there
//
// To subscriptions:
//
//	refuse-mailbox  it is refused with Code
//	no-backlog      the frames that wait are withheld
//	no-end          the end of the backlog is never told
//
// To requests:
//
//	fail  those whose path begins with Path are answered with Status and Code
type Rule struct {
	Do     string  `json:"do"`
	To     string  `json:"to,omitempty"`     // address, in hexadecimal; empty: any
	Skip   int     `json:"skip,omitempty"`   // how many of those that match are left alone first
	Count  int     `json:"count,omitempty"`  // how many are concerned then; 0: all
	Chance float64 `json:"chance,omitempty"` // that one is concerned; 0: it always is. The dice are the same in every run

	Ms      int    `json:"ms,omitempty"`
	Byte    int    `json:"byte,omitempty"`
	Size    int    `json:"size,omitempty"`
	Version uint64 `json:"version,omitempty"`
	Other   string `json:"other,omitempty"` // address
	Path    string `json:"path,omitempty"`
	Status  int    `json:"status,omitempty"`
	Code    string `json:"code,omitempty"`
}

// activeRule is a rule and what it has met so far.
type activeRule struct {
	Rule
	to, other       address
	matched, caught int
}

// needs names, for each thing to do, what a rule must say besides.
var needs = map[string]func(Rule) bool{
	"drop":      nil,
	"delay":     func(r Rule) bool { return r.Ms > 0 },
	"reorder":   nil,
	"duplicate": nil,
	"flip":      func(r Rule) bool { return r.Byte >= 0 && r.Byte < frameSize },
	"truncate":  func(r Rule) bool { return r.Size >= 0 && r.Size < frameSize },
	"redirect":  func(r Rule) bool { return r.Other != "" },
	"swap":      func(r Rule) bool { return r.To != "" && r.Other != "" },
	"age":       func(r Rule) bool { return r.Ms >= 0 },

	"old-value":   nil,
	"other-value": func(r Rule) bool { return r.Other != "" },
	"no-value":    nil,
	"flip-value":  func(r Rule) bool { return r.Byte >= 0 },
	"freeze":      nil,
	"any-writer":  nil,

	"refuse-mailbox": func(r Rule) bool { return r.Code != "" },
	"no-backlog":     nil,
	"no-end":         nil,

	"fail": func(r Rule) bool { return r.Status >= 300 && r.Code != "" },
}

// Add adds a rule, which holds until Clear. It fails if the rule makes no sense.
func (r *Relay) Add(rule Rule) error {
	enough, ok := needs[rule.Do]
	if !ok {
		return fmt.Errorf("there is no rule %q", rule.Do)
	}
	if enough != nil && !enough(rule) {
		return fmt.Errorf("rule %q lacks something", rule.Do)
	}
	a := &activeRule{Rule: rule}
	for _, field := range []struct {
		text string
		into *address
	}{{rule.To, &a.to}, {rule.Other, &a.other}} {
		if field.text == "" {
			continue
		}
		var err error
		if *field.into, err = parseAddress(field.text); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rules = append(r.rules, a)
	return nil
}

// Clear removes all rules. What is delayed still arrives; what waits to be overtaken arrives now.
func (r *Relay) Clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rules = nil
	for _, b := range r.boxes {
		r.release(b)
	}
}

// fires reports whether the rule is one of do, and to be applied to this address. mu is held.
func (r *Relay) fires(rule *activeRule, at address, do ...string) bool {
	for _, d := range do {
		if d == rule.Do {
			return (rule.To == "" || rule.to == at || d == "swap" && rule.other == at) && r.counts(rule)
		}
	}
	return false
}

// counts counts one match, and reports whether the rule is to be applied to it.
func (r *Relay) counts(rule *activeRule) bool {
	rule.matched++
	if rule.matched <= rule.Skip || rule.Count > 0 && rule.caught >= rule.Count ||
		rule.Chance > 0 && r.chance.Float64() >= rule.Chance {
		return false
	}
	rule.caught++
	return true
}

// first returns the first rule that fires, nil if none does. mu is held.
func (r *Relay) first(at address, do ...string) *activeRule {
	for _, rule := range r.rules {
		if r.fires(rule, at, do...) {
			return rule
		}
	}
	return nil
}

// failure returns the answer to a request that shall fail.
func (r *Relay) failure(request int, req *http.Request) (answer, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rule := range r.rules {
		if rule.Do == "fail" && strings.HasPrefix(req.URL.Path, rule.Path) && r.counts(rule) {
			r.record.Requests[request].Fate = append(r.record.Requests[request].Fate, rule.Do)
			return answer{status: rule.Status, code: rule.Code}, true
		}
	}
	return answer{}, false
}

func parseAddress(text string) (address, error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(address{}) || hex.EncodeToString(b) != text {
		return address{}, fmt.Errorf("%q is not an address: 40 lower case hexadecimal digits", text)
	}
	return address(b), nil
}
