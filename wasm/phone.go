//go:build js && wasm

package main

import (
	"context"
	"encoding/hex"
	"runtime/debug"
	"syscall/js"
	"time"

	"ringfork/phone"
)

// open opens a phone with the options that types.js describes, and returns the object that JavaScript uses.
func open(o js.Value) (_ any, err error) {
	if o.Type() != js.TypeObject {
		return nil, badArgument("openPhone takes an object of options")
	}
	cfg := phone.Config{
		Transport: &transport{js: o.Get("transport")},
		Store:     store{o.Get("store")},
		Media:     media{o.Get("media")},
		Siblings:  siblings{o.Get("siblings")},
		Name:      text(o.Get("name")),
		Label:     text(o.Get("label")),
	}
	if text(o.Get("incoming")) == "anyone" {
		cfg.Incoming = phone.FromAnyone
	}
	switch text(o.Get("preconnect")) {
	case "always":
		cfg.Preconnect = phone.PreconnectAlways
	case "never":
		cfg.Preconnect = phone.PreconnectNever
	}
	if text(o.Get("whenBusy")) == "refuse" {
		cfg.Busy = phone.BusyRefuse
	}
	if s := o.Get("ringSeconds"); s.Type() == js.TypeNumber {
		cfg.RingTime = time.Duration(s.Float() * float64(time.Second))
	}
	relayOnly := o.Get("relayOnly").Truthy()
	cfg.Peer = func(phone.Direction) phone.PeerConfig {
		servers, err := call(o, "iceServers")
		if err != nil {
			servers = js.Null()
		}
		return phone.PeerConfig{ICEServers: iceServers(servers), RelayOnly: relayOnly}
	}
	emit := func(event map[string]any) {
		if _, err := call(o, "emit", event); err != nil {
			println("ringfork: emit failed: " + err.Error())
		}
	}
	cfg.On = func(e phone.Event) { emit(eventToJS(e)) }
	if cfg.Secret, err = secretFromJS(o.Get("secret")); err != nil {
		return nil, err
	}
	cfg.Backup, cfg.Passphrase = text(o.Get("restore")), text(o.Get("passphrase"))
	defer putOffGC()()
	p, err := phone.Open(context.Background(), cfg)
	if err != nil {
		return nil, err
	}
	return newRaw(p), nil
}

// putOffGC lets garbage be while a phone opens: JavaScript gets its turn only when the collector has finished, too. The result
// ends that, a little later.
func putOffGC() (end func()) {
	const usual, opening = 100, 400
	debug.SetGCPercent(opening)
	return func() { time.AfterFunc(time.Second, func() { debug.SetGCPercent(usual) }) }
}

// raw holds the functions of one phone's object, to be released when it is closed.
type raw struct {
	p     *phone.Phone
	funcs []fn
	out   map[string]any

	closed bool // funcs were released, or are about to be
}

func newRaw(p *phone.Phone) js.Value {
	r := &raw{p: p, out: map[string]any{
		"account": p.Account().String(),
		"name":    p.Name(),
		"card":    p.Card(),
	}}
	r.now("contacts", func([]js.Value) (any, error) { return contactsToJS(p.Contacts()), nil })
	r.later("addContact", func(args []js.Value) (any, error) {
		c, err := p.AddContact(context.Background(), text(args[0]), text(args[1]))
		return contactToJS(c), err
	})
	r.later("removeContact", func(args []js.Value) (any, error) {
		var id phone.AccountID
		if err := parseID(id[:], args[0]); err != nil {
			return nil, err
		}
		return nil, p.RemoveContact(context.Background(), id)
	})
	r.later("refresh", func([]js.Value) (any, error) { return nil, p.Refresh(context.Background()) })
	r.people()
	r.devices()
	r.now("dial", func(args []js.Value) (any, error) {
		var id phone.AccountID
		if err := parseID(id[:], args[0]); err != nil {
			return nil, err
		}
		call, err := p.Call(id, mediaFromJS(args[1]))
		return call.String(), err
	})
	r.onCall("accept", func(call phone.CallID, arg js.Value) error { return p.PickUp(call, mediaFromJS(arg)) })
	r.onCall("decline", func(call phone.CallID, arg js.Value) error { return p.Decline(call, arg.Truthy()) })
	r.onCall("hangUp", func(call phone.CallID, _ js.Value) error { return p.HangUp(call) })
	r.onCall("setMedia", func(call phone.CallID, arg js.Value) error {
		m := mediaFromJS(arg)
		return p.SetState(phone.Sending{Call: call, Audio: m.Audio, Video: m.Video, Screen: flag(arg, "screen")})
	})
	r.now("networkChanged", func([]js.Value) (any, error) { p.NetworkChanged(); return nil, nil })
	r.now("leave", func([]js.Value) (any, error) { p.Leave(); return nil, nil })
	r.later("close", func([]js.Value) (any, error) {
		p.Close()
		r.closed = true
		time.AfterFunc(0, func() { release(r.funcs...); r.funcs = nil }) // not while the promise of close is settled
		return nil, nil
	})
	return js.ValueOf(r.out)
}

// now adds a function that returns at once: {value} or {error}, which ringfork.js throws.
func (r *raw) now(name string, f func(args []js.Value) (any, error)) {
	r.add(name, funcOf(func(args []js.Value) any { return result(f(pad(args))) }))
}

// later adds a function that returns a promise.
func (r *raw) later(name string, f func(args []js.Value) (any, error)) {
	r.add(name, funcOf(func(args []js.Value) any {
		args = pad(args)
		return promise(func() (any, error) { return f(args) })
	}))
}

// onCall adds a function whose first argument is a call's id.
func (r *raw) onCall(name string, f func(call phone.CallID, arg js.Value) error) {
	r.now(name, func(args []js.Value) (any, error) {
		var id phone.CallID
		if err := parseID(id[:], args[0]); err != nil {
			return nil, err
		}
		return nil, f(id, args[1])
	})
}

func (r *raw) add(name string, f fn) {
	r.funcs = append(r.funcs, f)
	r.out[name] = f.Value
}

// pad makes the arguments at least three, so that a missing one is undefined.
func pad(args []js.Value) []js.Value {
	out := []js.Value{js.Undefined(), js.Undefined(), js.Undefined()}
	copy(out, args)
	return out
}

func flag(v js.Value, key string) bool { return v.Type() == js.TypeObject && v.Get(key).Truthy() }

func mediaFromJS(v js.Value) phone.MediaKinds {
	return phone.MediaKinds{Audio: flag(v, "audio"), Video: flag(v, "video")}
}

// contactsToJS gives a list of contacts as one text, which raw.js reads: a line for each, with its id, a digit (1: verified, 2: it
// has a new device, 3: both) and its name, in which there are no line breaks. A thousand objects take far longer to cross.
func contactsToJS(list []phone.Contact) any {
	var b []byte
	for i := range list {
		c := &list[i]
		id, flags := c.ID(), byte('0')
		if c.Verified {
			flags |= 1
		}
		if c.NewDevice() {
			flags |= 2
		}
		if i > 0 {
			b = append(b, '\n')
		}
		b = append(hex.AppendEncode(b, id[:]), ' ', flags, ' ')
		b = append(b, c.Name...)
	}
	return string(b)
}

func contactToJS(c phone.Contact) any {
	return map[string]any{"id": c.ID().String(), "name": c.Name, "verified": c.Verified, "newDevice": c.NewDevice()}
}

func eventToJS(e phone.Event) map[string]any {
	switch e := e.(type) {
	case phone.Incoming:
		return map[string]any{"type": "incoming", "call": callToJS(e.Call)}
	case phone.CallChanged:
		return map[string]any{"type": "call", "call": callToJS(e.Call)}
	case phone.ContactsChanged:
		return map[string]any{"type": "contacts"}
	case phone.DevicesChanged:
		return map[string]any{"type": "devices", "name": e.Name, "card": e.Card}
	case phone.RequestsChanged:
		return map[string]any{"type": "requests"}
	case phone.Warning:
		contact := ""
		if e.Contact != (phone.AccountID{}) {
			contact = e.Contact.String()
		}
		return map[string]any{"type": "warning", "code": e.Code, "contact": contact}
	case phone.Gone:
		return map[string]any{"type": "gone", "reason": e.Code}
	case phone.RelayChanged:
		return map[string]any{"type": "state", "state": string(e.State)}
	case phone.Refused:
		return map[string]any{"type": "refused", "call": hex.EncodeToString(e.Call[:]), "code": e.Code}
	}
	panic("internal error: unknown event")
}

func callToJS(c phone.Call) map[string]any {
	direction := "outgoing"
	if c.Direction == phone.IncomingCall {
		direction = "incoming"
	}
	devices := make([]any, len(c.Devices))
	for i, d := range c.Devices {
		devices[i] = map[string]any{"label": d.Label, "state": d.State.String()}
	}
	replaces := ""
	if c.Replaces != (phone.CallID{}) {
		replaces = c.Replaces.String()
	}
	return map[string]any{
		"replaces": replaces,
		"id":       c.View.Call.String(), "direction": direction, "state": c.State.String(), "endReason": c.End.String(),
		"answeredBy": c.AnsweredBy, "waiting": c.Waiting, "devices": devices,
		"media":  map[string]any{"audio": c.Media.Audio, "video": c.Media.Video},
		"remote": map[string]any{"audio": c.Remote.Audio, "video": c.Remote.Video, "screen": c.Remote.Screen},
		"peer": map[string]any{"id": c.Peer.ID.String(), "name": c.Peer.Name, "claimedName": c.Peer.ClaimedName,
			"contact": c.Peer.Contact, "verified": c.Peer.Verified, "card": c.Peer.Card},
	}
}
