package keys

import (
	"errors"
	"strings"
	"testing"
)

func testCard() Card {
	c := Card{}
	for i := range 32 {
		c.Account[i], c.Secret[i], c.Head[i] = byte(i), byte(200+i), byte(50+i)
	}
	for i := range c.Slot {
		c.Slot[i] = byte(100 + i)
	}
	return c
}

func TestParseCardFinds(t *testing.T) {
	c := testCard()
	code, link := c.Code(), c.Link("https://ring.example")
	if len(code) != codeLength || !strings.HasPrefix(code, "rf1") {
		t.Fatalf("the code is %q", code)
	}
	if link != "https://ring.example/#card="+code {
		t.Errorf("the link is %q", link)
	}
	for _, s := range []string{
		code, link, "  " + code + "\r\n", "\t" + link + " ",
		"Call me: " + link + ".", "Call me at " + code + "!", "<" + link + ">", "(" + code + ")", `"` + link + `"`,
		"https://ring.example/page?x=1#card=" + code, "https://ring.example/#card=" + code + "&name=Alice",
		"my rfc, then: " + link, "see\n" + code + "\nthanks",
	} {
		if got, err := ParseCard(s); err != nil || got != c {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestParseCardExplains(t *testing.T) {
	code := testCard().Code()
	swapped := strings.Replace(code, code[10:12], code[11:12]+code[10:11], 1)
	for name, c := range map[string]struct{ s, want string }{
		"empty":            {"", "is empty"},
		"blank":            {" \n", "is empty"},
		"cut link":         {testCard().Link("https://ring.example")[:80], "cut off after 53 of 163"},
		"last one cut":     {code[:len(code)-1], "cut off after 162 of 163"},
		"only the start":   {"rf1", "cut off after 3 of 163"},
		"too long":         {code + "AB", "2 characters too long"},
		"one letter":       {strings.Replace(code, code[50:51], "-", 1), "typing error"},
		"two swapped":      {swapped, "typing error"},
		"strange letter":   {code[:50] + "é" + code[51:], "typing error"},
		"plus for minus":   {code[:50] + "+" + code[51:], "typing error"},
		"lower case":       {strings.ToLower(code), "typing error"},
		"other version":    {"rf2" + code[3:], "another version"},
		"a name":           {"alice@ring.example", "a card is a link"},
		"another link":     {"https://ring.example/", "a card is a link"},
		"an empty link":    {"https://ring.example/#card=", "a card is a link"},
		"another fragment": {"https://ring.example/#card=hello", "a card is a link"},
		"binary":           {"\x00\xff", "a card is a link"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseCard(c.s)
			if !errors.Is(err, ErrCard) || !strings.Contains(err.Error(), c.want) || got != (Card{}) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestParseCardDetectsEveryMistypedCharacter(t *testing.T) {
	code := testCard().Code()
	for i := len(codePrefix); i < len(code); i++ {
		for _, r := range []string{"A", "z", "5", "_"} {
			if s := code[:i] + r + code[i+1:]; s != code {
				if _, err := ParseCard(s); !errors.Is(err, ErrCard) {
					t.Fatalf("character %d mistyped as %s: %v", i, r, err)
				}
			}
		}
	}
}

func TestCardBytes(t *testing.T) {
	c := testCard()
	b := c.Bytes()
	if got, err := CardFromBytes(b); err != nil || got != c || len(b) != CardSize {
		t.Errorf("got %v", err)
	}
	for _, bad := range [][]byte{nil, b[1:], append(b, 0)} {
		if _, err := CardFromBytes(bad); !errors.Is(err, ErrCard) {
			t.Errorf("%d bytes: %v", len(bad), err)
		}
	}
}

func FuzzParseCard(f *testing.F) {
	c := testCard()
	f.Add(c.Code())
	f.Add(c.Link("http://127.0.0.1:8787"))
	f.Add("rf")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseCard(s)
		if err != nil {
			if !errors.Is(err, ErrCard) {
				t.Fatal(err)
			}
			return
		}
		if !strings.Contains(s, got.Code()) {
			t.Fatalf("%q gave a card whose code is not in it", s)
		}
	})
}
