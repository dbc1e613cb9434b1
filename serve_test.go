package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// TestMain runs the program instead of the tests when a test started it for that.
func TestMain(m *testing.M) {
	if os.Getenv("RINGFORK_TEST_MAIN") == "1" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// program returns the program as a command to start, which the end of the test kills.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), "RINGFORK_TEST_MAIN=1")
	return cmd
}

// patience is for what takes a second when the Wasm is in the cache, and a minute when it is not.
const patience = 3 * time.Minute

var line = regexp.MustCompile(`^Ringfork: (http://127\.0\.0\.1:[0-9]+)\n$`)

// start runs a server in this process until the test's end or the call of stop, which returns run's error and what it
// printed. url is where it serves.
func start(t *testing.T, args ...string) (url string, stop func() (string, error)) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, args, w, io.Discard)
		w.CloseWithError(io.EOF)
		ended <- err
	}()
	lines := bufio.NewReader(r)
	first, _ := lines.ReadString('\n') // without a line the match fails
	rest := make(chan string, 1)
	go func() {
		b, _ := io.ReadAll(lines)
		rest <- string(b)
	}()
	stopped := false
	stop = func() (string, error) {
		if stopped {
			return "", nil
		}
		stopped = true
		cancel()
		return first + <-rest, <-ended
	}
	t.Cleanup(func() { stop() })
	match := line.FindStringSubmatch(first)
	if match == nil {
		_, err := stop()
		t.Fatalf("the server printed %q and ended with %v; want a line with its URL", first, err)
	}
	return match[1], stop
}

func get(t *testing.T, url string, headers ...string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r, body
}

// The whole life of the program: one line, everything served from one address, a clean end on Ctrl-C.
func TestProgram(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot send Ctrl-C to another here")
	}
	cmd := program(t, "-addr", "127.0.0.1:0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	defer timer.Stop()
	lines := bufio.NewReader(stdout)
	first, err := lines.ReadString('\n')
	match := line.FindStringSubmatch(first)
	if match == nil {
		cmd.Process.Kill()
		cmd.Wait()
		t.Fatalf("it printed %q (%v), want a line with the URL; stderr: %s", first, err, &stderr)
	}
	url := match[1]

	if r, body := get(t, url+"/"); r.StatusCode != 200 || !bytes.Contains(body, []byte("<title>Ringfork")) {
		t.Errorf("/: %d %.80s", r.StatusCode, body)
	}
	if r, body := get(t, url+"/ringfork.wasm"); r.StatusCode != 200 || !bytes.HasPrefix(body, []byte("\x00asm\x01")) {
		t.Errorf("/ringfork.wasm: %d %.20q", r.StatusCode, body) // the client asks for gzip and unpacks it
	}
	r, body := get(t, url+"/ringfork.wasm", "Accept-Encoding", "br")
	if r.Header.Get("Content-Encoding") != "br" || len(body) < 100_000 {
		t.Errorf("/ringfork.wasm in brotli: %d bytes, %v", len(body), r.Header)
	}
	r, body = get(t, url+"/v1/ice")
	var ice struct{ ICEServers []struct{ URLs []string } }
	if err := json.Unmarshal(body, &ice); err != nil || len(ice.ICEServers) == 0 {
		t.Fatalf("/v1/ice: %d %s (%v)", r.StatusCode, body, err)
	}
	urls := strings.Join(ice.ICEServers[0].URLs, " ")
	atTURN := regexp.MustCompile(`turn:(127\.0\.0\.1:\d+)`).FindStringSubmatch(urls)
	if atTURN == nil {
		t.Fatalf("no TURN server on this host: %s", urls)
	}
	if r, _ := get(t, url+"/nothing"); r.StatusCode != 404 {
		t.Errorf("/nothing: %d", r.StatusCode)
	}
	socket, _, err := websocket.Dial(t.Context(), url+"/v1/sub", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer socket.CloseNow()
	if _, hello, err := socket.Read(t.Context()); err != nil || len(hello) == 0 || hello[0] != 1 {
		t.Errorf("the relay says %x, %v; want hello", hello, err)
	}

	interrupted := time.Now()
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if _, _, err := socket.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("the WebSocket ended with %v, want going away", err)
	}
	rest, err := io.ReadAll(lines)
	if err != nil || len(rest) > 0 {
		t.Errorf("it printed more than one line: %q, %v", rest, err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after Ctrl-C: %v, want exit code 0; stderr: %s", err, &stderr)
	}
	if took := time.Since(interrupted); took > 20*time.Second {
		t.Errorf("it took %v to end", took)
	}
	said := ""
	for text := range strings.Lines(stderr.String()) {
		if strings.Contains(text, "the Wasm") { // that it compiles or compresses it, if it does
			continue
		}
		match := logLine.FindStringSubmatch(text)
		if match == nil {
			t.Errorf("it wrote to stderr: %s", text)
			continue
		}
		said += match[1] + "; "
	}
	if want := "serving tls=false turn=" + atTURN[1] + " tokens=false slots=memory limits=1; ended; "; said != want {
		t.Errorf("it logged %q, want %q", said, want)
	}
}

// logLine is a line of the server's log, with what it says.
var logLine = regexp.MustCompile(`^time=\S+ level=INFO msg=(.*)\n$`)

func TestExitCodes(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	addr := taken.Addr().String()
	for _, test := range []struct {
		args   []string
		code   int
		stdout string
		stderr []string
	}{
		{[]string{"-h"}, 0, usage, nil},
		{[]string{"build", "--help"}, 0, usage, nil},
		{[]string{"help"}, 0, usage, nil},
		{[]string{"-port", "1"}, 2, "", []string{"ringfork: flag provided but not defined: -port", usage}},
		{[]string{"-addr", "8787"}, 2, "", []string{`ringfork: -addr "8787" is not HOST:PORT`, usage}},
		{[]string{"serve"}, 2, "", []string{`ringfork: unknown command "serve"`, usage}},
		{[]string{"-addr", addr}, 1, "", []string{"ringfork: address " + addr + " is taken", "-addr HOST:PORT"}},
	} {
		cmd := program(t, test.args...)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		err := cmd.Run()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		if code := cmd.ProcessState.ExitCode(); code != test.code || stdout.String() != test.stdout {
			t.Errorf("%q: exit code %d and %q, want %d and %q", test.args, code, &stdout, test.code, test.stdout)
		}
		for _, want := range test.stderr {
			if !strings.Contains(stderr.String(), want) {
				t.Errorf("%q: stderr lacks %q: %s", test.args, want, &stderr)
			}
		}
	}
}

func TestUsageNamesEveryDefault(t *testing.T) {
	for _, want := range []string{
		defaultAddr, "-addr ", "-origin ", "-turn ", "-turn-tls ", "-turn-ports ", "-turn-mbits ", "-turn-secret ", "-data ", "-module ", "build ", "-o ",
		"-allow ", "-proxy ", "-publish-key ", "-limits ", "-backlog ", "-slots ", "-conns ", "-tls-cert ", "-tls-key ", "-lan", "-ops ", "-drain ", "token ",
		"-nats ", "-nats-creds ", "-nats-ca ", "-nats-replicas ", "-nats-key ",
	} {
		if !strings.Contains(usage, want) {
			t.Errorf("the usage text lacks %q", want)
		}
	}
}

func TestParseServe(t *testing.T) {
	for _, test := range []struct {
		args string
		want server
	}{
		{"", server{host: "127.0.0.1", port: 8787}},
		{"-addr :80", server{port: 80}},
		{"-addr localhost:0 -data none", server{host: "localhost", dataDir: "none"}},
		{"-addr [::1]:9", server{host: "::1", port: 9}},
		{
			"-origin https://Calls.example/,http://10.0.0.1:80,https://[::1]:444",
			server{host: "127.0.0.1", port: 8787, origins: []string{"https://calls.example", "http://10.0.0.1", "https://[::1]:444"}},
		},
		{"-turn 192.0.2.1", server{host: "127.0.0.1", port: 8787, turn: turnOptions{at: netip.MustParseAddrPort("192.0.2.1:0")}}},
		{"-turn [2001:db8::1]:3478", server{host: "127.0.0.1", port: 8787, turn: turnOptions{at: netip.MustParseAddrPort("[2001:db8::1]:3478")}}},
		{"-allow https://App.example,http://localhost:80", server{
			host: "127.0.0.1", port: 8787, allow: []string{"https://app.example", "http://localhost"},
		}},
		{"-proxy 10.1.2.3/8,::1", server{
			host: "127.0.0.1", port: 8787, proxies: proxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")},
		}},
		{"-tls-cert a -tls-key b -publish-key k -ops :9", server{
			host: "127.0.0.1", port: 8787, tlsCert: "a", tlsKey: "b", publishKey: "k", ops: ":9",
		}},
		{"-backlog 1024 -slots 9 -conns 50000", server{host: "127.0.0.1", port: 8787, backlog: 1024, slots: 9, conns: 50000}},
		{"-limits 0.5 -drain 0.25", server{host: "127.0.0.1", port: 8787, limits: 0.5, drain: 250 * time.Millisecond}},
		{"-lan", server{port: 8787, lan: true}},
		{"-lan -addr 127.0.0.1:0", server{host: "127.0.0.1", lan: true}},
	} {
		if test.want.limits == 0 {
			test.want.limits, test.want.drain = 1, 5*time.Second
		}
		got, err := parseServe(strings.Fields(test.args))
		if err != nil || !reflect.DeepEqual(*got, test.want) {
			t.Errorf("%s: %+v, %v; want %+v", test.args, got, err, test.want)
		}
	}
	for _, args := range []string{
		"-addr", "-addr x", "-addr 127.0.0.1", "-addr 127.0.0.1:http", "-addr :65536", "-addr :-1", "-x", "-addr :1 more",
		"-origin calls.example", "-origin https://a.example/path", "-origin ftp://a.example", "-origin https://", "-origin ,",
		"-origin https://me@a.example", "-origin https://a.example?x", "-turn calls.example", "-turn 0.0.0.0:1", "-turn 1.2.3.4:x",
		"-origin https://*.a.example", "-allow https://*.a.example", "-allow https://bücher.example",
		"-allow calls.example", "-proxy all", "-proxy 10.0.0.0/33", "-proxy ::ffff:0.0.0.0/95", "-tls-cert a", "-tls-key b", "-ops 9", "-backlog -1", "-backlog 2000000", "-slots -1", "-conns -1", "-limits 0", "-limits NaN", "-limits x",
		"-drain -1", "-drain NaN", "-lan -tls-cert a -tls-key b", "-lan -origin https://a.example", "-lan -addr localhost:0", "token",
	} {
		var bad *usageError
		if got, err := parseServe(strings.Fields(args)); !errors.As(err, &bad) {
			t.Errorf("%s: %+v, %v; want a usageError", args, got, err)
		}
	}
	if _, err := parseServe([]string{"-help"}); err != flag.ErrHelp {
		t.Errorf("-help: %v", err)
	}
}

// The commands for one machine in deploy/ are whole: nothing is compiled there, and TURN is where a firewall can let it through.
func TestDeployedCommands(t *testing.T) {
	command := regexp.MustCompile(`(?m)^[# ]*ringfork (-addr (?:.*\\\n)?.*)$`)
	for _, name := range []string{"README.md", "nginx.conf", "Caddyfile"} {
		text, err := os.ReadFile(filepath.Join("deploy", name))
		if err != nil {
			t.Fatal(err)
		}
		match := command.FindSubmatch(text)
		if match == nil {
			t.Errorf("%s has no command", name)
			continue
		}
		args := strings.Fields(strings.NewReplacer("\\", "", "#", "").Replace(string(match[1])))
		if s, err := parseServe(args); err != nil || s.module == "" || s.turn.at.Port() == 0 || s.turn.minPort == 0 || s.dataDir == "" {
			t.Errorf("%s: %q is %+v, %v", name, args, s, err)
		}
	}
}

func TestOrigins(t *testing.T) {
	for _, test := range []struct{ host, port, want string }{
		{"127.0.0.1", "8787", "http://127.0.0.1:8787 http://localhost:8787"},
		{"localhost", "8787", "http://localhost:8787 http://127.0.0.1:8787"},
		{"::1", "80", "http://[::1] http://localhost"},
		{"", "1", "http://127.0.0.1:1 http://localhost:1"},
		{"::", "1", "http://127.0.0.1:1 http://localhost:1"},
		{"192.0.2.1", "1", "http://192.0.2.1:1"},
		{"Box.Example", "80", "http://box.example"},
	} {
		if got := strings.Join(originsOf("http", test.host, test.port), " "); got != test.want {
			t.Errorf("%s %s: %s, want %s", test.host, test.port, got, test.want)
		}
	}
}

func TestSlotsDir(t *testing.T) {
	home := t.TempDir()
	for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "AppData"} {
		t.Setenv(name, home)
	}
	dir := func(s server) string {
		t.Helper()
		dir, err := s.slotsDir()
		if err != nil {
			t.Fatal(err)
		}
		return dir
	}
	first := dir(server{port: 1})
	if info, err := os.Stat(first); err != nil || !info.IsDir() || !strings.HasPrefix(first, home) {
		t.Errorf("the default folder is %s: %v", first, err)
	}
	if again, other := dir(server{port: 1}), dir(server{port: 2}); again != first || other == first {
		t.Errorf("folders %s, again %s, for another port %s", first, again, other)
	}
	if got := dir(server{port: 0}) + dir(server{port: 1, dataDir: "none"}); got != "" {
		t.Errorf("a folder where there should be none: %s", got)
	}
	mine := filepath.Join(home, "a", "b")
	if got := dir(server{port: 0, dataDir: mine}); got != mine {
		t.Errorf("%s instead of %s", got, mine)
	}
	file := filepath.Join(home, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := (&server{dataDir: file}).slotsDir(); err == nil || !strings.Contains(err.Error(), "-data DIR") {
		t.Errorf("a file as folder: %v, want an error that says what to do", err)
	}
}

// Two servers with one folder would lose slots: the second one says what to do instead.
func TestFolderIsForOneServer(t *testing.T) {
	data := t.TempDir()
	launch(t, "-data", data)
	ctx, cancel := context.WithTimeout(t.Context(), patience) // a second one that starts would go on
	defer cancel()
	err := run(ctx, []string{"-addr", "127.0.0.1:0", "-module", noModule, "-data", data}, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "-data DIR") || !strings.Contains(err.Error(), "-nats") {
		t.Errorf("a second server in the folder ended with %v", err)
	}
}

// A card goes on working when the server is started again.
func TestSlotsSurviveRestart(t *testing.T) {
	data := t.TempDir()
	key, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(key)
	address, sealed := sum[:20], make([]byte, 4096-8-32-32-64)
	version := binary.BigEndian.AppendUint64(nil, 1)
	var signed []byte
	for _, field := range [][]byte{[]byte("ringfork/1/slot"), address, version, key, sealed} {
		signed = binary.BigEndian.AppendUint32(signed, uint32(len(field)))
		signed = append(signed, field...)
	}
	value := slices.Concat(version, key, key, ed25519.Sign(private, signed), sealed)
	path := "/v1/slot/" + hex.EncodeToString(address)

	url, stop := start(t, "-addr", freeAddr(t), "-data", data)
	req, err := http.NewRequestWithContext(t.Context(), "PUT", url+path+"?replaces=0", bytes.NewReader(value))
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(r.Body)
	r.Body.Close()
	if r.StatusCode != 204 {
		t.Fatalf("putting the value: %d %s", r.StatusCode, text)
	}
	if printed, err := stop(); err != nil || !line.MatchString(printed) {
		t.Errorf("the server ended with %v and printed %q, want one line", err, printed)
	}
	if _, err := net.DialTimeout("tcp", strings.TrimPrefix(url, "http://"), time.Second); err == nil {
		t.Error("the port is still open")
	}

	url, _ = start(t, "-addr", "127.0.0.1:0", "-data", data)
	if r, got := get(t, url+path); r.StatusCode != 200 || !bytes.Equal(got, value) {
		t.Errorf("after the restart: %d, %d bytes", r.StatusCode, len(got))
	}
}

func TestEndWhileStarting(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var printed bytes.Buffer
	if err := run(ctx, []string{"-addr", "127.0.0.1:0"}, &printed, io.Discard); err != nil {
		t.Errorf("ended with %v, want no error", err)
	}
}

func TestPanicsOnly(t *testing.T) {
	var b bytes.Buffer
	p := panicsOnly{&b}
	fmt.Fprint(p, "http: TLS handshake error from 192.0.2.7:1234: EOF\n")
	fmt.Fprint(p, "http: panic serving [2001:db8::7]:1234: index out of range\ngoroutine 1\nringfork/relay.(*slots).get(0xc0, {0xa1b2, 0x3?}, ...)\n\tslots.go:1\n")
	want := "ringfork: internal error: index out of range\ngoroutine 1\nringfork/relay.(*slots).get(...)\n\tslots.go:1\n"
	if got := b.String(); got != want {
		t.Errorf("wrote %q, want %q", got, want)
	}
}

func TestBuildCommand(t *testing.T) {
	if testing.Short() {
		t.Skip("compresses for 20 s when the cache is empty")
	}
	dir := filepath.Join(t.TempDir(), "a", "dist")
	var stdout bytes.Buffer
	if err := run(t.Context(), []string{"build", "-o", dir}, &stdout, io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"ringfork.js", "ringfork/phone.js", "types/ringfork.d.ts", "types/ringfork/phone.d.ts", "ringfork.wasm",
		"ringfork.wasm.br", "ringfork.wasm.gz", "wasm_exec.js", "package.json", "LICENSES.txt",
	} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s is missing or empty: %v", name, err)
		}
	}
	if text := stdout.String(); strings.Count(text, "\n") != 1 || !strings.HasPrefix(text, dir+": ") {
		t.Errorf("it printed %q, want one line", text)
	}
	var bad *usageError
	if err := run(t.Context(), []string{"build", "dist"}, io.Discard, io.Discard); !errors.As(err, &bad) {
		t.Errorf("an argument without -o: %v, want a usageError", err)
	}
}
