package main

import (
	"io"
	"os"
	"strings"

	"rsc.io/qr"
)

// quietZone is the width of the light border in modules, without which a camera does not find a QR code (ISO/IEC 18004).
const quietZone = 4

// terminalQR draws a text's QR code with half blocks, two modules above each other to a character. Light modules are drawn
// and dark ones left out, as it has to be on a dark terminal; with colours it is right on any.
func terminalQR(text string, colours bool) (string, error) {
	code, err := qr.Encode(text, qr.L)
	if err != nil {
		return "", err
	}
	light := func(x, y int) bool { return !code.Black(x, y) } // outside it is light
	var b strings.Builder
	for y := -quietZone; y < code.Size+quietZone; y += 2 {
		if colours {
			b.WriteString("\x1b[97;40m") // white on black
		}
		for x := -quietZone; x < code.Size+quietZone; x++ {
			switch top, bottom := light(x, y), light(x, y+1) && y+1 < code.Size+quietZone; {
			case top && bottom:
				b.WriteString("█")
			case top:
				b.WriteString("▀")
			case bottom:
				b.WriteString("▄")
			default:
				b.WriteString(" ")
			}
		}
		if colours {
			b.WriteString("\x1b[0m")
		}
		b.WriteByte('\n')
	}
	return b.String(), nil
}

// isTerminal reports whether somebody looks at what is written to w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
