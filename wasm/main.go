//go:build js && wasm

package main

import (
	"os"
	"syscall/js"

	"ringfork/phone"
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
		"requestLink": funcOf(func(args []js.Value) any {
			options := argument(args, 0)
			return promise(func() (any, error) { return requestLink(options) })
		}).Value,
		"funcs": funcOf(func([]js.Value) any { return int(liveFuncs.Load()) - apiFuncs + phone.LiveFuncs() }).Value,
	})
	select {}
}

// apiFuncs is how many functions live as long as the program does.
const apiFuncs = 3
