package relay

import (
	"crypto/ed25519"
	"testing"

	"github.com/coder/websocket"

	"ringfork/relay/store"
)

func TestMalformedMessagesCloseTheConnection(t *testing.T) {
	r := startRelay(t, nil)
	pad := func(kind byte, n int) []byte { return append([]byte{kind}, make([]byte, n)...) }
	for _, c := range []struct {
		name string
		kind websocket.MessageType
		p    []byte
		code websocket.StatusCode
	}{
		{"empty", websocket.MessageBinary, nil, websocket.StatusPolicyViolation},
		{"text", websocket.MessageText, []byte("subscribe"), websocket.StatusUnsupportedData},
		{"unknown type", websocket.MessageBinary, []byte{0x13}, websocket.StatusPolicyViolation},
		{"a server's type", websocket.MessageBinary, make([]byte, 33), websocket.StatusPolicyViolation},
		{"short subscribe", websocket.MessageBinary, pad(msgSubscribe, 95), websocket.StatusPolicyViolation},
		{"short unsubscribe", websocket.MessageBinary, []byte{msgUnsubscribe}, websocket.StatusPolicyViolation},
		{"long unsubscribe", websocket.MessageBinary, pad(msgUnsubscribe, 21), websocket.StatusPolicyViolation},
		{"too long", websocket.MessageBinary, make([]byte, 98), websocket.StatusMessageTooBig},
	} {
		conn := r.dial(t)
		if err := conn.ws.Write(conn.ctx, c.kind, c.p); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.tryRead(); websocket.CloseStatus(err) != c.code {
			t.Errorf("%s: closed with %v, want %v", c.name, err, c.code)
		}
	}
	waitFor(t, func() bool { return r.connCount() == 0 })
	// Unsubscribing from what is not subscribed is nothing.
	conn := r.dial(t)
	conn.write(append([]byte{msgUnsubscribe}, make([]byte, 20)...))
	m := newMailbox()
	conn.write(m.subscribe(r.origin, conn.nonce))
	conn.expect("end")
}

// FuzzParse: whatever a client sends, parse does not panic, and it accepts no proof that was not made.
func FuzzParse(f *testing.F) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)) // the same in each of the fuzzer's processes
	m := mailbox{store.AddressOf(key.Public().(ed25519.PublicKey)), key}
	origins, nonce := []string{"http://relay"}, [nonceSize]byte{}
	good := m.subscribe("http://relay", nonce[:])
	f.Add(good)
	f.Add([]byte{})
	f.Add([]byte{msgSubscribe})
	f.Add(append([]byte{msgUnsubscribe}, m.address[:]...))
	f.Fuzz(func(t *testing.T, p []byte) {
		req, ok := parse(p)
		if ok && req.kind == msgSubscribe && proves(origins, nonce, req.key, req.signature) && string(p) != string(good) {
			t.Errorf("a proof was accepted: %x", p)
		}
		if !ok && (len(p) == 97 && p[0] == msgSubscribe || len(p) == 21 && p[0] == msgUnsubscribe) {
			t.Errorf("a message was not understood: %x", p)
		}
	})
}
