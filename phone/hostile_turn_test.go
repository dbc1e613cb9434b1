//go:build !js

package phone

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"ringfork/peer"
	"ringfork/relay/turn"
	"ringfork/signalcore"
)

// wire stands before a TURN server and keeps every packet that goes through it, as the server's operator can, or who taps the
// network.
type wire struct {
	t    *testing.T
	conn *net.UDPConn // for clients
	turn *net.UDPAddr

	mu       sync.Mutex
	upstream map[string]*net.UDPConn // by client
	packets  [][]byte
	done     sync.WaitGroup
}

func newWire(t *testing.T, server *net.UDPAddr) *wire {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{t: t, conn: conn, turn: server, upstream: map[string]*net.UDPConn{}}
	w.done.Add(1)
	go w.fromClients()
	t.Cleanup(func() {
		conn.Close()
		w.mu.Lock()
		for _, up := range w.upstream {
			up.Close()
		}
		w.mu.Unlock()
		w.done.Wait()
	})
	return w
}

func (w *wire) fromClients() {
	defer w.done.Done()
	buf := make([]byte, 1<<16)
	for {
		n, client, err := w.conn.ReadFromUDP(buf)
		if err != nil {
			return
		}
		w.mu.Lock()
		w.packets = append(w.packets, slices.Clone(buf[:n]))
		up := w.upstream[client.String()]
		if up == nil {
			if up, err = net.DialUDP("udp4", nil, w.turn); err != nil {
				w.mu.Unlock()
				w.t.Error(err)
				return
			}
			w.upstream[client.String()] = up
			w.done.Add(1)
			go w.toClient(up, client)
		}
		w.mu.Unlock()
		up.Write(buf[:n])
	}
}

func (w *wire) toClient(up *net.UDPConn, client *net.UDPAddr) {
	defer w.done.Done()
	buf := make([]byte, 1<<16)
	for {
		n, err := up.Read(buf)
		if err != nil {
			return
		}
		w.mu.Lock()
		w.packets = append(w.packets, slices.Clone(buf[:n]))
		w.mu.Unlock()
		w.conn.WriteToUDP(buf[:n], client)
	}
}

// carried returns what clients sent each other by the TURN server: out of ChannelData (RFC 8656 section 12.4) and of the DATA
// attribute of indications (section 18.4). Everything else is between a client and the server.
func carried(packet []byte) (inner []byte, ok bool) {
	const header, magic = 20, 0x2112a442
	switch {
	case len(packet) >= 4 && packet[0]>>6 == 1:
		n := int(binary.BigEndian.Uint16(packet[2:]))
		return packet[4:min(4+n, len(packet))], true
	case len(packet) >= header && binary.BigEndian.Uint32(packet[4:]) == magic:
		for rest := packet[header:]; len(rest) >= 4; {
			kind, n := binary.BigEndian.Uint16(rest), int(binary.BigEndian.Uint16(rest[2:]))
			if n > len(rest)-4 {
				break
			}
			if kind == 0x0013 {
				return rest[4 : 4+n], true
			}
			rest = rest[min(4+(n+3)&^3, len(rest)):]
		}
	}
	return nil, false
}

// TestTURNOperator holds a call that is relayed, with what both sides hear and tell each other by the control channel, and looks
// at every packet that its TURN server carried: connectivity checks, DTLS and SRTP, and nothing of the call in clear.
func TestTURNOperator(t *testing.T) {
	server, err := turn.Start(turn.Config{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	tap := newWire(t, net.UDPAddrFromAddrPort(server.Addr()))
	relayed := func(c *Config) {
		c.Peer = func(signalcore.Direction) peer.Config {
			list, _ := server.ICEServers()
			return peer.Config{Loopback: true, RelayOnly: true, ICEServers: []peer.ICEServer{{URLs: []string{"turn:" + tap.conn.LocalAddr().String() + "?transport=udp"},
				Username: list[0].Username, Credential: list[0].Credential}}}
		}
	}
	w := newTown(t)
	alice := w.open("Alice", newMemory(), relayed)
	bob := w.open("Bob", newMemory(), func(c *Config) { relayed(c); c.Label = "the laptop in the kitchen" })
	words := []byte("nobody but the two of us hears this")
	alice.media.voice, bob.media.voice = words, words
	w.meet(alice, bob)
	id, err := alice.Call(bob.Account(), signalcore.Media{Audio: true})
	if err != nil {
		t.Fatal(err)
	}
	bob.awaitRing(t)
	if err := bob.PickUp(id, signalcore.Media{Audio: true}); err != nil {
		t.Fatal(err)
	}
	if c := alice.awaitState(t, signalcore.StateActive); c.AnsweredBy != "the laptop in the kitchen" {
		t.Errorf("answered by %q", c.AnsweredBy)
	}
	alice.awaitHeard(t)
	bob.awaitHeard(t)
	if err := alice.HangUp(id); err != nil {
		t.Fatal(err)
	}
	bob.awaitState(t, signalcore.StateEnded)

	a, b := alice.Account(), bob.Account()
	secrets := map[string][]byte{"what is said": words, "a label": []byte("kitchen"), "a name": []byte("Alice"),
		"the call": id[:], "an account": a[:], "the other account": b[:]}
	tap.mu.Lock()
	defer tap.mu.Unlock()
	kinds := map[string]int{}
	for _, packet := range tap.packets {
		for what, secret := range secrets {
			if bytes.Contains(packet, secret) || strings.Contains(string(packet), hex.EncodeToString(secret)) {
				t.Errorf("%s is in a packet in clear", what)
			}
		}
		inner, ok := carried(packet)
		if !ok {
			kinds["to the server"]++
			continue
		}
		switch first := inner[0]; { // RFC 7983
		case first <= 3:
			kinds["check"]++
		case first >= 20 && first <= 63:
			kinds["DTLS"]++
		case first >= 128 && first <= 191:
			kinds["SRTP"]++
		default:
			t.Errorf("a packet begins with %d: it is none of ICE, DTLS and SRTP", first)
		}
	}
	for _, kind := range []string{"to the server", "check", "DTLS", "SRTP"} {
		if kinds[kind] == 0 {
			t.Errorf("no packets of the kind %q, only %v: nothing was looked at", kind, kinds)
		}
	}
}
