package build

// environment selects the target of every go command here, whatever the caller's own is.
var environment = []string{
	"GOOS=js",
	"GOARCH=wasm",
	"GOWASM=", // its optional features save 3 kB and shut out older browsers
}

// flags returns the go command's arguments that make the Wasm, up to where it goes and what is compiled.
func flags() []string {
	args := []string{
		"build",
		"-trimpath",       // no paths of this machine in the Wasm; the same bytes wherever it is built
		"-buildvcs=false", // the same bytes for the same source, committed or not; and no need for git
		"-ldflags=-s -w",  // no symbol names: a quarter of the size; panics still name functions
	}
	for _, group := range coldPackages {
		for _, pattern := range group {
			args = append(args, "-gcflags="+pattern+"=-l")
		}
	}
	return args
}

// coldPackages are compiled without inlining, which is a tenth of the compressed size: copies of a function in every
// caller, each a little different, are what a compressor cannot fold. What is left out is hot: the primitives behind age,
// Ed25519 and SHA-256, and what those call per block, so crypto is as fast as with inlining everywhere (sealing, opening,
// signing and verifying a frame all within the noise of the measurement).
var coldPackages = [][]string{
	// The runtime is the largest part of every Go Wasm. Maps, channels and the collector take twice the time, which is about
	// a microsecond per operation; a call does some thousands of them.
	{"runtime/...", "internal/runtime/...", "internal/reflectlite", "errors", "sync", "syscall/...", "os/...", "internal/poll", "time", "context"},
	// Text: error messages and parsing of a few descriptions per call.
	{
		"fmt", "internal/fmtsort", "reflect", "strconv", "internal/strconv", "strings", "bytes", "unicode/...", "sort", "log",
		"path/...", "regexp/...",
	},
	// Input and output, and the encodings that do not carry frames.
	{"io/...", "bufio", "internal/saferio", "encoding/...", "container/...", "database/...", "github.com/google/..."},
	// pion's packages are linked whole, because their initialisation refers to all of it; in a browser only the thin part over
	// RTCPeerConnection runs. The same goes for what it brings along: networking, X.509, TLS.
	{"github.com/pion/...", "github.com/wlynxg/...", "net/...", "golang.org/x/net/...", "vendor/...", "crypto/x509/...", "crypto/tls/..."},
	// Public-key crypto that those pin and Ringfork never uses: RSA, ECDSA, the NIST curves.
	{
		"math/big", "crypto/rsa", "crypto/ecdsa", "crypto/elliptic", "crypto/ecdh", "crypto/dsa", "crypto/des", "crypto/rc4",
		"crypto/internal/fips140/rsa", "crypto/internal/fips140/ecdsa", "crypto/internal/fips140/ecdh",
		"crypto/internal/fips140/nistec/...", "crypto/internal/fips140/bigmod", "golang.org/x/crypto/cryptobyte/...",
	},
	// Formats around the crypto: a header, a few kilobytes of body, a map of small integers.
	{"filippo.io/age/...", "filippo.io/hpke/...", "github.com/vmihailenco/...", "rsc.io/qr/..."},
	// Calls into JavaScript cost more than the call around them. And our own packages: some messages a second.
	{"github.com/hack-pad/...", "ringfork/..."},
}
