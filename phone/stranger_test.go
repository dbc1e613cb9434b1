//go:build !js

package phone

import (
	"testing"
	"time"

	"ringfork/fork"
	"ringfork/frame"
	"ringfork/keys"
	"ringfork/signalcore"
)

// TestStrangerHearsNothing rings an endpoint that hears contacts only, as a stranger, in every way there is: from the relay's
// record the endpoint does nothing at all because of it. It reads no slot, and posts nothing.
func TestStrangerHearsNothing(t *testing.T) {
	t.Parallel()
	w := newWild(t)
	carol := w.open("Carol", newMemory(), nil)
	stranger := keys.NewAccount("Stranger", "", time.Now())
	from := newSender(stranger)
	inbox := carol.own().Inbox().Address()
	ring := func(change func(*signalcore.Ring)) signalcore.Message {
		m := frame.Introduce(signalcore.Ring{Number: 1, SentAt: time.Now(), TTL: time.Minute}, stranger, carol.own().Public(time.Now()),
			keys.NewMailbox(), frame.RecipientBytes(frame.NewCallIdentity().Recipient()))
		change(&m)
		return m
	}
	hello := frame.Hello{What: frame.HelloRequest, Number: uint64(time.Now().UnixMilli()), Name: "Stranger", Card: stranger.Card().Bytes(),
		Mailbox: signalcore.Address{1}, LogHead: stranger.LogHead(), PeerLogHead: carol.own().LogHead()}
	accept, decline := hello, hello
	accept.What, decline.What = frame.HelloAccept, frame.HelloDecline
	w.calm()
	before := w.hostile.Record()
	posted := 0
	for _, m := range []signalcore.Message{
		ring(func(*signalcore.Ring) {}),
		ring(func(m *signalcore.Ring) { m.PeerLogHead[0]++ }), // as if Carol's account had changed
		ring(func(m *signalcore.Ring) { m.LogHead[0]++ }),
		ring(func(m *signalcore.Ring) { m.SentAt = m.SentAt.Add(-time.Hour) }),
		hello, accept, decline, signalcore.Settled{Outcome: fork.Cancelled},
	} {
		h := frame.Header{ID: 1, From: from, To: carol.self.Account}
		h.Call[0] = byte(posted)
		w.post(inbox, toInbox(t, h, m, stranger, carol)...)
		posted++
	}
	carol.awaitDrops(t, "stranger", 4)
	carol.awaitDrops(t, "hello of a stranger", 2)
	eventually(t, "the request", func() bool { return len(carol.Requests()) == 1 })
	w.calm()
	after := w.hostile.Record()
	if n := len(after.Requests) - len(before.Requests); n != posted || len(after.Frames)-len(before.Frames) != posted ||
		len(after.Messages) != len(before.Messages) || len(after.Slots) != len(before.Slots) {
		t.Errorf("the relay saw %d requests beside the %d of the stranger", n-posted, posted)
	}
	if len(carol.rang()) > 0 {
		t.Error("a stranger rang")
	}
}
