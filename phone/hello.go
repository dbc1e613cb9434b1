package phone

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"time"

	"ringfork/frame"
	"ringfork/keys"
	"ringfork/signalcore"
)

// A hello tells a contact that this account has it as one, and in which mailbox it reads what that contact writes. It is said
// until it is answered, ever more seldom: the relay keeps nothing for long.

// helloKind is what a contact's device says in a hello: the number of the last one of each kind is kept, and each is acted on
// once. A device whose clock is ahead keeps no other one of its account from being heard.
type helloKind struct {
	of   keys.AccountID
	by   signalcore.DeviceID
	what frame.HelloWhat
}

// greeting is what a phone remembers of a hello that was not answered yet.
type greeting struct {
	next time.Time
	wait time.Duration
}

const (
	greetFirst  = 30 * time.Second // until an unanswered hello is said again, then twice that and so on
	greetMost   = 30 * time.Minute
	greetAtOnce = 16                 // contacts greeted in one go
	helloMaxOff = 2 * 24 * time.Hour // from the sender's clock to this one: clocks are wrong by hours, what is older was kept by somebody
)

// greetAll greets the contacts that have not answered yet.
func (p *Phone) greetAll() {
	if p.leaving || p.State() != Online || !p.careful {
		return
	}
	boxes, now, n := p.own().Boxes(), time.Now(), 0
	for _, c := range p.Contacts() {
		if !c.NeedsHello(boxes) {
			delete(p.greetings, c.ID())
			continue
		}
		g := p.greetings[c.ID()]
		if now.Before(g.next) || n >= greetAtOnce {
			continue
		}
		n++
		g.wait = min(max(2*g.wait, greetFirst), greetMost)
		g.next = now.Add(g.wait)
		p.greetings[c.ID()] = g
		p.greet(c, frame.HelloRequest)
	}
}

// greet says hello to a contact.
func (p *Phone) greet(c keys.Contact, what frame.HelloWhat) {
	if !c.Cached() { // added on another device: looked up first
		p.freshen(c, func(c keys.Contact, err error) {
			if err == nil {
				p.greet(c, what)
			}
		})
		return
	}
	p.sayHello(c, what)
}

func (p *Phone) sayHello(c keys.Contact, what frame.HelloWhat) {
	account := p.own()
	to, err := replyToContact(c)
	if err != nil {
		p.drop("contact without key")
		return
	}
	m := frame.Hello{
		What: what, Number: uint64(time.Now().UnixMilli()), Name: account.Name(), Card: account.Card().Bytes(),
		Boxes: account.Boxes(), LogHead: account.LogHead(), PeerLogHead: c.Public.LogHead,
	}
	if what != frame.HelloDecline {
		m.Mailbox = account.MailboxFor(c.ID()).Address()
	}
	frames, _, err := frame.Seal(p.letter(signalcore.AccountID(c.ID())), m, account.Sign, to.recipient)
	if err != nil {
		p.drop("message not sealed")
		return
	}
	p.send(to.mailbox, frames)
}

// letter returns the header of a message to an account that belongs to no call.
func (p *Phone) letter(to signalcore.AccountID) frame.Header {
	h := frame.Header{From: p.self, To: to}
	rand.Read(h.Call[:])
	h.ID = signalcore.MessageID(binary.BigEndian.Uint32(h.Call[:4]) | 1)
	return h
}

// send publishes frames once.
func (p *Phone) send(to signalcore.Address, frames [][]byte) {
	p.effect(func() {
		for _, f := range frames {
			p.try(to, f)
		}
	})
}

// replyToContact returns where a contact reads what this account writes: in the mailbox that it told us, if it did not change
// all of them since.
func replyToContact(c keys.Contact) (replyTo, error) {
	recipient, err := c.Public.Recipient()
	to := replyTo{mailbox: signalcore.Address(c.Public.Inbox), recipient: recipient}
	if (c.Mailbox != keys.Address{}) && c.Boxes == c.Public.Boxes {
		to.mailbox = signalcore.Address(c.Mailbox)
	}
	return to, err
}

// judgeHello takes a hello: of a contact it is acted on, of anybody else it is kept for the user to answer. Nothing is looked
// up or answered for a stranger: by that it would learn who is online.
func (p *Phone) judgeHello(e *frame.Envelope) {
	m, card, err := frame.CheckHello(e, p.self.Account)
	if err != nil {
		p.drop(reason(err))
		return
	}
	if time.Since(time.UnixMilli(int64(m.Number))).Abs() > helloMaxOff {
		p.drop("old hello")
		return
	}
	if p.blocked(card.Account) {
		p.drop("blocked")
		return
	}
	contact, known := p.contact(card.Account)
	if !known {
		p.requested(e, m, card)
		return
	}
	if m.Number <= p.hellos[helloKind{card.Account, e.From.Device, m.What}] {
		p.drop("hello said again")
		return
	}
	if contact.Cached() && !contact.Public.Expired(time.Now()) && frame.Trust(e, contact.Public) == nil && contact.Public.Boxes == m.Boxes {
		p.greeted(e, contact, m)
		return
	}
	p.freshen(contact, func(c keys.Contact, err error) {
		if err != nil {
			return
		}
		if err := frame.Trust(e, c.Public); err != nil {
			p.refuse(c, err)
			return
		}
		if c.Public.Boxes != m.Boxes {
			p.drop("hello with mailboxes of another time")
			return
		}
		p.greeted(e, c, m)
	})
}

// greeted takes a hello of a contact's device, once: only now is it known who said it.
func (p *Phone) greeted(e *frame.Envelope, c keys.Contact, m frame.Hello) {
	if head, _ := frame.PeerHead(e); !p.own().Knows(head) {
		p.drop(reason(errOwnHead))
		p.ownHeadUnknown(c, head)
		return
	}
	kind := helloKind{c.ID(), e.From.Device, m.What}
	if m.Number <= p.hellos[kind] {
		p.drop("hello said again")
		return
	}
	p.hellos[kind] = m.Number
	p.heed(c, m)
}

// heed acts on a contact's hello.
func (p *Phone) heed(c keys.Contact, m frame.Hello) {
	boxes := p.own().Boxes()
	if m.What == frame.HelloRequest {
		p.greet(c, frame.HelloAccept)
	}
	news := m.What != frame.HelloDecline && (c.Mailbox != keys.Address(m.Mailbox) || c.Boxes < m.Boxes) && c.Boxes <= m.Boxes
	answered := m.What != frame.HelloRequest && c.NeedsHello(boxes)
	if !news && !answered {
		return
	}
	p.effect(func() {
		err := p.change(p.ctx, func(l *keys.Contacts) error {
			if news {
				l.SetMailbox(c.ID(), keys.Address(m.Mailbox), m.Boxes)
			}
			if answered {
				l.SetGreeted(c.ID(), boxes)
			}
			return nil
		})
		if err != nil {
			p.queue.put(func() { p.drop("greeting not stored") })
		}
	})
}

// freshen reads a contact's slot, keeps what is new, and goes on with the contact as it is then, or with the error by which it was not
// read or is no contact any more. What must not be adopted is reported. Who asks while a contact is being read waits for the same
// answer.
func (p *Phone) freshen(c keys.Contact, then func(keys.Contact, error)) {
	waiting, reading := p.reading[c.ID()]
	if len(waiting) >= maxWaitingFor {
		err := frame.DropError{Reason: "too much waits for one account to be looked up"}
		p.drop(reason(err))
		then(c, err)
		return
	}
	p.reading[c.ID()] = append(waiting, then)
	if reading {
		return
	}
	p.effect(func() {
		ctx, cancel := context.WithTimeout(p.ctx, lookUpTime)
		defer cancel()
		fresh, err := p.fetchContact(ctx, c)
		p.queue.put(func() {
			waiting := p.reading[c.ID()]
			delete(p.reading, c.ID())
			if err != nil {
				p.refuse(c, err)
			}
			for _, then := range waiting {
				then(fresh, err)
			}
		})
	})
}

// Between attempts to read a contact for a call: twice the time before, and never sooner than the relay says.
const (
	lookAgain     = time.Second
	lookAgainMost = lookUpTime
)

// keepLooking freshens the other side of a call that goes on meanwhile, by what is known of it: until that succeeds, or the call is
// over. A relay that fails once must not have somebody ring where nobody hears it, or go on talking to a revoked device. What is to
// be done with the contact may be done more than once.
func (p *Phone) keepLooking(call signalcore.CallID, c keys.Contact, then func(keys.Contact)) {
	wait := lookAgain
	var look func()
	look = func() {
		if !p.machine.Live(call) {
			return
		}
		p.freshen(c, func(c keys.Contact, err error) {
			if err == nil {
				then(c)
				return
			}
			time.AfterFunc(max(wait, refusalWait(err)), func() { p.queue.put(look) })
			wait = min(2*wait, lookAgainMost)
		})
	}
	look()
}

// maxWaitingFor bounds what waits for one contact to be read.
const maxWaitingFor = 64

// fetchContact reads a contact's slot and stores what is new.
func (p *Phone) fetchContact(ctx context.Context, c keys.Contact) (keys.Contact, error) {
	public, err := p.fetch(ctx, c.Card)
	if err != nil {
		return c, err
	}
	if now, ok := p.contact(c.ID()); ok { // somebody else may have read it meanwhile
		c = now
	}
	switch err := c.Check(public); {
	case errors.Is(err, keys.ErrForked):
		return c, errForked(err)
	case err != nil:
		return c, &Error{Code: CodeSlotStale, Text: "the relay shows an older state of this contact than the one known", Err: err}
	}
	if c.Cached() && public.Sequence == c.Public.Sequence && public.LogHead == c.Public.LogHead && public.Expires == c.Public.Expires {
		return c, nil
	}
	err = p.change(ctx, func(l *keys.Contacts) error {
		if err := l.SetPublic(public); errors.Is(err, keys.ErrForked) {
			return errForked(err)
		}
		return nil // one that is older than what was stored in this moment changes nothing
	})
	if err != nil {
		return c, err
	}
	fresh, ok := p.contact(c.ID())
	if !ok {
		return c, errNoContact()
	}
	return fresh, nil
}

// refuse notes why a contact's account was not taken as the relay shows it, or why one of its devices was not believed. One
// that knows a log which the relay does not show is no stranger's doing: somebody shows two logs.
func (p *Phone) refuse(c keys.Contact, err error) {
	why := reason(err)
	p.drop(why)
	switch why {
	case CodeLogForked, frame.ReasonLogHead:
		p.warnOf(c.ID(), CodeLogForked)
	case CodeSlotInvalid, CodeSlotStale, CodeSlotExpired, CodeNewer:
		p.warnOf(c.ID(), why)
	}
}

// unbelievable reports whether the relay was reached, and shows of a contact what must not be believed: to ask it again soon is of no
// use.
func unbelievable(err error) bool {
	switch Code(err) {
	case CodeLogForked, CodeSlotInvalid, CodeSlotStale, CodeSlotExpired, CodeSlotEmpty, CodeNewer:
		return true
	}
	return false
}

// suspicion is why a contact is not what it seems to be.
type suspicion struct {
	of   keys.AccountID
	code string
}

// warnOf warns of a contact: each thing once, as long as nothing newer is known of that contact. What is wrong is found again by each
// attempt to reach them, of which a call makes many.
func (p *Phone) warnOf(id keys.AccountID, code string) {
	c, _ := p.contact(id)
	of := suspicion{id, code}
	if sequence, warned := p.suspicions[of]; warned && sequence == c.Public.Sequence {
		return
	}
	p.suspicions[of] = c.Public.Sequence
	p.tell(Warning{Code: code, Contact: id})
}
