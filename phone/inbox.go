package phone

import (
	"context"
	"errors"
	"time"

	"filippo.io/age"

	"ringfork/frame"
	"ringfork/keys"
	"ringfork/signalcore"
)

// rung is a ring that is believed and that the machine has not asked a mailbox for yet.
type rung struct {
	envelope  *frame.Envelope
	ring      signalcore.Ring
	card      keys.Card
	recipient age.Recipient
}

// heldFrame is a message of a call whose caller is being looked up.
type heldFrame struct {
	envelope *frame.Envelope
	age      time.Duration
	came     time.Time
}

// Bounds of what strangers can make a phone look up at once.
const (
	maxHeldCalls    = 8
	maxHeldMessages = 8
	lookUpTime      = 10 * time.Second
)

// doubtTime is how long a contact's ring is believed before the contact is looked up.
const doubtTime = 200 * time.Millisecond

// boxFrame takes a frame from one of the account's mailboxes: a ring, how the ringing ended, or a hello.
func (p *Phone) boxFrame(b *box, f []byte, age time.Duration) {
	if p.leaving {
		return
	}
	e, err := b.opener.Open(time.Now(), f)
	if err != nil {
		p.drop(reason(err))
		return
	}
	if e == nil {
		return
	}
	if b.contact != (keys.AccountID{}) && e.From.Account != signalcore.AccountID(b.contact) {
		p.drop("mailbox of another contact")
		return
	}
	if waiting, ok := p.held[e.Call]; ok { // keep the order within a call
		if len(waiting) < maxHeldMessages {
			p.held[e.Call] = append(waiting, &heldFrame{e, age, time.Now()})
		}
		return
	}
	switch e.Msg.(type) {
	case signalcore.Ring:
		p.judgeRing(e, age)
	case signalcore.Settled:
		p.inboxSettled(e, age)
	case frame.Hello:
		p.judgeHello(e)
	default:
		p.drop(frame.ReasonUnexpected)
	}
}

// inboxSettled hands on the end of a call. The machine believes it from exactly the endpoint that rang.
func (p *Phone) inboxSettled(e *frame.Envelope, age time.Duration) {
	if e.To != p.self.Account {
		p.drop(frame.ReasonRecipient)
		return
	}
	p.step(signalcore.Received{Call: e.Call, From: e.From, ID: e.ID, Msg: e.Msg, Age: age})
}

// judgeRing believes a ring of a contact's known device at once, and looks the contact up beside: it may have revoked that
// device. Of anybody else it first looks up what there is to know: the profile's other endpoints may have added the
// contact meanwhile, and a stranger's log is fetched by the card in its ring, where strangers may ring at all.
func (p *Phone) judgeRing(e *frame.Envelope, age time.Duration) {
	card, err := frame.CheckRing(e, p.self.Account)
	if err != nil {
		p.drop(reason(err))
		return
	}
	if p.blocked(card.Account) {
		p.drop("blocked")
		return
	}
	if p.machine.Knows(e.Call) {
		p.step(signalcore.Received{Call: e.Call, From: e.From, ID: e.ID, Msg: e.Msg, Age: age})
		return
	}
	if head, _ := frame.PeerHead(e); !p.own().Knows(head) {
		p.holdRing(e, age, card)
		return
	}
	contact, known := p.contact(card.Account)
	if known && !contact.Public.Expired(time.Now()) && frame.Trust(e, contact.Public) == nil {
		p.believe(e, age, card, false)
		time.AfterFunc(doubtTime, func() { // the offer goes first
			p.queue.put(func() { p.keepLooking(e.Call, contact, func(c keys.Contact) { p.doubt(e, c) }) })
		})
		return
	}
	p.holdRing(e, age, card)
}

// doubt ends the call of a contact that was looked up while it rang, if its device was revoked meanwhile.
func (p *Phone) doubt(e *frame.Envelope, c keys.Contact) {
	if err := frame.Trust(e, c.Public); err != nil {
		p.refuse(c, err)
		p.step(signalcore.Distrusted{Call: e.Call, Endpoint: e.From.Endpoint})
	}
}

// holdRing keeps a ring, and what follows it, until its caller was looked up.
func (p *Phone) holdRing(e *frame.Envelope, age time.Duration, card keys.Card) {
	if len(p.held) >= maxHeldCalls {
		p.drop("too many callers to look up")
		return
	}
	p.held[e.Call] = nil
	came := time.Now()
	p.effect(func() {
		ctx, cancel := context.WithTimeout(p.ctx, lookUpTime)
		defer cancel()
		stranger, err := p.lookUp(ctx, e, card)
		p.queue.put(func() {
			waiting := p.held[e.Call]
			delete(p.held, e.Call)
			if err == nil && p.blocked(card.Account) { // meanwhile
				err = frame.DropError{Reason: "blocked"}
			}
			if err != nil {
				if contact, known := p.contact(card.Account); known {
					p.refuse(contact, err)
				} else {
					p.drop(reason(err))
				}
				return
			}
			for _, h := range waiting { // first, so that a call that is over does not ring for a moment
				if _, ok := h.envelope.Msg.(signalcore.Settled); ok {
					p.inboxSettled(h.envelope, h.age+time.Since(h.came))
				}
			}
			p.believe(e, age+time.Since(came), card, stranger)
		})
	})
}

// lookUp judges a ring by what the store and, where it may be asked, the relay say of the caller and of the own account.
func (p *Phone) lookUp(ctx context.Context, e *frame.Envelope, card keys.Card) (stranger bool, err error) {
	if err := p.Refresh(ctx); err != nil {
		return false, err
	}
	contact, known := p.contact(card.Account)
	switch {
	case p.blocked(card.Account):
		return false, frame.DropError{Reason: "blocked"}
	case !known && p.cfg.Incoming != signalcore.FromAnyone:
		return false, frame.DropError{Reason: "stranger"}
	}
	if head, _ := frame.PeerHead(e); !p.own().Knows(head) {
		if err := p.commit(ctx, nil); err != nil { // another own device may have changed the log
			return false, err
		}
		if !p.own().Knows(head) {
			return false, &Error{Code: CodeLogForked, Text: "the caller knows another log of this account"}
		}
	}
	if known {
		if !contact.Public.Expired(time.Now()) && frame.Trust(e, contact.Public) == nil {
			return false, nil
		}
		fresh, err := p.fetchContact(ctx, contact) // by the card that was given to us, not the one in the ring
		if err != nil {
			return false, err
		}
		return false, frame.Trust(e, fresh.Public)
	}
	public, err := p.fetch(ctx, card)
	if err != nil {
		return false, err
	}
	return true, frame.Trust(e, public)
}

func reason(err error) string {
	var d frame.DropError
	if errors.As(err, &d) {
		return d.Reason
	}
	if c := Code(err); c != "" {
		return c
	}
	return "caller not looked up"
}

// believe hands a ring to the machine, with what its session will need.
func (p *Phone) believe(e *frame.Envelope, age time.Duration, card keys.Card, stranger bool) {
	ring := e.Msg.(signalcore.Ring)
	recipient, err := frame.ParseRecipient(ring.Recipient)
	if err != nil {
		p.drop("ring with a bad key")
		return
	}
	p.rings[e.Call] = &rung{envelope: e, ring: ring, card: card, recipient: recipient}
	p.step(signalcore.Received{Call: e.Call, From: e.From, ID: e.ID, Msg: e.Msg, Age: age, Stranger: stranger})
}
