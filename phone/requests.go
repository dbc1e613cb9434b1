package phone

import (
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"slices"

	"ringfork/frame"
	"ringfork/keys"
	"ringfork/signalcore"
)

// Request is a hello of somebody who is no contact: the user may accept it, decline it, or block who sent it. Nothing in it
// is verified but the card's form and that one device wrote all of it.
type Request struct {
	Name string // as the sender claims
	Card keys.Card

	device signalcore.DeviceID // that signed it
	number uint64              // of the hello: a larger one is newer
	over   bool                // answered: kept, so that the same hello is not shown again
}

// ID returns the account that it says it is of.
func (r Request) ID() keys.AccountID { return r.Card.Account }

// keyRequests is where the store keeps them: format, count, and each as account card, device, number, flag and name.
const keyRequests = "requests"

const (
	requestsFormat = 1
	maxRequests    = 64 // the oldest, answered ones first, make room
)

// Requests returns who asks to be a contact, the newest first.
func (p *Phone) Requests() []Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []Request
	for _, r := range p.requests {
		if _, known := p.contacts.Get(r.ID()); !r.over && !known && !p.contacts.IsBlocked(r.ID()) {
			out = append(out, r)
		}
	}
	return out
}

func (p *Phone) request(id keys.AccountID) (Request, bool) {
	for _, r := range p.Requests() {
		if r.ID() == id {
			return r, true
		}
	}
	return Request{}, false
}

// requested keeps a stranger's hello.
func (p *Phone) requested(e *frame.Envelope, m frame.Hello, card keys.Card) {
	if m.What != frame.HelloRequest {
		p.drop("hello of a stranger")
		return
	}
	r := Request{Name: m.Name, Card: card, device: e.From.Device, number: m.Number}
	p.effect(func() {
		err := p.changeRequests(p.ctx, func(list []Request) []Request {
			if i := slices.IndexFunc(list, func(o Request) bool { return o.ID() == r.ID() }); i >= 0 {
				// Said again, it is the same request; after an answer, only a newer one is another.
				same := list[i].Card == r.Card && list[i].device == r.device
				if same && (list[i].number >= r.number || !list[i].over) {
					return list
				}
				list = slices.Delete(list, i, i+1)
			}
			return append([]Request{r}, list...)
		})
		if err != nil {
			p.queue.put(func() { p.drop("request not stored") })
		}
	})
}

// AcceptRequest makes who asked a contact, if their account is what their hello said, and tells them.
func (p *Phone) AcceptRequest(ctx context.Context, id keys.AccountID, name string) (keys.Contact, error) {
	r, ok := p.request(id)
	if !ok {
		return keys.Contact{}, errNoRequest()
	}
	public, err := p.fetch(ctx, r.Card)
	if err != nil {
		return keys.Contact{}, err
	}
	if !public.Has(keys.DeviceID(r.device)) {
		return keys.Contact{}, &Error{Code: CodeUnknownDevice, Text: "the request was not written by a device of the account that it names: decline it"}
	}
	if name == "" {
		name = r.Name
	}
	c, err := p.add(ctx, r.Card, public, name)
	if err != nil {
		return c, err
	}
	p.queue.put(func() {
		kind := helloKind{id, r.device, frame.HelloRequest}
		p.hellos[kind] = max(p.hellos[kind], r.number) // answered by this
		p.greet(c, frame.HelloAccept)
	})
	return c, p.settleRequest(ctx, id)
}

// DeclineRequest answers that there will be no contact.
func (p *Phone) DeclineRequest(ctx context.Context, id keys.AccountID) error {
	r, ok := p.request(id)
	if !ok {
		return errNoRequest()
	}
	if err := p.settleRequest(ctx, id); err != nil {
		return err
	}
	public, err := p.fetch(ctx, r.Card)
	if err == nil && public.Has(keys.DeviceID(r.device)) {
		p.queue.put(func() { p.sayHello(keys.Contact{Card: r.Card, Public: public}, frame.HelloDecline) })
	}
	return nil // that they hear of it is a courtesy
}

func errNoRequest() error {
	return &Error{Code: CodeUnknownRequest, Text: "nobody of that account asks to be a contact"}
}

// settleRequest notes that a request was answered.
func (p *Phone) settleRequest(ctx context.Context, id keys.AccountID) error {
	return p.changeRequests(ctx, func(list []Request) []Request {
		for i := range list {
			if list[i].ID() == id {
				list[i].over = true
			}
		}
		return list
	})
}

func (p *Phone) changeRequests(ctx context.Context, f func([]Request) []Request) error {
	for {
		b, version, err := p.cfg.Store.Get(ctx, keyRequests)
		if err != nil {
			return storeError("failed to read the requests", err)
		}
		list, err := parseRequests(b)
		if err != nil {
			return err
		}
		list = f(list)
		for len(list) > maxRequests {
			i := len(list) - 1
			for j, r := range list {
				if r.over {
					i = j // the last of those answered
				}
			}
			list = slices.Delete(list, i, i+1)
		}
		after := marshalRequests(list)
		if slices.Equal(b, after) {
			return p.refreshRequests(ctx) // another tab of this profile may have been first
		}
		switch err = p.cfg.Store.Put(ctx, keyRequests, after, version); {
		case errors.Is(err, fs.ErrExist):
			continue
		case err != nil:
			return storeError("failed to store the requests", err)
		}
		return p.refreshRequests(ctx)
	}
}

// refreshRequests reads what the store has.
func (p *Phone) refreshRequests(ctx context.Context) error {
	b, version, err := p.cfg.Store.Get(ctx, keyRequests)
	if err != nil {
		return storeError("failed to read the requests", err)
	}
	list, err := parseRequests(b)
	if err != nil {
		return err
	}
	p.mu.Lock()
	changed := version > p.requestsVersion
	if changed {
		p.requests, p.requestsVersion = list, version
	}
	p.mu.Unlock()
	if changed {
		p.queue.put(func() { p.tell(RequestsChanged{}) })
	}
	return nil
}

func marshalRequests(list []Request) []byte {
	b := []byte{requestsFormat, byte(len(list))}
	for _, r := range list {
		b = append(b, r.Card.Bytes()...)
		b = append(b, r.device[:]...)
		b = binary.BigEndian.AppendUint64(b, r.number)
		flag := byte(0)
		if r.over {
			flag = 1
		}
		b = append(b, flag, byte(len(r.Name)))
		b = append(b, r.Name...)
	}
	return b
}

func parseRequests(b []byte) ([]Request, error) {
	if len(b) == 0 {
		return nil, nil
	}
	const fixed = keys.CardSize + 32 + 8 + 2
	bad := storeError("failed to read the requests: they were stored by another version, or damaged", nil)
	if b[0] > requestsFormat {
		return nil, readError("requests", keys.ErrNewer)
	}
	if len(b) < 2 || b[0] != requestsFormat || b[1] > maxRequests {
		return nil, bad
	}
	n := int(b[1])
	b = b[2:]
	var out []Request
	for range n {
		if len(b) < fixed || len(b) < fixed+int(b[fixed-1]) {
			return nil, bad
		}
		card, err := keys.CardFromBytes(b[:keys.CardSize])
		if err != nil {
			return nil, bad
		}
		r := Request{Card: card, over: b[fixed-2] == 1, Name: string(b[fixed : fixed+int(b[fixed-1])])}
		if b[fixed-2] > 1 || keys.CleanName(r.Name) != r.Name {
			return nil, bad
		}
		copy(r.device[:], b[keys.CardSize:])
		r.number = binary.BigEndian.Uint64(b[keys.CardSize+32:])
		out = append(out, r)
		b = b[fixed+int(b[fixed-1]):]
	}
	if len(b) > 0 {
		return nil, bad
	}
	return out, nil
}
