package limit

// keptForFew is the part that is left to clients with few when there is not much left of something.
const keptForFew = 8

// Room reports whether there is room for one more of something of which there are n, and may be most, for a client that has few of
// them or not: the last eighth is for clients with few.
func Room(n, most int, few bool) bool { return n < most-most/keptForFew || few && n < most }

// Part returns how many one client may have at most where all together may have most: a part of them and, where its operator says
// by limits that so many share an address, as many times that.
func Part(most int, part, limits float64) int {
	return int(float64(most) * min(1, part*max(1, limits)))
}
