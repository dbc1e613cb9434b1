package build

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// WebAssembly section ids that matter here (core specification, section 5.5.2).
const (
	sectionCustom    = 0
	sectionData      = 11
	sectionDataCount = 12
)

// maxImage bounds the memory that data segments may cover. Go's linker lays data out from address 0 without large
// holes; a module that goes beyond is not one of its own.
const maxImage = 64 << 20

var (
	wasmHeader  = []byte("\x00asm\x01\x00\x00\x00")
	errTooShort = errors.New("unexpected end of data")
)

// section is one section of a WebAssembly module, its id and its content.
type section struct {
	id   byte
	body []byte
}

// segment is one active data segment of memory 0: what is written where when the module is instantiated.
type segment struct {
	offset uint32
	data   []byte
}

// mergeSegments returns module with its data segments joined into one, the holes between them filled with zeros.
//
// Go's linker starts a new segment after every run of a few zeros, some thousand of them. Their headers compress badly and
// keep the data before and after them from compressing as one; zeros cost a compressor next to nothing. Memory is
// zero before segments are written, so the memory image stays the same. The names of functions (a custom section), if any, stay.
func mergeSegments(module []byte) ([]byte, error) {
	sections, err := readSections(module)
	if err != nil {
		return nil, fmt.Errorf("failed to read the Wasm module: %w", err)
	}
	out := bytes.NewBuffer(slices.Clone(wasmHeader))
	for _, s := range sections {
		switch s.id {
		case sectionDataCount:
			// Counts the segments for instructions that name one, which none may do once they are joined. Go's
			// compiler emits no such instruction and its linker no such section.
			return nil, errors.New("failed to merge data segments: the module refers to them by number")
		case sectionData:
			segments, err := readSegments(s.body)
			if err != nil {
				return nil, fmt.Errorf("failed to read the data section: %w", err)
			}
			merged, err := merge(segments)
			if err != nil {
				return nil, fmt.Errorf("failed to merge data segments: %w", err)
			}
			s.body = appendSegments(nil, merged)
		}
		out.WriteByte(s.id)
		out.Write(binary.AppendUvarint(nil, uint64(len(s.body))))
		out.Write(s.body)
	}
	return out.Bytes(), nil
}

// merge joins segments, in any order, overlapping or not, into at most one with the same effect.
func merge(segments []segment) ([]segment, error) {
	start, end := uint64(1<<63), uint64(0)
	for _, s := range segments {
		if len(s.data) == 0 {
			continue
		}
		start = min(start, uint64(s.offset))
		end = max(end, uint64(s.offset)+uint64(len(s.data)))
	}
	if end == 0 {
		return nil, nil
	}
	if end-start > maxImage {
		return nil, fmt.Errorf("they cover %d bytes, more than %d", end-start, maxImage)
	}
	image := make([]byte, end-start)
	for _, s := range segments { // a later segment overwrites an earlier one, as on instantiation
		if len(s.data) > 0 {
			copy(image[uint64(s.offset)-start:], s.data)
		}
	}
	return []segment{{offset: uint32(start), data: image}}, nil
}

// readSections splits a module into its sections.
func readSections(module []byte) ([]section, error) {
	rest, ok := bytes.CutPrefix(module, wasmHeader)
	if !ok {
		return nil, errors.New("not a WebAssembly module of version 1")
	}
	r := reader{rest}
	var sections []section
	for len(r.rest) > 0 {
		id, err := r.byte()
		if err != nil {
			return nil, err
		}
		body, err := r.bytes()
		if err != nil {
			return nil, fmt.Errorf("section %d: %w", id, err)
		}
		sections = append(sections, section{id, body})
	}
	return sections, nil
}

// readSegments decodes a data section that holds only active segments of memory 0 at constant offsets, which is what Go's
// linker writes. It refuses everything else.
func readSegments(body []byte) ([]segment, error) {
	r := reader{body}
	n, err := r.uint32()
	if err != nil {
		return nil, err
	}
	var segments []segment
	for i := range n {
		s, err := r.segment()
		if err != nil {
			return nil, fmt.Errorf("segment %d: %w", i, err)
		}
		segments = append(segments, s)
	}
	if len(r.rest) > 0 {
		return nil, fmt.Errorf("%d bytes after the last segment", len(r.rest))
	}
	return segments, nil
}

// appendSegments is the inverse of readSegments.
func appendSegments(b []byte, segments []segment) []byte {
	b = binary.AppendUvarint(b, uint64(len(segments)))
	for _, s := range segments {
		b = append(b, 0, opI32Const)
		b = appendSigned(b, int32(s.offset))
		b = append(b, opEnd)
		b = binary.AppendUvarint(b, uint64(len(s.data)))
		b = append(b, s.data...)
	}
	return b
}

// Instructions of an offset expression.
const (
	opI32Const = 0x41
	opEnd      = 0x0b
)

// reader takes values of the WebAssembly binary format off the front of rest.
type reader struct{ rest []byte }

func (r *reader) byte() (byte, error) {
	if len(r.rest) == 0 {
		return 0, errTooShort
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b, nil
}

// uint32 reads an unsigned LEB128 number.
func (r *reader) uint32() (uint32, error) {
	v, n := binary.Uvarint(r.rest)
	if n == 0 {
		return 0, errTooShort
	}
	if n < 0 || n > 5 || v > 1<<32-1 {
		return 0, errors.New("number out of range")
	}
	r.rest = r.rest[n:]
	return uint32(v), nil
}

// int32 reads a signed LEB128 number.
func (r *reader) int32() (int32, error) {
	var v int64
	for shift := 0; shift < 35; shift += 7 {
		b, err := r.byte()
		if err != nil {
			return 0, err
		}
		v |= int64(b&0x7f) << shift
		if b&0x80 != 0 {
			continue
		}
		if b&0x40 != 0 {
			v |= -1 << (shift + 7)
		}
		if v != int64(int32(v)) {
			break
		}
		return int32(v), nil
	}
	return 0, errors.New("number out of range")
}

// bytes reads a length and as many bytes.
func (r *reader) bytes() ([]byte, error) {
	n, err := r.uint32()
	if err != nil {
		return nil, err
	}
	if uint64(n) > uint64(len(r.rest)) {
		return nil, errTooShort
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b, nil
}

func (r *reader) segment() (segment, error) {
	for _, want := range []byte{0, opI32Const} {
		b, err := r.byte()
		if err != nil {
			return segment{}, err
		}
		if b != want {
			return segment{}, errors.New("not an active segment of memory 0 at a constant offset")
		}
	}
	offset, err := r.int32()
	if err != nil {
		return segment{}, err
	}
	end, err := r.byte()
	if err != nil {
		return segment{}, err
	}
	if end != opEnd {
		return segment{}, errors.New("its offset is not a plain constant")
	}
	data, err := r.bytes()
	if err != nil {
		return segment{}, err
	}
	return segment{uint32(offset), data}, nil
}

// appendSigned appends v as signed LEB128.
func appendSigned(b []byte, v int32) []byte {
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}
