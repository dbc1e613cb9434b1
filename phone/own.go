package phone

import (
	"context"
	"math/rand/v2"
	"time"

	"ringfork/frame"
	"ringfork/keys"
	"ringfork/signalcore"
)

// Siblings is a way between the endpoints of one device that is shorter than the relay: in a browser, between its tabs. What
// goes there is sealed and signed like everything else.
type Siblings interface {
	// Start listens until stop is called. The account's id, in hexadecimal, names the channel. The callback does not block.
	Start(account string, on func(frame []byte)) (stop func())
	Send(frame []byte)
}

// listenOwn hears the account's other endpoints: in the mailbox that they share and, where there is one, on the way between
// tabs.
func (p *Phone) listenOwn() {
	account := p.own()
	if p.stopOwn != nil && p.ownBoxes == account.Boxes() {
		return
	}
	for _, stop := range p.stopOwn {
		stop()
	}
	p.stopOwn, p.ownBoxes = nil, account.Boxes()
	opener := frame.NewOpener(account.SyncIdentity())
	take := func(f []byte, age time.Duration) { p.queue.put(func() { p.ownFrame(opener, f, age) }) }
	p.stopOwn = append(p.stopOwn, p.cfg.Transport.Subscribe(account.SyncMailbox(),
		func(f []byte, age time.Duration) {
			if age < ownTime {
				take(f, age)
			}
		}, func() {}))
	if p.cfg.Siblings != nil {
		p.stopOwn = append(p.stopOwn, p.cfg.Siblings.Start(account.ID().String(), func(f []byte) { take(f, 0) }))
	}
}

// ownTime is how old a word of another own endpoint may be: what it silences does not ring longer.
const ownTime = 5 * time.Second

func (p *Phone) ownFrame(opener *frame.Opener, f []byte, age time.Duration) {
	if p.leaving {
		return
	}
	e, err := opener.Open(time.Now(), f)
	if err != nil {
		p.drop(reason(err))
		return
	}
	if e == nil {
		return
	}
	msg, err := frame.CheckSync(e, signalcore.AccountID(p.own().ID()), p.own().Has)
	if err != nil {
		p.drop(reason(err))
		if err == (frame.DropError{Reason: frame.ReasonDevice}) {
			p.catchUp() // it has the account's key: the account has a device that this one does not know
		}
		return
	}
	if msg.What == signalcore.SyncAccount {
		if e.From.Endpoint != p.self.Endpoint {
			p.catchUp()
		}
		return
	}
	p.step(signalcore.Synced{From: e.From.Endpoint, Msg: msg, Age: age})
}

// shareOwn tells the account's other endpoints, over every way at once.
func (p *Phone) shareOwn(msg signalcore.Sync) { p.shareWith(p.own(), msg) }

// A word of the account is said again until the relay takes it, but not for longer than it takes all others to look at the account
// by themselves.
const (
	shareAgain = time.Second // at first, then after twice that and so on
	shareMost  = time.Minute
)

// shareWith tells those who listen by the keys of the account as it is, or was. Even the sealing is done beside the pump: a ring
// that leaves in the same step goes first.
func (p *Phone) shareWith(account *keys.Account, msg signalcore.Sync) {
	h := frame.Header{ID: signalcore.MessageID(msg.Counter), Call: msg.Call, From: p.self, To: p.self.Account}
	again, enough := context.WithTimeout(p.ctx, lookMost)
	if msg.What == signalcore.SyncAccount {
		if former := p.sharing[account.Boxes()]; former != nil { // it says the same to the same endpoints
			former()
		}
		p.sharing[account.Boxes()] = enough
	} else { // it is of this moment
		enough()
	}
	p.effect(func() {
		defer enough()
		frames, _, err := frame.Seal(h, msg, account.Sign, account.SyncIdentity().Recipient())
		if err != nil {
			p.queue.put(func() { p.drop("message not sealed") })
			return
		}
		to := account.SyncMailbox().Address()
		for _, f := range frames {
			if p.cfg.Siblings != nil {
				p.cfg.Siblings.Send(f)
			}
			for wait := shareAgain; !p.try(to, f); wait = min(2*wait, shareMost) {
				select {
				case <-after(wait + rand.N(wait/2)):
				case <-again.Done():
					return
				}
			}
		}
	})
}

// try makes one attempt to publish a frame and reports whether the relay took it.
func (p *Phone) try(to signalcore.Address, f []byte) bool {
	ctx, cancel := context.WithTimeout(p.ctx, publishTime)
	defer cancel()
	err := p.cfg.Transport.Publish(ctx, to, f)
	if err != nil {
		p.queue.put(func() { p.drop("frame not published") })
	}
	return err == nil
}
