//go:build js && wasm

package main

import (
	"context"
	"strings"
	"syscall/js"

	"ringfork/phone"
	"ringfork/wasm/qr"
)

// people adds what a phone's user does with contacts and those who want to be some.
func (r *raw) people() {
	p := r.p
	r.now("requests", func([]js.Value) (any, error) {
		list := p.Requests()
		out := make([]any, len(list))
		for i, q := range list {
			out[i] = map[string]any{"id": q.ID().String(), "name": q.Name, "card": p.CardLink(q.Card)}
		}
		return out, nil
	})
	r.onAccount("answerRequest", func(ctx context.Context, id phone.AccountID, args []js.Value) (any, error) {
		if text(args[1]) == "accept" {
			c, err := p.AcceptRequest(ctx, id, text(args[2]))
			return contactToJS(c), err
		}
		return nil, p.DeclineRequest(ctx, id)
	})
	r.now("blocked", func([]js.Value) (any, error) { return contactsToJS(p.Blocked()), nil })
	r.onAccount("block", func(ctx context.Context, id phone.AccountID, _ []js.Value) (any, error) {
		return nil, p.Block(ctx, id)
	})
	r.onAccount("unblock", func(ctx context.Context, id phone.AccountID, _ []js.Value) (any, error) {
		return nil, p.Unblock(ctx, id)
	})
	r.now("safetyNumber", func(args []js.Value) (any, error) {
		var id phone.AccountID
		if err := parseID(id[:], args[0]); err != nil {
			return nil, err
		}
		s, err := p.Safety(id)
		if err != nil {
			return nil, err
		}
		picture, err := qr.SVG(s.Text)
		if err != nil {
			return nil, err
		}
		return map[string]any{"digits": s.Digits, "emoji": strings.Join(s.Emoji, " "), "qr": picture, "text": s.Text}, nil
	})
	r.onAccount("verify", func(ctx context.Context, id phone.AccountID, args []js.Value) (any, error) {
		return nil, p.Verify(ctx, id, args[1].Truthy())
	})
	r.onAccount("verifyScanned", func(ctx context.Context, id phone.AccountID, args []js.Value) (any, error) {
		return nil, p.VerifyScanned(ctx, id, text(args[1]))
	})
}

// onAccount adds a function whose first argument is an account's id. It returns a promise.
func (r *raw) onAccount(name string, f func(context.Context, phone.AccountID, []js.Value) (any, error)) {
	r.later(name, func(args []js.Value) (any, error) {
		var id phone.AccountID
		if err := parseID(id[:], args[0]); err != nil {
			return nil, err
		}
		return f(context.Background(), id, args)
	})
}
