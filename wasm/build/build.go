// Package build compiles Ringfork's Go code to WebAssembly and makes it small. It is the only place that knows how: the
// flags of the compiler and the linker (flags.go), what is done to the linked file (segments.go), what it is compressed with.
//
// What was built is kept in the user's cache folder under a hash of everything it is made of, so that a program which
// calls Build at every start pays for it once.
package build

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/andybalholm/brotli"
)

// Brotli qualities. Quality 11 saves another twelfth of the bytes and takes twenty seconds for it.
const (
	Fast  = 9  // about one second: for a server that somebody waits for
	Small = 11 // for what is published
)

// Options says what to build.
type Options struct {
	Dir      string       // the module's root folder; empty: found by FindModule
	CacheDir string       // where results are kept; empty: "ringfork/wasm" in the user's cache folder
	Quality  int          // brotli quality at least, such as Fast or Small; 0: Fast
	Notice   func(string) // if set, told in one line before something that takes long; not called when all is cached
}

// Output is what a page loads: the same Wasm plain and compressed, and the script of the same toolchain that runs it.
type Output struct {
	Wasm   []byte
	Brotli []byte
	Gzip   []byte
	Exec   []byte // wasm_exec.js

	// Licenses are the terms of all that is in the Wasm, for who passes it on. Only of quality Small.
	Licenses []byte
}

// Names of the files in an entry of the cache.
const (
	wasmFile    = "ringfork.wasm"
	gzipFile    = "ringfork.wasm.gz"
	execFile    = "wasm_exec.js"
	licenseFile = "licenses.txt"
)

func brotliFile(quality int) string { return fmt.Sprintf("ringfork.wasm.%d.br", quality) }

// Build returns the Wasm and what belongs to it, compiled unless the cache has it. Any number of processes may build at
// once. The error is a *ToolchainError if there is no Go toolchain, and ErrNoSource if the module's source is nowhere.
func Build(ctx context.Context, o Options) (*Output, error) {
	if o.Quality == 0 {
		o.Quality = Fast
	}
	if o.Notice == nil {
		o.Notice = func(string) {}
	}
	if o.Dir == "" {
		dir, err := FindModule()
		if err != nil {
			return nil, err
		}
		o.Dir = dir
	}
	tc, err := findToolchain(ctx, o.Dir)
	if err != nil {
		return nil, err
	}
	key, err := cacheKey(o.Dir, tc)
	if err != nil {
		return nil, err
	}
	cache, err := openCache(o.CacheDir, key)
	if err != nil {
		return nil, err
	}
	defer cache.close()

	out := &Output{}
	out.Exec, err = cache.file(execFile, func() ([]byte, error) {
		b, err := os.ReadFile(filepath.Join(tc.GOROOT, "lib", "wasm", "wasm_exec.js"))
		if err != nil {
			return nil, fmt.Errorf("failed to read the toolchain's wasm_exec.js: %w", err)
		}
		return b, nil
	})
	if err != nil {
		return nil, err
	}
	out.Wasm, err = cache.file(wasmFile, func() ([]byte, error) {
		o.Notice("compiling the Wasm (about 20 s the first time) ...")
		return compile(ctx, tc, o.Dir, cache.dir)
	})
	if err != nil {
		return nil, err
	}

	if o.Quality >= Small {
		out.Licenses, err = cache.file(licenseFile, func() ([]byte, error) { return licenses(ctx, tc, o.Dir) })
		if err != nil {
			return nil, err
		}
	}

	gzipped := make(chan error, 1)
	go func() {
		var err error
		out.Gzip, err = cache.file(gzipFile, func() ([]byte, error) {
			return compress(ctx, out.Wasm, func(w io.Writer) io.WriteCloser {
				z, _ := gzip.NewWriterLevel(w, gzip.BestCompression) // fails on an unknown level only
				return z
			})
		})
		gzipped <- err
	}()
	if cache.has(brotliFile(Small)) {
		o.Quality = Small
	}
	out.Brotli, err = cache.file(brotliFile(o.Quality), func() ([]byte, error) {
		if o.Quality > Fast {
			o.Notice("compressing the Wasm (about 20 s the first time) ...")
		}
		return compress(ctx, out.Wasm, func(w io.Writer) io.WriteCloser {
			return brotli.NewWriterLevel(w, o.Quality)
		})
	})
	if gzipErr := <-gzipped; err == nil {
		err = gzipErr
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

// compile returns the linked Wasm with its data segments merged. It writes its intermediate file into dir.
func compile(ctx context.Context, tc *toolchain, root, dir string) ([]byte, error) {
	tmp, err := os.CreateTemp(dir, "link-*"+tempSuffix)
	if err != nil {
		return nil, fmt.Errorf("failed to make a file for the Wasm: %w", err)
	}
	tmp.Close()
	defer os.Remove(tmp.Name())

	cmd := tc.command(ctx, root, append(flags(), "-o", tmp.Name(), "./wasm")...)
	if text, err := cmd.CombinedOutput(); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("failed to compile the Wasm: %w\n%s", err, strings.TrimSpace(string(text)))
	}
	module, err := os.ReadFile(tmp.Name())
	if err != nil {
		return nil, fmt.Errorf("failed to read the linked Wasm: %w", err)
	}
	return mergeSegments(module)
}

// compress returns data as the writer that to makes writes it. It gives up when ctx ends.
func compress(ctx context.Context, data []byte, to func(io.Writer) io.WriteCloser) ([]byte, error) {
	var b bytes.Buffer
	w := to(&b)
	for len(data) > 0 {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		n, err := w.Write(data[:min(len(data), 1<<18)])
		if err != nil {
			return nil, fmt.Errorf("failed to compress the Wasm: %w", err)
		}
		data = data[n:]
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("failed to compress the Wasm: %w", err)
	}
	return b.Bytes(), nil
}
