package signalcore

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"
	"unsafe"
)

// The explorer copies machines and compares them. Both go by reflection, so that a field that is added to a machine is
// copied and counted without a change here. Messages are values that nobody changes: copies share them.

var timeType = reflect.TypeFor[time.Time]()

type copier map[unsafe.Pointer]reflect.Value

// deepCopy copies what p points to, with everything that is reached from there: pointers to one thing stay pointers to one
// thing.
func deepCopy[T any](p *T) *T {
	c := copier{}
	v := reflect.ValueOf(&p).Elem()
	c.own(v)
	return p
}

var flatTypes sync.Map // from reflect.Type to bool

// flat reports whether a copy of a value of this type shares nothing with it that changes.
func flat(t reflect.Type) bool {
	if f, ok := flatTypes.Load(t); ok {
		return f.(bool)
	}
	f := true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		f = false
	case reflect.Chan, reflect.Func, reflect.UnsafePointer:
		panic(fmt.Sprintf("internal error: a machine holds a %v", t))
	case reflect.Array:
		f = flat(t.Elem())
	case reflect.Struct:
		if t != timeType {
			for i := range t.NumField() {
				f = flat(t.Field(i).Type) && f
			}
		}
	}
	flatTypes.Store(t, f)
	return f
}

// own replaces what v shares with the value it was copied from.
func (c copier) own(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return
		}
		n, ok := c[v.UnsafePointer()]
		if !ok {
			n = reflect.New(v.Type().Elem())
			n.Elem().Set(v.Elem())
			c[v.UnsafePointer()] = n
			defer c.own(n.Elem())
		}
		v.Set(n)
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); !flat(f.Type()) {
				c.own(reflect.NewAt(f.Type(), unsafe.Pointer(f.UnsafeAddr())).Elem())
			}
		}
	case reflect.Slice:
		if v.IsNil() {
			return
		}
		n := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(n, v)
		v.Set(n)
		if !flat(v.Type().Elem()) {
			for i := range n.Len() {
				c.own(n.Index(i))
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			c.own(v.Index(i))
		}
	case reflect.Map:
		if v.IsNil() {
			return
		}
		n := reflect.MakeMapWithSize(v.Type(), v.Len())
		for it := v.MapRange(); it.Next(); {
			e := reflect.New(v.Type().Elem()).Elem()
			e.Set(it.Value())
			if !flat(e.Type()) {
				c.own(e)
			}
			n.SetMapIndex(it.Key(), e)
		}
		v.Set(n)
	default:
		panic(fmt.Sprintf("internal error: cannot copy a %v", v.Type()))
	}
}

// fingerprint is the same for two values that differ in nothing but the places where they lie in memory.
type fingerprint [16]byte

// printer writes a value down in one way only: pointers as the order in which they are met, maps sorted.
type printer struct {
	buf  []byte
	ptrs map[unsafe.Pointer]int
}

func printOf(v any) []byte {
	p := printer{ptrs: map[unsafe.Pointer]int{}}
	p.put(reflect.ValueOf(v))
	return p.buf
}

func fingerprintOf(b []byte) fingerprint {
	h := sha256.Sum256(b)
	return fingerprint(h[:16])
}

func (p *printer) num(n uint64) { p.buf = binary.AppendUvarint(p.buf, n) }

func (p *printer) put(v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		if v.Bool() {
			p.num(1)
		} else {
			p.num(0)
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		p.num(uint64(v.Int()))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		p.num(v.Uint())
	case reflect.String:
		p.num(uint64(v.Len()))
		p.buf = append(p.buf, v.String()...)
	case reflect.Interface:
		if v.IsNil() {
			p.num(0)
			return
		}
		p.buf = append(p.buf, v.Elem().Type().String()...)
		p.put(v.Elem())
	case reflect.Pointer:
		if v.IsNil() {
			p.num(0)
			return
		}
		if n, ok := p.ptrs[v.UnsafePointer()]; ok {
			p.num(uint64(n))
			return
		}
		p.ptrs[v.UnsafePointer()] = len(p.ptrs) + 1
		p.num(uint64(len(p.ptrs)))
		p.put(v.Elem())
	case reflect.Struct:
		p.putStruct(v)
	case reflect.Slice, reflect.Array:
		p.num(uint64(v.Len()))
		for i := range v.Len() {
			p.put(v.Index(i))
		}
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return bytes.Compare(keyOf(a), keyOf(b)) })
		p.num(uint64(len(keys)))
		for _, k := range keys {
			p.put(k)
			p.put(v.MapIndex(k))
		}
	default:
		panic(fmt.Sprintf("internal error: cannot print a %v", v.Type()))
	}
}

func (p *printer) putStruct(v reflect.Value) {
	t := v.Type()
	if t == timeType { // wall and ext: all times of a test are without monotonic part and in UTC
		p.num(v.Field(0).Uint())
		p.num(uint64(v.Field(1).Int()))
		return
	}
	for i := range v.NumField() {
		switch name := t.Field(i).Name; {
		case t == reflect.TypeFor[Machine]() && (name == "cfg" || name == "now" || name == "out"):
			// The first never changes; the others matter only while a Step runs.
		case t == reflect.TypeFor[call]() && name == "seen": // a set, whose order only says what to forget first
			p.putSet(v.Field(i))
		default:
			p.put(v.Field(i))
		}
	}
}

// putSet writes a list whose order does not count.
func (p *printer) putSet(v reflect.Value) {
	begin := len(p.buf)
	parts := make([][]byte, v.Len())
	for i := range parts {
		at := len(p.buf)
		p.put(v.Index(i))
		parts[i] = bytes.Clone(p.buf[at:])
	}
	slices.SortFunc(parts, bytes.Compare)
	p.buf = append(p.buf[:begin], bytes.Join(parts, nil)...)
}

func keyOf(k reflect.Value) []byte {
	p := printer{}
	p.put(k)
	return p.buf
}
