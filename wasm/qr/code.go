package qr

// code is a square of modules.
type code struct {
	version int
	size    int    // modules on a side
	modules []byte // row by row
}

// What a module can be.
const (
	isBlack = 1 << iota
	isFixed // part of a pattern: not masked, and no place for data
)

func (c *code) black(x, y int) bool { return c.modules[y*c.size+x]&isBlack != 0 }
func (c *code) fixed(x, y int) bool { return c.modules[y*c.size+x]&isFixed != 0 }

// fix makes a module part of a pattern.
func (c *code) fix(x, y int, black bool) {
	c.modules[y*c.size+x] = isFixed
	if black {
		c.modules[y*c.size+x] |= isBlack
	}
}

// newCode returns the code of a text, which fits the version, not masked yet.
func newCode(version int, text string) *code {
	size := sizeOf(version)
	c := &code{version: version, size: size, modules: make([]byte, size*size)}
	for i := range size { // timing patterns
		c.fix(i, 6, i%2 == 0)
		c.fix(6, i, i%2 == 0)
	}
	c.finder(3, 3)
	c.finder(size-4, 3)
	c.finder(3, size-4)
	c.alignments()
	c.format(0) // to keep the places
	c.versionInfo()
	c.fill(codewords(version, text))
	return c
}

// finder draws one of the squares in three corners, around its center, with the white border.
func (c *code) finder(x, y int) {
	for dy := -4; dy <= 4; dy++ {
		for dx := -4; dx <= 4; dx++ {
			if px, py := x+dx, y+dy; px >= 0 && px < c.size && py >= 0 && py < c.size {
				r := max(dx, -dx, dy, -dy)
				c.fix(px, py, r != 2 && r != 4)
			}
		}
	}
}

// alignments draws the small squares: at all crossings of some lines, but for the corners with a finder.
func (c *code) alignments() {
	if c.version == 1 {
		return
	}
	n := c.version/7 + 2
	step := (c.version*8 + n*3 + 5) / (n*4 - 4) * 2
	at := func(i int) int { // the lines are evenly spaced from the end
		if i == 0 {
			return 6
		}
		return c.size - 7 - (n-1-i)*step
	}
	for i := range n {
		for j := range n {
			if i == 0 && j == 0 || i == 0 && j == n-1 || i == n-1 && j == 0 {
				continue
			}
			for dy := -2; dy <= 2; dy++ {
				for dx := -2; dx <= 2; dx++ {
					c.fix(at(i)+dx, at(j)+dy, max(dx, -dx, dy, -dy) != 1)
				}
			}
		}
	}
}

// format writes the level, which is M, and the mask, twice.
func (c *code) format(mask int) {
	bits := withCheck(mask, 0x537, 10) ^ 0x5412
	black := func(i int) bool { return bits>>i&1 == 1 }
	for i := range 15 {
		switch { // around the upper left finder
		case i < 6:
			c.fix(8, i, black(i))
		case i < 8:
			c.fix(8, i+1, black(i))
		case i == 8:
			c.fix(7, 8, black(i))
		default:
			c.fix(14-i, 8, black(i))
		}
		if i < 8 { // beside the other two
			c.fix(c.size-1-i, 8, black(i))
		} else {
			c.fix(8, c.size-15+i, black(i))
		}
	}
	c.fix(8, c.size-8, true)
}

// versionInfo writes the version, twice, where a code has it.
func (c *code) versionInfo() {
	if c.version < 7 {
		return
	}
	bits := withCheck(c.version, 0x1f25, 12)
	for i := range 18 {
		black := bits>>i&1 == 1
		c.fix(c.size-11+i%3, i/3, black)
		c.fix(i/3, c.size-11+i%3, black)
	}
}

// withCheck returns a number with the remainder of its division by a polynomial of a degree behind it (BCH).
func withCheck(v, polynomial, degree int) int {
	rest := v
	for range degree {
		rest = rest<<1 ^ rest>>(degree-1)*polynomial
	}
	return v<<degree | rest
}

// fill writes the data into what is not a pattern: up and down in columns of two, from the right.
func (c *code) fill(data []byte) {
	i := 0
	for right := c.size - 1; right > 0; right -= 2 {
		if right == 6 { // the timing pattern
			right = 5
		}
		for n := range c.size {
			y := n
			if (right+1)&2 == 0 {
				y = c.size - 1 - n
			}
			for x := right; x > right-2; x-- {
				if !c.fixed(x, y) && i < 8*len(data) {
					c.modules[y*c.size+x] = data[i/8] >> (7 - i%8) & isBlack
					i++
				}
			}
		}
	}
}
