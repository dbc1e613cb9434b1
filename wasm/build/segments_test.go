package build

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// image is what memory holds after instantiation: each byte that a segment writes, the last writer's.
func image(segments []segment) map[uint32]byte {
	m := map[uint32]byte{}
	for _, s := range segments {
		for i, b := range s.data {
			if b == 0 {
				delete(m, s.offset+uint32(i)) // memory is zero anyway
			} else {
				m[s.offset+uint32(i)] = b
			}
		}
	}
	return m
}

func equalImages(a, b map[uint32]byte) bool {
	if len(a) != len(b) {
		return false
	}
	for at, v := range a {
		if w, ok := b[at]; !ok || w != v {
			return false
		}
	}
	return true
}

// moduleOf returns a module with a custom section and a data section of these segments.
func moduleOf(segments []segment) []byte {
	out := slices.Clone(wasmHeader)
	for _, s := range []section{{sectionCustom, []byte("\x04name...")}, {sectionData, appendSegments(nil, segments)}} {
		out = append(out, s.id)
		out = binary.AppendUvarint(out, uint64(len(s.body)))
		out = append(out, s.body...)
	}
	return out
}

func dataSegments(t *testing.T, module []byte) []segment {
	t.Helper()
	sections, err := readSections(module)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sections {
		if s.id == sectionData {
			segments, err := readSegments(s.body)
			if err != nil {
				t.Fatal(err)
			}
			return segments
		}
	}
	return nil
}

func TestMergeKeepsTheMemoryImage(t *testing.T) {
	for name, segments := range map[string][]segment{
		"none":             nil,
		"one":              {{4096, []byte("abc")}},
		"a hole":           {{100, []byte("abc")}, {200, []byte("xyz")}},
		"reversed":         {{200, []byte("xyz")}, {100, []byte("abc")}},
		"overlap":          {{100, []byte("abcdef")}, {102, []byte("XY")}},
		"overlap by zeros": {{100, []byte("abcdef")}, {102, []byte{0, 0}}},
		"empty segments":   {{0, nil}, {1 << 31, nil}, {5, []byte("a")}},
		"only empty":       {{7, nil}},
		"from 0":           {{0, []byte{1}}, {127, []byte{2}}, {128, []byte{3}}},
		"upper half":       {{0xffff0000, []byte("abc")}, {0xffff0100, []byte("d")}},
	} {
		t.Run(name, func(t *testing.T) {
			before := moduleOf(segments)
			after, err := mergeSegments(before)
			if err != nil {
				t.Fatal(err)
			}
			got := dataSegments(t, after)
			if len(got) > 1 {
				t.Errorf("%d segments are left", len(got))
			}
			if !equalImages(image(got), image(segments)) {
				t.Errorf("memory differs: %v, want %v", got, segments)
			}
			if !bytes.Contains(after, []byte("\x04name...")) {
				t.Error("another section is lost")
			}
		})
	}
}

func TestMergeRefuses(t *testing.T) {
	data := func(body string) []byte {
		return append(slices.Clone(wasmHeader), append([]byte{sectionData, byte(len(body))}, body...)...)
	}
	for name, test := range map[string]struct {
		module []byte
		want   string
	}{
		"no module":         {[]byte("hello"), "not a WebAssembly module"},
		"version 2":         {[]byte("\x00asm\x02\x00\x00\x00"), "not a WebAssembly module"},
		"cut short":         {data("\x01\x00\x41\x00\x0b\x05ab"), "unexpected end"},
		"section cut short": {append(slices.Clone(wasmHeader), sectionData, 5, 1), "unexpected end"},
		"passive":           {data("\x01\x01\x02ab"), "not an active segment"},
		"other memory":      {data("\x01\x02\x01\x41\x00\x0b\x01a"), "not an active segment"},
		"global offset":     {data("\x01\x00\x23\x00\x0b\x01a"), "not an active segment"},
		"computed offset":   {data("\x01\x00\x41\x00\x41\x00\x6a\x0b\x01a"), "not a plain constant"},
		"rest":              {data("\x01\x00\x41\x00\x0b\x01abc"), "after the last segment"},
		"huge number":       {data("\xff\xff\xff\xff\xff\x01"), "out of range"},
		"too far apart":     {moduleOf([]segment{{0, []byte("a")}, {1 << 30, []byte("b")}}), "more than"},
		"counted":           {append(slices.Clone(wasmHeader), sectionDataCount, 1, 0), "by number"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := mergeSegments(test.module)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestSignedNumbers(t *testing.T) {
	for _, v := range []int32{0, 1, -1, 63, 64, -64, -65, 127, 128, 8191, 8192, 1<<31 - 1, -1 << 31} {
		r := reader{appendSigned(nil, v)}
		got, err := r.int32()
		if err != nil || got != v || len(r.rest) > 0 {
			t.Errorf("%d read back as %d, %v, with %d bytes left", v, got, err, len(r.rest))
		}
	}
	r := reader{[]byte{0x80, 0x80, 0x80, 0x80, 0x10}} // 1<<32
	if v, err := r.int32(); err == nil {
		t.Errorf("1<<32 read as %d", v)
	}
}

func FuzzMergeSegments(f *testing.F) {
	f.Add(moduleOf([]segment{{100, []byte("abc")}, {200, []byte("xyz")}}))
	f.Add(append(slices.Clone(wasmHeader), sectionDataCount, 1, 0))
	f.Fuzz(func(t *testing.T, module []byte) {
		after, err := mergeSegments(module)
		if err != nil {
			return
		}
		again, err := mergeSegments(after)
		if err != nil || !bytes.Equal(again, after) {
			t.Errorf("merging twice is not merging once: %v", err)
		}
	})
}

// What the linker wrote still starts, and memory is the same, after merging.
func TestMergeOfLinkedProgram(t *testing.T) {
	tc, err := findToolchain(t.Context(), ".")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	source, linked := filepath.Join(dir, "main.go"), filepath.Join(dir, "main.wasm")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() { println(\"still runs\") }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), tc.path, "build", "-ldflags=-s -w", "-o", linked, source)
	cmd.Env = append(os.Environ(), environment...)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	before, err := os.ReadFile(linked)
	if err != nil {
		t.Fatal(err)
	}
	after, err := mergeSegments(before)
	if err != nil {
		t.Fatal(err)
	}
	was, is := dataSegments(t, before), dataSegments(t, after)
	if len(was) < 10 || len(is) != 1 {
		t.Errorf("%d segments before, %d after; want many and one", len(was), len(is))
	}
	if !equalImages(image(was), image(is)) {
		t.Error("memory differs")
	}

	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("no node to run the merged Wasm with")
	}
	if err := os.WriteFile(linked, after, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd = exec.CommandContext(t.Context(), node, filepath.Join(tc.GOROOT, "lib", "wasm", "wasm_exec_node.js"), linked)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")} // it refuses a large environment
	text, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(text), "still runs") {
		t.Errorf("the merged Wasm does not run: %v\n%s", err, text)
	}
}
