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

func TestParseLinkFinds(t *testing.T) {
	s := testLinkSecret()
	code, link := s.Code(), s.Link("https://ring.example")
	if len(code) != linkCodeLength || link != "https://ring.example/#link="+code || !strings.HasPrefix(code, "rfl1") {
		t.Fatalf("the link is %q", link)
	}
	for _, text := range []string{
		code, link, "  " + code + "\r\n", "Link me: " + link + ".", "<" + link + ">", `"` + code + `"`,
		"https://ring.example/page?x=1#link=" + code, link + "&x=1", "see\n" + code + "\nthanks",
	} {
		if got, err := ParseLink(text); err != nil || got != s {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestParseLinkExplains(t *testing.T) {
	code := testLinkSecret().Code()
	for name, c := range map[string]struct{ text, want string }{
		"empty":            {"", "is empty"},
		"blank":            {" \n", "is empty"},
		"a card":           {testCard().Link("https://ring.example"), "it is a card"},
		"a card's code":    {testCard().Code(), "it is a card"},
		"cut":              {code[:30], "cut off after 30 of 52"},
		"only the start":   {"rfl1", "cut off after 4 of 52"},
		"even less":        {"rfl", "it is a link with"},
		"too long":         {code + "AB", "2 characters too long"},
		"one letter":       {strings.Replace(code, code[20:21], "-", 1), "typing error"},
		"strange letter":   {code[:20] + "é" + code[21:], "typing error"},
		"lower case":       {strings.ToLower(code), "typing error"},
		"ell for one":      {"rfll" + code[4:], "typing error"},
		"other version":    {"rfl2" + code[4:], "another version"},
		"another link":     {"https://ring.example/", "it is a link with"},
		"an empty link":    {"https://ring.example/#link=", "it is a link with"},
		"another fragment": {"https://ring.example/#link=hello", "it is a link with"},
		"binary":           {"\x00\xff", "it is a link with"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseLink(c.text)
			if !errors.Is(err, ErrLink) || !strings.Contains(err.Error(), c.want) || got != (LinkSecret{}) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	if _, err := ParseCard(code); !errors.Is(err, ErrCard) {
		t.Errorf("a linking code taken for a card: %v", err)
	}
}

func FuzzParseLink(f *testing.F) {
	f.Add(testLinkSecret().Code())
	f.Add(testLinkSecret().Link("http://127.0.0.1:8787"))
	f.Add(testCard().Code())
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseLink(text)
		if err != nil {
			if !errors.Is(err, ErrLink) {
				t.Fatal(err)
			}
			return
		}
		if !strings.Contains(text, got.Code()) {
			t.Fatalf("%q gave a secret whose code is not in it", text)
		}
	})
}
