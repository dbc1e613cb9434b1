package phone

import (
	"context"
	"crypto/rand"
	"sync"
	"sync/atomic"
	"time"

	"ringfork/keys"
	"ringfork/peer"
	"ringfork/signalcore"
)

// Config is what a phone needs. Transport, Store and Media must be set.
type Config struct {
	Transport Transport
	Store     Store
	Media     Media
	Siblings  Siblings // may be nil
	Name      string   // claimed towards those called, at most 64 bytes; empty: the one that the account has
	Label     string   // this device's, for contacts, at most 64 bytes; the same

	// Secret, if not nil, opens the account of a login: see keys.Secret. Backup and Passphrase open that of a backup, in an
	// empty store.
	Secret             *keys.Secret
	Backup, Passphrase string

	entered bool // this device was added to an account by them

	Incoming   signalcore.Incoming
	Preconnect signalcore.Preconnect
	Busy       signalcore.WhenBusy
	RingTime   time.Duration // of outgoing calls; 0 means 45 s

	// Peer is asked for the configuration of every peer connection; natively the tines of calls made may share a port,
	// those of calls taken may not (peer.Mux). Nil means the zero one.
	Peer func(signalcore.Direction) peer.Config
	// On is told what happened, one event at a time and in order, by the pump: it must not block. It may be nil.
	On func(Event)
}

// Phone places and takes the calls of one endpoint. Its methods may be called from any goroutine but the pump's.
type Phone struct {
	cfg     Config
	self    signalcore.Sender
	queue   *queue
	done    chan struct{} // closed to stop the pump
	stopped chan struct{} // closed when it stopped
	ctx     context.Context
	cancel  context.CancelFunc
	closing sync.Once
	gone    atomic.Bool    // it left, or is being closed: no call is placed any more
	effects sync.WaitGroup // grows on the pump only, so that who stopped the pump may wait for it
	running atomic.Int64   // publications under way

	// The pump's own.
	machine   *signalcore.Machine
	boxes     boxes
	sessions  map[signalcore.CallID]*session
	rings     map[signalcore.CallID]*rung
	held      map[signalcore.CallID][]*heldFrame
	conns     map[signalcore.ConnID]*leg
	nextKey   callKey
	preparing bool
	lingering map[signalcore.CallID]func() // mailboxes of calls that are over
	stopOwn   []func()
	ownBoxes  uint32 // the count of changes of the addresses that stopOwn is of
	leaving   bool

	catching, catchAgain bool          // the account is being brought up to date; it is to be once more
	careful              bool          // it was, once
	catchTimer           *time.Timer   // not nil: it is to be once more then
	retryWait            time.Duration // of catchTimer, last
	careTimer            *time.Timer
	lookAt               time.Time                     // when the account is looked at again, whatever happens
	changes              uint64                        // told to own endpoints
	sharing              map[uint32]context.CancelFunc // ends what is said until it is taken, by the count of changes of all addresses
	warned               []string                      // of the own account
	suspicions           map[suspicion]uint64          // of contacts, with the sequence by which each was known then
	greetings            map[keys.AccountID]greeting
	hellos               map[helloKind]uint64
	heads                map[keys.AccountID]signalcore.Hash             // of this account's log, as contacts know it and this device does not
	reading              map[keys.AccountID][]func(keys.Contact, error) // contacts' slots that are being read, and what waits for them

	mu              sync.Mutex
	account         *keys.Account
	accountVersion  uint64 // of the stored account, as it was read last
	contacts        *keys.Contacts
	version         uint64 // of the stored contacts
	requests        []Request
	requestsVersion uint64
	state           RelayState
	drops           map[string]int
}

// Open loads the profile's account, or makes one in an empty store, and starts the phone. It needs the store, not the
// relay: without it the phone is there, offline. Only to enter an account by a secret or a backup the relay is needed.
func Open(ctx context.Context, cfg Config) (*Phone, error) {
	account, err := openAccount(ctx, &cfg)
	if err != nil {
		return nil, err
	}
	contacts, version, err := loadContacts(ctx, cfg.Store)
	if err != nil {
		return nil, err
	}
	seen, err := loadSeen(ctx, cfg.Store)
	if err != nil {
		return nil, err
	}
	p := &Phone{
		cfg: cfg, account: account, contacts: contacts, version: version,
		self:  signalcore.Sender{Account: signalcore.AccountID(account.ID()), Device: signalcore.DeviceID(account.Device())},
		queue: newQueue(), done: make(chan struct{}), stopped: make(chan struct{}),
		sessions: map[signalcore.CallID]*session{}, rings: map[signalcore.CallID]*rung{},
		lingering: map[signalcore.CallID]func(){},
		held:      map[signalcore.CallID][]*heldFrame{}, conns: map[signalcore.ConnID]*leg{},
		suspicions: map[suspicion]uint64{},
		greetings:  map[keys.AccountID]greeting{}, hellos: map[helloKind]uint64{},
		heads:   map[keys.AccountID]signalcore.Hash{},
		reading: map[keys.AccountID][]func(keys.Contact, error){},
		sharing: map[uint32]context.CancelFunc{},
		state:   Connecting, drops: map[string]int{},
	}
	p.boxes = boxes{p: p, of: map[keys.AccountID]*box{}}
	rand.Read(p.self.Endpoint[:])
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.machine = signalcore.New(signalcore.Config{Self: p.self, Name: account.Name(), Label: account.Label(), Incoming: cfg.Incoming,
		Preconnect: cfg.Preconnect, Busy: cfg.Busy, RingTime: cfg.RingTime, Seen: seen})
	if err := p.refreshRequests(ctx); err != nil {
		return nil, err
	}
	p.queue.put(func() { p.listen(); p.care() })
	cfg.Transport.Start(func(s string) { p.queue.put(func() { p.relay(RelayState(s)) }) })
	go p.pump()
	return p, nil
}

// Account returns the account's id.
func (p *Phone) Account() keys.AccountID { return p.own().ID() }

// Name returns what the account calls itself, on all its devices.
func (p *Phone) Name() string { return p.own().Name() }

// Card returns the account's card as a link to the relay's own page.
func (p *Phone) Card() string { return p.own().Card().Link(p.cfg.Transport.Origin()) }

// State returns whether the relay can be reached.
func (p *Phone) State() RelayState {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state
}

// Drops returns how often something received was ignored, by reason.
func (p *Phone) Drops() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make(map[string]int, len(p.drops))
	for k, n := range p.drops {
		out[k] = n
	}
	return out
}

// Call rings a contact. The call's progress comes as events.
func (p *Phone) Call(id keys.AccountID, media signalcore.Media) (signalcore.CallID, error) {
	var call signalcore.CallID
	if p.gone.Load() {
		return call, errClosed()
	}
	if _, ok := p.contact(id); !ok {
		return call, &Error{Code: CodeUnknownContact, Text: "no such contact: add their card first"}
	}
	rand.Read(call[:])
	return call, p.ask(signalcore.Dial{Call: call, To: signalcore.AccountID(id), Media: media})
}

// PickUp accepts a ringing call.
func (p *Phone) PickUp(call signalcore.CallID, media signalcore.Media) error {
	return p.ask(signalcore.PickUp{Call: call, Media: media})
}

// Decline refuses a ringing call, on every endpoint of the account or here only.
func (p *Phone) Decline(call signalcore.CallID, everywhere bool) error {
	return p.ask(signalcore.Refuse{Call: call, Everywhere: everywhere})
}

// HangUp ends a call in whatever state it is. Ending one that is over does nothing.
func (p *Phone) HangUp(call signalcore.CallID) error { return p.ask(signalcore.HangUp{Call: call}) }

// SetState tells the other side what this one sends.
func (p *Phone) SetState(s signalcore.SetState) error { return p.ask(s) }

// NetworkChanged says that this endpoint is on another network now: the connections of its calls are replaced at once, where
// it would take seconds to find that they are gone.
func (p *Phone) NetworkChanged() { p.queue.put(func() { p.step(signalcore.NetworkChanged{}) }) }

// ask puts the user's word into the queue. Where it cannot be followed an event says so.
func (p *Phone) ask(in signalcore.Input) error {
	if !p.queue.put(func() { p.step(in) }) {
		return errClosed()
	}
	return nil
}

func errClosed() error { return &Error{Code: CodeClosed, Text: "the phone is closed: open a new one"} }

// Leave ends this endpoint's calls at once, without waiting for anybody: a page calls it when it goes away. Calls that
// ring here ring on elsewhere.
func (p *Phone) Leave() {
	p.gone.Store(true)
	p.queue.put(p.leave)
}

func (p *Phone) leave() {
	if !p.leaving {
		p.leaving = true
		p.step(signalcore.Leave{})
	}
}

// leaveTime is how long Close waits for hangups and their acknowledgements.
const leaveTime = 1500 * time.Millisecond

// Close leaves, waits a moment for what was said to arrive, and releases everything. Closing again does nothing.
func (p *Phone) Close() {
	p.gone.Store(true)
	p.closing.Do(func() {
		quiet := make(chan struct{})
		var check func()
		check = func() {
			if len(p.conns) == 0 && p.running.Load() == 0 {
				close(quiet)
				return
			}
			time.AfterFunc(20*time.Millisecond, func() { p.queue.put(check) })
		}
		p.queue.put(func() { p.leave(); check() })
		select {
		case <-quiet:
		case <-after(leaveTime):
		}
		p.queue.close()
		close(p.done)
		<-p.stopped
		p.shut()
	})
	<-p.stopped
}

// shut releases what the pump left behind, which nobody else touches any more.
func (p *Phone) shut() {
	p.cancel()
	if p.careTimer != nil {
		p.careTimer.Stop()
	}
	if p.catchTimer != nil {
		p.catchTimer.Stop()
	}
	p.boxes.close()
	for _, stop := range p.stopOwn {
		stop()
	}
	for _, s := range p.sessions {
		s.unsubscribe()
	}
	for _, stop := range p.lingering {
		stop()
	}
	for _, l := range p.conns {
		l.close()
	}
	p.cfg.Transport.Close()
	p.effects.Wait()
}

// CardLink returns any card as such a link.
func (p *Phone) CardLink(card keys.Card) string { return card.Link(p.cfg.Transport.Origin()) }
