package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// running is a server that runs in this process, without pages unless the test says otherwise.
type running struct {
	t      *testing.T
	url    string // as it says
	addr   string // where it listens
	log    *record
	out    *record
	end    context.CancelCauseFunc
	ended  chan error
	result error
	once   sync.Once
}

// record keeps what is written, by whichever goroutine.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
	wake chan struct{} // gets something after each write, if nothing is in it

	at   string        // a text which holds up who writes it
	held chan struct{} // until this is closed
}

func newRecord() *record { return &record{wake: make(chan struct{}, 1)} }

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	r.text.Write(p)
	held := r.held
	if !bytes.Contains(p, []byte(r.at)) {
		held = nil
	}
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
	if held != nil {
		<-held
	}
	return len(p), nil
}

// hold holds up whoever writes this from now on, until the end of that is called.
func (r *record) hold(at string) (end func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at, r.held = at, make(chan struct{})
	return sync.OnceFunc(func() { close(r.held) })
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

var printedURL = regexp.MustCompile(`(?m)^Ringfork: (https?://\S+)$`)

// launch runs a server until the test's end, and returns when it serves.
func launch(t *testing.T, args ...string) *running {
	t.Helper()
	s := begin(t, args...)
	s.serves()
	return s
}

// begin is launch that does not wait.
func begin(t *testing.T, args ...string) *running {
	t.Helper()
	ctx, end := context.WithCancelCause(context.Background())
	s := &running{t: t, addr: freeAddr(t), log: newRecord(), out: newRecord(), end: end, ended: make(chan error, 1)}
	go func() {
		s.ended <- run(ctx, append([]string{"-addr", s.addr, "-data", "none", "-module", noModule}, args...), s.out, s.log)
	}()
	t.Cleanup(func() {
		if err := s.stop(nil); err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	return s
}

// serves waits until the server says by which URL it is reached.
func (s *running) serves() {
	t := s.t
	t.Helper()
	patient := time.After(patience)
	for s.url == "" {
		select {
		case <-s.out.wake:
			if match := printedURL.FindStringSubmatch(s.out.String()); match != nil {
				s.url = match[1]
			}
		case err := <-s.ended:
			s.once.Do(func() {})
			t.Fatalf("the server ended with %v", err)
		case <-patient:
			t.Fatal("the server says no URL")
		}
	}
}

// freeAddr returns an address that nobody listens on. Its port is one that systems give to nobody who asks for any.
func freeAddr(t *testing.T) string {
	t.Helper()
	var err error
	for range 100 {
		var l net.Listener
		if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 11000+rand.N(20000))); err == nil {
			l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal(err)
	return ""
}

// stop ends the server for a reason, and waits for it.
func (s *running) stop(why error) error {
	s.once.Do(func() {
		s.end(why)
		s.result = <-s.ended
	})
	return s.result
}

// ask returns the status of an answer, and its body.
func (s *running) ask(client *http.Client, path string, headers ...string) (int, string, http.Header) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), "GET", s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		} else {
			req.Header.Set(headers[i], headers[i+1])
		}
	}
	res, err := client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, string(body), res.Header
}

// waitFor waits until ok says so.
func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it took too long until %s", what)
		}
	}
}

// hasSaid reports whether the log has a line with this in it.
func (s *running) hasSaid(text string) bool { return strings.Contains(s.log.String(), text) }

var errInterrupted = errors.New("as by Ctrl-C")
