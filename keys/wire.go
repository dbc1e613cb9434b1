package keys

import (
	"encoding/binary"
	"time"
)

// reader takes fields off the front of untrusted bytes. After a field that was not there, every further one is zero and
// ok is false: a parser checks once, at the end.
type reader struct {
	b     []byte
	bad   bool
	newer bool // it is bad because a newer version wrote it
}

func (r *reader) take(n int) []byte {
	if r.bad || n > len(r.b) {
		r.bad = true
		return nil
	}
	f := r.b[:n:n]
	r.b = r.b[n:]
	return f
}

func (r *reader) uint8() int {
	if f := r.take(1); f != nil {
		return int(f[0])
	}
	return 0
}

func (r *reader) uint16() int {
	if f := r.take(2); f != nil {
		return int(binary.BigEndian.Uint16(f))
	}
	return 0
}

func (r *reader) uint32() uint32 {
	if f := r.take(4); f != nil {
		return binary.BigEndian.Uint32(f)
	}
	return 0
}

// time reads unix seconds.
func (r *reader) time() time.Time {
	n := r.uint64()
	if n > maxTime {
		r.bad = true
		return time.Time{}
	}
	return time.Unix(int64(n), 0)
}

// maxTime is in the year 10,680: what is beyond is no time that a clock showed.
const maxTime = 1 << 38

func (r *reader) uint64() uint64 {
	if f := r.take(8); f != nil {
		return binary.BigEndian.Uint64(f)
	}
	return 0
}

func (r *reader) bytes20() (f [20]byte) { copy(f[:], r.take(20)); return }

func (r *reader) bytes32() (f [32]byte) { copy(f[:], r.take(32)); return }

// name reads a length byte and so much text; a name that CleanName would change is refused.
func (r *reader) name() string {
	s := string(r.take(r.uint8()))
	if CleanName(s) != s {
		r.bad = true
	}
	return s
}

// ok reports whether every field was there.
func (r *reader) ok() bool { return !r.bad }

// done reports whether every field was there and nothing is left.
func (r *reader) done() bool { return !r.bad && len(r.b) == 0 }

func appendName(b []byte, name string) []byte {
	name = CleanName(name)
	b = append(b, byte(len(name)))
	return append(b, name...)
}
