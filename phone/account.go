package phone

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"ringfork/keys"
	"ringfork/signalcore"
)

// relay takes the transport's news.
func (p *Phone) relay(s RelayState) {
	p.mu.Lock()
	same := p.state == s
	p.state = s
	p.mu.Unlock()
	if same {
		return
	}
	switch s {
	case Online:
		p.step(signalcore.RelayOnline{})
		if !p.boxes.all {
			p.listen()
		}
		p.catchUp()
	default:
		p.boxes.offline()
		p.step(signalcore.BacklogRead{Done: false})
	}
	p.tell(RelayChanged{State: s})
}

// Times of what a phone does for its account beside calls.
const (
	commitTime = 20 * time.Second // bounds one attempt to bring the account and the relay together
	careEvery  = time.Minute      // between looks at what is due: rotations, greetings

	// Until a failed attempt is made again: twice the time before, and never sooner than the relay says.
	retryLeast = 10 * time.Second
	retryMost  = 2 * time.Minute

	// Between looks at the account itself. Who changes it tells the other endpoints, but the word may be lost: a relay may say that
	// it took what it drops, a page may be closed as soon as it changed something. After a revocation who did not hear of it listens
	// where nobody rings any more.
	lookLeast = 10 * time.Minute
	lookMost  = 15 * time.Minute
)

// own returns the account as it is now. It is not to be changed: commit changes a copy.
func (p *Phone) own() *keys.Account {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.account
}

// commit makes a change to the account, or only brings it and the relay together, and lets the phone go on with the result. A
// change that holds and could not be shown to contacts yet is no error: that is finished in the background.
func (p *Phone) commit(ctx context.Context, f change) error {
	ctx, cancel := context.WithTimeout(ctx, commitTime)
	defer cancel()
	pr := profile{transport: p.cfg.Transport, store: p.cfg.Store}
	account, err := pr.commit(ctx, f)
	if pr.wrote {
		p.queue.put(p.shareChange)
	}
	switch Code(err) {
	case CodeRevoked:
		p.queue.put(p.revoked)
	case CodeLogForked, CodeNewer, CodeStoreNewer, CodeSlotTaken: // nothing is written until somebody does something about it
		p.queue.put(func() { p.warnOnce(Code(err)) })
	}
	if account != nil {
		p.adopt(account)
	}
	if err != nil {
		if f != nil && retriable(err) {
			p.queue.put(func() { p.catchUpLater(err) }) // what was begun is finished
		}
		if account == nil || f == nil {
			return err
		}
	}
	return p.Refresh(ctx)
}

// warnOnce warns of something about the own account that stays as it is.
func (p *Phone) warnOnce(code string) {
	if !slices.Contains(p.warned, code) {
		p.warned = append(p.warned, code)
		p.tell(Warning{Code: code})
	}
}

// retriable reports whether an attempt to write the account may succeed later.
func retriable(err error) bool {
	switch Code(err) {
	case CodeRevoked, CodeStoreNewer, CodeNewer, CodeLogForked, CodeSlotTaken, CodeFull, CodeClosed, CodeUnknownDevice, CodeDevicesFull:
		return false
	}
	return !final(Code(err))
}

// catchUpLater brings the account up to date some time after an attempt failed, once for all attempts that did. Without the relay that
// waits until it is reached.
func (p *Phone) catchUpLater(err error) {
	if p.catchTimer != nil || p.State() != Online {
		return
	}
	p.retryWait = min(max(2*p.retryWait, retryLeast), retryMost)
	wait := max(p.retryWait, refusalWait(err))
	p.catchTimer = time.AfterFunc(wait+rand.N(wait/4), func() { p.queue.put(p.catchUp) })
}

// adopt goes on with an account that this endpoint, or another one of the profile, stored.
func (p *Phone) adopt(account *keys.Account) {
	p.mu.Lock()
	old := p.account
	if account.ID() != old.ID() || old.NewerThan(account) { // another endpoint was faster, or took the profile away
		p.mu.Unlock()
		return
	}
	p.account = account
	p.mu.Unlock()
	if account.NewerThan(old) {
		p.queue.put(func() {
			p.listen()
			p.tell(DevicesChanged{Name: p.Name(), Card: p.Card()})
		})
	}
}

// catchUp brings the account and the relay together, in the background: whenever the relay is reached (it may have lost its
// slots, or another device may have changed the account), and when something is due or was changed here.
func (p *Phone) catchUp() {
	if p.catchTimer != nil {
		p.catchTimer.Stop()
		p.catchTimer = nil
	}
	if p.catching {
		p.catchAgain = true
		return
	}
	p.catching, p.catchAgain = true, false
	p.lookAt = time.Now().Add(lookLeast + rand.N(lookMost-lookLeast))
	p.effect(func() {
		var f change
		now, first := time.Now(), !p.careful // as this endpoint was opened: once, for other devices rename it too
		if first || p.own().RotationDue(now) {
			f = func(a *keys.Account, _ *keys.Contacts) error {
				if a.RotationDue(now) { // another device may have done it
					a.Rotate(now)
				}
				if first {
					rename(&p.cfg, a)
				}
				return nil
			}
		}
		var login error
		err := p.commit(p.ctx, f)
		if err == nil {
			login = keepLogin(p.ctx, &p.cfg, p.own())
		}
		p.queue.put(func() { p.caughtUp(err, login) })
	})
}

// caughtUp goes on after an attempt to bring the account and the relay together, which ended with err, and then the login's slot.
// Both are tried again. A login that is not kept holds up nothing else.
func (p *Phone) caughtUp(err, login error) {
	p.catching = false
	failed := cmp.Or(err, login)
	if failed == nil {
		p.retryWait = 0
	} else {
		p.drop("account not brought up to date: " + Code(failed))
		if retriable(failed) {
			p.catchUpLater(failed)
		}
	}
	if Code(err) == CodeFull { // not because of what the user just asked for: of that, who asked hears
		p.warnOnce(CodeFull)
	}
	if err == nil {
		p.careful = true
		p.prepareCall()
		if p.cfg.entered {
			p.cfg.entered = false
			p.shareChange()
		}
	}
	switch {
	case p.catchAgain:
		p.catchUp()
	case err == nil:
		p.judgeHeads()
	}
	p.greetAll()
}

// care looks from time to time at what is due.
func (p *Phone) care() {
	p.tend(time.Now())
	p.careTimer = time.AfterFunc(careEvery+rand.N(careEvery/4), func() { p.queue.put(p.care) })
}

// tend does what is due.
func (p *Phone) tend(now time.Time) {
	if p.State() != Online {
		return
	}
	if a := p.own(); p.catchTimer == nil && (now.After(p.lookAt) || a.RotationDue(now) || a.KeyDue()) {
		p.catchUp()
	}
	p.greetAll()
}

// shareChange tells the account's other endpoints that it changed: they read it.
func (p *Phone) shareChange() { p.shareOwn(p.changed()) }

func (p *Phone) changed() signalcore.Sync {
	p.changes++
	return signalcore.Sync{What: signalcore.SyncAccount, Counter: p.changes}
}

// revoked ends this phone: its device is no member of the account any more.
func (p *Phone) revoked() {
	if p.gone.Swap(true) {
		return
	}
	p.leave()
	p.tell(Gone{Code: CodeRevoked})
}

// listen opens what comes by the account's keys as they are now. Before the relay is reached for the first time that is only
// what all contacts have in common: a page with a thousand contacts does not wait for their mailboxes.
func (p *Phone) listen() {
	if p.boxes.all || p.State() == Online {
		p.boxes.subscribe(p.own(), p.callers())
	} else {
		p.boxes.subscribeInbox(p.own())
	}
	p.listenOwn()
}
