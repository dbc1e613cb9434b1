package build

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	gobuild "go/build"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// tempSuffix ends the names of files that are still being written.
const tempSuffix = ".tmp"

// An entry of the cache is removed when at least keepEntries are newer and nobody used it for keepTime. The time keeps one
// process from removing what another is reading.
const (
	keepEntries = 4
	keepTime    = time.Hour
)

// cacheKey hashes everything the output depends on: the toolchain, the flags, the versions of all dependencies, the
// source of the module's own packages that go into the Wasm, and the code of this package.
func cacheKey(root string, tc *toolchain) (string, error) {
	h := sha256.New()
	for _, s := range [][]string{{tc.GOVERSION, tc.GOFLAGS, tc.GOEXPERIMENT}, flags(), environment} {
		hashString(h, strings.Join(s, "\x00"))
	}
	files := []string{"go.mod", "go.sum"}
	seen := map[string]bool{}
	for _, p := range []struct {
		path   string
		target gobuild.Context
	}{{"wasm", wasmContext()}, {"wasm/build", gobuild.Default}} {
		var err error
		if files, err = sources(files, p.target, root, p.path, seen); err != nil {
			return "", fmt.Errorf("failed to read the source of the Wasm: %w", err)
		}
	}
	slices.Sort(files)
	for _, name := range slices.Compact(files) {
		if err := hashFile(h, root, name); err != nil {
			return "", fmt.Errorf("failed to read the source of the Wasm: %w", err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16]), nil
}

func wasmContext() gobuild.Context {
	c := gobuild.Default
	c.GOOS, c.GOARCH, c.CgoEnabled = "js", "wasm", false
	return c
}

// sources appends to files those of the module's package in folder path, and of the module's packages it imports,
// relative to root with slashes. It asks no go command, which would take a second.
func sources(files []string, target gobuild.Context, root, path string, seen map[string]bool) ([]string, error) {
	if seen[path] {
		return files, nil
	}
	seen[path] = true
	p, err := target.ImportDir(filepath.Join(root, filepath.FromSlash(path)), 0)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Concat(p.GoFiles, p.SFiles, p.HFiles) {
		files = append(files, path+"/"+name)
	}
	for _, pattern := range p.EmbedPatterns {
		if files, err = embedded(files, root, path+"/"+strings.TrimPrefix(pattern, "all:")); err != nil {
			return nil, err
		}
	}
	for _, name := range p.Imports {
		if inner, ok := strings.CutPrefix(name, modulePath+"/"); ok {
			if files, err = sources(files, target, root, inner, seen); err != nil {
				return nil, err
			}
		}
	}
	return files, nil
}

// embedded appends to files all that pattern, relative to root, stands for, folders with all they contain.
func embedded(files []string, root, pattern string) ([]string, error) {
	names, err := fs.Glob(os.DirFS(root), pattern)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		err := fs.WalkDir(os.DirFS(root), name, func(file string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				files = append(files, file)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

func hashString(h hash.Hash, s string) {
	fmt.Fprintf(h, "%d:", len(s)) // a hash takes any number of bytes without error
	io.WriteString(h, s)
}

func hashFile(h hash.Hash, root, name string) error {
	b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		return err
	}
	hashString(h, name)
	hashString(h, string(b))
	return nil
}

// entry is one folder of the cache: the files made from one state of the source. A file there is complete, because it is
// written under another name first; and two processes that write the same file write the same bytes.
type entry struct {
	dir   string
	close func()
}

// openCache returns the entry for key below dir, and removes entries that are not needed any more. Without a folder for
// caches the entry is temporary.
func openCache(dir, key string) (*entry, error) {
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			tmp, err := os.MkdirTemp("", "ringfork-")
			if err != nil {
				return nil, fmt.Errorf("failed to make a temporary folder: %w", err)
			}
			return &entry{dir: tmp, close: func() { os.RemoveAll(tmp) }}, nil
		}
		dir = filepath.Join(user, "ringfork", "wasm")
	}
	e := &entry{dir: filepath.Join(dir, key), close: func() {}}
	if err := os.MkdirAll(e.dir, 0o755); err != nil {
		return nil, fmt.Errorf("failed to make the cache folder: %w", err)
	}
	now := time.Now()
	os.Chtimes(e.dir, now, now) // only says that it is in use: if it fails it may be compiled again later
	prune(dir, key, now)
	return e, nil
}

// has reports whether the named file is there.
func (e *entry) has(name string) bool {
	_, err := os.Stat(filepath.Join(e.dir, name))
	return err == nil
}

// file returns the content of the named file, which make makes when it is not there yet.
func (e *entry) file(name string, make func() ([]byte, error)) ([]byte, error) {
	path := filepath.Join(e.dir, name)
	b, err := os.ReadFile(path)
	if err == nil {
		return b, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("failed to read the cache: %w", err)
	}
	if b, err = make(); err != nil {
		return nil, err
	}
	if err := writeFile(path, b); err != nil {
		return nil, fmt.Errorf("failed to write the cache: %w", err)
	}
	return b, nil
}

// writeFile writes a file that is there completely or not at all.
func writeFile(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+"-*"+tempSuffix)
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err2 := f.Close(); err == nil {
		err = err2
	}
	if err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		if _, statErr := os.Stat(path); statErr == nil {
			return nil // another process wrote it and has it open, which on Windows keeps it from being replaced
		}
		return err
	}
	return nil
}

// prune removes entries nobody used lately. Failures do not matter: the next build tries again.
func prune(dir, current string, now time.Time) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	type old struct {
		path string
		used time.Time
	}
	var entries []old
	for _, d := range list {
		if info, err := d.Info(); err == nil && d.IsDir() && d.Name() != current {
			entries = append(entries, old{filepath.Join(dir, d.Name()), info.ModTime()})
		}
	}
	slices.SortFunc(entries, func(a, b old) int { return b.used.Compare(a.used) })
	for i, e := range entries {
		if i >= keepEntries-1 && now.Sub(e.used) > keepTime {
			os.RemoveAll(e.path)
		}
	}
}
