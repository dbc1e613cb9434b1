package qr

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/skip2/go-qrcode"
)

// lowercase returns a text that every encoder puts into one segment of bytes.
func lowercase(n int) string {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	b := make([]byte, n)
	for i := range b {
		b[i] = 'a' + byte(r.IntN(26))
	}
	return string(b)
}

// modules returns the image that an SVG of SVG's draws.
func modules(t *testing.T, svg string) [][]bool {
	t.Helper()
	var width, height int
	head, rest, _ := strings.Cut(svg, `<path d="`)
	_, err := fmt.Sscanf(head, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" shape-rendering="crispEdges">`, &width, &height)
	if want := fmt.Sprintf(`<rect width="%d" height="%d" fill="#fff"/>`, width, width); err != nil || !strings.HasSuffix(head, want) {
		t.Fatalf("the image starts with %q: %v", head, err)
	}
	path, tail, _ := strings.Cut(rest, `"`)
	if width != height || tail != "/></svg>" {
		t.Fatalf("the image has %d x %d, and ends with %q", width, height, tail)
	}
	image := make([][]bool, height)
	for y := range image {
		image[y] = make([]bool, width)
	}
	for box := range strings.SplitSeq(strings.TrimSuffix(path, "z"), "z") {
		var x, y, n, back int
		if _, err := fmt.Sscanf(box, "M%d %dh%dv1h-%d", &x, &y, &n, &back); err != nil || n < 1 || n != back {
			t.Fatalf("the box %q: %v", box, err)
		}
		for i := range n {
			image[y][x+i] = true
		}
	}
	return image
}

// Another encoder draws the same, in one of the eight masks: every version, filled to the last byte or not.
func TestSVGAgreesWithAnotherEncoder(t *testing.T) {
	seen := map[int]bool{}
	least := 1 // bytes that need the version
	for version := 1; version <= maxVersion; version++ {
		sizes := []int{least, capacity(version)}
		for n := least + 1; version < 5 && n < capacity(version); n += 3 {
			sizes = append(sizes, n)
		}
		for _, n := range sizes {
			text := lowercase(n)
			other, err := qrcode.New(text, qrcode.Medium)
			if err != nil || other.VersionNumber != version {
				t.Fatalf("%d bytes: version %d, want %d, %v", n, version, other.VersionNumber, err)
			}
			want := other.Bitmap() // its quiet zone is as wide
			found := false
			for mask := range masks {
				c := newCode(version, text)
				c.mask(mask)
				if !sameModules(c, want) {
					continue
				}
				found, seen[mask] = true, true
				if !slices.EqualFunc(modules(t, c.draw()), want, slices.Equal[[]bool]) {
					t.Errorf("%d bytes: the image is not of the code", n)
				}
				break
			}
			if !found {
				t.Errorf("%d bytes, version %d: the codes are different in every mask", n, version)
			}
		}
		least = capacity(version) + 1
	}
	if len(seen) < masks {
		t.Errorf("only %d masks were compared", len(seen))
	}
}

// sameModules reports whether a code is the one in an image.
func sameModules(c *code, image [][]bool) bool {
	for y := range c.size {
		for x := range c.size {
			if c.black(x, y) != image[y+quiet][x+quiet] {
				return false
			}
		}
	}
	return true
}

func TestSVG(t *testing.T) {
	for _, text := range []string{"", "https://ring.example/#link=rfl1MjM0NTY3ODk6Ozw9Pj9AQUJDREVGR0hJSktMTU5PUFH2CfAE", "\x00\xff<\">"} {
		svg, err := SVG(text)
		if err != nil {
			t.Fatal(err)
		}
		image := modules(t, svg)
		for i := range image {
			for j := range quiet {
				last := len(image) - 1 - j
				if image[i][j] || image[j][i] || image[i][last] || image[last][i] {
					t.Fatalf("%q: the quiet zone is not white", text)
				}
			}
		}
		if again, _ := SVG(text); again != svg {
			t.Errorf("%q has two codes", text)
		}
		if len(svg) > 40*len(image)*len(image)/4 {
			t.Errorf("%q: the image has %d bytes", text, len(svg))
		}
	}
	for version := 1; version < 10; version++ { // the smallest that holds the text
		for n, want := range map[int]int{capacity(version): version, capacity(version) + 1: version + 1} {
			svg, err := SVG(lowercase(n))
			if err != nil || len(modules(t, svg)) != sizeOf(want)+2*quiet {
				t.Errorf("%d bytes are not in version %d: %v", n, want, err)
			}
		}
	}
	if _, err := SVG(lowercase(capacity(maxVersion))); err != nil || capacity(maxVersion) != 2331 {
		t.Errorf("the largest code holds %d bytes: %v", capacity(maxVersion), err)
	}
	if _, err := SVG(lowercase(2332)); err == nil {
		t.Error("a text was drawn that fits no code")
	}
}

// The least penalty wins: no other mask is better.
func TestMask(t *testing.T) {
	for n := capacity(5) + 1; n <= capacity(6); n++ {
		text := lowercase(n)
		svg, err := SVG(text)
		if err != nil {
			t.Fatal(err)
		}
		best, least := -1, -1
		for mask := range masks {
			c := newCode(6, text)
			c.mask(mask)
			if p := c.penalty(); least < 0 || p < least {
				best, least = mask, p
			}
		}
		c := newCode(6, text)
		if c.mask(best); c.draw() != svg {
			t.Errorf("%d bytes: the code has not mask %d, the least", n, best)
		}
	}
}

// A code of one color, a square of it and a chessboard: the sums can be told without a program.
func TestPenalty(t *testing.T) {
	for name, c := range map[string]struct {
		black func(x, y int) bool
		want  int
	}{
		"white":      {func(x, y int) bool { return false }, 2*21*(3+16) + 400*3 + 10*10},
		"black":      {func(x, y int) bool { return true }, 2*21*(3+16) + 400*3 + 10*10},
		"chessboard": {func(x, y int) bool { return (x+y)%2 == 0 }, 0},
		"stripes":    {func(x, y int) bool { return x%2 == 0 }, 21 * (3 + 16)},
	} {
		code := &code{version: 1, size: 21, modules: make([]byte, 21*21)}
		for i := range code.modules {
			if c.black(i%21, i/21) {
				code.modules[i] = isBlack
			}
		}
		if got := code.penalty(); got != c.want {
			t.Errorf("%s: got %d, want %d", name, got, c.want)
		}
	}
}

func TestPenaltyOfLine(t *testing.T) {
	for line, want := range map[string]int{
		"":                0,
		"#.#.#.#.#.#.":    0,
		"####.####":       0,
		"#####":           3,
		".......":         5,
		"#####.#####":     6,
		"....#.###.#":     40,
		"#.###.#....":     40,
		"#.###.#....#":    40,
		"#.###.#...#":     0,
		"....#.###.#....": 80,
	} {
		if got := penaltyOfLine(len(line), func(i int) bool { return line[i] == '#' }); got != want {
			t.Errorf("%q: got %d, want %d", line, got, want)
		}
	}
}

func BenchmarkSVG(b *testing.B) {
	for b.Loop() {
		SVG(lowercase(160))
	}
}
