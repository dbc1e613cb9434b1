package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"ringfork/relay"
)

func TestParseTURN(t *testing.T) {
	const host, port = "127.0.0.1", 8787
	for _, test := range []struct {
		args string
		want turnOptions
	}{
		{"-turn-mbits 500", turnOptions{mbits: 500}},
		{"-turn-ports 50000-50999", turnOptions{minPort: 50000, maxPort: 50999}},
		{"-turn 192.0.2.1:9", turnOptions{at: netip.MustParseAddrPort("192.0.2.1:9")}},
		{
			"-turn turn:a.example:3478?transport=udp,TURN:[::1]:1?transport=tcp,turns:192.0.2.1,turns:a.example:443?transport=tcp,stun:[2001:db8::1] -turn-secret f",
			turnOptions{secretFile: "f", urls: []string{
				"turn:a.example:3478?transport=udp", "TURN:[::1]:1?transport=tcp", "turns:192.0.2.1", "turns:a.example:443?transport=tcp",
				"stun:[2001:db8::1]",
			}},
		},
	} {
		got, err := parseServe(strings.Fields(test.args))
		if want := (server{host: host, port: port, turn: test.want, limits: 1, drain: 5 * time.Second}); err != nil || !reflect.DeepEqual(*got, want) {
			t.Errorf("%s: %+v, %v; want %+v", test.args, got, err, want)
		}
	}
	for port, want := range map[string]turnOptions{"0": {anyTLSPort: true}, "443": {tlsPort: 443}} {
		got, err := parseServe([]string{"-turn-tls", port, "-tls-cert", "c", "-tls-key", "k"})
		if err != nil || !reflect.DeepEqual(got.turn, want) {
			t.Errorf("-turn-tls %s with a certificate: %+v, %v; want %+v", port, got, err, want)
		}
	}
	for _, test := range []struct{ args, want string }{
		{"-turn-tls 443", "needs -tls-cert FILE"},
		{"-turn-tls 0 -lan", "leave out -turn-tls"},
		{"-turn turn:a.example", "needs -turn-secret FILE"},
		{"-turn-secret f", "name it with -turn"},
		{"-turn 192.0.2.1 -turn-secret f", "name it with -turn"},
		{"-turn turn:a.example -turn-secret f -turn-tls 1", "turns:HOST:PORT"},
		{"-turn-ports 0-9", "range of ports"},
		{"-turn-ports 9-8", "range of ports"},
		{"-turn-ports 9", "range of ports"},
		{"-turn-mbits -1", "number of Mbit/s"},
		{"-turn turn:a.example -turn-secret f -turn-mbits 5", "max-bps"},
		{"-turn turn:a.example -turn-secret f -turn-ports 1-2", "min-port"},
		{"-turn-tls https", "number from 0 to 65535"},
		{"-turn-tls 65536", "number from 0 to 65535"},
		{"-turn stun:a.example -turn-secret f", "names no TURN server"},
		{"-turn turn: -turn-secret f", "write turn:HOST:PORT"},
		{"-turn turn://a.example -turn-secret f", "write turn:HOST:PORT"},
		{"-turn turn:a.example,b.example -turn-secret f", "write turn:HOST:PORT"},
		{"-turn turn:a.example#x -turn-secret f", "write turn:HOST:PORT"},
		{"-turn turn:a.example, -turn-secret f", "write turn:HOST:PORT"},
		{"-turn turn:me@a.example -turn-secret f", "no host"},
		{"-turn turn:a_b.example:1 -turn-secret f", "no host"},
		{"-turn turn:a.example/x -turn-secret f", "no host"},
		{"-turn turn:::1 -turn-secret f", "no host"},
		{"-turn turn:[a.example]:1 -turn-secret f", "no host"},
		{"-turn turn:0.0.0.0:1 -turn-secret f", "no host"},
		{"-turn turn:a.example:0 -turn-secret f", "no port"},
		{"-turn turn:a.example:65536 -turn-secret f", "no port"},
		{"-turn turn:a.example:x -turn-secret f", "no port"},
		{"-turn turn:a.example? -turn-secret f", "only parameter"},
		{"-turn turn:a.example?transport=dtls -turn-secret f", "only parameter"},
		{"-turn turn:a.example?transport=udp&x=1 -turn-secret f", "only parameter"},
		{"-turn turns:a.example?transport=udp -turn-secret f", "TLS over TCP only"},
		{"-turn turn:a.example,stun:a.example?transport=udp -turn-secret f", "no transport to choose"},
	} {
		var bad *usageError
		if got, err := parseServe(strings.Fields(test.args)); !errors.As(err, &bad) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %+v, %v; want a usageError with %q", test.args, got, err, test.want)
		}
	}
}

func TestTURNSecretFile(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, test := range []struct{ path, want string }{
		{filepath.Join(dir, "nothing"), "failed to read"},
		{write("empty", "\n"), "at least 16"},
		{write("short", "0123456789abcde\n"), "at least 16"},
		{write("lines", "0123456789abcdef\n0123456789abcdef\n"), "one line"},
	} {
		_, _, err := (&server{turn: turnOptions{urls: []string{"turn:a.example"}, secretFile: test.path}}).startTURN(netip.Addr{}, nil, nil)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.path, err, test.want)
		}
	}
}

// With another TURN server there is none here, and clients are given what that one takes.
func TestExternalTURN(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("a secret of another server\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := launch(t, "-origin", "https://calls.example", "-turn", "turn:turn.example:3478,stun:turn.example", "-turn-secret", secret)
	_, body := get(t, "http://"+s.addr+"/v1/ice")
	var ice struct {
		ICEServers []relay.ICEServer `json:"iceServers"`
	}
	if err := json.Unmarshal(body, &ice); err != nil || len(ice.ICEServers) != 1 {
		t.Fatalf("/v1/ice: %s, %v", body, err)
	}
	got := ice.ICEServers[0]
	if urls := strings.Join(got.URLs, " "); urls != "turn:turn.example:3478 stun:turn.example" {
		t.Errorf("clients are sent to %s", urls)
	}
	if got.Username == "" || got.Credential == "" || strings.Contains(string(body), "a secret") {
		t.Errorf("clients are given %s", body)
	}
	if !s.hasSaid("turn=turn:turn.example:3478,stun:turn.example ") || s.hasSaid("level=WARN") {
		t.Errorf("the operator is told %s", s.log)
	}
}

// Whoever runs a server is told when only the machine itself or its network reaches TURN.
func TestHiddenTURN(t *testing.T) {
	s := launch(t, "-origin", "https://calls.example", "-proxy", "127.0.0.1")
	if err := s.stop(nil); err != nil {
		t.Fatal(err)
	}
	if !s.hasSaid("turn=127.0.0.1:") || !s.hasSaid("level=WARN") || !s.hasSaid("-turn IP:PORT") {
		t.Errorf("it says %s", s.log)
	}
	for _, test := range []struct {
		at, origins string
		want        bool
	}{
		{"10.0.0.5", "https://calls.example", true},
		{"192.168.1.5", "https://203.0.113.7:8787", true},
		{"fd00::5", "https://[2001:db8::7]", true},
		{"127.0.0.1", "http://localhost:8787 https://calls.example", true},
		{"203.0.113.7", "https://calls.example", false},
		{"2001:db8::7", "https://calls.example", false},
		{"127.0.0.1", "http://127.0.0.1:8787 http://localhost:8787 http://[::1]", false},
		{"192.168.1.5", "https://192.168.1.5:8787 https://[fd00::5]:8787 https://localhost:8787", false},
		{"192.168.1.5", "https://box https://box.local https://box.home.arpa https://calls.corp.internal", false},
	} {
		if got := hidden(netip.MustParseAddr(test.at), strings.Fields(test.origins)); got != test.want {
			t.Errorf("TURN at %s for %s: hidden is %v", test.at, test.origins, got)
		}
	}
}

// Credentials of our server are good after a restart, where anything is kept.
func TestTURNKey(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "turn.key")
	key := func(s *server, dir string, cluster []byte) string {
		t.Helper()
		key, err := s.turnKey(dir, cluster)
		if err != nil {
			t.Fatal(err)
		}
		return string(key)
	}
	first := key(&server{}, dir, nil)
	if again := key(&server{}, dir, nil); len(first) != 32 || again != first {
		t.Errorf("the key is %x, and then %x", first, again)
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Errorf("anybody may read the key: %v, %v", info, err)
	}
	if err := os.WriteFile(path, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if other := key(&server{}, dir, nil); len(other) != 32 || other == first || other != key(&server{}, dir, nil) {
		t.Errorf("in place of half a key there is %x", other)
	}
	if none := key(&server{}, "", nil) + key(&server{turn: turnOptions{urls: []string{"turn:a.example"}}}, dir, nil); none != "" {
		t.Errorf("where nothing is kept, or another's server is used, the key is %x", none)
	}
	cluster := &server{nats: natsOptions{urls: "nats://a.example"}}
	a, b := key(cluster, "", bytes.Repeat([]byte{1}, 32)), key(cluster, "", bytes.Repeat([]byte{2}, 32))
	if again := key(cluster, "", bytes.Repeat([]byte{1}, 32)); len(a) != 32 || a == b || a != again || a == strings.Repeat("\x01", 32) {
		t.Errorf("relays of a cluster have the keys %x, %x and %x", a, b, again)
	}

	// And it is what a server's credentials are made from.
	for range 2 {
		url, stop := start(t, "-addr", "127.0.0.1:0", "-module", "none", "-data", dir)
		_, body := get(t, url+"/v1/ice")
		var ice struct {
			ICEServers []relay.ICEServer `json:"iceServers"`
		}
		if err := json.Unmarshal(body, &ice); err != nil || len(ice.ICEServers) != 1 {
			t.Fatalf("/v1/ice: %s, %v", body, err)
		}
		h := hmac.New(sha1.New, []byte(key(&server{}, dir, nil)))
		h.Write([]byte(ice.ICEServers[0].Username))
		if want := base64.StdEncoding.EncodeToString(h.Sum(nil)); ice.ICEServers[0].Credential != want {
			t.Errorf("the server gives the credential %s, want %s", ice.ICEServers[0].Credential, want)
		}
		stop()
	}
}

func TestTurnConfig(t *testing.T) {
	local := netip.MustParseAddr("127.0.0.1")
	for _, test := range []struct{ public, web, listen, ip string }{
		{"", "127.0.0.1", "127.0.0.1:0", "127.0.0.1"},
		{"127.0.0.1:99", "127.0.0.1", "127.0.0.1:99", "127.0.0.1"},
		{"[::1]:99", "127.0.0.1", "[::1]:99", "::1"},
		{"192.0.2.1:99", "127.0.0.1", "0.0.0.0:99", "192.0.2.1"},
		{"[2001:db8::1]:0", "127.0.0.1", "[::]:0", "2001:db8::1"},
	} {
		var public netip.AddrPort
		if test.public != "" {
			public = netip.MustParseAddrPort(test.public)
		}
		got := turnConfig(public, local)
		if got.Listen != test.listen || got.PublicIP.String() != test.ip {
			t.Errorf("%q: listens on %s for %s, want %s for %s", test.public, got.Listen, got.PublicIP, test.listen, test.ip)
		}
	}
	if got := turnConfig(netip.AddrPort{}, netip.IPv6Unspecified()); !slices.Contains(ownAddrs(), got.PublicIP) {
		t.Errorf("a server on all addresses tells clients of %s, which is none of them", got.PublicIP)
	}
}
