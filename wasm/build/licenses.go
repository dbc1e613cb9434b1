package build

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// licenses returns the licenses of all that is linked into the Wasm: this module's own, the Go distribution's, and those of
// the modules used, as their terms ask who passes the Wasm on.
func licenses(ctx context.Context, tc *toolchain, root string) ([]byte, error) {
	list := tc.command(ctx, root, "list", "-deps", "-f", "{{with .Module}}{{.Path}} {{.Version}}\t{{.Dir}}{{end}}", "./wasm")
	text, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("failed to list the modules in the Wasm: %w", err)
	}
	modules := strings.Split(strings.TrimSpace(string(text)), "\n")
	slices.Sort(modules)
	var out bytes.Buffer
	for _, m := range append([]string{"The Go distribution\t" + tc.GOROOT}, slices.Compact(modules)...) {
		name, dir, _ := strings.Cut(m, "\t")
		if dir == "" {
			continue // a package of the standard library
		}
		found, err := licenseFiles(dir)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("no license found for %s, which is part of the Wasm", name)
		}
		fmt.Fprintf(&out, "%s\n%s\n\n", name, strings.Repeat("=", len(name)))
		for _, b := range found {
			fmt.Fprintf(&out, "%s\n\n", bytes.TrimSpace(b))
		}
	}
	return out.Bytes(), nil
}

// licenseFiles reads the files in the root of a module that say on what terms it may be used.
func licenseFiles(dir string) ([][]byte, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var found [][]byte
	for _, e := range entries {
		name := strings.ToUpper(e.Name())
		if !e.Type().IsRegular() || !slices.ContainsFunc([]string{"LICENSE", "LICENCE", "COPYING", "NOTICE", "PATENTS"},
			func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		found = append(found, b)
	}
	return found, nil
}
