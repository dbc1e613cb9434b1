package frame

import (
	"encoding/binary"
	"errors"
	"sync"
)

// Descriptions are packed as in LZ77, with a dictionary of known lines before the text: a list of runs, each either
// literal bytes or a copy of what stands some distance back in dictionary and text. Browsers' descriptions repeat
// themselves and each other, so that this does nearly as well as DEFLATE at a fraction of its code.
//
// Packed text is: dictionary version (1 byte), length of the text (uvarint), and runs until that length is reached. A run
// starts with a uvarint n<<1 | op:
//
//	runLiteral: n bytes follow
//	runCopy:    a uvarint distance follows; n bytes are copied from there
const (
	runLiteral = 0
	runCopy    = 1
)

const (
	dictionaryVersion = 1
	maxText           = 32 << 10 // of a description, unpacked

	minCopy     = 4 // what is hashed
	hashBits    = 12
	maxAttempts = 64 // copies looked at for one position
)

// pack packs any text of at most maxText bytes.
func pack(s string) ([]byte, error) {
	if len(s) > maxText {
		return nil, errors.New("a description is too long")
	}
	d := loadDictionary()
	m := matcher{
		text: append(d.text[:len(d.text):len(d.text)], s...),
		head: d.head,
		next: append(d.next[:len(d.next):len(d.next)], make([]int32, len(s))...),
	}
	b := []byte{dictionaryVersion}
	b = binary.AppendUvarint(b, uint64(len(s)))
	literal := len(d.text) // where the literal bytes not yet written begin
	for at := literal; at < len(m.text); {
		distance, n := m.find(at)
		if n == 0 {
			m.insert(at)
			at++
			continue
		}
		b = appendLiteral(b, m.text[literal:at])
		b = binary.AppendUvarint(b, uint64(n)<<1|runCopy)
		b = binary.AppendUvarint(b, uint64(distance))
		for range n {
			m.insert(at)
			at++
		}
		literal = at
	}
	return appendLiteral(b, m.text[literal:]), nil
}

func appendLiteral(b, literal []byte) []byte {
	if len(literal) == 0 {
		return b
	}
	b = binary.AppendUvarint(b, uint64(len(literal))<<1|runLiteral)
	return append(b, literal...)
}

// unpack reads what pack wrote. It allocates no more than maxText. Its errors are DropErrors.
func unpack(packed []byte) (string, error) {
	if len(packed) == 0 {
		return "", drop(ReasonMalformed)
	}
	if packed[0] != dictionaryVersion {
		return "", drop(ReasonDictionary)
	}
	r := uvarints{b: packed[1:]}
	size := r.next(maxText)
	dict := loadDictionary().text
	text := make([]byte, 0, size)
	for len(text) < size && !r.bad {
		run := r.next(maxText<<1 | runCopy)
		n := run >> 1
		if n == 0 || n > size-len(text) {
			r.bad = true
			break
		}
		if run&1 == runLiteral {
			text = append(text, r.take(n)...)
			continue
		}
		distance := r.next(len(dict) + maxText)
		if distance < 1 || distance > len(dict)+len(text) {
			r.bad = true
			break
		}
		for range n { // byte by byte: a copy may reach into what it makes
			if from := len(text) - distance; from < 0 {
				text = append(text, dict[len(dict)+from])
			} else {
				text = append(text, text[from])
			}
		}
	}
	if r.bad || len(text) != size || len(r.b) > 0 {
		return "", drop(ReasonMalformed)
	}
	return string(text), nil
}

// uvarints takes numbers and bytes off the front of packed text. Past its end, bad holds and everything is zero.
type uvarints struct {
	b   []byte
	bad bool
}

func (r *uvarints) next(most int) int {
	n, size := binary.Uvarint(r.b)
	if r.bad || size <= 0 || n > uint64(most) {
		r.bad = true
		return 0
	}
	r.b = r.b[size:]
	return int(n)
}

func (r *uvarints) take(n int) []byte {
	if r.bad || n > len(r.b) {
		r.bad = true
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

// matcher finds earlier copies of what stands in a text. Positions whose next 4 bytes have one hash are chained.
type matcher struct {
	text []byte
	head [1 << hashBits]int32 // hash -> newest position + 1
	next []int32              // position -> next older position of its chain + 1
}

func (m *matcher) hash(at int) int {
	return int(binary.LittleEndian.Uint32(m.text[at:]) * 2654435761 >> (32 - hashBits))
}

func (m *matcher) insert(at int) {
	if at+4 > len(m.text) {
		return
	}
	h := m.hash(at)
	m.next[at] = m.head[h]
	m.head[h] = int32(at) + 1
}

// find returns the longest copy of what stands at a position, and the nearest of equal ones; zeros where none is worth it.
func (m *matcher) find(at int) (distance, n int) {
	if at+minCopy > len(m.text) {
		return 0, 0
	}
	best := minCopy - 1
	for i, c := 0, m.head[m.hash(at)]; c > 0 && i < maxAttempts; i, c = i+1, m.next[c-1] {
		if k := m.match(int(c-1), at); k > best {
			distance, best, n = at-int(c-1), k, k
		}
	}
	return distance, n
}

func (m *matcher) match(from, at int) (n int) {
	for at+n < len(m.text) && m.text[from+n] == m.text[at+n] {
		n++
	}
	return n
}

// loadDictionary returns a matcher that knows the dictionary.
var loadDictionary = sync.OnceValue(func() *matcher {
	text := []byte(dictionary())
	m := &matcher{text: text, next: make([]int32, len(text))}
	for at := range text {
		m.insert(at)
	}
	return m
})
