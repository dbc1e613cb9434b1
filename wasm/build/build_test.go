package build

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
)

// newModule returns the root of a small module with the shape of this one.
func newModule(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":               "module ringfork\n\ngo 1.26\n",
		"go.sum":               "",
		"wasm/main.go":         "//go:build js && wasm\n\npackage main\n\nimport \"ringfork/inner\"\n\nfunc main() { println(inner.Text()) }\n",
		"wasm/main_test.go":    "package main\n",
		"wasm/build/build.go":  "package build\n",
		"inner/text_js.go":     "package inner\n\nimport _ \"embed\"\n\n//go:embed data\nvar text string\n\nfunc Text() string { return text }\n",
		"inner/text_native.go": "//go:build !js\n\npackage inner\n\nfunc Text() string { return \"\" }\n",
		"inner/data":           "hello",
		"outer/outer.go":       "package outer\n",
	} {
		write(t, root, name, text)
	}
	return root
}

func write(t *testing.T, root, name, text string) {
	t.Helper()
	path := filepath.Join(root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestKeyCoversWhatIsCompiled(t *testing.T) {
	root := newModule(t)
	tc := &toolchain{GOVERSION: "go1.26.1"}
	key := func() string {
		t.Helper()
		k, err := cacheKey(root, tc)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	last := key()
	for _, test := range []struct {
		change  string
		file    string
		changes bool
	}{
		{"the program", "wasm/main.go", true},
		{"a package it imports, for js", "inner/text_js.go", true},
		{"an embedded file", "inner/data", true},
		{"the code that builds it", "wasm/build/build.go", true},
		{"a dependency", "go.mod", true},
		{"a dependency's hash", "go.sum", true},
		{"a file of the other target", "inner/text_native.go", false},
		{"a test", "wasm/main_test.go", false},
		{"a package it does not import", "outer/outer.go", false},
	} {
		b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(test.file)))
		if err != nil {
			t.Fatal(err)
		}
		write(t, root, test.file, string(b)+"\n// changed\n")
		now := key()
		if (now != last) != test.changes {
			t.Errorf("changing %s: key changed %v, want %v", test.change, now != last, test.changes)
		}
		last = now
	}
	tc.GOVERSION = "go1.26.2"
	if key() == last {
		t.Error("another toolchain has the same key")
	}
	if err := os.Remove(filepath.Join(root, "inner", "text_js.go")); err != nil {
		t.Fatal(err)
	}
	if _, err := cacheKey(root, tc); err == nil {
		t.Error("no error for a package without files")
	}
}

func TestKeyOfThisModule(t *testing.T) {
	root, err := FindModule()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "serve.go")); err != nil {
		t.Errorf("%s is not the root of the module", root)
	}
	start := time.Now()
	if _, err := cacheKey(root, &toolchain{}); err != nil {
		t.Error(err)
	}
	t.Logf("key of the module in %v", time.Since(start))
}

func TestBuild(t *testing.T) {
	root, cacheDir := newModule(t), t.TempDir()
	var mu sync.Mutex
	notices := 0
	options := Options{Dir: root, CacheDir: cacheDir, Quality: 1, Notice: func(string) {
		mu.Lock()
		defer mu.Unlock()
		notices++
	}}
	type result struct {
		out *Output
		err error
	}
	results := make(chan result, 2)
	for range cap(results) { // two at once, as two processes would
		go func() {
			out, err := Build(t.Context(), options)
			results <- result{out, err}
		}()
	}
	first, second := <-results, <-results
	if err := errors.Join(first.err, second.err); err != nil {
		t.Fatal(err)
	}
	if notices == 0 {
		t.Error("no notice that it compiles")
	}
	notices = 0
	third, err := Build(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	if notices > 0 {
		t.Error("compiled again without a change")
	}
	for name, get := range map[string]func(*Output) []byte{
		"Wasm":   func(o *Output) []byte { return o.Wasm },
		"Brotli": func(o *Output) []byte { return o.Brotli },
		"Gzip":   func(o *Output) []byte { return o.Gzip },
		"Exec":   func(o *Output) []byte { return o.Exec },
	} {
		a := get(first.out)
		if len(a) == 0 || !bytes.Equal(a, get(second.out)) || !bytes.Equal(a, get(third)) {
			t.Errorf("%s is empty, or not the same every time", name)
		}
	}
	if n := len(dataSegments(t, third.Wasm)); n != 1 {
		t.Errorf("the Wasm has %d data segments, want 1", n)
	}
	if b, err := io.ReadAll(brotli.NewReader(bytes.NewReader(third.Brotli))); err != nil || !bytes.Equal(b, third.Wasm) {
		t.Errorf("brotli does not decompress to the Wasm: %v", err)
	}
	z, err := gzip.NewReader(bytes.NewReader(third.Gzip))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(z); err != nil || !bytes.Equal(b, third.Wasm) {
		t.Errorf("gzip does not decompress to the Wasm: %v", err)
	}
	if !bytes.Contains(third.Exec, []byte("class")) {
		t.Error("wasm_exec.js does not look like a script")
	}
	left, err := filepath.Glob(filepath.Join(cacheDir, "*", "*"+tempSuffix))
	if err != nil || len(left) > 0 {
		t.Errorf("temporary files are left: %v, %v", left, err)
	}

	write(t, root, "wasm/main.go", "//go:build js && wasm\n\npackage main\n\nfunc main() { undefined() }\n")
	if _, err := Build(t.Context(), options); err == nil || !strings.Contains(err.Error(), "undefined: undefined") {
		t.Errorf("error %v does not quote the compiler", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Build(ctx, options); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v after cancelling, want %v", err, context.Canceled)
	}
}

func TestNoToolchain(t *testing.T) {
	path, err := goCommand("")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", t.TempDir())
	for _, root := range []string{"", t.TempDir()} {
		_, err := goCommand(root)
		var missing *ToolchainError
		if !errors.As(err, &missing) || !strings.Contains(err.Error(), "no Go toolchain found: install Go 1.26") {
			t.Errorf("error %v, want a ToolchainError that says what to install", err)
		}
	}
	root := filepath.Dir(filepath.Dir(path))
	if got, err := goCommand(root); err != nil || filepath.Dir(filepath.Dir(got)) != root {
		t.Errorf("the go command below %s is not found: %q, %v", root, got, err)
	}
}

func TestPrune(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	for name, age := range map[string]time.Duration{
		"current": 100 * time.Hour, // its own time does not matter
		"new":     time.Minute,
		"hour":    2 * time.Hour,
		"day":     24 * time.Hour,
		"week":    7 * 24 * time.Hour,
		"month":   30 * 24 * time.Hour,
	} {
		write(t, dir, name+"/"+wasmFile, "x")
		if err := os.Chtimes(filepath.Join(dir, name), now, now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	prune(dir, "current", now)
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, d := range list {
		names = append(names, d.Name())
	}
	if got, want := strings.Join(names, " "), "current day hour new"; got != want {
		t.Errorf("left after pruning: %s; want %s", got, want)
	}

	busy := t.TempDir()
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		write(t, busy, name+"/"+wasmFile, "x")
	}
	prune(busy, "a", now)
	if list, err := os.ReadDir(busy); err != nil || len(list) != 6 {
		t.Errorf("%d entries left of 6 in use, %v", len(list), err)
	}
}
