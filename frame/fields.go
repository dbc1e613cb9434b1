package frame

// value is what a field holds.
type value struct {
	kind  valueKind
	num   uint64 // of a number; 1 for true
	bytes []byte // of bytes and text
}

type valueKind uint8

const (
	absent valueKind = iota
	number
	boolean
	blob
	text
	skipped // something that only a later version knows
)

// fields are the fields of a body, taken by key. A field that is absent is zero. After one of a wrong type or size bad
// holds: a parser checks once, at the end.
type fields struct {
	at  [maxKey + 1]value
	bad bool
}

func (f *fields) take(key int, want valueKind) value {
	v := f.at[key]
	if v.kind != want && v.kind != absent {
		f.bad = true
		return value{}
	}
	return v
}

func (f *fields) uint(key int, most uint64) uint64 {
	n := f.take(key, number).num
	if n > most {
		f.bad = true
		return 0
	}
	return n
}

func (f *fields) bool(key int) bool { return f.take(key, boolean).num == 1 }

// fixed fills to, whose size is the field's.
func (f *fields) fixed(key int, to []byte) {
	if b := f.bytes(key, len(to)); b != nil && copy(to, b) != len(to) {
		f.bad = true
	}
}

// bytes returns at most so many bytes, nil where there are none.
func (f *fields) bytes(key, most int) []byte {
	b := f.take(key, blob).bytes
	if len(b) > most {
		f.bad = true
		return nil
	}
	return b
}

func (f *fields) text(key int) string { return string(f.take(key, text).bytes) }
