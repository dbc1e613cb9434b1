package main

import (
	"context"
	"fmt"
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// rule says what a package may import besides the standard library. Tests may import more.
type rule struct {
	ours    []string // packages of this module
	theirs  []string // modules, or packages, of others; with what is below them
	without []string // packages of the standard library that it may not import; with what is below them
	pure    bool     // no clock, goroutine, channel or lock either
}

var (
	impure   = []string{"sync", "context", "log", "math/rand", "crypto/rand", "runtime", "unsafe"}
	doesIO   = []string{"net", "os", "syscall", "database", "io/ioutil", "plugin"}
	sansIO   = slices.Concat(impure, doesIO)
	noServer = []string{"net/http", "os/exec", "os/signal"}
)

// rules is the table of packages: imports point inward. A package that is not here may not exist.
var rules = map[string]rule{
	"fork":        {without: sansIO, pure: true},
	"signalcore":  {ours: []string{"fork"}, without: sansIO, pure: true},
	"keys":        {theirs: []string{"filippo.io/age", "golang.org/x/crypto"}, without: doesIO},
	"keys/vector": {}, // for tests
	"frame": {
		ours:    []string{"signalcore", "keys"},
		theirs:  []string{"github.com/vmihailenco/msgpack/v5", "filippo.io/age"},
		without: doesIO,
	},
	"peer": {theirs: []string{"github.com/pion", "github.com/hack-pad/safejs"}, without: noServer},
	"phone": {
		ours:    []string{"fork", "signalcore", "keys", "frame", "peer"},
		theirs:  []string{"filippo.io/age"},
		without: noServer,
	},
	"phone/disk": {ours: []string{"phone"}},
	"phone/echo": {
		ours:   []string{"phone", "phone/disk", "keys", "peer", "relay/client"},
		theirs: []string{"github.com/pion"},
	},
	"relay/limit": {theirs: []string{"golang.org/x/time"}},
	// Nothing else of the product knows NATS.
	"relay/store": {theirs: []string{"github.com/nats-io/nats-server/v2", "github.com/nats-io/nats.go"}, without: noServer},
	"relay": {
		ours: []string{"relay/limit", "relay/store"},
		theirs: []string{
			"github.com/gorilla/websocket", "golang.org/x/time", "github.com/prometheus/client_golang/prometheus",
		},
	},
	"relay/client": {theirs: []string{"github.com/coder/websocket"}},                       // so no NATS either
	"relay/load":   {theirs: []string{"github.com/gorilla/websocket", "golang.org/x/sys"}}, // a load generator, for the benchmark
	"relay/turn":   {ours: []string{"relay", "relay/limit"}, theirs: []string{"github.com/pion", "golang.org/x/time"}},
	// A NATS cluster of real processes, for tests and benchmarks: nothing of the product imports it.
	"relay/natstest": {theirs: []string{"github.com/nats-io/nats-server/v2", "github.com/nats-io/nats.go"}},
	// A relay that means ill, for tests: nothing of the product imports it.
	"relay/hostile":     {theirs: []string{"github.com/coder/websocket"}},
	"relay/hostile/cmd": {ours: []string{"relay/hostile"}},
	"wasm": {
		ours:    []string{"phone", "wasm/qr"},
		theirs:  []string{"github.com/hack-pad/safejs"},
		without: noServer,
	},
	"wasm/qr":    {theirs: []string{"rsc.io/qr"}},
	"wasm/build": {theirs: []string{"github.com/andybalholm/brotli"}},
	"web":        {ours: []string{"wasm/build"}},

	"web/bench/crowd": {ours: []string{"keys"}},
	".": {
		ours:   []string{"relay", "relay/limit", "relay/turn", "web", "wasm/build", "phone/echo"},
		theirs: []string{"github.com/prometheus/client_golang/prometheus", "rsc.io/qr", "github.com/KimMachineGun/automemlimit"},
	},
}

// notInWasm is what may never get into the Wasm by any way: it is large, or of no use there.
var notInWasm = []string{
	"net/http", "github.com/nats-io", "github.com/coder/websocket", "github.com/andybalholm", "compress/flate", "testing",
	"ringfork/relay", "ringfork/web",
}

// topLevel is what may stand in the root of the repository, besides the Go files of the program itself.
var topLevel = []string{
	"wasm", "web", "signalcore", "fork", "keys", "frame", "peer", "phone", "relay", "docs", "deploy", "go.mod", "go.sum",
	"package.json", "README.md", "CONTRIBUTING.md", "LICENSE",
	"package-lock.json", // what npm requires beside those
	".git", ".gitignore", ".npmrc", ".ci",
	"node_modules", "dist", ".cache", // not in the repository: see .gitignore
	".idea", ".vscode", ".DS_Store", // a developer's own
}

// clockFunctions are the functions of package time that read a clock or wait for one.
var clockFunctions = []string{
	"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker",
}

// checkArchitecture returns what in the tree breaks the rules.
func checkArchitecture(tree fs.FS) ([]string, error) {
	var broken []string
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := path.Base(name)
		if path.Dir(name) == "." && name != "." && !slices.Contains(topLevel, name) && (d.IsDir() || path.Ext(name) != ".go") {
			broken = append(broken, name+": nothing of this name belongs in the root")
		}
		if d.IsDir() {
			if name != "." && (strings.HasPrefix(base, ".") || slices.Contains([]string{"node_modules", "dist", "testdata"}, base)) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(base, ".go") || strings.HasSuffix(base, "_test.go") {
			return nil
		}
		source, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		found, err := checkFile(name, source)
		broken = append(broken, found...)
		return err
	})
	return broken, err
}

// checkFile returns what in one Go file breaks the rules.
func checkFile(name string, source []byte) ([]string, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, source, parser.SkipObjectResolution|parser.ParseComments)
	if err != nil {
		return nil, err
	}
	dir := path.Dir(name)
	r, ok := rules[dir]
	if !ok {
		return []string{name + ": package " + dir + " is not in the table of packages"}, nil
	}
	var broken []string
	report := func(at token.Pos, format string, args ...any) {
		broken = append(broken, fmt.Sprintf("%s: %s", files.Position(at), fmt.Sprintf(format, args...)))
	}
	timeName := ""
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		if imported == "time" {
			timeName = "time"
			if spec.Name != nil {
				timeName = spec.Name.Name
			}
		}
		if ours, ok := strings.CutPrefix(imported, "ringfork/"); ok {
			if !slices.Contains(r.ours, ours) {
				report(spec.Pos(), "package %s may not import %s", dir, imported)
			}
			continue
		}
		if first, _, _ := strings.Cut(imported, "/"); strings.Contains(first, ".") {
			if !within(imported, r.theirs) {
				report(spec.Pos(), "package %s may not import %s", dir, imported)
			}
		} else if imported != "syscall/js" && within(imported, r.without) {
			report(spec.Pos(), "package %s may not import %s", dir, imported)
		}
		if within(imported, []string{"syscall/js", "github.com/hack-pad/safejs"}) {
			if r.pure || within("syscall", r.without) {
				report(spec.Pos(), "package %s may not import %s", dir, imported)
			} else if !onlyJS(name, file) {
				report(spec.Pos(), "%s is for files that are compiled for js only", imported)
			}
		}
	}
	if r.pure {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				report(n.Pos(), "package %s may not start a goroutine", dir)
			case *ast.ChanType, *ast.SelectStmt, *ast.SendStmt:
				report(n.Pos(), "package %s may not use channels", dir)
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && timeName != "" && x.Name == timeName && slices.Contains(clockFunctions, n.Sel.Name) {
					report(n.Pos(), "package %s may not use time.%s: time comes in", dir, n.Sel.Name)
				}
			}
			return true
		})
		if timeName == "." {
			report(file.Pos(), "package %s may not import time into its own scope", dir)
		}
	}
	return broken, nil
}

// within reports whether a package is one of list, or below one.
func within(pkg string, list []string) bool {
	return slices.ContainsFunc(list, func(p string) bool { return pkg == p || strings.HasPrefix(pkg, p+"/") })
}

// onlyJS reports whether a file is compiled for GOOS=js or GOARCH=wasm only, by its name or its build constraint.
func onlyJS(name string, file *ast.File) bool {
	base := strings.TrimSuffix(path.Base(name), ".go")
	if strings.HasSuffix(base, "_js") || strings.HasSuffix(base, "_wasm") {
		return true
	}
	for _, group := range file.Comments {
		for _, c := range group.List {
			if c.Pos() > file.Package || !constraint.IsGoBuild(c.Text) {
				continue
			}
			expr, err := constraint.Parse(c.Text)
			if err == nil && !expr.Eval(func(tag string) bool { return tag != "js" && tag != "wasm" }) {
				return true
			}
		}
	}
	return false
}

func TestArchitecture(t *testing.T) {
	broken, err := checkArchitecture(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range broken {
		t.Error(b)
	}
}

// What the imports of all packages together bring into the Wasm.
func TestNotInWasm(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "list", "-deps", "./wasm")
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := strings.Fields(string(out))
	if !slices.Contains(deps, "ringfork/wasm") {
		t.Fatalf("the list lacks the program itself: %d packages", len(deps))
	}
	for _, dep := range deps {
		if within(dep, notInWasm) {
			t.Errorf("the Wasm contains %s", dep)
		}
	}
}

// The checks can fail: each of these files breaks one rule.
func TestArchitectureChecks(t *testing.T) {
	for _, test := range []struct{ name, source, want string }{
		{"fork/a.go", `import "ringfork/signalcore"`, "may not import ringfork/signalcore"},
		{"fork/a.go", `import "github.com/pion/webrtc/v4"`, "may not import github.com/pion"},
		{"fork/a.go", `import "os"`, "may not import os"},
		{"fork/a.go", `import "net/http"`, "may not import net/http"},
		{"fork/a.go", `import "syscall/js"`, "may not import syscall/js"},
		{"signalcore/a_js.go", `import "syscall/js"`, "may not import syscall/js"},
		{"signalcore/a.go", `import "math/rand/v2"`, "may not import math/rand/v2"},
		{"signalcore/a.go", `import "log/slog"`, "may not import log/slog"},
		{"signalcore/a.go", `import "sync/atomic"`, "may not import sync/atomic"},
		{"signalcore/a.go", `import "time"; var now = time.Now()`, "may not use time.Now"},
		{"signalcore/a.go", `import clock "time"; func f() { clock.Sleep(1) }`, "may not use time.Sleep"},
		{"signalcore/a.go", `import . "time"`, "own scope"},
		{"signalcore/a.go", `func f() { go f() }`, "may not start a goroutine"},
		{"signalcore/a.go", `type t struct { c chan int }`, "may not use channels"},
		{"signalcore/a.go", `func f() { select {} }`, "may not use channels"},
		{"keys/a.go", `import "net"`, "may not import net"},
		{"keys/a.go", `import "ringfork/frame"`, "may not import ringfork/frame"},
		{"frame/a.go", `import "ringfork/phone"`, "may not import ringfork/phone"},
		{"peer/a.go", `import "github.com/hack-pad/safejs"`, "compiled for js only"},
		{"peer/a.go", "//go:build js || linux\n", ""},
		{"phone/a.go", `import "ringfork/relay/client"`, "may not import ringfork/relay/client"},
		{"relay/a.go", `import "ringfork/keys"`, "may not import ringfork/keys"},
		{"relay/a.go", `import "github.com/nats-io/nats.go/jetstream"`, "may not import github.com/nats-io/nats.go/jetstream"},
		{"relay/a.go", `import "github.com/nats-io/nats-server/v2/server"`, "may not import github.com/nats-io"},
		{"relay/store/a.go", `import "ringfork/relay"`, "may not import ringfork/relay"},
		{"relay/store/a.go", `import "net/http"`, "may not import net/http"},
		{"relay/client/a.go", `import "github.com/nats-io/nats.go"`, "may not import github.com/nats-io/nats.go"},
		{"relay/client/a.go", `import "ringfork/relay"`, "may not import ringfork/relay"},
		{"wasm/a_js.go", `import "ringfork/relay/client"`, "may not import"},
		{"web/a.go", `import "ringfork/phone"`, "may not import ringfork/phone"},
		{"util/a.go", ``, "nothing of this name"},
		{"web/util/a.go", ``, "not in the table"},
		{"notes.txt", ``, "nothing of this name"},
	} {
		source := test.source
		if strings.HasSuffix(test.name, ".go") && !strings.HasPrefix(source, "//go:build") {
			source = "package p\n\n" + source
		} else {
			source += "\npackage p\n"
		}
		broken, err := checkArchitecture(fstest.MapFS{test.name: {Data: []byte(source)}})
		if err != nil {
			t.Errorf("%s %s: %v", test.name, test.source, err)
		} else if text := strings.Join(broken, "\n"); !strings.Contains(text, test.want) || (text == "") != (test.want == "") {
			t.Errorf("%s %s: found %q, want %q", test.name, test.source, text, test.want)
		}
	}

	// And these break none.
	for name, source := range map[string]string{
		"signalcore/a.go":          "package p\n\nimport (\n\t\"time\"\n\n\t\"ringfork/fork\"\n)\n\nvar d time.Duration = time.Second\nvar _ fork.Tine\n",
		"signalcore/a_test.go":     "package p\n\nimport \"os\"\n",
		"signalcore/testdata/a.go": "not even Go",
		"peer/a_js.go":             "package p\n\nimport \"github.com/hack-pad/safejs\"\n",
		"peer/b.go":                "//go:build js && wasm\n\npackage p\n\nimport \"syscall/js\"\n",
		"peer/c.go":                "package p\n\nimport \"github.com/pion/webrtc/v4\"\n",
		"relay/turn/a.go":          "package p\n\nimport \"github.com/pion/turn/v5\"\n",
		"node_modules/x/a.go":      "not even Go",
		"serve.go":                 "package main\n\nimport \"ringfork/web\"\n",
	} {
		broken, err := checkArchitecture(fstest.MapFS{name: {Data: []byte(source)}})
		if err != nil || len(broken) > 0 {
			t.Errorf("%s: found %q, %v; want nothing", name, broken, err)
		}
	}
}
