package turn

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pion/stun/v4"
)

const coturnSecret = "a secret of 16 characters or more"

// startCoturn runs a coturn with deploy/coturn.conf and more lines on loopback, and returns its address. Without coturn the test is skipped:
// "npm test" installs it where it can.
func startCoturn(t testing.TB, more ...string) (at string) {
	t.Helper()
	at, _ = coturnProcess(t, more...)
	return at
}

func coturnProcess(t testing.TB, more ...string) (at string, process *os.Process) {
	t.Helper()
	program := os.Getenv("COTURN")
	if program == "" {
		program = "turnserver"
	}
	program, err := exec.LookPath(program)
	if err != nil {
		t.Skip("NOT TESTED: deploy/coturn.conf, because no coturn is installed (Debian: apt-get install coturn)")
	}
	conf, err := os.ReadFile("../../deploy/coturn.conf")
	if err != nil {
		t.Fatal(err)
	}
	at = freeAddr(t)
	dir := t.TempDir()
	if hasIPv6() {
		more = append(more, "listening-ip=::1", "relay-ip=::1")
	}
	lines := append(conf, fmt.Sprintf("\nstatic-auth-secret=%s\nlistening-ip=127.0.0.1\nrelay-ip=127.0.0.1\n"+
		"listening-port=%d\nno-tls\nuserdb=%s\npidfile=%s\n%s\n", coturnSecret, netip.MustParseAddrPort(at).Port(),
		filepath.Join(dir, "db"), filepath.Join(dir, "pid"), strings.Join(more, "\n"))...)
	path := filepath.Join(dir, "coturn.conf")
	if err := os.WriteFile(path, lines, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, "-c", path)
	cmd.WaitDelay = 10 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", at)
		if err == nil {
			conn.Close()
			return at, cmd.Process
		}
		select {
		case <-ended:
			t.Fatalf("coturn ended: %s", &out)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatal("coturn does not listen")
		}
	}
}

// freeAddr returns an address at which nobody listens, over UDP or TCP. Its port is none that systems give to who asks for any:
// another test may get such a one before it is used.
func freeAddr(t testing.TB) string {
	t.Helper()
	for try := 0; ; try++ {
		port := uint16(20000 + rand.IntN(10000))
		udp, tcp, err := listenBoth(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port))
		if err == nil {
			udp.Close()
			tcp.Close()
			return udp.LocalAddr().String()
		}
		if try == 16 {
			t.Fatal(err)
		}
	}
}

// coturnClient is a client with an allocation of coturn's, by credentials such as a relay gives out.
func coturnClient(t *testing.T, network, at string, family byte) *wire {
	t.Helper()
	servers, _ := External{URLs: []string{"turn:" + at}, Secret: []byte(coturnSecret)}.ICEServers()
	w := newWire(t, network, at, servers[0].Username, servers[0].Credential)
	if code := w.do(stun.MethodAllocate, overUDP, attribute{stun.AttrRequestedAddressFamily, []byte{family, 0, 0, 0}}); code != 0 {
		t.Fatalf("allocate: %d", code)
	}
	return w
}

// A coturn that is run by our example reaches none of the forbidden peers either.
func TestCoturnForbiddenPeers(t *testing.T) {
	at := startCoturn(t)
	for _, network := range []string{"udp", "tcp"} {
		for _, family := range []struct {
			number              byte
			permitted, loopback string
		}{{1, "8.8.8.8", "127.0.0.1"}, {2, "2606:4700:4700::1111", "::1"}} {
			t.Run(fmt.Sprintf("%s IPv%d", network, 2*family.number+2), func(t *testing.T) {
				if family.number == 2 {
					needIPv6(t)
				}
				w := coturnClient(t, network, at, family.number)
				service, err := net.ListenPacket("udp", net.JoinHostPort(family.loopback, "0"))
				if err != nil {
					t.Fatal(err)
				}
				defer service.Close()
				port := service.LocalAddr().(*net.UDPAddr).AddrPort().Port()
				for i, p := range forbiddenPeers {
					ip := netip.MustParseAddr(p.ip)
					w.refusals(netip.AddrPortFrom(ip, port), 0x4000+uint16(i))
				}
				w.settle()
				service.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
				buf := make([]byte, 100)
				if n, from, err := service.ReadFrom(buf); err == nil {
					t.Errorf("a service on loopback heard %q from %s", buf[:n], from)
				}
				permitted := netip.AddrPortFrom(netip.MustParseAddr(family.permitted), 53)
				if code := w.permit(permitted); code != 0 {
					t.Errorf("permission for %s: %d", permitted.Addr(), code)
				}
				if code := w.do(stun.MethodConnect, peer(permitted)); code <= 0 {
					t.Errorf("a TCP connection was made (%d)", code)
				}
			})
		}
	}
}

// coturn takes the credentials that a relay gives out, and no others.
func TestCoturnCredentials(t *testing.T) {
	at := startCoturn(t)
	good, _ := External{Secret: []byte(coturnSecret)}.ICEServers()
	other, _ := External{Secret: []byte(strings.ToUpper(coturnSecret))}.ICEServers()
	late := credentials{secret: []byte(coturnSecret), now: func() time.Time { return time.Now().Add(-CredentialLife - time.Minute) }}
	lateName, latePassword := late.issue()
	for _, test := range []struct {
		what, name, password string
		ok                   bool
	}{
		{"good", good[0].Username, good[0].Credential, true},
		{"another secret", other[0].Username, other[0].Credential, false},
		{"longer life", "9" + good[0].Username, good[0].Credential, false},
		{"expired", lateName, latePassword, false},
	} {
		w := newWire(t, "udp", at, test.name, test.password)
		if code := w.do(stun.MethodAllocate, overUDP); (code == 0) != test.ok {
			t.Errorf("%s: allocate is answered %d", test.what, code)
		}
	}
}

// A call that is longer than its credentials are good goes on: coturn too looks at the expiry only for new allocations.
func TestCoturnCallOutlivesCredentials(t *testing.T) {
	at := startCoturn(t, "stale-nonce=1")
	soon := credentials{secret: []byte(coturnSecret), now: func() time.Time { return time.Now().Add(-CredentialLife + 5*time.Second) }}
	// do asks with a new nonce, and again where that becomes too old meanwhile: it takes a second here.
	do := func(w *wire, method stun.Method, attrs ...stun.Setter) (code int) {
		waitFor(t, "coturn to take a nonce", func() bool {
			r := w.ask(w.build(stun.MethodRefresh, stun.ClassRequest)) // who has an allocation is told none by Allocate
			if w.nonce.GetFrom(r) != nil || w.realm.GetFrom(r) != nil {
				t.Fatalf("no nonce but %v (%d)", r.Type, codeOf(r))
			}
			code = w.do(method, attrs...)
			return code != 438
		})
		return code
	}
	var call *wire
	waitFor(t, "credentials that are good until they are used", func() bool {
		name, password := soon.issue()
		call = newWire(t, "udp", at, name, password)
		return do(call, stun.MethodAllocate, overUDP) == 0
	})
	expiry, _, _ := strings.Cut(call.name, ":")
	waitFor(t, "coturn to refuse the credentials", func() bool {
		return strconv.FormatInt(time.Now().Unix(), 10) > expiry &&
			do(newWire(t, "udp", at, call.name, call.password), stun.MethodAllocate, overUDP) == 401
	})
	if code := do(call, stun.MethodRefresh, attribute{stun.AttrLifetime, []byte{0, 0, 1, 0}}); code != 0 {
		t.Errorf("refresh: %d", code)
	}
	if code := do(call, stun.MethodCreatePermission, peer(netip.MustParseAddrPort("8.8.8.8:53"))); code != 0 {
		t.Errorf("permission: %d", code)
	}
}

// The example names all that the TURN server in this program refuses.
func TestCoturnTableIsOurs(t *testing.T) {
	conf, err := os.ReadFile("../../deploy/coturn.conf")
	if err != nil {
		t.Fatal(err)
	}
	denied := func(ip netip.Addr) bool {
		if ip == netip.IPv6Unspecified() {
			return true // by coturn itself: TestCoturnForbiddenPeers has it
		}
		for line := range strings.Lines(string(conf)) {
			span, ok := strings.CutPrefix(strings.TrimSpace(line), "denied-peer-ip=")
			if !ok {
				continue
			}
			from, to, _ := strings.Cut(span, "-")
			first, last := netip.MustParseAddr(from), netip.MustParseAddr(to)
			if first.BitLen() == ip.BitLen() && first.Compare(ip) <= 0 && ip.Compare(last) <= 0 {
				return true
			}
		}
		return false
	}
	for _, p := range forbiddenPeers {
		if ip := netip.MustParseAddr(p.ip); !denied(ip) {
			t.Errorf("%s (%s) is not denied", ip, p.what)
		}
	}
	for _, p := range append(forbiddenPrefixes[:len(forbiddenPrefixes):len(forbiddenPrefixes)],
		netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"),
		netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("224.0.0.0/4"),
		netip.MustParsePrefix("fc00::/7"), netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("ff00::/8"),
	) {
		last := p.Addr().AsSlice()
		for i := p.Bits(); i < len(last)*8; i++ {
			last[i/8] |= 0x80 >> (i % 8)
		}
		end, _ := netip.AddrFromSlice(last)
		if !denied(p.Addr()) || !denied(end) {
			t.Errorf("%s is not denied as a whole", p)
		}
	}
	for _, ip := range []string{"8.8.8.8", "11.0.0.0", "100.63.255.255", "172.32.0.0", "192.0.1.0", "2606:4700::1111", "2001:200::1", "64:ff9a::1"} {
		if denied(netip.MustParseAddr(ip)) {
			t.Errorf("%s is denied", ip)
		}
	}
}
