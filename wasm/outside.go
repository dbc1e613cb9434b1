//go:build js && wasm

package main

import (
	"context"
	"errors"
	"io/fs"
	"syscall/js"
	"time"

	"ringfork/phone"
)

// Bounds of what the outside hands in.
const (
	maxStored = phone.MaxStored
	maxSlot   = 256 << 10
)

// transport is the way to the relay, made in JavaScript.
type transport struct {
	js    js.Value
	state fn
}

func (t *transport) Origin() string { return text(t.js.Get("origin")) }

func (t *transport) Start(onState func(string)) {
	t.state = funcOf(func(args []js.Value) any { onState(text(argument(args, 0))); return nil })
	if _, err := call(t.js, "start", t.state.Value); err != nil {
		onState(string(phone.Offline))
	}
}

func (t *transport) Subscribe(m phone.Mailbox, onFrame func([]byte, time.Duration), onBacklogEnd func()) func() {
	address := m.Address()
	prove := funcOf(func(args []js.Value) any {
		nonce, err := bytesFromJS(argument(args, 1), 1024)
		if err != nil {
			return nil
		}
		key, signature := m.Prove(text(argument(args, 0)), nonce)
		return map[string]any{"key": bytesToJS(key), "signature": bytesToJS(signature)}
	})
	frames := funcOf(func(args []js.Value) any {
		b, err := bytesFromJS(argument(args, 0), phone.FrameSize)
		age := argument(args, 1)
		if err == nil && age.Type() == js.TypeNumber && age.Float() >= 0 {
			onFrame(b, time.Duration(age.Float()*float64(time.Millisecond)))
		}
		return nil
	})
	end := funcOf(func([]js.Value) any { onBacklogEnd(); return nil })
	mailbox := map[string]any{"address": bytesToJS(address[:]), "prove": prove.Value}
	cancel, err := call(t.js, "subscribe", mailbox, frames.Value, end.Value)
	return func() {
		if err == nil {
			invoke(cancel)
		}
		release(prove, frames, end)
	}
}

func (t *transport) Publish(ctx context.Context, to [20]byte, f []byte) error {
	_, err := request(ctx, t.js, "publish", bytesToJS(to[:]), bytesToJS(f))
	return err
}

func (t *transport) GetSlot(ctx context.Context, address [20]byte) ([]byte, error) {
	v, err := request(ctx, t.js, "getSlot", bytesToJS(address[:]))
	if err != nil {
		return nil, err
	}
	if v.IsNull() || v.IsUndefined() {
		return nil, fs.ErrNotExist
	}
	return bytesFromJS(v, maxSlot)
}

func (t *transport) PutSlot(ctx context.Context, address [20]byte, value []byte, replaces uint64) error {
	_, err := request(ctx, t.js, "putSlot", bytesToJS(address[:]), bytesToJS(value), float64(replaces))
	return conflict(err, "slot-conflict")
}

func (t *transport) Close() error {
	_, err := call(t.js, "close")
	release(t.state)
	return err
}

// conflict turns the code with which JavaScript says that another version is there into fs.ErrExist.
func conflict(err error, code string) error {
	var e *jsError
	if errors.As(err, &e) && e.code == code {
		return fs.ErrExist
	}
	return err
}

// store is where the profile is kept, made in JavaScript.
type store struct{ js js.Value }

func (s store) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	v, err := request(ctx, s.js, "get", key)
	if err != nil {
		return nil, 0, err
	}
	if v.Type() != js.TypeObject {
		return nil, 0, nil
	}
	version := v.Get("version")
	if version.Type() != js.TypeNumber {
		return nil, 0, badArgument("the store gave a value without version")
	}
	b, err := bytesFromJS(v.Get("value"), maxStored)
	return b, uint64(version.Float()), err
}

func (s store) Put(ctx context.Context, key string, value []byte, version uint64) error {
	_, err := request(ctx, s.js, "put", key, bytesToJS(value), float64(version))
	return conflict(err, "store-conflict")
}

func (s store) Lock(ctx context.Context, name string) (func(), error) {
	granting, err := call(s.js, "lock", name)
	if err != nil {
		return nil, err
	}
	unlock, err := awaitElse(ctx, granting, invoke) // a lock that comes too late is given back
	if err != nil {
		return nil, err
	}
	return func() { invoke(unlock) }, nil
}

// siblings is the way between the tabs of one browser, made in JavaScript.
type siblings struct{ js js.Value }

func (s siblings) Start(account string, on func([]byte)) func() {
	frames := funcOf(func(args []js.Value) any {
		if b, err := bytesFromJS(argument(args, 0), phone.FrameSize); err == nil {
			on(b)
		}
		return nil
	})
	stop, err := call(s.js, "start", account, frames.Value)
	return func() {
		if err == nil {
			invoke(stop)
		}
		release(frames)
	}
}

func (s siblings) Send(f []byte) {
	if _, err := call(s.js, "send", bytesToJS(f)); err != nil {
		println("ringfork: siblings.send failed: " + err.Error())
	}
}

// media is sound and picture, which stay in JavaScript.
type media struct{ js js.Value }

func (m media) Attach(id phone.CallID, conn *phone.Conn) {
	m.call("attach", id.String(), conn.JSValue())
}
func (m media) Show(id phone.CallID, conn *phone.Conn) {
	m.call("show", id.String(), conn.JSValue())
}
func (m media) Detach(id phone.CallID) { m.call("detach", id.String()) }

func (m media) call(method string, args ...any) {
	if _, err := call(m.js, method, args...); err != nil {
		println("ringfork: media." + method + " failed: " + err.Error())
	}
}

// iceServers reads an array of RTCIceServer.
func iceServers(v js.Value) []phone.ICEServer {
	if !js.Global().Get("Array").Call("isArray", v).Bool() {
		return nil
	}
	var out []phone.ICEServer
	for i := range v.Length() {
		s := v.Index(i)
		if s.Type() != js.TypeObject {
			continue
		}
		server := phone.ICEServer{Username: text(s.Get("username")), Credential: text(s.Get("credential"))}
		if urls := s.Get("urls"); urls.Type() == js.TypeString {
			server.URLs = []string{urls.String()}
		} else if urls.Type() == js.TypeObject {
			for j := range urls.Length() {
				server.URLs = append(server.URLs, text(urls.Index(j)))
			}
		}
		out = append(out, server)
	}
	return out
}
