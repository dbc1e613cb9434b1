package main

import (
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"ringfork/relay"
	"ringfork/relay/natstest"
)

func TestNATSFlags(t *testing.T) {
	got, err := parseServe(strings.Fields("-nats nats://a:4222,nats://u:p@b -nats-creds c -nats-ca a -nats-replicas 5 -nats-key k"))
	want := natsOptions{urls: "nats://a:4222,nats://u:p@b", creds: "c", ca: "a", replicas: 5, key: "k"}
	if err != nil || got.nats != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	for _, args := range []string{
		"-nats nats://a", "-nats-key k", "-nats-creds c", "-nats-ca a", "-nats-replicas 2", "-nats nats://a, -nats-key k",
		"-nats nats://a -nats-key k -nats-replicas 6", "-nats nats://a -nats-key k -nats-replicas x", "-nats nats://a -nats-key k -data d",
	} {
		var bad *usageError
		if got, err := parseServe(strings.Fields(args)); !errors.As(err, &bad) {
			t.Errorf("%s: %+v, %v; want a usageError", args, got, err)
		}
	}
}

func TestNATSKeyFile(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	o := natsOptions{urls: "a, b", creds: "c", ca: "a", replicas: 2, key: file("key", strings.Repeat("ab", 32)+"\n")}
	got, err := o.config()
	key := []byte(strings.Repeat("\xab", 32))
	if want := (relay.NATSConfig{URLs: []string{"a", "b"}, CredsFile: "c", CAFile: "a", Replicas: 2, Key: key}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	for _, path := range []string{file("short", "abcd"), file("text", strings.Repeat("xy", 32)), filepath.Join(dir, "none")} {
		o.key = path
		if _, err := o.config(); err == nil || !strings.Contains(err.Error(), "-nats-key") || !strings.Contains(err.Error(), "openssl rand -hex 32") {
			t.Errorf("%s: %v; want an error that says what to do", path, err)
		}
	}
}

// natsKey returns a file with a key for -nats-key.
func natsKey(t *testing.T) string {
	t.Helper()
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(strings.Repeat("01", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	return key
}

// opens waits until somebody listens at an address.
func opens(t *testing.T, addr string) {
	t.Helper()
	waitFor(t, "the port is open", func() bool {
		socket, err := net.Dial("tcp", addr)
		if err != nil {
			return false
		}
		return socket.Close() == nil
	})
}

// While the relay waits for its cluster nobody connects and waits with it, and the operator is told.
func TestWaitingForNATS(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot be stopped here")
	}
	c, err := natstest.Start(t.Context(), t.TempDir(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Stop(0); err != nil {
		t.Fatal(err)
	}
	key := natsKey(t)
	ops := freeAddr(t)
	s := begin(t, "-ops", ops, "-nats", c.URL(0), "-nats-key", key, "-nats-replicas", "1")
	s.url = "http://" + ops
	opens(t, ops)
	if status, body, _ := s.ask(http.DefaultClient, "/readyz"); status != 503 || !strings.Contains(body, "engine-lost") {
		t.Errorf("/readyz while the relay waits: %d %s", status, body)
	}
	if status, _, _ := s.ask(http.DefaultClient, "/healthz"); status != 200 {
		t.Errorf("/healthz while the relay waits: %d", status)
	}
	if socket, err := net.Dial("tcp", s.addr); err == nil {
		socket.Close()
		t.Error("it takes connections while the relay waits")
	}
	if err := c.Cont(0); err != nil {
		t.Fatal(err)
	}
	s.url = ""
	s.serves()
	if status, body, _ := s.ask(http.DefaultClient, "/readyz"); status != 200 {
		t.Errorf("/readyz: %d %s", status, body)
	}
}

// Who is told to end while the relay waits for its cluster ends, and that is no failure.
func TestEndWhileWaitingForNATS(t *testing.T) {
	key := natsKey(t)
	ops := freeAddr(t)
	s := begin(t, "-ops", ops, "-nats", "nats://"+freeAddr(t), "-nats-key", key)
	opens(t, ops)
	told := time.Now()
	if err := s.stop(errTerminated); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if time.Since(told) > 10*time.Second {
		t.Error("it went on waiting, for the 20 s in which a cluster is to answer")
	}
	if strings.Contains(s.log.String(), "serving") {
		t.Error("it served after it was told to end")
	}
}

// The whole way from the command line to a NATS server and back.
func TestServerWithNATS(t *testing.T) {
	c, err := natstest.Start(t.Context(), t.TempDir(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	key := natsKey(t)
	args := []string{"-addr", freeAddr(t), "-module", "none", "-nats", c.URL(0), "-nats-key", key, "-nats-replicas", "1"}
	url, stop := start(t, args...)
	if r, body := get(t, url+"/v1/slot/"+strings.Repeat("ab", 20)); r.StatusCode != 204 {
		t.Errorf("an empty slot: %d %s", r.StatusCode, body)
	}
	if _, err := stop(); err != nil {
		t.Error(err)
	}
}
