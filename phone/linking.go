package phone

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"sync"
	"time"

	"ringfork/frame"
	"ringfork/keys"
	"ringfork/signalcore"
)

// Times of a linking.
const (
	linkTime  = 10 * time.Minute // for all of it: a code that was not used by then is worthless
	linkAgain = 2 * time.Second  // until an unanswered message is said again
	linkReply = 30 * time.Second // for the first answer: a device that shows a code is there, and gives one at once
)

// line is one end of a linking: what comes in, and the way to the other end.
type line struct {
	transport Transport
	from      signalcore.Sender
	sign      func([]byte) []byte
	other     keys.LinkEnd
	messages  chan keys.LinkMessage
	cancel    func()

	mu sync.Mutex
	id signalcore.MessageID
}

func newLine(t Transport, device keys.DeviceID, sign func([]byte) []byte, own, other keys.LinkEnd, opener *frame.Opener) *line {
	l := &line{transport: t, from: signalcore.Sender{Device: signalcore.DeviceID(device)}, sign: sign, other: other,
		messages: make(chan keys.LinkMessage, 16)}
	rand.Read(l.from.Endpoint[:])
	l.cancel = sync.OnceFunc(t.Subscribe(own.Mailbox, func(f []byte, _ time.Duration) {
		e, err := opener.Open(time.Now(), f)
		if err != nil || e == nil {
			return
		}
		link, ok := e.Msg.(frame.Link)
		if !ok {
			return
		}
		if m, err := keys.ParseLinkMessage(link.Body); err == nil {
			select {
			case l.messages <- m:
			default: // nobody honest says so much
			}
		}
	}, func() {}))
	return l
}

// say publishes a message to the other end, sealed to its key.
func (l *line) say(ctx context.Context, m keys.LinkMessage) error { return l.sayTo(ctx, m, nil) }

// sayAgain publishes a message until the relay has it, or too much time went by.
func (l *line) sayAgain(whole context.Context, m keys.LinkMessage, recipient []byte) error {
	ctx, cancel := context.WithTimeout(whole, commitTime)
	defer cancel()
	var why error
	for {
		err := l.sayTo(ctx, m, recipient)
		switch {
		case err == nil:
			return nil
		case whole.Err() != nil:
			return whole.Err()
		case ctx.Err() != nil:
			return relayError("the relay does not take the word to the other device: try again", why)
		}
		why = err
		select {
		case <-after(linkAgain / 4):
		case <-ctx.Done():
		}
	}
}

func (l *line) sayTo(ctx context.Context, m keys.LinkMessage, recipient []byte) error {
	body, err := m.MarshalBinary()
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.id++
	id := l.id
	l.mu.Unlock()
	to := l.other.Identity.Recipient()
	if recipient != nil {
		if to, err = keys.ParseRecipient(recipient); err != nil {
			return err
		}
	}
	frames, _, err := frame.Seal(frame.Header{ID: id, From: l.from}, frame.Link{Body: body}, l.sign, to)
	if err != nil {
		return err
	}
	for _, f := range frames {
		if err := l.transport.Publish(ctx, l.other.Mailbox.Address(), f); err != nil {
			return err
		}
	}
	return nil
}

// until says a message (nil: none) again and again until take, which is given what comes in, reports that it has enough.
func (l *line) until(ctx context.Context, m keys.LinkMessage, take func(keys.LinkMessage) (done bool, err error)) error {
	again := after(0)
	var unsaid error // why what was said last did not get out
	for {
		select {
		case <-ctx.Done():
			if unsaid != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return relayError("the relay does not take the word to the other device: try again", unsaid)
			}
			return linkError(ctx.Err())
		case <-again:
			again = nil
			if m != nil {
				if err := l.say(ctx, m); ctx.Err() == nil { // one that is lost is said again
					unsaid = err
				}
				again = after(linkAgain)
			}
		case got := <-l.messages:
			if done, err := take(got); done || err != nil {
				return err
			}
		}
	}
}

func linkError(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return &Error{Code: CodeLinkExpired, Text: "the other device did not answer in time: begin again with a new code"}
	}
	return err
}

// LinkConfig is what a device needs to ask to become one of an account.
type LinkConfig struct {
	Transport  Transport // not started yet
	Store      Store     // of the profile, without an account
	Label      string    // what the owner calls the device
	Invitation string    // the code that a device of the account shows; empty: this device shows one
}

// LinkRequest is a device that waits to become one of an account.
type LinkRequest struct {
	link   string // none where it was invited
	code   chan string
	done   chan struct{}
	err    error
	cancel context.CancelFunc
}

// RequestLink begins to link this device. The profile must have no account yet. The transport is the request's until it is
// done.
func RequestLink(ctx context.Context, cfg LinkConfig) (*LinkRequest, error) {
	if a, _, err := loadAccount(ctx, cfg.Store); a != nil {
		return nil, &Error{Code: CodeWrongState, Text: "this profile has an account already: use another one"}
	} else if err != nil && Code(err) != CodeRevoked {
		return nil, err
	}
	secret := keys.NewLinkSecret()
	r := &LinkRequest{code: make(chan string, 1), done: make(chan struct{})}
	if cfg.Invitation == "" {
		r.link = secret.Link(cfg.Transport.Origin())
	} else {
		var err error
		if secret, err = keys.ParseInvitation(cfg.Invitation); err != nil {
			return nil, badCode(err)
		}
	}
	joiner := keys.NewJoiner(cfg.Label)
	ctx, r.cancel = context.WithTimeout(context.Background(), linkTime)
	end := joiner.Requester()
	own := secret.Requester()
	l := newLine(cfg.Transport, joiner.Device().ID, joiner.Sign, own, secret.Approver(),
		frame.NewOpener(own.Identity, end.ReplyIdentity()))
	cfg.Transport.Start(func(string) {})
	go func() {
		defer close(r.done)
		defer close(r.code)
		defer r.cancel()
		defer l.cancel()
		r.err = r.run(ctx, cfg, l, joiner, end)
	}()
	return r, nil
}

func (r *LinkRequest) run(ctx context.Context, cfg LinkConfig, l *line, joiner *keys.Joiner, end *keys.Requester) error {
	var next keys.LinkMessage
	heard := ctx // until both have the short code
	if cfg.Invitation != "" {
		next = keys.LinkHere{}
		var cancel context.CancelFunc
		heard, cancel = context.WithTimeout(ctx, linkReply)
		defer cancel()
	}
	for end.Grant() == nil {
		err := l.until(heard, next, func(m keys.LinkMessage) (bool, error) {
			answer, err := end.Take(m)
			if errors.Is(err, keys.ErrLinkRejected) {
				return true, &Error{Code: CodeLinkRejected, Text: "the other device did not let this one in"}
			}
			if err != nil {
				return false, nil // somebody else's, or said again
			}
			if answer != nil { // else it asks on: what was the answer to that may be lost
				next = answer
			}
			if end.ShortCode() != "" {
				heard = ctx // the owner may take their time
			}
			return true, nil
		})
		if err != nil {
			return err
		}
		if code := end.ShortCode(); code != "" && end.Grant() == nil {
			select {
			case r.code <- code:
			default:
			}
		}
	}
	locator, err := keys.LocatorFromBytes(end.Grant())
	id, approver := end.Approver()
	if err != nil || locator.Card.Account != id {
		return &Error{Code: CodeLinkRejected, Text: "the other device answered with another account than the one that was compared"}
	}
	value, err := getSlot(ctx, cfg.Transport, locator.Private)
	for value == nil && ctx.Err() == nil { // it is there: the other device wrote it
		<-after(linkAgain / 4)
		value, err = getSlot(ctx, cfg.Transport, locator.Private)
	}
	if err != nil {
		return linkError(err)
	}
	account, contacts, err := joiner.Open(locator, value)
	if err == nil && !account.Has(approver) {
		err = keys.ErrRevoked
	}
	if err != nil {
		return &Error{Code: CodeSlotInvalid, Text: "what the relay has of the account is not its owner's", Err: err}
	}
	return settle(ctx, cfg.Store, account, contacts)
}

// settle stores a linked account in a profile that has none, not even one made while the owner compared the codes.
func settle(ctx context.Context, s Store, account *keys.Account, contacts *keys.Contacts) error {
	unlock, err := s.Lock(ctx, keyAccount)
	if err != nil {
		return storeError("failed to lock the profile", err)
	}
	defer unlock()
	there, version, err := loadAccount(ctx, s)
	if there != nil {
		return &Error{Code: CodeWrongState, Text: "this profile got an account meanwhile: link another one"}
	}
	if err != nil && Code(err) != CodeRevoked {
		return err
	}
	for _, key := range []string{keyContacts, keyRequests} { // of an account that was here before
		if err := wipe(ctx, s, key); err != nil {
			return err
		}
	}
	return profile{store: s}.keep(ctx, account, version, contacts)
}

// wipe makes what is stored under a key nothing.
func wipe(ctx context.Context, s Store, key string) error {
	for {
		b, version, err := s.Get(ctx, key)
		if err != nil {
			return storeError("failed to wipe the profile", err)
		}
		if len(b) == 0 {
			return nil
		}
		if err = s.Put(ctx, key, nil, version); err == nil {
			return nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return storeError("failed to wipe the profile", err)
		}
	}
}

// Link returns the code to be shown, as a link; nothing where the other device shows one.
func (r *LinkRequest) Link() string { return r.link }

// Code waits for the short code, which the other device must show too.
func (r *LinkRequest) Code() (string, error) {
	code, ok := <-r.code
	if !ok {
		return "", r.Wait()
	}
	return code, nil
}

// Wait waits until the profile has the account.
func (r *LinkRequest) Wait() error {
	<-r.done
	if errors.Is(r.err, context.Canceled) {
		return errGivenUp()
	}
	return r.err
}

func errGivenUp() error { return &Error{Code: CodeClosed, Text: "the linking was given up"} }

// Cancel gives up.
func (r *LinkRequest) Cancel() { r.cancel() }

// Approval is a new device that waits for the owner's word, as long as its code is good.
type Approval struct {
	p     *Phone
	line  *line
	end   *keys.Approver
	ctx   context.Context // done when all was said, it is too late, or the phone is closed
	over  context.CancelFunc
	Code  string // what the new device must show too
	Label string // what it calls itself

	word              sync.Mutex // held while the owner's word is given: a second one waits
	given, yes, taken bool       // the word, and whether the relay took it

	mu   sync.Mutex
	said saying
}

// saying is a message of an approval's, and whom it is sealed to if not to the other end's key.
type saying struct {
	message   keys.LinkMessage
	recipient []byte
}

// ApproveLink reads the code that a new device shows, and returns once there is a short code to compare.
func (p *Phone) ApproveLink(ctx context.Context, link string) (*Approval, error) {
	secret, err := keys.ParseLink(link)
	if err != nil {
		return nil, badCode(err)
	}
	ctx, cancel := context.WithTimeout(ctx, linkReply)
	defer cancel()
	defer context.AfterFunc(p.ctx, cancel)()
	a, open := p.newApproval(secret)
	if err := a.meet(ctx, func(take func(keys.LinkMessage) bool) error {
		return a.line.until(ctx, open, func(m keys.LinkMessage) (bool, error) { return take(m), nil })
	}); err != nil {
		return nil, err
	}
	return a, nil
}

func badCode(err error) error {
	return &Error{Code: CodeBadLink, Text: "failed to read the code", Err: err}
}

// newApproval returns the approver's end of a linking, and what it says first.
func (p *Phone) newApproval(secret keys.LinkSecret) (*Approval, keys.LinkOpen) {
	account := p.own()
	end, open := keys.NewApprover(account.ID(), account.Device(), account.Sign)
	own := secret.Approver()
	l := newLine(p.cfg.Transport, account.Device(), account.Sign, own, secret.Requester(), frame.NewOpener(own.Identity))
	return &Approval{p: p, end: end, line: l}, open
}

// meet returns once the new device has asked, and was told what makes the short code. hear gives what comes in to take until
// that is the new device's question.
func (a *Approval) meet(ctx context.Context, hear func(take func(keys.LinkMessage) bool) error) error {
	var reveal keys.LinkMessage
	err := hear(func(m keys.LinkMessage) bool {
		var err error
		reveal, err = a.end.Take(m)
		return err == nil
	})
	if err == nil {
		err = a.line.sayAgain(ctx, reveal, nil)
	}
	if err != nil {
		a.line.cancel()
		if a.p.ctx.Err() != nil {
			err = errClosed()
		}
		return linkError(err)
	}
	ask, _ := a.end.Ask()
	a.Code, a.Label = a.end.ShortCode(), ask.Label
	a.said = saying{message: reveal}
	a.ctx, a.over = context.WithTimeout(a.p.ctx, linkTime)
	go a.sayOn()
	return nil
}

// sayOn says what was said last again whenever the new device asks again: it did not hear it, whatever the relay pretends.
func (a *Approval) sayOn() {
	defer a.line.cancel()
	for {
		select {
		case <-a.line.messages:
			a.mu.Lock()
			said := a.said
			a.mu.Unlock()
			a.line.sayTo(a.ctx, said.message, said.recipient)
		case <-a.ctx.Done():
			return
		}
		select {
		case <-after(linkAgain / 2): // who has the code could ask all the time
		case <-a.ctx.Done():
			return
		}
	}
}

// answer gives the owner's word, for which grant makes the message. Given again it is said again if the relay did not take it.
func (a *Approval) answer(ctx context.Context, yes bool, grant func() (keys.LinkGrant, error)) error {
	a.word.Lock()
	defer a.word.Unlock()
	switch {
	case a.p.gone.Load():
		return errClosed()
	case a.given && a.yes != yes:
		return &Error{Code: CodeWrongState, Text: "the new device was answered otherwise already"}
	case a.taken:
		return nil
	case a.ctx.Err() != nil: // too late
		return linkError(context.DeadlineExceeded)
	}
	ask, _ := a.end.Ask()
	if !a.given {
		m, err := grant()
		if err != nil {
			return err
		}
		a.mu.Lock()
		a.said = saying{m, ask.Reply}
		a.mu.Unlock()
		a.given, a.yes = true, yes
	}
	if err := a.line.sayAgain(ctx, a.said.message, ask.Reply); err != nil {
		return err
	}
	a.taken = true
	time.AfterFunc(linkReply, a.over)
	return nil
}

// Approve lets the new device in: the owner found the same short code on both. Approved again, it still is; one that was
// rejected is CodeWrongState.
func (a *Approval) Approve(ctx context.Context) error {
	return a.answer(ctx, true, func() (keys.LinkGrant, error) {
		ask, _ := a.end.Ask()
		err := a.p.commit(ctx, func(account *keys.Account, _ *keys.Contacts) error {
			if err := account.AddDevice(keys.NewDevice{ID: ask.Device, Recipient: ask.Recipient, Label: ask.Label}, time.Now()); err != nil {
				return &Error{Code: CodeDevicesFull, Text: "the device was not added", Err: err}
			}
			return nil
		})
		if err != nil {
			return keys.LinkGrant{}, err
		}
		return a.end.Approve(a.p.own().Locator().Bytes())
	})
}

// Reject sends the new device away. Rejected again, it still is; one that was approved is CodeWrongState.
func (a *Approval) Reject(ctx context.Context) error { return a.answer(ctx, false, a.end.Reject) }
