package keys

import (
	"errors"
	"strings"
	"testing"
)

func testLinkSecret() (s LinkSecret) {
	for i := range s {
		s[i] = byte(50 + i)
	}
	return s
}

// bothWays are what the two ways of a code have.
var bothWays = map[string]struct {
	key, prefix string
	code        func(LinkSecret) string
	link        func(LinkSecret, string) string
	parse       func(string) (LinkSecret, error)
}{
	"request":    {"link=", "rfl", LinkSecret.Code, LinkSecret.Link, ParseLink},
	"invitation": {"join=", "rfj", LinkSecret.InvitationCode, LinkSecret.Invitation, ParseInvitation},
}

func TestParseLinkFinds(t *testing.T) {
	s := testLinkSecret()
	for name, way := range bothWays {
		t.Run(name, func(t *testing.T) {
			code, link := way.code(s), way.link(s, "https://ring.example")
			if len(code) != linkCodeLength || link != "https://ring.example/#"+way.key+code || !strings.HasPrefix(code, way.prefix+"1") {
				t.Fatalf("the link is %q", link)
			}
			for _, text := range []string{
				code, link, "  " + code + "\r\n", "Link me: " + link + ".", "<" + link + ">", `"` + code + `"`,
				"https://ring.example/page?x=1#" + way.key + code, link + "&x=1", "see\n" + code + "\nthanks",
			} {
				if got, err := way.parse(text); err != nil || got != s {
					t.Errorf("%q: %v", text, err)
				}
			}
		})
	}
}

func TestParseLinkExplains(t *testing.T) {
	s := testLinkSecret()
	for name, way := range bothWays {
		code, start := way.code(s), way.prefix
		for fault, c := range map[string]struct{ text, want string }{
			"empty":            {"", "is empty"},
			"blank":            {" \n", "is empty"},
			"a card":           {testCard().Link("https://ring.example"), "it is a card"},
			"a card's code":    {testCard().Code(), "it is a card"},
			"cut":              {code[:30], "cut off after 30 of 52"},
			"only the start":   {start + "1", "cut off after 4 of 52"},
			"even less":        {start, "it is a link with"},
			"too long":         {code + "AB", "2 characters too long"},
			"one letter":       {strings.Replace(code, code[20:21], "-", 1), "typing error"},
			"strange letter":   {code[:20] + "é" + code[21:], "typing error"},
			"lower case":       {strings.ToLower(code), "typing error"},
			"ell for one":      {start + "l" + code[4:], "typing error"},
			"other version":    {start + "2" + code[4:], "another version"},
			"another link":     {"https://ring.example/", "it is a link with"},
			"an empty link":    {"https://ring.example/#" + way.key, "it is a link with"},
			"another fragment": {"https://ring.example/#" + way.key + "hello", "it is a link with"},
			"binary":           {"\x00\xff", "it is a link with"},
		} {
			t.Run(name+"/"+fault, func(t *testing.T) {
				got, err := way.parse(c.text)
				if !errors.Is(err, ErrLink) || !strings.Contains(err.Error(), c.want) || got != (LinkSecret{}) {
					t.Errorf("got %v, want %q", err, c.want)
				}
			})
		}
		if _, err := ParseCard(code); !errors.Is(err, ErrCard) {
			t.Errorf("a linking code taken for a card: %v", err)
		}
	}
}

// A code is read on the device that did not show it, and one that begins like the other is none of that.
func TestParseLinkOfTheOtherWay(t *testing.T) {
	s := testLinkSecret()
	for _, text := range []string{s.Code(), s.Link("https://ring.example")} {
		if _, err := ParseInvitation(text); !errors.Is(err, ErrLink) || !strings.Contains(err.Error(), "read on a device of the account") {
			t.Errorf("%q as an invitation: %v", text, err)
		}
	}
	for _, text := range []string{s.InvitationCode(), s.Invitation("https://ring.example")} {
		if _, err := ParseLink(text); !errors.Is(err, ErrLink) || !strings.Contains(err.Error(), "read on the new device") {
			t.Errorf("%q as a request: %v", text, err)
		}
	}
	if _, err := ParseLink("rfl1" + s.InvitationCode()[4:]); !errors.Is(err, ErrLink) {
		t.Errorf("an invitation with the beginning of a request: %v", err)
	}
}

func FuzzParseLink(f *testing.F) {
	f.Add(testLinkSecret().Code())
	f.Add(testLinkSecret().Invitation("http://127.0.0.1:8787"))
	f.Add(testCard().Code())
	f.Fuzz(func(t *testing.T, text string) {
		for name, way := range bothWays {
			got, err := way.parse(text)
			switch {
			case err != nil && !errors.Is(err, ErrLink):
				t.Fatal(err)
			case err == nil && !strings.Contains(text, way.code(got)):
				t.Fatalf("%q gave a secret whose code is not in it, as %s", text, name)
			}
		}
	})
}
