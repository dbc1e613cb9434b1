// Package qr answers one question: how does this text look to a camera?
package qr

import (
	"fmt"
	"strconv"
	"strings"

	"rsc.io/qr"
)

// quiet is the width of the white border, in modules, without which a camera does not find the code.
const quiet = 4

// SVG returns the QR code of a text as an SVG image, black on white: one unit is one module, and the quiet zone is in the image.
// It has no size of its own, so it fills what it is put into. It fails where the text has more bytes than a code can hold,
// some 2,300.
func SVG(text string) (string, error) {
	code, err := qr.Encode(text, qr.M) // 15 % may be unreadable: screens do not get scratched, and modules stay large
	if err != nil {
		return "", fmt.Errorf("failed to make a QR code: %w", err)
	}
	size := strconv.Itoa(code.Size + 2*quiet)
	var b strings.Builder
	b.WriteString(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ` + size + " " + size + `" shape-rendering="crispEdges">` +
		`<rect width="` + size + `" height="` + size + `" fill="#fff"/><path d="`)
	for y := range code.Size { // a box for each run of black modules in a row
		for x := 0; x < code.Size; x++ {
			n := 0
			for x+n < code.Size && code.Black(x+n, y) {
				n++
			}
			if n > 0 {
				b.WriteString("M" + strconv.Itoa(x+quiet) + " " + strconv.Itoa(y+quiet) + "h" + strconv.Itoa(n) + "v1h-" + strconv.Itoa(n) + "z")
				x += n
			}
		}
	}
	b.WriteString(`"/></svg>`)
	return b.String(), nil
}
