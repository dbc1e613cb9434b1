package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// connect opens a reading connection and takes the relay's hello.
func (s *running) connect(client *http.Client) *websocket.Conn {
	s.t.Helper()
	ws, _, err := websocket.Dial(s.t.Context(), s.url+"/v1/sub", &websocket.DialOptions{HTTPClient: client})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { ws.CloseNow() })
	if _, hello, err := ws.Read(s.t.Context()); err != nil || len(hello) == 0 || hello[0] != 1 {
		s.t.Fatalf("the relay says %x, %v; want hello", hello, err)
	}
	return ws
}

// SIGTERM: readers are told to move, requests under way finish, and the program ends well.
func TestTerminate(t *testing.T) {
	s := launch(t, "-drain", "20")
	ws := s.connect(nil)
	// A post of which half is there: it is under way, and drained readers do not wait for it.
	half, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer half.Close()
	fmt.Fprintf(half, "POST /v1/pub HTTP/1.1\r\nHost: a\r\nContent-Length: 4116\r\n\r\n%s", strings.Repeat("a", 4000))
	waitFor(t, "the post is under way", func() bool {
		_, body, _ := s.ask(http.DefaultClient, "/metrics")
		return strings.Contains(body, "ringfork_connections 1\n")
	})
	ended := make(chan error, 1)
	go func() { ended <- s.stop(errTerminated) }()
	if _, _, err := ws.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusServiceRestart {
		t.Errorf("a reader was ended with %v, want 1012", err)
	}
	fmt.Fprint(half, strings.Repeat("a", 116))
	half.SetReadDeadline(time.Now().Add(20 * time.Second))
	answer, err := io.ReadAll(half)
	if !strings.HasPrefix(string(answer), "HTTP/1.1 204 ") {
		t.Errorf("the post under way was answered %q, %v", answer, err)
	}
	if err := <-ended; err != nil {
		t.Errorf("the server ended with %v", err)
	}
	for _, want := range []string{"msg=serving", "msg=draining", "msg=ended"} {
		if !s.hasSaid(want) {
			t.Errorf("the log lacks %s: %s", want, s.log)
		}
	}
}

// While it drains, balancers learn it, and who posts is served.
func TestReadyWhileDraining(t *testing.T) {
	s := launch(t, "-drain", "30")
	ws := s.connect(nil)
	goOn := s.log.hold("msg=draining") // a drain is soon over, also with readers that do not answer
	defer goOn()
	ended := make(chan error, 1)
	go func() { ended <- s.stop(errTerminated) }()
	waitFor(t, "the server drains", func() bool { return s.hasSaid("msg=draining") })
	if status, body, _ := s.ask(http.DefaultClient, "/readyz"); status != 503 || !strings.Contains(body, "draining") {
		t.Errorf("/readyz: %d %s", status, body)
	}
	if status, _, _ := s.ask(http.DefaultClient, "/healthz"); status != 200 {
		t.Errorf("/healthz: %d", status)
	}
	if status, _, _ := s.ask(http.DefaultClient, "/v1/ice"); status != 200 {
		t.Errorf("the relay: %d", status)
	}
	ws.CloseNow()
	goOn()
	if err := <-ended; err != nil {
		t.Errorf("the server ended with %v", err)
	}
}

// SIGINT: at once.
func TestInterruptDoesNotDrain(t *testing.T) {
	s := launch(t, "-drain", "3600")
	ws := s.connect(nil)
	ended := make(chan error, 1)
	go func() { ended <- s.stop(errInterrupted) }()
	if _, _, err := ws.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("a reader was ended with %v, want 1001", err)
	}
	if err := <-ended; err != nil || s.hasSaid("draining") {
		t.Errorf("the server ended with %v and said %s", err, s.log)
	}
}

// The same by a signal, in a process of its own.
func TestSIGTERM(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("it has no such signal")
	}
	addr := freeAddr(t)
	cmd := program(t, "-addr", addr, "-data", "none", "-module", noModule)
	log, out := newRecord(), newRecord()
	cmd.Stderr, cmd.Stdout = log, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &running{t: t, url: "http://" + addr, log: log}
	waitFor(t, "the program serves", func() bool { return strings.Contains(out.String(), "\n") })
	ws := s.connect(nil)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ws.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusServiceRestart {
		t.Errorf("a reader was ended with %v, want 1012", err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v, want exit code 0; stderr: %s", err, log)
	}
	if !s.hasSaid("msg=draining connections=1") || !s.hasSaid("msg=ended") {
		t.Errorf("it logged %s", log)
	}
}

// A second signal ends a program that drains at once.
func TestSecondSignal(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("it has no such signal")
	}
	addr := freeAddr(t)
	cmd := program(t, "-addr", addr, "-data", "none", "-module", noModule, "-drain", "3600")
	log, out := newRecord(), newRecord()
	cmd.Stderr, cmd.Stdout = log, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &running{t: t, url: "http://" + addr, log: log}
	waitFor(t, "the program serves", func() bool { return strings.Contains(out.String(), "\n") })
	s.connect(nil) // and takes no part in the close, which holds up the drain for some seconds
	half, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer half.Close()
	fmt.Fprint(half, "POST /v1/pub HTTP/1.1\r\nHost: a\r\nContent-Length: 4116\r\n\r\nhalf") // and the end for some more
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the program drains", func() bool { return s.hasSaid("msg=draining") })
	// Not SIGINT: where the tests run in the background of a shell it is ignored once nobody asks for it.
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && (!status.Signaled() || status.Signal() != syscall.SIGTERM) {
		t.Errorf("the program ended with %v", cmd.ProcessState)
	}
}
