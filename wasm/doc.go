//go:build js && wasm

// Command wasm is the phone as JavaScript sees it: what ringfork.js loads into a page.
//
// It boots by calling the global function that its first argument names, which it deletes first, with
//
//	{ open(options) -> Promise<phone>, funcs() -> number }
//
// and leaves no global behind. The shapes of options, of the phone and of its events are in web/ringfork/types.js.
//
// Bytes cross as Uint8Array, structures as plain objects, errors as Error objects with a code. Media objects stay in
// JavaScript: Go hands over an RTCPeerConnection and never holds a stream. A function that JavaScript calls checks its
// arguments, enqueues and returns; a panic in one ends the program, which ringfork.js reports as crashed.
package main
