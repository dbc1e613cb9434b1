package web

import "ringfork/wasm/build"

// manifest is the package.json of what Package returns.
const manifest = `{
  "name": "ringfork",
  "version": "0.1.0",
  "description": "Private calls between web pages: every open tab and device rings, the first answer wins.",
  "license": "MIT",
  "type": "module",
  "types": "./types/ringfork.d.ts",
  "exports": {
    ".": { "types": "./types/ringfork.d.ts", "default": "./ringfork.js" },
    "./ringfork.wasm": "./ringfork.wasm",
    "./wasm_exec.js": "./wasm_exec.js",
    "./package.json": "./package.json"
  },
  "sideEffects": ["./wasm_exec.js"]
}
`

// Package returns the files, by their names with slashes, that a static host or an npm package of Ringfork needs: the
// JavaScript module and its types, the Wasm plain and compressed, wasm_exec.js, a package.json and the licenses.
func Package(out *build.Output) (map[string][]byte, error) {
	m, err := read("ringfork.js", "ringfork", "types")
	if err != nil {
		return nil, err
	}
	m["ringfork.wasm"] = out.Wasm
	m["ringfork.wasm.br"] = out.Brotli
	m["ringfork.wasm.gz"] = out.Gzip
	m["wasm_exec.js"] = out.Exec
	m["package.json"] = []byte(manifest)
	m["LICENSES.txt"] = out.Licenses
	return m, nil
}
