package phone

import (
	"ringfork/keys"
	"ringfork/signalcore"
)

// Event is something the phone's user should know: one of the types in this file.
type Event interface{ event() }

// Incoming says that somebody rings.
type Incoming struct{ Call Call }

// CallChanged says that a call looks different now.
type CallChanged struct{ Call Call }

// ContactsChanged says that the list of contacts is another.
type ContactsChanged struct{}

// DevicesChanged says that the account, its name or its devices are others, and with them its card.
type DevicesChanged struct{ Name, Card string }

// RequestsChanged says that somebody asks to be a contact, or does no more.
type RequestsChanged struct{}

// Warning says that something happened that the user should look at. Codes are WarnDeviceAdded, CodeLogForked,
// CodeSlotInvalid, CodeSlotStale, CodeSlotExpired and CodeNewer: what the relay showed of the contact was refused. Each comes once,
// as long as nothing newer is known of the contact. Of the own account they are CodeLogForked, CodeNewer, CodeStoreNewer,
// CodeSlotTaken and CodeFull: what changes here does not reach other devices and contacts.
type Warning struct {
	Code    string
	Contact keys.AccountID // zero: the own account
}

// WarnDeviceAdded warns of a verified contact that has a new device.
const WarnDeviceAdded = "device-added"

// Gone says that the phone ended by itself: CodeRevoked.
type Gone struct{ Code string }

// RelayChanged says whether the relay can be reached.
type RelayChanged struct{ State RelayState }

// Refused says that the user's last word on a call could not be followed.
type Refused struct {
	Call signalcore.CallID
	Code string
}

func (Incoming) event()        {}
func (CallChanged) event()     {}
func (ContactsChanged) event() {}
func (RelayChanged) event()    {}
func (DevicesChanged) event()  {}
func (RequestsChanged) event() {}
func (Warning) event()         {}
func (Gone) event()            {}
func (Refused) event()         {}

// Call is a call as its user sees it.
type Call struct {
	signalcore.View
	Peer Peer
}

// Peer is the other side of a call.
type Peer struct {
	ID          keys.AccountID
	Name        string // the contact's name; the claimed one of a stranger
	ClaimedName string // of an incoming call: what the caller calls itself
	Contact     bool
	Verified    bool
	Card        string // of a stranger who rings: the link by which it can be added
}

func (p *Phone) tell(e Event) {
	if p.cfg.On != nil {
		p.cfg.On(e)
	}
}

// describe adds to a view what this account knows of the other side.
func (p *Phone) describe(v signalcore.View) Call {
	id := keys.AccountID(v.Peer)
	c := Call{View: v, Peer: Peer{ID: id, Name: v.ClaimedName, ClaimedName: v.ClaimedName}}
	if known, ok := p.contact(id); ok {
		c.Peer.Name, c.Peer.Contact, c.Peer.Verified = known.Name, true, known.Verified
	} else if s := p.sessions[v.Call]; s != nil && s.called != nil {
		c.Peer.Card = s.card.Link(p.cfg.Transport.Origin())
	} else if r := p.rings[v.Call]; r != nil {
		c.Peer.Card = r.card.Link(p.cfg.Transport.Origin())
	}
	return c
}
