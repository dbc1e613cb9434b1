// Package qr answers one question: how does this text look to a camera?
//
// It draws QR codes (ISO/IEC 18004) of bytes at error correction level M, of which 15 % may be unreadable: codes are shown on
// screens, where nothing gets scratched, and with more redundancy the modules would be smaller. A library that can do more
// would add twice as much to the Wasm.
package qr

import (
	"errors"
	"strconv"
	"strings"
)

// quiet is the width of the white border, in modules, without which a camera does not find the code.
const quiet = 4

// SVG returns the QR code of a text as an SVG image, black on white: one unit is one module, and the quiet zone is in the image.
// It has no size of its own, so it fills what it is put into. It fails where the text has more bytes than a code can hold: 2,331.
func SVG(text string) (string, error) {
	version := 1
	for len(text) > capacity(version) {
		if version++; version > maxVersion {
			return "", errors.New("failed to make a QR code: the text is too long")
		}
	}
	c := newCode(version, text)
	best, least := 0, 0
	for mask := range masks {
		c.mask(mask)
		if p := c.penalty(); mask == 0 || p < least {
			best, least = mask, p
		}
		c.mask(mask) // off again
	}
	c.mask(best)
	return c.draw(), nil
}

// draw returns the image: a white square, and one path with a box for each run of black modules in a row.
func (c *code) draw() string {
	var b strings.Builder
	put := func(parts ...any) {
		for _, p := range parts {
			switch p := p.(type) {
			case string:
				b.WriteString(p)
			case int:
				b.WriteString(strconv.Itoa(p))
			}
		}
	}
	size := c.size + 2*quiet
	put(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 `, size, " ", size, `" shape-rendering="crispEdges">`)
	put(`<rect width="`, size, `" height="`, size, `" fill="#fff"/><path d="`)
	for y := range c.size {
		for x := 0; x < c.size; x++ {
			n := 0
			for x+n < c.size && c.black(x+n, y) {
				n++
			}
			if n > 0 {
				put("M", x+quiet, " ", y+quiet, "h", n, "v1h-", n, "z")
				x += n
			}
		}
	}
	put(`"/></svg>`)
	return b.String()
}
