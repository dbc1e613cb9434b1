package frame

import (
	"bytes"

	"github.com/vmihailenco/msgpack/v5"
)

// A body is one msgpack map. Its keys are integers from 1 to maxKey, its values unsigned integers, booleans, byte strings
// and texts; a later version may also use arrays and maps, which this one skips.
const (
	maxKey   = 63
	maxDepth = 4 // of arrays and maps within a value that is skipped
)

// writer builds a body. Zero values are left out.
type writer struct {
	fields bytes.Buffer
	enc    *msgpack.Encoder // into fields; writing to memory does not fail
	n      int
}

func newWriter() *writer {
	w := &writer{}
	w.enc = msgpack.NewEncoder(&w.fields)
	return w
}

func (w *writer) key(key uint64) {
	w.n++
	w.enc.EncodeUint(key)
}

func (w *writer) uint(key, n uint64) {
	if n != 0 {
		w.key(key)
		w.enc.EncodeUint(n)
	}
}

func (w *writer) bool(key uint64, b bool) {
	if b {
		w.key(key)
		w.enc.EncodeBool(true)
	}
}

func (w *writer) bytes(key uint64, b []byte) {
	if len(b) > 0 {
		w.key(key)
		w.enc.EncodeBytes(b)
	}
}

// fixed writes a value of fixed size. All zeros are the zero value.
func (w *writer) fixed(key uint64, b []byte) {
	if len(bytes.Trim(b, "\x00")) > 0 {
		w.bytes(key, b)
	}
}

func (w *writer) text(key uint64, s string) {
	if s != "" {
		w.key(key)
		w.enc.EncodeString(s)
	}
}

// body returns what was written.
func (w *writer) body() []byte {
	var b bytes.Buffer
	msgpack.NewEncoder(&b).EncodeMapLen(w.n)
	b.Write(w.fields.Bytes())
	return b.Bytes()
}
