package store

import (
	"errors"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

func TestParseAck(t *testing.T) {
	for _, test := range []struct {
		data string
		want string // of the error; empty: none
	}{
		{`{"stream":"s", "seq":7}`, ""},
		{`{"stream":"s", "domain":"d", "seq":7,"duplicate":true}`, ""},
		{`{"seq":7,"stream":"s"}`, ""},
		{`{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"},"stream":"s","seq":0}`, "maximum bytes exceeded"},
		{`{"stream":"s","seq":0,"error":{"code":400,"err_code":10060,"description":"no"}}`, "no"},
		{`{"seq":7}`, errNoAck.Error()},
		{`{"stream":`, "end of JSON"},
		{``, "end of JSON"},
	} {
		err := parseAck(&nats.Msg{Data: []byte(test.data)})
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", test.data, err, test.want)
		}
	}
	err := parseAck(&nats.Msg{Header: nats.Header{"Status": {"503"}}})
	if !errors.Is(err, errNoStream) {
		t.Errorf("nobody answered: %v", err)
	}
}

// What a real stream says is understood, and nothing of a message is kept when its answer is here, or given up.
func TestAcks(t *testing.T) {
	s := openStore(t, Config{})
	a, frame := Address{1}, make([]byte, FrameSize)
	if err := s.Post(t.Context(), a, frame); err != nil {
		t.Fatal(err)
	}
	var api *apiError
	err := s.engine.publish(nil, postTimeout, &nats.Msg{Subject: s.Subject(a) + ".x", Data: frame})
	if err != nil {
		t.Fatal(err)
	}
	err = s.engine.publish(nil, postTimeout, &nats.Msg{Subject: s.Subject(a) + ".x", Data: frame})
	if !errors.As(err, &api) || api.Description != server.ErrMaxMsgsPerSubject.Error() {
		t.Errorf("a second message of a subject: %v", err)
	}
	if err := s.engine.publish(nil, postTimeout, &nats.Msg{Subject: "nobody.here"}); !errors.Is(err, errNoStream) {
		t.Errorf("a subject of no stream: %v", err)
	}
	done := make(chan struct{})
	close(done)
	if err := s.engine.publish(done, postTimeout, &nats.Msg{Subject: "ringfork.elsewhere"}); err == nil {
		t.Error("what was given up was stored")
	}
	s.engine.acks.mu.Lock()
	defer s.engine.acks.mu.Unlock()
	if n := len(s.engine.acks.waiting); n != 0 {
		t.Errorf("%d answers are still waited for", n)
	}
}
