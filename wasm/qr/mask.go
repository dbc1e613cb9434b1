package qr

// A code may be masked in eight ways, all of which say the same. The one to use is that in which least looks like what a camera
// takes for something else: ISO/IEC 18004, 7.8.3.
const (
	masks = 8

	penaltyRun    = 3 // for five modules of one color in a line, and 1 for each more
	penaltyBlock  = 3 // for each 2x2 modules of one color
	penaltyFinder = 40
	penaltyShare  = 10 // for each 5 % that the share of black is off one half
)

// mask puts a mask on, and says so in the format, or takes it off.
func (c *code) mask(mask int) {
	for y := range c.size {
		for x := range c.size {
			if !c.fixed(x, y) && inverts(mask, x, y) {
				c.modules[y*c.size+x] ^= isBlack
			}
		}
	}
	c.format(mask)
}

func inverts(mask, x, y int) bool {
	n := 0
	switch mask {
	case 0:
		n = (x + y) % 2
	case 1:
		n = y % 2
	case 2:
		n = x % 3
	case 3:
		n = (x + y) % 3
	case 4:
		n = (x/3 + y/2) % 2
	case 5:
		n = x*y%2 + x*y%3
	case 6:
		n = (x*y%2 + x*y%3) % 2
	case 7:
		n = ((x+y)%2 + x*y%3) % 2
	}
	return n == 0
}

func (c *code) penalty() (sum int) {
	black := 0
	for y := range c.size {
		sum += penaltyOfLine(c.size, func(i int) bool { return c.black(i, y) })
		sum += penaltyOfLine(c.size, func(i int) bool { return c.black(y, i) })
		for x := range c.size {
			b := c.black(x, y)
			if b {
				black++
			}
			if x > 0 && y > 0 && b == c.black(x-1, y) && b == c.black(x, y-1) && b == c.black(x-1, y-1) {
				sum += penaltyBlock
			}
		}
	}
	all := c.size * c.size
	off := 2*black - all // twice the distance from one half
	return sum + penaltyShare*(max(off, -off)*10/all)
}

// The row of a finder pattern, with its light border on either side.
const (
	finderBefore = 0b0000_1011101
	finderBehind = 0b1011101_0000
)

func penaltyOfLine(size int, black func(int) bool) (sum int) {
	run, last := 0, 0
	for i := range size {
		bit := 0
		if black(i) {
			bit = 1
		}
		if i > 0 && bit == last&1 {
			run++
		} else {
			run = 1
		}
		switch {
		case run == 5:
			sum += penaltyRun
		case run > 5:
			sum++
		}
		last = last<<1&(1<<11-1) | bit
		if i >= 10 && (last == finderBefore || last == finderBehind) {
			sum += penaltyFinder
		}
	}
	return sum
}
