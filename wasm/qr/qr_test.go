package qr

import (
	"image"
	"image/color"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
)

var box = regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h-(\d+)z`)

// photo draws an SVG image as a camera might see it, five pixels a module.
func photo(t *testing.T, svg string) image.Image {
	t.Helper()
	_, after, _ := strings.Cut(svg, `viewBox="0 0 `)
	size, err := strconv.Atoi(strings.Fields(after)[0])
	if err != nil {
		t.Fatal(err)
	}
	const pixels = 5
	img := image.NewGray(image.Rect(0, 0, size*pixels, size*pixels))
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	for _, m := range box.FindAllStringSubmatch(svg, -1) {
		n := make([]int, 4)
		for i := range n {
			n[i], _ = strconv.Atoi(m[i+1])
		}
		if n[2] != n[3] || n[0] < quiet || n[1] < quiet || n[0]+n[2] > size-quiet || n[1] >= size-quiet {
			t.Fatalf("a box out of place: %s", m[0])
		}
		for y := range pixels {
			for x := range n[2] * pixels {
				img.Set(n[0]*pixels+x, n[1]*pixels+y, color.Black)
			}
		}
	}
	return img
}

// TestSVG reads codes by an independent reader.
func TestSVG(t *testing.T) {
	for _, text := range []string{
		"a",
		"https://ring.example/#link=rfl1MjM0NTY3ODk6Ozw9Pj9AQUJDREVGR0hJSktMTU5PUFH2CfAE",
		"rfs1" + strings.Repeat("Ab-_9", 17),
		"<\"&>",
		strings.Repeat("x", 1000),
	} {
		svg, err := SVG(text)
		if err != nil {
			t.Fatal(err)
		}
		bitmap, err := gozxing.NewBinaryBitmapFromImage(photo(t, svg))
		if err != nil {
			t.Fatal(err)
		}
		got, err := qrcode.NewQRCodeReader().Decode(bitmap, nil)
		if err != nil || got.GetText() != text {
			t.Errorf("%d bytes: a reader finds %v, %v", len(text), got, err)
		}
	}
	if _, err := SVG(strings.Repeat("x", 5000)); err == nil {
		t.Error("a text that fits no code was drawn")
	}
}
