package relay

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"ringfork/relay/limit"
	"ringfork/relay/store"
)

// FuzzHTTP hands the relay whatever net/http takes for a request. It answers each with a status that is documented and, where
// it refuses, with a code; and it goes on serving.
func FuzzHTTP(f *testing.F) {
	m := mailboxOf(1)
	post := string(append(m.address[:], make([]byte, FrameSize)...))
	value := string(m.slotValue(1, "content"))
	for _, seed := range []string{
		"GET /v1/sub HTTP/1.1\r\nHost: relay\r\n\r\n",
		"GET /v1/sub HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
		"GET /v1/sub HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: x\r\n\r\n",
		fmt.Sprintf("POST /v1/pub HTTP/1.1\r\nHost: relay\r\nContent-Length: %d\r\n\r\n%s", len(post), post),
		"POST /v1/pub HTTP/1.1\r\nHost: relay\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		"POST /v1/pub HTTP/1.1\r\nHost: relay\r\nContent-Length: 99999999999\r\n\r\n",
		fmt.Sprintf("PUT /v1/slot/%x?replaces=0 HTTP/1.1\r\nHost: relay\r\nContent-Length: %d\r\n\r\n%s", m.address, len(value), value),
		fmt.Sprintf("GET /v1/slot/%x HTTP/1.1\r\nHost: relay\r\nOrigin: null\r\n\r\n", m.address),
		"GET /v1/slot/..%2f..%2fetc HTTP/1.1\r\nHost: relay\r\n\r\n",
		"GET /v1%2fslot/..%2f.?%2fetc HTTP/1.1\r\nHost: relay\r\n\r\n",
		"GET /v2/sub HTTP/1.1\r\nHost: relay\r\n\r\n",
		"OPTIONS /v1/slot/x HTTP/1.1\r\nHost: relay\r\nOrigin: http://x\r\nAccess-Control-Request-Method: PUT\r\n\r\n",
		"GET /v1/ice HTTP/1.0\r\nAuthorization: Bearer AAAA\r\n\r\n",
		"GET //v1/../v1/pub HTTP/1.1\r\nHost: relay\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\n",
	} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	handlers := map[bool]http.Handler{}
	for _, guarded := range []bool{false, true} {
		r := startRelay(f, func(c *Config) {
			c.ClientFactor = 1e6
			c.tuning.clientPosts = limit.Rate{PerSecond: 1e6, Burst: 1e6}
			c.tuning.mailbox = limit.Rate{PerSecond: 1e6, Burst: 1e6}
			if guarded {
				c.PublishKey, c.Allow = make([]byte, PublishKeySize), []string{"http://app"}
			}
		})
		handlers[guarded] = r.Handler()
	}
	f.Fuzz(func(t *testing.T, raw []byte, guarded bool) {
		req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
		if err != nil {
			return
		}
		req.RemoteAddr = "192.0.2.1:1"
		w := httptest.NewRecorder()
		handlers[guarded].ServeHTTP(w, req)
		switch {
		case w.Code == http.StatusOK || w.Code == http.StatusNoContent:
			if guarded && req.Method == http.MethodPost {
				t.Errorf("a post without a token was taken: %q", raw)
			}
		case w.Code >= 300 && w.Code < 400: // the path is not in its plain form
			if where := w.Header().Get("Location"); !strings.HasPrefix(where, "/") || strings.HasPrefix(where, "//") || strings.HasPrefix(where, "/\\") {
				t.Errorf("sent away to %q", where)
			}
		case req.URL.Path == "/v1/sub" && w.Code == http.StatusInternalServerError: // a recorder is no connection to take over
		case w.Code >= 500 && w.Code != http.StatusServiceUnavailable: // that is said where a busy machine stores nothing in time
			t.Errorf("%d %s to %q", w.Code, w.Body, raw)
		case req.Method == http.MethodHead:
		case req.RequestURI == "*" && w.Code == http.StatusBadRequest: // net/http's own answer
		default:
			var said struct{ Code, Error string }
			if json.Unmarshal(w.Body.Bytes(), &said) != nil || said.Code == "" || said.Error == "" {
				t.Errorf("%d without a code: %q to %q", w.Code, w.Body, raw)
			}
		}
	})
}

// FuzzSession sends whatever bytes after a good handshake and a good subscription, and hangs up. The relay ends the connection,
// if not by itself then because the client did, and the next one is served as if nothing had been.
func FuzzSession(f *testing.F) {
	masked := func(first byte, payload string) []byte { // with a key of zeros: RFC 6455, section 5.2
		switch {
		case len(payload) < 126:
			return slices.Concat([]byte{first, 0x80 | byte(len(payload)), 0, 0, 0, 0}, []byte(payload))
		default:
			return slices.Concat([]byte{first, 0x80 | 126, byte(len(payload) >> 8), byte(len(payload)), 0, 0, 0, 0}, []byte(payload))
		}
	}
	m := mailboxOf(2)
	for _, seed := range [][]byte{
		{},
		masked(0x82, "\x12"+string(m.address[:])),
		masked(0x82, "\x11"+strings.Repeat("x", 96)),
		masked(0x02, "\x12half"), // a fragment without an end
		slices.Concat(masked(0x02, "\x12"), masked(0x89, "ping"), masked(0x80, string(m.address[:]))),
		masked(0x81, "text"),
		masked(0x88, "\x03\xe8bye"),
		masked(0x88, "\x00"),
		masked(0x8a, "pong"),
		masked(0x82, strings.Repeat("x", 5000)),
		masked(0xf2, "reserved"),
		{0x82, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, // unmasked, and very long
		{0x82, 0x05, 'p', 'l', 'a', 'i', 'n'},
	} {
		f.Add(seed)
	}
	r := startRelay(f, func(c *Config) { c.ClientFactor = 1e6 })
	where := r.http.Listener.Addr().String()
	f.Fuzz(func(t *testing.T, p []byte) {
		for _, bytes := range [][]byte{p, nil} { // then one that says nothing wrong
			c, err := net.Dial("tcp", where)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			c.SetDeadline(time.Now().Add(20 * time.Second))
			io.WriteString(c, "GET /v1/sub HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
			in := bufio.NewReader(c)
			res, err := http.ReadResponse(in, nil)
			if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
				t.Fatalf("the handshake is answered with %v, %v", res, err)
			}
			hello := make([]byte, 2+1+nonceSize)
			if _, err := io.ReadFull(in, hello); err != nil || hello[2] != msgHello {
				t.Fatalf("hello is %x, %v", hello, err)
			}
			if _, err := c.Write(masked(0x82, string(m.subscribe(r.origin, hello[3:])))); err != nil {
				t.Fatal(err)
			}
			end := make([]byte, 2+1+addressSize)
			if _, err := io.ReadFull(in, end); err != nil || end[2] != msgEnd {
				t.Fatalf("the end of the backlog is %x, %v", end, err)
			}
			c.Write(bytes) // which may fail: the relay may end it before the last of them
			c.(*net.TCPConn).CloseWrite()
			if _, err := io.Copy(io.Discard, in); err != nil && !strings.Contains(err.Error(), "reset") {
				t.Fatalf("the connection is not ended: %v", err)
			}
		}
	})
}

// mailboxOf returns the same mailbox for the same number, in each of the fuzzer's processes.
func mailboxOf(seed byte) mailbox {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
	return mailbox{store.AddressOf(key.Public().(ed25519.PublicKey)), key}
}
