// Package web holds what a page loads, and serves it: the JavaScript module, the demo, and the Wasm beside them.
package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"

	"ringfork/wasm/build"
)

//go:embed ringfork.js ringfork/*.js demo types/*.d.ts types/ringfork/*.d.ts
var files embed.FS

// read returns the embedded files named, folders with all they contain.
func read(names ...string) (map[string][]byte, error) {
	m := map[string][]byte{}
	for _, name := range names {
		err := fs.WalkDir(files, name, func(file string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			m[file], err = files.ReadFile(file)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("failed to read an embedded file: %w", err)
		}
	}
	return m, nil
}

// mimeTypes is complete for what is served here. Package mime would ask the machine, and machines differ.
var mimeTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".ts":   "text/plain; charset=utf-8",
	".wasm": "application/wasm",
	".svg":  "image/svg+xml",
	".png":  "image/png",
	".ico":  "image/x-icon",
}

// policy lets a page run the code and styles of its own origin only, Wasm included, and connect to any relay.
const policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; " +
	"media-src 'self' blob: mediastream:; font-src 'self'; worker-src 'self' blob:; " +
	"connect-src 'self' http: https: ws: wss:; base-uri 'self'; form-action 'none'; frame-ancestors 'none'"

// asset is one file to serve, in every encoding there is of it.
type asset struct {
	mime     string
	etag     string            // without quotes, and without the encoding
	encoded  map[string][]byte // by content coding; "identity" is always there
	anywhere bool              // pages of other origins may load it
}

func newAsset(name string, content []byte) *asset {
	mime, ok := mimeTypes[path.Ext(name)]
	if !ok {
		mime = "application/octet-stream"
	}
	sum := sha256.Sum256(content)
	return &asset{
		mime:     mime,
		etag:     hex.EncodeToString(sum[:12]),
		encoded:  map[string][]byte{identity: content},
		anywhere: !strings.HasPrefix(name, "demo/"),
	}
}

// Handler serves the demo at /, and beside it what `go run . build` writes for a static host: /ringfork.js, its parts
// below /ringfork/, /ringfork.wasm in the best encoding the client takes, and /wasm_exec.js.
func Handler(out *build.Output) (http.Handler, error) {
	contents, err := read("ringfork.js", "ringfork", "demo")
	if err != nil {
		return nil, err
	}
	contents["ringfork.wasm"] = out.Wasm
	contents["wasm_exec.js"] = out.Exec
	assets := map[string]*asset{}
	for name, content := range contents {
		assets["/"+name] = newAsset(name, content)
	}
	wasm := assets["/ringfork.wasm"]
	wasm.encoded["br"], wasm.encoded["gzip"] = out.Brotli, out.Gzip
	if index, ok := assets["/demo/index.html"]; ok {
		assets["/"], assets["/demo/"] = index, index
	}
	return handler(assets), nil
}

type handler map[string]*asset // by URL path

func (assets handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	a, ok := assets[r.URL.Path]
	if !ok {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	if a.anywhere {
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	h.Set("Content-Security-Policy", policy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(self), microphone=(self), display-capture=(self)")
	h.Set("Cache-Control", "no-cache") // keep it, but ask before using it
	coding := identity
	if len(a.encoded) > 1 {
		h.Set("Vary", "Accept-Encoding")
		coding = negotiate(r.Header.Values("Accept-Encoding"), a.encoded)
	}
	etag := strconv.Quote(a.etag)
	if coding != identity {
		etag = strconv.Quote(a.etag + "-" + coding)
	}
	h.Set("ETag", etag)
	if matches(r.Header.Values("If-None-Match"), etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", a.mime)
	if coding != identity {
		h.Set("Content-Encoding", coding)
	}
	body := a.encoded[coding]
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodGet {
		bytes.NewReader(body).WriteTo(w) // an error means that the client is gone
	}
}
