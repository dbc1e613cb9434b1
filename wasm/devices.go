//go:build js && wasm

package main

import (
	"context"
	"syscall/js"
	"time"

	"ringfork/phone"
	"ringfork/wasm/qr"
)

// devices adds what a phone's user does with the account's devices.
func (r *raw) devices() {
	p := r.p
	r.now("devices", func([]js.Value) (any, error) {
		list := p.Devices()
		out := make([]any, len(list))
		for i, d := range list {
			out[i] = map[string]any{"id": d.ID.String(), "label": d.Label, "kind": memberKind(d.Kind), "current": d.Current,
				"addedAt": float64(d.Added.UnixMilli())}
		}
		return out, nil
	})
	r.later("revoke", func(args []js.Value) (any, error) {
		var id phone.DeviceID
		if err := parseID(id[:], args[0]); err != nil {
			return nil, err
		}
		return nil, p.Revoke(context.Background(), id)
	})
	r.later("backup", func(args []js.Value) (any, error) { return p.Backup(context.Background(), text(args[0])) })
	r.later("approveLink", func(args []js.Value) (any, error) {
		a, err := p.ApproveLink(context.Background(), text(args[0]))
		if err != nil {
			return nil, err
		}
		return r.approval(a)
	})
	r.later("inviteDevice", func([]js.Value) (any, error) {
		i := p.InviteDevice()
		picture, err := qr.SVG(i.Link())
		if err != nil {
			i.Cancel()
			return nil, err
		}
		cancel := funcOf(func([]js.Value) any { i.Cancel(); return nil })
		if err := r.own(cancel); err != nil {
			return nil, err
		}
		asking := promise(func() (any, error) {
			a, err := i.Asking()
			if err != nil {
				return nil, err
			}
			return r.approval(a)
		})
		return map[string]any{"code": i.Link(), "qr": picture, "asking": asking, "cancel": cancel.Value}, nil
	})
}

// approval gives a new device that asks to be linked, as types.js describes it.
func (r *raw) approval(a *phone.Approval) (any, error) {
	answer := func(f func(context.Context) error) fn {
		return funcOf(func([]js.Value) any {
			return promise(func() (any, error) { return nil, f(context.Background()) })
		})
	}
	approve, reject := answer(a.Approve), answer(a.Reject)
	if err := r.own(approve, reject); err != nil {
		return nil, err
	}
	return map[string]any{"confirm": a.Code, "label": a.Label, "approve": approve.Value, "reject": reject.Value}, nil
}

// own keeps functions that end with the phone. If it has ended they do at once.
func (r *raw) own(list ...fn) error {
	if r.closed {
		release(list...)
		return &phone.Error{Code: phone.CodeClosed, Text: "the phone is closed: open a new one"}
	}
	r.funcs = append(r.funcs, list...)
	return nil
}

func memberKind(k phone.MemberKind) string {
	switch k {
	case phone.LoginMember:
		return "login"
	case phone.BackupMember:
		return "backup"
	}
	return "device"
}

// secretFromJS reads the 32 bytes of a login; nil where there are none.
func secretFromJS(v js.Value) (*phone.Secret, error) {
	if v.IsNull() || v.IsUndefined() {
		return nil, nil
	}
	b, err := bytesFromJS(v, 32)
	if err != nil || len(b) != 32 {
		return nil, badArgument("secret is a Uint8Array of 32 bytes")
	}
	s := phone.Secret(b)
	return &s, nil
}

// requestLink begins to link this device, with the options that types.js describes.
func requestLink(o js.Value) (any, error) {
	if o.Type() != js.TypeObject {
		return nil, badArgument("requestLink takes an object of options")
	}
	way := &transport{js: o.Get("transport")}
	request, err := phone.RequestLink(context.Background(), phone.LinkConfig{
		Transport: way, Store: store{o.Get("store")}, Label: text(o.Get("label")), Invitation: text(o.Get("invitation"))})
	if err != nil {
		return nil, err
	}
	picture := ""
	if request.Link() != "" {
		if picture, err = qr.SVG(request.Link()); err != nil {
			request.Cancel()
			way.Close()
			return nil, err
		}
	}
	cancel := funcOf(func([]js.Value) any { request.Cancel(); return nil })
	go func() {
		request.Wait()
		way.Close()
		time.AfterFunc(0, func() { release(cancel) })
	}()
	return map[string]any{
		"code": request.Link(), "qr": picture,
		"confirm": promise(func() (any, error) { return request.Code() }),
		"done":    promise(func() (any, error) { return nil, request.Wait() }),
		"cancel":  cancel.Value,
	}, nil
}
