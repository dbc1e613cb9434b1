package turn

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"net"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
)

// wire is a TURN client that sends what it is told, byte for byte: pion's own would write an IPv4 address that stands in IPv6
// as IPv4, and keep to the rules in other ways.
type wire struct {
	t              testing.TB
	conn           net.PacketConn
	to             net.Addr
	name, password string
	realm          stun.Realm
	nonce          stun.Nonce
}

// newWire connects over "udp", "tcp" or "tls".
func newWire(t testing.TB, network, at string, name, password string) *wire {
	t.Helper()
	w := &wire{t: t, name: name, password: password}
	switch network {
	case "udp":
		conn, err := net.ListenPacket("udp", net.JoinHostPort(netip.MustParseAddrPort(at).Addr().String(), "0"))
		if err != nil {
			t.Fatal(err)
		}
		w.conn, w.to = conn, net.UDPAddrFromAddrPort(netip.MustParseAddrPort(at))
	default:
		conn, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		if network == "tls" {
			conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
		}
		w.conn = turn.NewSTUNConn(conn)
	}
	t.Cleanup(func() { w.conn.Close() })
	return w
}

// peer is an XOR-PEER-ADDRESS as it stands on the wire: an IPv4 address in IPv6 stays one of 16 bytes and family 2.
type peer netip.AddrPort

// AddTo implements stun.Setter.
func (p peer) AddTo(m *stun.Message) error {
	at := netip.AddrPort(p)
	family, ip := byte(1), at.Addr().AsSlice()
	if len(ip) == 16 {
		family = 2
	}
	value := binary.BigEndian.AppendUint16([]byte{0, family}, at.Port()^0x2112)
	mask := append([]byte{0x21, 0x12, 0xa4, 0x42}, m.TransactionID[:]...)
	for i := range ip {
		value = append(value, ip[i]^mask[i])
	}
	m.Add(stun.AttrXORPeerAddress, value)
	return nil
}

type attribute struct {
	kind  stun.AttrType
	value []byte
}

// AddTo implements stun.Setter.
func (a attribute) AddTo(m *stun.Message) error {
	m.Add(a.kind, a.value)
	return nil
}

var (
	overUDP = attribute{stun.AttrRequestedTransport, []byte{17, 0, 0, 0}}
	overTCP = attribute{stun.AttrRequestedTransport, []byte{6, 0, 0, 0}}
)

func channel(n uint16) attribute {
	return attribute{stun.AttrChannelNumber, []byte{byte(n >> 8), byte(n), 0, 0}}
}

func (w *wire) write(raw []byte) {
	w.t.Helper()
	if _, err := w.conn.WriteTo(raw, w.to); err != nil {
		w.t.Fatal(err)
	}
}

func (w *wire) build(method stun.Method, class stun.MessageClass, attrs ...stun.Setter) *stun.Message {
	w.t.Helper()
	m, err := stun.Build(append([]stun.Setter{stun.TransactionID, stun.NewType(method, class)}, attrs...)...)
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

// ask sends a request and returns the response.
func (w *wire) ask(m *stun.Message) *stun.Message {
	w.t.Helper()
	w.write(m.Raw)
	buf := make([]byte, 2000)
	wait := patience
	if w.to != nil {
		wait = time.Second // then it is sent again
	}
	for tries := 1; ; {
		w.conn.SetReadDeadline(time.Now().Add(wait))
		n, _, err := w.conn.ReadFrom(buf)
		if late, ok := err.(net.Error); ok && late.Timeout() && w.to != nil && tries < int(patience/wait) {
			tries++
			w.write(m.Raw)
			continue
		}
		if err != nil {
			w.t.Fatalf("no response to %v: %v", m.Type, err)
		}
		r := &stun.Message{Raw: bytes.Clone(buf[:n])}
		if stun.IsMessage(r.Raw) && r.Decode() == nil && r.TransactionID == m.TransactionID {
			return r
		}
	}
}

// do sends a request with credentials and returns 0, or the error's code. It asks for a nonce when it has none.
func (w *wire) do(method stun.Method, attrs ...stun.Setter) int {
	w.t.Helper()
	if len(w.nonce) == 0 {
		r := w.ask(w.build(stun.MethodAllocate, stun.ClassRequest, overUDP))
		if code := codeOf(r); code != 401 || w.nonce.GetFrom(r) != nil || w.realm.GetFrom(r) != nil {
			w.t.Fatalf("who says no name is answered %v (%d)", r.Type, code)
		}
	}
	return codeOf(w.ask(w.build(method, stun.ClassRequest, w.signed(attrs)...)))
}

func (w *wire) signed(attrs []stun.Setter) []stun.Setter {
	return append(attrs, stun.NewUsername(w.name), w.realm, w.nonce, stun.NewLongTermIntegrity(w.name, w.realm.String(), w.password), stun.Fingerprint)
}

// codeOf returns 0 for a success response, the code of an error response, and -1 for what is neither.
func codeOf(m *stun.Message) int {
	var code stun.ErrorCodeAttribute
	switch {
	case m.Type.Class == stun.ClassSuccessResponse:
		return 0
	case m.Type.Class == stun.ClassErrorResponse && code.GetFrom(m) == nil:
		return int(code.Code)
	}
	return -1
}

// send sends data by a Send indication, which is never answered.
func (w *wire) send(to netip.AddrPort, data string) {
	w.t.Helper()
	w.write(w.build(stun.MethodSend, stun.ClassIndication, peer(to), attribute{stun.AttrData, []byte(data)}, stun.Fingerprint).Raw)
}

// sendBy sends data by a channel.
func (w *wire) sendBy(number uint16, data string) {
	raw := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, number), uint16(len(data)))
	raw = append(raw, data...)
	for len(raw)%4 != 0 {
		raw = append(raw, 0)
	}
	w.write(raw)
}

// settle returns when what was sent before has been dealt with.
func (w *wire) settle() {
	w.t.Helper()
	if code := codeOf(w.ask(w.build(stun.MethodBinding, stun.ClassRequest))); code != 0 {
		w.t.Fatalf("binding: %d", code)
	}
}

// mustAllocate makes the wire's allocation.
func (w *wire) mustAllocate() {
	w.t.Helper()
	if code := w.do(stun.MethodAllocate, overUDP); code != 0 {
		w.t.Fatalf("allocate: %d", code)
	}
}

func (w *wire) permit(peers ...netip.AddrPort) int {
	w.t.Helper()
	var attrs []stun.Setter
	for _, p := range peers {
		attrs = append(attrs, peer(p))
	}
	return w.do(stun.MethodCreatePermission, attrs...)
}

func (w *wire) bind(number uint16, to netip.AddrPort) int {
	w.t.Helper()
	return w.do(stun.MethodChannelBind, channel(number), peer(to))
}

// forbiddenPeers is the table of who may not be reached through a TURN server, with what each is.
var forbiddenPeers = []struct{ ip, what string }{
	{"127.0.0.1", "loopback"}, {"127.255.255.254", "loopback"}, {"::1", "loopback"},
	{"::ffff:127.0.0.1", "loopback, IPv4-mapped"}, {"::7f00:1", "loopback, IPv4-compatible"},
	{"10.0.0.1", "private"}, {"10.255.255.255", "private"}, {"172.16.0.1", "private"}, {"172.31.255.255", "private"},
	{"192.168.0.1", "private"}, {"192.168.255.255", "private"}, {"fc00::1", "unique local"}, {"fdff::1", "unique local"},
	{"::ffff:10.0.0.1", "private, IPv4-mapped"}, {"::ffff:172.20.0.1", "private, IPv4-mapped"}, {"::ffff:192.168.1.1", "private, IPv4-mapped"},
	{"169.254.0.1", "link-local"}, {"169.254.169.254", "link-local: cloud metadata"}, {"fe80::1", "link-local"}, {"febf::1", "link-local"},
	{"::ffff:169.254.169.254", "link-local, IPv4-mapped"}, {"fd00:ec2::254", "cloud metadata"},
	{"100.64.0.1", "CGNAT"}, {"100.127.255.255", "CGNAT"}, {"::ffff:100.64.0.1", "CGNAT, IPv4-mapped"},
	{"224.0.0.1", "multicast"}, {"239.255.255.250", "multicast"}, {"ff02::1", "multicast"}, {"ff0e::1", "multicast"},
	{"::ffff:224.0.0.251", "multicast, IPv4-mapped"},
	{"0.0.0.0", "unspecified"}, {"0.0.0.1", "this network"}, {"::", "unspecified"}, {"::ffff:0.0.0.0", "unspecified, IPv4-mapped"},
	{"255.255.255.255", "broadcast"}, {"::ffff:255.255.255.255", "broadcast, IPv4-mapped"}, {"240.0.0.1", "reserved"},
	{"192.0.0.8", "protocol assignments"}, {"192.0.2.9", "documentation"}, {"198.51.100.9", "documentation"},
	{"203.0.113.9", "documentation"}, {"2001:db8::9", "documentation"}, {"198.18.0.1", "benchmarks"}, {"198.19.255.255", "benchmarks"},
	{"192.88.99.1", "6to4 relay"}, {"2002:7f00:1::1", "6to4"}, {"2002:a00:1::1", "6to4"}, {"2001::1", "Teredo"},
	{"2001:0:7f00:1::", "Teredo"}, {"64:ff9b::7f00:1", "NAT64"}, {"64:ff9b::a00:1", "NAT64"}, {"64:ff9b:1::1", "NAT64, local"},
	{"100::1", "discard"}, {"fec0::1", "site-local"},
}

// hasIPv6 reports whether this machine has IPv6 at all.
func hasIPv6() bool {
	l, err := net.Listen("tcp6", "[::1]:0")
	if err == nil {
		l.Close()
	}
	return err == nil
}

// needIPv6 skips what is about IPv6 where there is none.
func needIPv6(t *testing.T) {
	t.Helper()
	if !hasIPv6() {
		t.Skip("NOT TESTED: IPv6, because this machine has none")
	}
}

// ownPeers are the host's own addresses.
func ownPeers(t *testing.T) (own []netip.Addr) {
	t.Helper()
	list, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range list {
		ip, _ := netip.AddrFromSlice(a.(*net.IPNet).IP)
		own = append(own, ip.Unmap())
		if ip.Unmap().Is4() {
			own = append(own, netip.MustParseAddr("::ffff:"+ip.Unmap().String()))
		}
	}
	return own
}

// refusals checks that a client with an allocation cannot reach a peer: by a permission, by a channel, nor by
// sending without either. It returns the codes of the first two.
func (w *wire) refusals(to netip.AddrPort, number uint16) (permission, bind int) {
	w.t.Helper()
	if permission = w.permit(to); permission <= 0 {
		w.t.Errorf("%s: a permission was made (%d)", to, permission)
	}
	if bind = w.bind(number, to); bind <= 0 {
		w.t.Errorf("%s: a channel was bound (%d)", to, bind)
	}
	w.send(to, "attack by Send")
	w.sendBy(number, "attack by channel")
	return permission, bind
}

// testTLS returns a server's configuration and one of clients that trust it, for 127.0.0.1, ::1 and example.com.
func testTLS(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	srv := httptest.NewTLSServer(nil)
	defer srv.Close()
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	return &tls.Config{Certificates: srv.TLS.Certificates, NextProtos: []string{"h2", "http/1.1"}}, &tls.Config{RootCAs: roots}
}
