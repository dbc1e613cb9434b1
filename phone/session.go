package phone

import (
	"math/rand/v2"
	"time"

	"filippo.io/age"

	"ringfork/frame"
	"ringfork/keys"
	"ringfork/signalcore"
)

// session is the sealed side of one call: its mailbox, its keys, who is believed, and what was sent, to be sent again
// byte for byte. When it is dropped, nothing of the call can be opened any more but its ring.
type session struct {
	mailbox     keys.Mailbox
	unsubscribe func()
	opener      *frame.Opener
	sent        map[signalcore.MessageID]sentMessage
	before      chan struct{} // of a called endpoint: closed when the message before is published

	// Of the caller.
	caller    *frame.Caller // nil until the ring is sealed
	identity  *age.HybridIdentity
	replies   []byte // its recipient, as the ring carries it
	contact   keys.Contact
	ways      []replyTo // where the called account reads: the last is the newest known
	rang      letter    // the ring, to be sealed again for a newer one
	endpoints map[signalcore.EndpointID]*replyTo
	rungAt    signalcore.Address // where the ring went last
	rungBy    []byte             // the key to which it was sealed
	ringTaken bool               // by the relay, at least once
	asked     bool               // the called account was looked up because of what came in

	// Of a called endpoint.
	called *frame.Called
	ring   *frame.Envelope
	card   keys.Card
	seed   [32]byte
	reply  replyTo
}

// replyTo is where one endpoint or account reads, and by which key.
type replyTo struct {
	mailbox   signalcore.Address
	recipient age.Recipient
	answers   signalcore.Hash // the message of theirs that an answer answers
}

// letter is a message before it is sealed.
type letter struct {
	header frame.Header
	msg    signalcore.Message
}

// sentMessage is a message as it was sealed, for each mailbox it goes to.
type sentMessage []sealed

type sealed struct {
	to     signalcore.Address
	frames [][]byte
}

// openSession makes mailbox and keys of a call, subscribed before any message gives the address out.
func (p *Phone) openSession(out signalcore.OpenMailbox) {
	s := &session{mailbox: keys.NewMailbox(), sent: map[signalcore.MessageID]sentMessage{}}
	if out.Incoming {
		r := p.rings[out.Call]
		if r == nil {
			panic("internal error: mailbox for a ring that is not there")
		}
		delete(p.rings, out.Call)
		s.ring, s.card = r.envelope, r.card
		s.called = frame.NewCalled(p.self, r.envelope)
		s.reply = replyTo{mailbox: r.ring.Mailbox, recipient: r.recipient}
		s.seed = frame.NewSeed()
		s.opener = frame.NewOpener(frame.IdentityFromSeed(s.seed))
	} else {
		s.contact, _ = p.contact(keys.AccountID(out.To))
		s.identity, s.replies = p.callKeys()
		s.endpoints = map[signalcore.EndpointID]*replyTo{}
		s.opener = frame.NewOpener(s.identity)
	}
	p.sessions[out.Call] = s
	call := out.Call
	s.unsubscribe = p.cfg.Transport.Subscribe(s.mailbox,
		func(f []byte, age time.Duration) { p.queue.put(func() { p.callFrame(call, f, age) }) }, func() {})
}

// A call's mailbox is kept for a random time after the keys are dropped, so that the relay does not see when calls end.
const (
	lingerLeast = 10 * time.Second
	lingerMost  = 2 * time.Minute

	maxLingering = 64
)

func (p *Phone) closeSession(call signalcore.CallID) {
	delete(p.rings, call)
	s := p.sessions[call]
	if s == nil {
		return
	}
	delete(p.sessions, call)
	p.prepareCall()
	for other, stop := range p.lingering { // any of them
		if len(p.lingering) < maxLingering {
			break
		}
		stop()
		delete(p.lingering, other)
	}
	p.lingering[call] = s.unsubscribe
	time.AfterFunc(lingerLeast+rand.N(lingerMost-lingerLeast), func() {
		p.queue.put(func() {
			if stop := p.lingering[call]; stop != nil {
				delete(p.lingering, call)
				stop()
			}
		})
	})
}

// post seals a message of the machine's and publishes it.
func (p *Phone) post(out signalcore.Post) {
	s := p.sessions[out.Call]
	if s == nil {
		p.drop("post without session")
		return
	}
	l := letter{frame.Header{ID: out.ID, Call: out.Call, From: p.self}, out.Msg}
	switch {
	case s.called != nil:
		p.postToCaller(s, l)
	case out.To == signalcore.EndpointID{}:
		p.postToAccount(s, l)
	default:
		p.postToEndpoint(s, out.To, l)
	}
}

func (p *Phone) postToCaller(s *session, l letter) {
	account := p.own()
	l.header.To, l.header.ToEndpoint = s.ring.From.Account, s.ring.From.Endpoint
	if o, ok := l.msg.(signalcore.Offer); ok {
		o.LogHead, o.Seed, o.Mailbox = account.LogHead(), s.seed, s.mailbox.Address()
		if caller, known := p.contact(keys.AccountID(s.ring.From.Account)); known {
			o.PeerLogHead = caller.Public.LogHead
		}
		l.msg, l.header.Ref = o, s.ring.Hash
	}
	hash, ok := p.seal(s, l, s.reply)
	if !ok {
		return
	}
	switch m := l.msg.(type) {
	case signalcore.Offer:
		s.called.SentOffer(hash)
	case signalcore.Accept:
		if m.SDP != "" {
			s.called.SentAccept(hash)
		}
	}
	p.publish(l.header.Call, l.header.ID)
}

// postToAccount posts to all endpoints of the called account.
func (p *Phone) postToAccount(s *session, l letter) {
	l.header.To = signalcore.AccountID(s.contact.ID())
	if ring, ok := l.msg.(signalcore.Ring); ok {
		s.rang = letter{l.header, ring}
		p.ring(s)
		p.keepLooking(l.header.Call, s.contact, func(c keys.Contact) { p.ringAnew(s, c) })
		return
	}
	for _, to := range s.ways {
		p.seal(s, l, to)
	}
	p.publish(l.header.Call, l.header.ID)
}

// ring seals and publishes the ring by what is known of the called account, unless that is nothing to be believed any more or
// the ring went there already. It is one message however often it is sealed.
func (p *Phone) ring(s *session) {
	to, err := replyToContact(s.contact)
	if err != nil || s.contact.Public.Expired(time.Now()) || s.rungAt == to.mailbox && string(s.rungBy) == string(s.contact.Public.InboxRecipient) {
		return
	}
	if s.caller == nil {
		s.rang.msg = frame.Introduce(s.rang.msg.(signalcore.Ring), p.own(), s.contact.Public, s.mailbox, s.replies)
	}
	hash, ok := p.seal(s, s.rang, to)
	if !ok {
		return
	}
	if s.caller == nil {
		s.caller = frame.NewCaller(s.rang.header.Call, p.self, s.rang.header.To, hash, p.deviceOf(s))
	}
	s.rungAt, s.rungBy, s.ways = to.mailbox, s.contact.Public.InboxRecipient, append(s.ways, to)
	p.publish(s.rang.header.Call, s.rang.header.ID)
}

func (p *Phone) postToEndpoint(s *session, endpoint signalcore.EndpointID, l letter) {
	to := s.endpoints[endpoint]
	if to == nil {
		p.drop("post to an unknown endpoint")
		return
	}
	l.header.To, l.header.ToEndpoint = signalcore.AccountID(s.contact.ID()), endpoint
	if _, ok := l.msg.(signalcore.Answer); ok {
		l.header.Ref = to.answers
	}
	if _, ok := p.seal(s, l, *to); ok {
		p.publish(l.header.Call, l.header.ID)
	}
}

// seal seals a message for one who reads it, and keeps it to be published.
func (p *Phone) seal(s *session, l letter, to replyTo) (signalcore.Hash, bool) {
	frames, hash, err := frame.Seal(l.header, l.msg, p.own().Sign, to.recipient)
	if err != nil {
		p.drop("message not sealed")
		return hash, false
	}
	s.sent[l.header.ID] = append(s.sent[l.header.ID], sealed{to.mailbox, frames})
	s.forgetSent()
	return hash, true
}

// maxSent is how many messages of a call are kept to be published again. With 32 tines there are about 200.
const maxSent = 512

// forgetSent forgets the oldest messages, but for the ring, where somebody in the call makes this side say ever more.
func (s *session) forgetSent() {
	for len(s.sent) > maxSent {
		var oldest signalcore.MessageID
		for id := range s.sent {
			if id != s.rang.header.ID && (oldest == 0 || id < oldest) {
				oldest = id
			}
		}
		delete(s.sent, oldest)
	}
}

// ringAnew goes on with the called account as it was found while it was being rung by what was known of it. If it has another
// key or another mailbox by now, the same ring goes there too.
func (p *Phone) ringAnew(s *session, c keys.Contact) {
	s.contact = c
	call := s.rang.header.Call
	if p.sessions[call] != s {
		return
	}
	if s.caller != nil {
		for _, endpoint := range s.caller.Strangers() {
			p.drop("device revoked while it rang")
			p.step(signalcore.Distrusted{Call: call, Endpoint: endpoint})
		}
	}
	if p.machine.Ringing(call) {
		p.ring(s)
	}
}

// deviceOf returns who says whether a device is one of the account that a session calls.
func (p *Phone) deviceOf(s *session) func(signalcore.DeviceID) bool {
	return func(d signalcore.DeviceID) bool { return s.contact.Public.Has(keys.DeviceID(d)) }
}

// callKeys returns the key of a new call. It was made beforehand, if there was time: making it takes a page milliseconds in
// which the ring could be on its way.
func (p *Phone) callKeys() (*age.HybridIdentity, []byte) {
	identity, replies := p.nextKey.identity, p.nextKey.replies
	p.nextKey = callKey{}
	if identity == nil {
		identity = frame.NewCallIdentity()
		replies = frame.RecipientBytes(identity.Recipient())
	}
	return identity, replies
}

// callKey is the key of a call to come.
type callKey struct {
	identity *age.HybridIdentity
	replies  []byte
}

// prepareCall makes the key of the next call, beside the pump.
func (p *Phone) prepareCall() {
	if p.nextKey.identity != nil || p.preparing {
		return
	}
	p.preparing = true
	p.effect(func() {
		identity := frame.NewCallIdentity()
		key := callKey{identity, frame.RecipientBytes(identity.Recipient())}
		p.queue.put(func() { p.nextKey, p.preparing = key, false })
	})
}
