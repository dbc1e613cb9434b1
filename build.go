package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"ringfork/wasm/build"
	"ringfork/web"
)

// runBuild writes the JavaScript module, its types and its Wasm into a folder.
func runBuild(ctx context.Context, args []string, stdout io.Writer, notice func(string)) error {
	f := flag.NewFlagSet("ringfork build", flag.ContinueOnError)
	dir := f.String("o", "dist", "")
	if err := parseFlags(f, args); err != nil {
		return err
	}
	if *dir == "" {
		return badUsage("-o needs the name of a folder")
	}
	out, err := build.Build(ctx, build.Options{Quality: build.Small, Notice: notice})
	if err != nil {
		return ignoreEnd(ctx, err)
	}
	files, err := web.Package(out)
	if err != nil {
		return err
	}
	if err := writeFiles(*dir, files); err != nil {
		return fmt.Errorf("failed to write the module: %w", err)
	}
	fmt.Fprintf(stdout, "%s: %d files; the Wasm has %d kB, %d kB in brotli, %d kB in gzip\n", *dir, len(files),
		len(out.Wasm)/1000, len(out.Brotli)/1000, len(out.Gzip)/1000)
	return nil
}

// writeFiles writes files, by their names with slashes, into a folder that it makes.
func writeFiles(dir string, files map[string][]byte) error {
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
