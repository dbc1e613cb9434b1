package main

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ringfork/wasm/build"
	"ringfork/web"
)

// moduleDir returns a folder as `build` writes it, with this for the Wasm.
func moduleDir(t *testing.T, wasm string) string {
	t.Helper()
	files, err := web.Package(&build.Output{
		Wasm: []byte(wasm), Brotli: []byte("br " + wasm), Gzip: []byte("gz " + wasm), Exec: []byte("// exec"), Licenses: []byte("MIT"),
	})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := writeFiles(dir, files); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A machine that runs the server needs no toolchain: the module comes from a folder.
func TestModuleFromFolder(t *testing.T) {
	dir := moduleDir(t, "wasm of another machine")
	url, _ := start(t, "-addr", "127.0.0.1:0", "-module", dir)
	for coding, want := range map[string]string{"identity": "wasm of another machine", "br": "br wasm of another machine"} {
		if r, body := get(t, url+"/ringfork.wasm", "Accept-Encoding", coding); string(body) != want {
			t.Errorf("%s: %d %q, want %q", coding, r.StatusCode, body, want)
		}
	}
	if r, _ := get(t, url+"/"); r.StatusCode != http.StatusOK {
		t.Errorf("the demo: %d", r.StatusCode)
	}
}

func TestModuleOfAnotherVersion(t *testing.T) {
	dir := moduleDir(t, "wasm")
	if err := os.WriteFile(filepath.Join(dir, "ringfork", "phone.js"), []byte("// older"), 0o644); err != nil {
		t.Fatal(err)
	}
	err := run(t.Context(), []string{"-addr", "127.0.0.1:0", "-module", dir}, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "ringfork/phone.js differs") || !strings.Contains(err.Error(), "build -o") {
		t.Errorf("it ended with %v", err)
	}
	err = run(t.Context(), []string{"-addr", "127.0.0.1:0", "-module", t.TempDir()}, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "failed to read the module") {
		t.Errorf("an empty folder: it ended with %v", err)
	}
}

// A machine that cannot compile the module learns that it need not.
func TestNothingToCompileWith(t *testing.T) {
	for _, cause := range []error{build.ErrNoSource, &build.ToolchainError{Err: os.ErrNotExist}} {
		err := orModule(cause)
		if !errors.Is(err, cause) || !strings.Contains(err.Error(), "-module DIR") {
			t.Errorf("%v", err)
		}
	}
	for _, other := range []error{nil, io.EOF} {
		if err := orModule(other); err != other {
			t.Errorf("%v instead of %v", err, other)
		}
	}
}

func TestNoModule(t *testing.T) {
	url, _ := start(t, "-addr", "127.0.0.1:0", "-module", "none")
	if r, body := get(t, url+"/"); r.StatusCode != http.StatusOK || !strings.Contains(string(body), "relay") {
		t.Errorf("/: %d %q", r.StatusCode, body)
	}
	if r, _ := get(t, url+"/ringfork.js"); r.StatusCode != http.StatusNotFound {
		t.Errorf("/ringfork.js: %d", r.StatusCode)
	}
	if r, _ := get(t, url+"/v1/ice"); r.StatusCode != http.StatusOK {
		t.Errorf("/v1/ice: %d", r.StatusCode)
	}
}
