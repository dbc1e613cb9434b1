//go:build js && wasm

package main

import (
	"os"
	"syscall/js"

	"ringfork/peer"
)

func main() {
	key := os.Args[1]
	global := js.Global()
	boot := global.Get(key)
	global.Delete(key)
	boot.Invoke(map[string]any{
		"open": funcOf(func(args []js.Value) any {
			options := argument(args, 0)
			return promise(func() (any, error) { return open(options) })
		}).Value,
		"funcs": funcOf(func([]js.Value) any { return int(liveFuncs.Load()) - apiFuncs + peer.LiveFuncs() }).Value,
	})
	select {}
}

// apiFuncs is how many functions live as long as the program does.
const apiFuncs = 2
