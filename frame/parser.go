package frame

import (
	"bytes"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// parser reads a body into fields.
type parser struct {
	src *bytes.Reader
	dec *msgpack.Decoder
}

// parseFields reports whether body is one well-formed map, without duplicate keys and trailing bytes.
func parseFields(body []byte) (*fields, bool) {
	src := bytes.NewReader(body)
	p := parser{src, msgpack.NewDecoder(src)}
	f := &fields{}
	if !isMap(p.peek()) {
		return nil, false
	}
	n, err := p.dec.DecodeMapLen()
	if err != nil || n > maxKey {
		return nil, false
	}
	for range n {
		key, ok := p.uint()
		if !ok || key < 1 || key > maxKey || f.at[key].kind != absent {
			return nil, false
		}
		if f.at[key], ok = p.value(); !ok {
			return nil, false
		}
	}
	return f, src.Len() == 0
}

func isUint(c byte) bool {
	return c <= msgpcode.PosFixedNumHigh || c >= msgpcode.Uint8 && c <= msgpcode.Uint64
}

func isMap(c byte) bool {
	return msgpcode.IsFixedMap(c) || c == msgpcode.Map16 || c == msgpcode.Map32
}

func isArray(c byte) bool {
	return msgpcode.IsFixedArray(c) || c == msgpcode.Array16 || c == msgpcode.Array32
}

// peek returns the next value's first byte; at the end, one that no value begins with.
func (p parser) peek() byte {
	c, err := p.dec.PeekCode()
	if err != nil {
		return 0xc1
	}
	return c
}

func (p parser) uint() (uint64, bool) {
	if !isUint(p.peek()) {
		return 0, false
	}
	n, err := p.dec.DecodeUint64()
	return n, err == nil
}

func (p parser) value() (value, bool) {
	switch c := p.peek(); {
	case isUint(c):
		n, ok := p.uint()
		return value{kind: number, num: n}, ok
	case c == msgpcode.True, c == msgpcode.False:
		b, err := p.dec.DecodeBool()
		v := value{kind: boolean}
		if b {
			v.num = 1
		}
		return v, err == nil
	case msgpcode.IsBin(c):
		b, ok := p.bytes()
		return value{kind: blob, bytes: b}, ok
	case msgpcode.IsString(c):
		b, ok := p.bytes()
		return value{kind: text, bytes: b}, ok
	}
	return value{kind: skipped}, p.skip(maxDepth)
}

// bytes reads a byte string or text. The length is checked against what is there before anything is allocated.
func (p parser) bytes() ([]byte, bool) {
	n, err := p.dec.DecodeBytesLen()
	if err != nil || n < 0 || n > p.src.Len() {
		return nil, false
	}
	b := make([]byte, n)
	return b, p.dec.ReadFull(b) == nil
}

// skip reads one value and forgets it. It counts depth, which the library does not: a body of thousands of nested arrays
// would overflow a page's stack.
func (p parser) skip(depth int) bool {
	var n int
	var err error
	switch c := p.peek(); {
	case msgpcode.IsBin(c), msgpcode.IsString(c):
		_, ok := p.bytes()
		return ok
	case msgpcode.IsExt(c):
		return false
	case isArray(c):
		n, err = p.dec.DecodeArrayLen()
	case isMap(c):
		n, err = p.dec.DecodeMapLen()
		n *= 2
	default:
		return p.dec.Skip() == nil // a number, nil or a boolean
	}
	if err != nil || n < 0 || n > p.src.Len() || n > 0 && depth == 0 {
		return false
	}
	for range n {
		if !p.skip(depth - 1) {
			return false
		}
	}
	return true
}
