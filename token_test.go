package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The program makes the tokens that it takes.
func TestTokenCommand(t *testing.T) {
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	if err := os.WriteFile(key, []byte(strings.Repeat("0a", 32)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := run(t.Context(), []string{"token", "-publish-key", key}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	token, err := base64.RawURLEncoding.DecodeString(strings.TrimSuffix(out.String(), "\n"))
	if err != nil || len(token) != 40 {
		t.Fatalf("it printed %q: %v", &out, err)
	}
	s := launch(t, "-publish-key", key)
	for _, test := range []struct {
		token []byte
		want  int
	}{{nil, 401}, {token, 204}, {make([]byte, 40), 401}} {
		res, err := http.Post(s.url+"/v1/pub", "application/octet-stream", bytes.NewReader(append(make([]byte, 20+4096), test.token...)))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != test.want {
			t.Errorf("a post with a token of %d bytes: %d, want %d", len(test.token), res.StatusCode, test.want)
		}
	}
	if strings.Contains(s.log.String(), "0a0a") {
		t.Errorf("the log tells the key: %s", s.log)
	}

	short, none := filepath.Join(dir, "short"), filepath.Join(dir, "none")
	if err := os.WriteFile(short, []byte("deadbeef"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{short, none, dir} {
		for _, args := range [][]string{{"token", "-publish-key", file}, {"-addr", "127.0.0.1:0", "-module", noModule, "-publish-key", file}} {
			err := run(t.Context(), args, io.Discard, io.Discard)
			if err == nil || !strings.Contains(err.Error(), "openssl rand -hex 32") || strings.Contains(err.Error(), "deadbeef") {
				t.Errorf("%v: %v; want an error that says what to do", args, err)
			}
		}
	}
	var bad *usageError
	if err := run(t.Context(), []string{"token"}, io.Discard, io.Discard); !errors.As(err, &bad) {
		t.Errorf("token without a key: %v, want a usageError", err)
	}
}
