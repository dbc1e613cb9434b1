package build

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// modulePath is the first line of the go.mod that belongs to this source.
const modulePath = "ringfork"

// ErrNoSource is returned when the Go source of the Wasm cannot be found.
var ErrNoSource = errors.New("the source of Ringfork was not found, and the Wasm is compiled from it: " +
	"run this program inside Ringfork's folder")

// ToolchainError is returned when there is no Go toolchain that could be asked to compile.
type ToolchainError struct{ Err error }

func (e *ToolchainError) Error() string {
	return "no Go toolchain found: install Go 1.26 or newer from https://go.dev/dl and put `go` on the PATH; " +
		"it is needed to compile the Wasm (" + e.Err.Error() + ")"
}

func (e *ToolchainError) Unwrap() error { return e.Err }

// toolchain is a Go toolchain, as `go env` describes it inside the module.
type toolchain struct {
	path         string
	GOROOT       string
	GOVERSION    string
	GOFLAGS      string
	GOEXPERIMENT string
}

// goCommand returns the path of the go command: the one on the PATH, or else the one below root, if that is not empty.
func goCommand(root string) (string, error) {
	path, err := exec.LookPath("go")
	if err != nil && root != "" {
		path, err = exec.LookPath(filepath.Join(root, "bin", "go"))
	}
	if err != nil {
		return "", &ToolchainError{err}
	}
	return path, nil
}

// findToolchain finds the go command and asks it about itself in dir, whose go.mod may select another toolchain.
func findToolchain(ctx context.Context, dir string) (*toolchain, error) {
	//lint:ignore SA1019 the advice is to ask the go command on the PATH, and this is for when there is none
	path, err := goCommand(runtime.GOROOT())
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, "env", "-json", "GOROOT", "GOVERSION", "GOFLAGS", "GOEXPERIMENT")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), environment...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	text, err := cmd.Output()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, &ToolchainError{fmt.Errorf("%s env: %w: %s", path, err, strings.TrimSpace(stderr.String()))}
	}
	tc := &toolchain{path: path}
	if err := json.Unmarshal(text, tc); err != nil {
		return nil, &ToolchainError{fmt.Errorf("%s env: %w", path, err)}
	}
	return tc, nil
}

// command returns a go command for the Wasm's target, to be run in the module's root. It ends soon after ctx does, also
// where compilers that it started hold its output open.
func (tc *toolchain) command(ctx context.Context, root string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, tc.path, args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), environment...)
	cmd.WaitDelay = time.Second
	return cmd
}

// FindModule returns the root folder of Ringfork's source: the one around the working directory, or else the one this
// program was compiled from.
func FindModule() (string, error) {
	starts := []string{}
	if dir, err := os.Getwd(); err == nil {
		starts = append(starts, dir)
	}
	if _, file, _, ok := runtime.Caller(0); ok && filepath.IsAbs(file) {
		starts = append(starts, filepath.Dir(file))
	}
	for _, dir := range starts {
		for {
			if isModule(dir) {
				return dir, nil
			}
			parent := filepath.Dir(dir)
			if parent == dir {
				break
			}
			dir = parent
		}
	}
	return "", ErrNoSource
}

// isModule reports whether dir holds the go.mod of this module.
func isModule(dir string) bool {
	f, err := os.Open(filepath.Join(dir, "go.mod"))
	if err != nil {
		return false
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if name, ok := strings.CutPrefix(strings.TrimSpace(lines.Text()), "module "); ok {
			return strings.Trim(name, `" `) == modulePath
		}
	}
	return false
}
