package main

import (
	"context"
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
	default:
		out, err = web.Load(s.module)
	}
	if err != nil {
		return nil, err
	}
	return web.Handler(out)
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
