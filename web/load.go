package web

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"ringfork/wasm/build"
)

// Load reads what Package made back from a folder, so that a server needs neither Go's toolchain nor the source. It refuses a
// folder whose JavaScript is not the one in this program: a module and its server are of one version.
func Load(dir string) (*build.Output, error) {
	out := &build.Output{}
	for name, content := range map[string]*[]byte{
		"ringfork.wasm": &out.Wasm, "ringfork.wasm.br": &out.Brotli, "ringfork.wasm.gz": &out.Gzip, "wasm_exec.js": &out.Exec,
	} {
		var err error
		if *content, err = os.ReadFile(filepath.Join(dir, name)); err != nil {
			return nil, fmt.Errorf("failed to read the module: %w", err)
		}
	}
	own, err := read("ringfork.js", "ringfork")
	if err != nil {
		return nil, err
	}
	for name, content := range own {
		there, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil || !bytes.Equal(there, content) {
			return nil, fmt.Errorf("the module in %s is of another version than this program (%s differs): "+
				"write it anew with `build -o %s`", dir, name, dir)
		}
	}
	return out, nil
}
