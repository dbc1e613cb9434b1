package phone

import (
	"context"
	"errors"
	"time"

	"ringfork/keys"
)

// Invitation is a code that a device of an account shows, for a new device to read: a linking the other way round.
type Invitation struct {
	link     string
	approval *Approval
	done     chan struct{}
	err      error
	cancel   context.CancelFunc
}

// InviteDevice makes a code. It is good for one device, as long as that of a new device is.
func (p *Phone) InviteDevice() *Invitation {
	secret := keys.NewLinkSecret()
	i := &Invitation{link: secret.Invitation(p.cfg.Transport.Origin()), done: make(chan struct{})}
	var ctx context.Context
	ctx, i.cancel = context.WithTimeout(p.ctx, linkTime)
	a, open := p.newApproval(secret)
	go func() {
		defer close(i.done)
		defer i.cancel()
		i.approval = a
		i.err = a.meet(ctx, func(take func(keys.LinkMessage) bool) error { return a.line.invited(ctx, open, take) })
	}()
	return i
}

// invited answers each new device that says it is here, until the first of them has asked. It does not begin by itself: until
// the code was read, which may be minutes, the relay is told nothing.
func (l *line) invited(ctx context.Context, open keys.LinkOpen, take func(keys.LinkMessage) bool) error {
	var last time.Time
	return l.until(ctx, nil, func(m keys.LinkMessage) (bool, error) {
		if _, here := m.(keys.LinkHere); !here {
			return take(m), nil
		}
		if now := time.Now(); now.Sub(last) >= linkAgain/2 { // who has the code could say so all the time
			last = now
			l.say(ctx, open) // lost, it is asked for again
		}
		return false, nil
	})
}

// Link returns the code to be shown, as a link.
func (i *Invitation) Link() string { return i.link }

// Asking waits for a new device that has read the code, and returns what the owner decides on. It fails with CodeLinkExpired
// where none came, and with CodeClosed after Cancel.
func (i *Invitation) Asking() (*Approval, error) {
	<-i.done
	if errors.Is(i.err, context.Canceled) {
		return nil, errGivenUp()
	}
	if i.err != nil {
		return nil, i.err
	}
	return i.approval, nil
}

// Cancel takes the code back, unless a device has asked: that is approved or rejected.
func (i *Invitation) Cancel() { i.cancel() }
