//go:build js && wasm

package main

import (
	"context"
	"encoding/hex"
	"errors"
	"os"
	"sync/atomic"
	"syscall/js"
	"time"

	"github.com/hack-pad/safejs"

	"ringfork/phone"
)

// liveFuncs counts the functions that JavaScript can call and that are not released.
var liveFuncs atomic.Int64

// fn is a function that JavaScript can call, until it is released.
type fn struct{ js.Func }

// funcOf makes a function for JavaScript. It must not block.
func funcOf(f func(args []js.Value) any) fn {
	liveFuncs.Add(1)
	return fn{js.FuncOf(func(_ js.Value, args []js.Value) any {
		defer crashOnPanic()
		return f(args)
	})}
}

// release gives functions back. JavaScript must not call them any more.
func release(fs ...fn) {
	for _, f := range fs {
		liveFuncs.Add(-1)
		f.Release()
	}
}

// crashOnPanic ends the program where a bug would otherwise leave the stack of nested calls between Go and JavaScript
// broken: an outer call must not recover an inner one's panic.
func crashOnPanic() {
	if r := recover(); r != nil {
		println("ringfork: internal error")
		if err, ok := r.(error); ok {
			println(err.Error())
		} else if s, ok := r.(string); ok {
			println(s)
		}
		os.Exit(2)
	}
}

func argument(args []js.Value, i int) js.Value {
	if i < len(args) {
		return args[i]
	}
	return js.Undefined()
}

// text returns a string argument, empty where it is none.
func text(v js.Value) string {
	if v.Type() == js.TypeString {
		return v.String()
	}
	return ""
}

// codeBadArgument is the code of calls that JavaScript made wrongly.
const codeBadArgument = "bad-argument"

func badArgument(what string) error { return &phone.Error{Code: codeBadArgument, Text: what} }

// parseID fills an id from its hexadecimal form.
func parseID(id []byte, v js.Value) error {
	s := text(v)
	if len(s) != 2*len(id) {
		return badArgument("an id has a wrong length")
	}
	if _, err := hex.Decode(id, []byte(s)); err != nil {
		return badArgument("an id is not hexadecimal")
	}
	return nil
}

// toJS makes an Error with a code and, where a relay refused and asked to wait, with retryAfter in ms.
func toJS(err error) js.Value {
	e := js.Global().Get("Error").New(err.Error())
	code := phone.Code(err)
	var ours *phone.Error
	if errors.As(err, &ours) {
		e = js.Global().Get("Error").New(ours.Text)
		if ours.Err != nil {
			e.Set("cause", ours.Err.Error())
		}
	}
	if code != "" {
		e.Set("code", code)
	}
	var refusal phone.Refusal
	if errors.As(err, &refusal) && refusal.RefusalWait() > 0 {
		e.Set("retryAfter", refusal.RefusalWait().Milliseconds())
	}
	return e
}

// result is what a function that returns at once gives back: Go cannot throw, so ringfork.js throws the error for it.
func result(v any, err error) any {
	if err != nil {
		return map[string]any{"error": toJS(err)}
	}
	return map[string]any{"value": v}
}

// promise runs f in a goroutine, where it may wait, and settles the promise by what it returns.
func promise(f func() (any, error)) js.Value {
	executor := funcOf(func(args []js.Value) any {
		resolve, reject := args[0], args[1]
		go func() {
			defer crashOnPanic()
			v, err := f()
			if err != nil {
				reject.Invoke(toJS(err))
				return
			}
			resolve.Invoke(v)
		}()
		return nil
	})
	defer release(executor)
	return js.Global().Get("Promise").New(executor.Value)
}

// jsError is what JavaScript threw or rejected with.
type jsError struct {
	code, text string
	wait       time.Duration // that a relay asked for
}

func (e *jsError) Error() string {
	if e.code != "" {
		return e.text + " (" + e.code + ")"
	}
	return e.text
}

// RefusalCode makes an error of the transport a phone.Refusal.
func (e *jsError) RefusalCode() string { return e.code }

// RefusalWait is the other half of one.
func (e *jsError) RefusalWait() time.Duration { return e.wait }

// longestWait is the longest that a relay asks for, in ms.
const longestWait = 60_000

func errorOf(v js.Value) error {
	if v.Type() != js.TypeObject {
		return &jsError{text: "JavaScript threw no error object"}
	}
	e := &jsError{code: text(v.Get("code")), text: text(v.Get("message"))}
	if wait := v.Get("retryAfter"); wait.Type() == js.TypeNumber && wait.Float() > 0 {
		e.wait = time.Duration(min(wait.Float(), longestWait) * float64(time.Millisecond))
	}
	return e
}

// call calls a method of an object that somebody else made. What it throws is an error.
func call(object js.Value, method string, args ...any) (js.Value, error) {
	v, err := safejs.Safe(object).Call(method, args...)
	if err != nil {
		var thrown js.Error
		if errors.As(err, &thrown) {
			return js.Undefined(), errorOf(thrown.Value)
		}
		return js.Undefined(), err
	}
	return safejs.Unsafe(v), nil
}

// await waits for a promise, or for the end of the context. It must not be called by a function that JavaScript calls.
func await(ctx context.Context, p js.Value) (js.Value, error) {
	return awaitElse(ctx, p, func(js.Value) {})
}

// awaitElse does the same, and hands over what comes of the promise when nobody waits for it any more.
func awaitElse(ctx context.Context, p js.Value, late func(js.Value)) (js.Value, error) {
	type settled struct {
		v   js.Value
		err error
	}
	done := make(chan settled, 1)
	then := funcOf(func(args []js.Value) any { done <- settled{v: argument(args, 0)}; return nil })
	catch := funcOf(func(args []js.Value) any {
		done <- settled{err: errorOf(argument(args, 0))}
		return nil
	})
	js.Global().Get("Promise").Call("resolve", p).Call("then", then.Value, catch.Value)
	select {
	case s := <-done:
		release(then, catch)
		return s.v, s.err
	case <-ctx.Done():
		go func() { // JavaScript still holds the functions
			s := <-done
			release(then, catch)
			if s.err == nil {
				late(s.v)
			}
		}()
		return js.Undefined(), ctx.Err()
	}
}

// request calls a method that returns a promise, and waits for it.
func request(ctx context.Context, object js.Value, method string, args ...any) (js.Value, error) {
	p, err := call(object, method, args...)
	if err != nil {
		return js.Undefined(), err
	}
	return await(ctx, p)
}

// invoke calls a function that somebody else made, if it is one. What it throws is printed: nobody waits for it.
func invoke(f js.Value) {
	if f.Type() != js.TypeFunction {
		return
	}
	if _, err := safejs.Safe(f).Invoke(); err != nil {
		println("ringfork: a callback failed: " + err.Error())
	}
}

func bytesToJS(b []byte) js.Value {
	v := js.Global().Get("Uint8Array").New(len(b))
	js.CopyBytesToJS(v, b)
	return v
}

// bytesFromJS copies a Uint8Array of at most limit bytes.
func bytesFromJS(v js.Value, limit int) ([]byte, error) {
	if !v.InstanceOf(js.Global().Get("Uint8Array")) {
		return nil, badArgument("a Uint8Array was expected")
	}
	n := v.Length()
	if n > limit {
		return nil, badArgument("a Uint8Array is too long")
	}
	b := make([]byte, n)
	js.CopyBytesToGo(b, v)
	return b, nil
}
