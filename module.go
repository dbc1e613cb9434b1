package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"ringfork/wasm/build"
	"ringfork/web"
)

// noModule is the value of -module by which a server serves no pages.
const noModule = "none"

// pages returns what serves the module and the demo: compiled anew if need be, from a folder that `build` wrote, or nothing.
func (s *server) pages(ctx context.Context, notice func(string)) (http.Handler, error) {
	var out *build.Output
	var err error
	switch s.module {
	case noModule:
		return http.HandlerFunc(onlyRelay), nil
	case "":
		out, err = build.Build(ctx, build.Options{Notice: notice})
		err = orModule(err)
	default:
		out, err = web.Load(s.module)
	}
	if err != nil {
		return nil, err
	}
	return web.Handler(out)
}

// orModule says what else there is for a machine that cannot compile the Wasm.
func orModule(err error) error {
	var toolchain *build.ToolchainError
	if errors.Is(err, build.ErrNoSource) || errors.As(err, &toolchain) {
		return fmt.Errorf("%w; or say -module DIR to serve what \"build -o DIR\" wrote on another machine, or -module %s for a relay without pages",
			err, noModule)
	}
	return err
}

func onlyRelay(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if r.URL.Path != "/" {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Write([]byte("a Ringfork relay; it serves no pages\n"))
}
