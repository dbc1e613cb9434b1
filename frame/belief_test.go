package frame

import (
	"fmt"
	"testing"
	"time"

	"ringfork/keys"
	"ringfork/signalcore"
)

func sender(account, device, endpoint byte) signalcore.Sender {
	return signalcore.Sender{
		Account:  signalcore.AccountID{account},
		Device:   signalcore.DeviceID{device},
		Endpoint: signalcore.EndpointID{endpoint},
	}
}

var (
	alice   = sender(1, 1, 1)
	bobTab  = sender(2, 2, 2)
	bobTab2 = sender(2, 2, 3)
	bobApp  = sender(2, 4, 4)

	theCall = signalcore.CallID{7}
	theRing = signalcore.Hash{8}
)

func isBobs(d signalcore.DeviceID) bool { return d == bobTab.Device || d == bobApp.Device }

// envelope returns m as a reply of from to the caller, or of the caller to an endpoint.
func envelope(m signalcore.Message, from, to signalcore.Sender) *Envelope {
	e := &Envelope{Msg: m}
	e.Header = Header{Kind: m.Kind(), ID: 1, Call: theCall, From: from, To: to.Account, ToEndpoint: to.Endpoint}
	switch m.(type) {
	case signalcore.Offer:
		e.Ref = theRing
	case signalcore.Answer:
		e.Ref = theOffer
	}
	return e
}

var theOffer, theAccept = signalcore.Hash{10}, signalcore.Hash{11}

// every kind of message.
var every = []signalcore.Message{
	signalcore.Ring{}, signalcore.Offer{}, signalcore.Answer{}, signalcore.Candidates{}, signalcore.Accept{}, signalcore.Won{},
	signalcore.Settled{}, signalcore.Decline{}, signalcore.Busy{}, signalcore.Hangup{}, signalcore.State{}, signalcore.Restart{},
	signalcore.Sync{}, Hello{}, Link{},
}

func check(t *testing.T, err error, reason string) {
	t.Helper()
	switch {
	case reason == "" && err != nil:
		t.Errorf("got %v, want it believed", err)
	case reason != "":
		wantDrop(t, err, reason)
	}
}

func TestCallerBelieves(t *testing.T) {
	// Per kind: what is said of it from an endpoint that made an offer, and from one that made none.
	table := map[signalcore.Kind][2]string{
		signalcore.KindRing:       {ReasonUnexpected, ReasonUnexpected},
		signalcore.KindOffer:      {"", ""},
		signalcore.KindAnswer:     {ReasonUnexpected, ReasonUnexpected},
		signalcore.KindCandidates: {"", ReasonNoOffer},
		signalcore.KindAccept:     {"", ReasonNoOffer},
		signalcore.KindWon:        {ReasonUnexpected, ReasonUnexpected},
		signalcore.KindSettled:    {ReasonUnexpected, ReasonUnexpected},
		signalcore.KindDecline:    {"", ""},
		signalcore.KindBusy:       {"", ""},
		signalcore.KindRestart:    {"", ReasonNoOffer},
		signalcore.KindHangup:     {"", ReasonNoOffer},
		signalcore.KindState:      {ReasonUnexpected, ReasonUnexpected},
		signalcore.KindSync:       {ReasonUnexpected, ReasonUnexpected},
		KindHello:                 {ReasonUnexpected, ReasonUnexpected},
		KindLink:                  {ReasonUnexpected, ReasonUnexpected},
	}
	newCaller := func(t *testing.T) *Caller {
		c := NewCaller(theCall, alice, bobTab.Account, theRing, isBobs)
		check(t, c.Check(envelope(signalcore.Offer{}, bobTab, alice)), "")
		return c
	}
	for _, m := range every {
		want := table[m.Kind()]
		t.Run(fmt.Sprintf("%T", m), func(t *testing.T) {
			check(t, newCaller(t).Check(envelope(m, bobTab, alice)), want[0])
			check(t, newCaller(t).Check(envelope(m, bobTab2, alice)), want[1])
			check(t, newCaller(t).Check(envelope(m, bobApp, alice)), want[1])

			// What no kind gets away with.
			for name, c := range map[string]struct {
				reason string
				change func(*Envelope)
			}{
				"wrong account":            {ReasonSender, func(e *Envelope) { e.From.Account[0]++ }},
				"own account":              {ReasonSender, func(e *Envelope) { e.From.Account = alice.Account }},
				"unknown device":           {ReasonDevice, func(e *Envelope) { e.From.Device[0] = 99 }},
				"endpoint of another":      {ReasonSender, func(e *Envelope) { e.From.Device = bobApp.Device }},
				"wrong call":               {ReasonCall, func(e *Envelope) { e.Call[0]++ }},
				"wrong recipient":          {ReasonRecipient, func(e *Envelope) { e.To[0]++ }},
				"wrong recipient endpoint": {ReasonRecipient, func(e *Envelope) { e.ToEndpoint[0]++ }},
				"no recipient endpoint":    {ReasonRecipient, func(e *Envelope) { e.ToEndpoint = signalcore.EndpointID{} }},
			} {
				t.Run(name, func(t *testing.T) {
					e := envelope(m, bobTab, alice)
					c.change(e)
					check(t, newCaller(t).Check(e), c.reason)
				})
			}
		})
	}
	t.Run("wrong ring", func(t *testing.T) {
		c := NewCaller(theCall, alice, bobTab.Account, theRing, isBobs)
		e := envelope(signalcore.Offer{}, bobTab, alice)
		e.Ref[0]++
		check(t, c.Check(e), ReasonRef)
		check(t, c.Check(envelope(signalcore.Accept{}, bobTab, alice)), ReasonNoOffer) // the bad offer was not remembered
	})
	t.Run("device removed", func(t *testing.T) {
		current := true
		c := NewCaller(theCall, alice, bobTab.Account, theRing, func(signalcore.DeviceID) bool { return current })
		check(t, c.Check(envelope(signalcore.Offer{}, bobTab, alice)), "")
		current = false
		check(t, c.Check(envelope(signalcore.Accept{}, bobTab, alice)), ReasonDevice)
	})
}

func TestCallerRemembersSoManyEndpoints(t *testing.T) {
	c := NewCaller(theCall, alice, bobTab.Account, theRing, func(signalcore.DeviceID) bool { return true })
	offer := func(device, endpoint int) error {
		from := bobTab
		from.Device[1], from.Endpoint[1], from.Endpoint[2] = byte(device), byte(device), byte(endpoint)
		return c.Check(envelope(signalcore.Offer{}, from, alice))
	}
	for device := range maxEndpoints / maxEndpointsPerDevice {
		for endpoint := range maxEndpointsPerDevice {
			check(t, offer(device, endpoint), "")
		}
		check(t, offer(device, maxEndpointsPerDevice), ReasonTooMany)
		check(t, offer(device, 0), "") // a retry
	}
	check(t, offer(99, 0), ReasonTooMany)
}

func TestCalledBelieves(t *testing.T) {
	// Per kind: what is said of it when it is sent to this endpoint, and to the whole account.
	table := map[signalcore.Kind][2]string{
		signalcore.KindRing:       {ReasonUnexpected, ReasonRecipient},
		signalcore.KindOffer:      {ReasonUnexpected, ReasonRecipient},
		signalcore.KindAnswer:     {"", ReasonRecipient},
		signalcore.KindCandidates: {"", ReasonRecipient},
		signalcore.KindAccept:     {ReasonUnexpected, ReasonRecipient},
		signalcore.KindWon:        {"", ReasonRecipient},
		signalcore.KindSettled:    {"", ""},
		signalcore.KindDecline:    {ReasonUnexpected, ReasonRecipient},
		signalcore.KindBusy:       {ReasonUnexpected, ReasonRecipient},
		signalcore.KindRestart:    {"", ReasonRecipient},
		signalcore.KindHangup:     {"", ReasonRecipient},
		signalcore.KindState:      {ReasonUnexpected, ReasonRecipient},
		signalcore.KindSync:       {ReasonUnexpected, ReasonRecipient},
		KindHello:                 {ReasonUnexpected, ReasonRecipient},
		KindLink:                  {ReasonUnexpected, ReasonRecipient},
	}
	ring := envelope(signalcore.Ring{}, alice, signalcore.Sender{Account: bobTab.Account})
	c := NewCalled(bobTab, ring)
	c.SentOffer(theOffer)
	c.SentAccept(theAccept)
	for _, m := range every {
		want := table[m.Kind()]
		t.Run(fmt.Sprintf("%T", m), func(t *testing.T) {
			check(t, c.Check(envelope(m, alice, bobTab)), want[0])
			check(t, c.Check(envelope(m, alice, signalcore.Sender{Account: bobTab.Account})), want[1])
			for name, w := range map[string]struct {
				reason string
				change func(*Envelope)
			}{
				"wrong account":            {ReasonSender, func(e *Envelope) { e.From.Account[0]++ }},
				"wrong device":             {ReasonSender, func(e *Envelope) { e.From.Device[0]++ }},
				"wrong endpoint":           {ReasonSender, func(e *Envelope) { e.From.Endpoint[0]++ }},
				"own sibling":              {ReasonSender, func(e *Envelope) { e.From = bobApp }},
				"wrong call":               {ReasonCall, func(e *Envelope) { e.Call[0]++ }},
				"wrong recipient":          {ReasonRecipient, func(e *Envelope) { e.To[0]++ }},
				"wrong recipient endpoint": {ReasonRecipient, func(e *Envelope) { e.ToEndpoint[0]++ }},
			} {
				t.Run(name, func(t *testing.T) {
					e := envelope(m, alice, bobTab)
					w.change(e)
					check(t, c.Check(e), w.reason)
				})
			}
		})
	}
	t.Run("answers", func(t *testing.T) {
		e := envelope(signalcore.Answer{}, alice, bobTab)
		e.Ref = theAccept
		check(t, c.Check(e), "")
		e.Ref = signalcore.Hash{12}
		check(t, c.Check(e), ReasonRef)
		e.Ref = signalcore.Hash{}
		check(t, c.Check(e), ReasonRef)
		check(t, NewCalled(bobTab, ring).Check(envelope(signalcore.Answer{}, alice, bobTab)), ReasonRef)
		for i := range 100 {
			c.SentOffer(signalcore.Hash{100, byte(i)})
		}
		if len(c.sent) > maxSent {
			t.Errorf("%d hashes are remembered", len(c.sent))
		}
	})
}

func TestCheckRingAndTrust(t *testing.T) {
	from, to := newParty(t, "Alice"), newParty(t, "Bob")
	known := from.Public(time.Now())
	var long [64]byte
	for i := range long {
		long[i] = 'a'
	}
	from.SetName(string(long[:]))
	ring := func() *Envelope {
		frames, _ := from.seal(t, fullRing(t, from), to, 1)
		e, err := newOpener().Open(start, frames[0])
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	card, err := CheckRing(ring(), to.Sender.Account)
	if err != nil || card != from.Card() {
		t.Fatalf("got %v, %v", card, err)
	}
	check(t, Trust(ring(), known), "")

	for name, c := range map[string]struct {
		reason string
		change func(*Envelope, *signalcore.Ring)
	}{
		"to another":      {ReasonRecipient, func(e *Envelope, _ *signalcore.Ring) { e.To[0]++ }},
		"to one endpoint": {ReasonRecipient, func(e *Envelope, _ *signalcore.Ring) { e.ToEndpoint[0]++ }},
		"from oneself":    {ReasonSelf, func(e *Envelope, _ *signalcore.Ring) { e.From.Account = e.To }},
		"another's card":  {ReasonCard, func(_ *Envelope, m *signalcore.Ring) { m.Card = to.Card().Bytes() }},
		"card of no size": {ReasonCard, func(_ *Envelope, m *signalcore.Ring) { m.Card = m.Card[1:] }},
		"another's ring":  {ReasonCard, func(e *Envelope, _ *signalcore.Ring) { e.From.Account[0]++ }},
		"something else":  {ReasonUnexpected, func(e *Envelope, m *signalcore.Ring) { e.Msg = signalcore.Won{} }},
	} {
		t.Run(name, func(t *testing.T) {
			e := ring()
			m := e.Msg.(signalcore.Ring)
			c.change(e, &m)
			if e.Msg.Kind() == signalcore.KindRing {
				e.Msg = m
			}
			_, err := CheckRing(e, to.Sender.Account)
			check(t, err, c.reason)
		})
	}

	e := ring()
	check(t, Trust(e, to.Public(time.Now())), ReasonSender)
	e.From.Device[0]++
	check(t, Trust(e, known), ReasonDevice)
	other := signalcore.Hash{1}
	for _, m := range []signalcore.Message{signalcore.Ring{LogHead: other}, signalcore.Offer{LogHead: other}} {
		e := ring()
		e.Msg = m
		check(t, Trust(e, known), ReasonLogHead)
	}
	e = ring()
	e.Msg = signalcore.Decline{} // names no log head
	check(t, Trust(e, known), "")
	check(t, Trust(e, keys.Public{Account: known.Account}), ReasonDevice)
}

func TestCheckSync(t *testing.T) {
	own := keys.Public{Account: keys.AccountID(bobTab.Account), Devices: []keys.DeviceID{keys.DeviceID(bobTab.Device)}}
	sync := func() *Envelope {
		e := envelope(signalcore.Sync{What: signalcore.SyncAnswered}, bobTab, signalcore.Sender{Account: bobTab.Account})
		e.Call = theCall
		return e
	}
	if m, err := CheckSync(sync(), bobTab.Account, own.Has); err != nil || m.Call != theCall {
		t.Errorf("got %+v, %v", m, err)
	}
	for name, c := range map[string]struct {
		reason string
		change func(*Envelope)
	}{
		"another kind":    {ReasonUnexpected, func(e *Envelope) { e.Msg = signalcore.Won{} }},
		"another account": {ReasonSender, func(e *Envelope) { e.From.Account[0]++ }},
		"unknown device":  {ReasonDevice, func(e *Envelope) { e.From.Device[0]++ }},
		"to another":      {ReasonRecipient, func(e *Envelope) { e.To[0]++ }},
		"to one endpoint": {ReasonRecipient, func(e *Envelope) { e.ToEndpoint[0]++ }},
	} {
		e := sync()
		c.change(e)
		if _, err := CheckSync(e, bobTab.Account, own.Has); err == nil {
			t.Errorf("%s is believed", name)
		} else {
			wantDrop(t, err, c.reason)
		}
	}
}
