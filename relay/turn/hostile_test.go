package turn

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/stun/v4"
)

func TestFrames(t *testing.T) {
	message := stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.NewSoftware("abc")).Raw
	data := []byte{0x40, 0, 0, 3, 1, 2, 3, 0}
	for _, test := range []struct {
		name string
		in   []byte
		ok   bool
	}{
		{"nothing", nil, true},
		{"messages", append(append(bytes.Clone(message), data...), message...), true},
		{"the longest data", append([]byte{0x7f, 0xff, 1500 >> 8, 1500 & 0xff}, make([]byte, 1500)...), true},
		{"data too long", []byte{0x40, 0, 1501 >> 8, 1501 & 0xff}, false},
		{"data whose length is 0 in 16 bits", []byte{0x40, 0, 0xff, 0xfc}, false},
		{"a message whose length is 0 in 16 bits", []byte{0, 1, 0xff, 0xec}, false},
		{"a message too long", []byte{0, 1, 0x10, 0}, false},
		{"a message of odd length", []byte{0, 1, 0, 7}, false},
		{"RTP", []byte{0x80, 0, 0, 0}, false},
	} {
		for _, step := range []int{1, 3, 4096} {
			var f frames
			var err error
			for rest := test.in; len(rest) > 0 && err == nil; {
				n := min(step, len(rest))
				err = f.check(rest[:n])
				rest = rest[n:]
			}
			if (err == nil) != test.ok {
				t.Errorf("%s, %d bytes at a time: %v", test.name, step, err)
			}
		}
	}
}

// A stream that is no TURN ends at once, and nothing of it keeps the server busy.
func TestStreamsThatAreNone(t *testing.T) {
	config, client := testTLS(t)
	s := start(t, Config{TLS: config})
	binding := stun.MustBuild(stun.TransactionID, stun.BindingRequest).Raw
	for _, encrypted := range []bool{false, true} {
		for _, length := range []uint16{0xffec, 0xfffc, 0x7000, 7} {
			dial := func() (net.Conn, error) { return net.Dial("tcp", s.Addr().String()) }
			if encrypted {
				dial = func() (net.Conn, error) { return tls.Dial("tcp", s.tlsAt, client) }
			}
			conn, err := dial()
			if err != nil {
				t.Fatal(err)
			}
			bad := bytes.Clone(binding)
			binary.BigEndian.PutUint16(bad[2:], length)
			if _, err := conn.Write(bad); err != nil {
				t.Fatal(err)
			}
			conn.SetReadDeadline(time.Now().Add(patience))
			if _, err := io.ReadAll(conn); err != nil && strings.Contains(err.Error(), "timeout") {
				t.Errorf("a message of %d bytes: the connection is still open", length)
			}
			conn.Close()
		}
	}
	// Who speaks no TLS where it is spoken is not kept either.
	conn, err := net.Dial("tcp", s.tlsAt)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(binding); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "all connections to be forgotten", func() bool {
		s.conns.mu.Lock()
		defer s.conns.mu.Unlock()
		return len(s.conns.conns) == 0
	})
}

// One client address cannot have all connections, and a second one from the same port is none of a browser's.
func TestConnectionsAreBounded(t *testing.T) {
	set := newConnSet(DefaultMaxConns, 1, newStarts())
	add := func(ip string, port uint16) *tcpConn {
		a, b := net.Pipe()
		t.Cleanup(func() { a.Close(); b.Close() })
		at := net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(ip), port))
		c := &tcpConn{Conn: a, raw: remote{a, at}, set: set, client: sourceOf(byTCP, at)}
		if !set.add(c) {
			return nil
		}
		return c
	}
	var first *tcpConn
	for i := range maxClientConns {
		c := add("192.0.2.1", uint16(i+1))
		if c == nil {
			t.Fatalf("connection %d was refused", i)
		}
		first = c
	}
	if add("192.0.2.1", 60000) != nil {
		t.Errorf("one client has more than %d connections", maxClientConns)
	}
	if add("192.0.2.2", 1) == nil || add("192.0.2.2", 1) != nil {
		t.Error("another client has not one connection for each port")
	}
	first.Close()
	first.Close()
	if add("192.0.2.1", 60000) == nil || add("192.0.2.1", 60001) != nil {
		t.Error("a connection that ended does not make room for one")
	}
	set.close()
	if add("192.0.2.3", 1) != nil {
		t.Error("a server that is closed takes connections")
	}

	// Where there are few connections in all, a client has an eighth of them, and a /48 half.
	set = newConnSet(16, 1, newStarts())
	had := map[string]int{}
	for i := range 16 {
		for n, from := range map[string]string{"client": "192.0.2.1", "network": fmt.Sprintf("2001:db8:1:%x::1", i), "others": fmt.Sprintf("198.51.100.%d", i)} {
			if add(from, uint16(len(n)*100+i)) != nil {
				had[n]++
			}
		}
	}
	if had["client"] != 2 || had["network"] > 8 || had["client"]+had["network"]+had["others"] != 16 {
		t.Errorf("of 16 connections are had %v", had)
	}
	set = newConnSet(16, 8, newStarts()) // whose operator says that all may be at one address
	for i := range 17 {
		if c := add("192.0.2.1", uint16(i+1)); (c != nil) != (i < 16) {
			t.Errorf("connection %d of 16 is had: %t", i+1, c != nil)
		}
	}
}

type remote struct {
	net.Conn
	at net.Addr
}

func (r remote) RemoteAddr() net.Addr { return r.at }

// Who is not authenticated gets so many answers and no more: their receiver may be somebody else. Who has an allocation is
// not held up by those at the same address.
func TestUnknownClientsAreBounded(t *testing.T) {
	now := time.Unix(1e9, 0)
	g := newGuard(nil, 1, func() time.Time { return now }, newStarts())
	from := func(ip string, port int) net.Addr { return &net.UDPAddr{IP: net.ParseIP(ip), Port: port} }
	g.allocated(sourceOf(byUDP, from("192.0.2.1", 1)), true)
	passed := func(ip string, port int) (n int) {
		for range 2 * unknownBurst {
			if g.pass(from(ip, port)) {
				n++
			}
		}
		return n
	}
	if n := passed("192.0.2.1", 2); n != unknownBurst {
		t.Errorf("%d packets of an unknown client pass, want %d", n, unknownBurst)
	}
	if n := passed("192.0.2.1", 1); n != 2*unknownBurst {
		t.Errorf("%d packets of a client with an allocation pass", n)
	}
	now = now.Add(time.Second)
	if n := passed("192.0.2.1", 3); n != unknownRate {
		t.Errorf("%d packets of an unknown client pass in a second, want %d", n, unknownRate)
	}
	g.allocated(sourceOf(byUDP, from("192.0.2.1", 1)), false)
	if n := passed("192.0.2.1", 1); n != 0 {
		t.Errorf("%d packets of a client pass whose allocation has ended", n)
	}
	all := 0
	for i := range 64 {
		all += passed(fmt.Sprintf("2001:db8:1:%x::1", i), 1)
	}
	if most := siteShare * unknownBurst; all != most {
		t.Errorf("%d packets of a /48 pass, want %d", all, most)
	}

	// And the server reads no others.
	client, server := packetPipe(from("192.0.2.9", 1), from("127.0.0.1", 1))
	g = newGuard(server, 1, func() time.Time { return now }, newStarts())
	go func() {
		for range 2 * unknownBurst {
			client.WriteTo([]byte("x"), nil)
		}
		g.allocated(sourceOf(byUDP, from("192.0.2.9", 1)), true)
		client.WriteTo([]byte("last"), nil)
	}()
	buf := make([]byte, 10)
	for n := 0; ; n++ {
		length, _, err := g.ReadFrom(buf)
		if err != nil {
			t.Fatal(err)
		}
		if string(buf[:length]) == "last" {
			if n < unknownBurst || n > unknownBurst+32 { // those on their way when it was known
				t.Errorf("%d packets were read, want %d", n, unknownBurst)
			}
			break
		}
	}
}
