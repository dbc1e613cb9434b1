package qr

const maxVersion = 40

// What level M has for each version: how many bytes for correction are in each block, and how many blocks there are.
var (
	checkBytes = [maxVersion]uint8{
		10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26,
		26, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28,
	}
	blocks = [maxVersion]uint8{
		1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16,
		17, 17, 18, 20, 21, 23, 25, 26, 28, 29, 31, 33, 35, 37, 38, 40, 43, 45, 47, 49,
	}
)

func sizeOf(version int) int { return 4*version + 17 }

// totalBytes returns how many bytes a code holds beside its patterns, those for correction included.
func totalBytes(version int) int {
	n := (16*version+128)*version + 64
	if version >= 2 {
		lines := version/7 + 2
		n -= (25*lines-10)*lines - 55
	}
	if version >= 7 {
		n -= 36
	}
	return n / 8
}

func dataBytes(version int) int {
	return totalBytes(version) - int(checkBytes[version-1])*int(blocks[version-1])
}

// lengthBits returns the size of the field for the length of a text.
func lengthBits(version int) int {
	if version < 10 {
		return 8
	}
	return 16
}

// capacity returns how many bytes of text a code holds.
func capacity(version int) int { return dataBytes(version) - (4+lengthBits(version)+7)/8 }

// codewords returns the bytes of the code of a text, in the order in which they are drawn.
func codewords(version int, text string) []byte {
	// The kind of the text, bytes, has four bits, so that its length and all else is shifted by them.
	head := uint32(4)<<lengthBits(version) | uint32(len(text))
	bits := 4 + lengthBits(version)
	data := make([]byte, 0, dataBytes(version))
	for i := 0; len(data) < cap(data); i++ {
		switch {
		case i < len(text):
			head, bits = head<<8|uint32(text[i]), bits+8
		case i == len(text):
			head, bits = head<<4, bits+4 // the mark of the end
		default: // pads
			head, bits = head<<8|[]uint32{0x11, 0xec}[(i-len(text))%2], bits+8
		}
		for ; bits >= 8 && len(data) < cap(data); bits -= 8 {
			data = append(data, byte(head>>(bits-8)))
		}
	}

	n, check := int(blocks[version-1]), int(checkBytes[version-1])
	short, longer := len(data)/n, len(data)%n // so many blocks, at the end, have one more
	divisor := generator(check)
	parts := make([][]byte, n)
	for i := range parts {
		size := short
		if i >= n-longer {
			size++
		}
		parts[i] = data[:size]
		data = data[size:]
	}
	all := interleave(nil, parts)
	for i := range parts {
		parts[i] = remainder(parts[i], divisor)
	}
	return interleave(all, parts)
}

// interleave appends the first bytes of all parts, then the second ones, and so on.
func interleave(all []byte, parts [][]byte) []byte {
	for i := range parts[len(parts)-1] { // the longest
		for _, part := range parts {
			if i < len(part) {
				all = append(all, part[i])
			}
		}
	}
	return all
}

// generator returns the generator polynomial of a Reed-Solomon code: its coefficients from the second highest power on.
func generator(degree int) []byte {
	g := make([]byte, degree)
	g[degree-1] = 1
	root := byte(1)
	for range degree {
		for i := range g {
			g[i] = multiply(g[i], root)
			if i+1 < degree {
				g[i] ^= g[i+1]
			}
		}
		root = multiply(root, 2)
	}
	return g
}

// remainder returns the bytes for correction of a block.
func remainder(block, divisor []byte) []byte {
	rest := make([]byte, len(divisor))
	for _, b := range block {
		factor := b ^ rest[0]
		copy(rest, rest[1:])
		rest[len(rest)-1] = 0
		for i, d := range divisor {
			rest[i] ^= multiply(d, factor)
		}
	}
	return rest
}

// multiply multiplies in GF(2^8) modulo x^8 + x^4 + x^3 + x^2 + 1.
func multiply(a, b byte) (p byte) {
	for i := 7; i >= 0; i-- {
		p = p<<1 ^ p>>7*0x1d
		p ^= b >> i & 1 * a
	}
	return p
}
