package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// frameSize is the length of every frame of Ringfork's relay, in bytes.
const frameSize = 4096

// ringfork is Ringfork's relay: frames are posted by POST /v1/pub and read over WebSockets, one mailbox each. docs/RELAY.md
// describes the messages.
type ringfork struct {
	url     string
	host    string
	readers readers
	to      [][20]byte // address of each connection's mailbox
	posters []*poster
}

// poster is a kept-alive connection for posts, used by one at a time.
type poster struct {
	conn net.Conn
	r    *bufio.Reader
	buf  []byte
}

func newRingfork(o options) *ringfork {
	return &ringfork{
		url: o.url, host: strings.TrimPrefix(o.url, "http://"), to: make([][20]byte, o.conns), posters: make([]*poster, o.senders),
	}
}

func (t *ringfork) open(ctx context.Context, i int, got func([]byte)) error {
	seed := sha256.Sum256(fmt.Appendf(nil, "load %d", i))
	key := ed25519.NewKeyFromSeed(seed[:])
	public := key.Public().(ed25519.PublicKey)
	sum := sha256.Sum256(public)
	address := [20]byte(sum[:20])
	t.to[i] = address

	ws, err := dialWebSocket(ctx, t.url+"/v1/sub", i)
	if err != nil {
		return err
	}
	buf := make([]byte, frameSize+64)
	fail := func(what string, err error) error {
		ws.Close()
		return fmt.Errorf("failed to %s: %w", what, err)
	}
	hello, err := readInto(ws, buf)
	if err != nil {
		return fail("read hello", err)
	}
	if len(hello) != 33 || hello[0] != 0x01 {
		return fail("read hello", errors.New("it is something else"))
	}
	var signed []byte
	for _, field := range [][]byte{[]byte("ringfork/1/mailbox"), []byte(t.url), hello[1:], address[:]} {
		signed = binary.BigEndian.AppendUint32(signed, uint32(len(field)))
		signed = append(signed, field...)
	}
	proof := append(append([]byte{0x11}, public...), ed25519.Sign(key, signed)...)
	if err := ws.WriteMessage(websocket.BinaryMessage, proof); err != nil {
		return fail("subscribe", err)
	}
	end, err := readInto(ws, buf)
	if err != nil {
		return fail("read the backlog's end", err)
	}
	if len(end) == 0 || end[0] != 0x03 {
		return fail("read the backlog's end", fmt.Errorf("the relay said %q", end[min(21, len(end)):]))
	}
	t.readers.start(ws, buf, func(m []byte) {
		if len(m) == 25+frameSize && m[0] == 0x02 {
			got(m[25:])
		}
	})
	return nil
}

func (t *ringfork) send(ctx context.Context, sender, to int, payload []byte) error {
	p := t.posters[sender]
	if p == nil {
		var err error
		if p, err = t.dialPoster(ctx, sender); err != nil {
			return err
		}
	}
	err := p.post(t.host, t.to[to], payload)
	var refused refusal
	if err != nil && !errors.As(err, &refused) {
		p.conn.Close()
		t.posters[sender] = nil
	}
	return err
}

func (t *ringfork) dialPoster(ctx context.Context, sender int) (*poster, error) {
	conn, err := (&net.Dialer{LocalAddr: source(sender)}).DialContext(ctx, "tcp", t.host)
	if err != nil {
		return nil, err
	}
	t.posters[sender] = &poster{conn, bufio.NewReaderSize(conn, 1024), nil}
	return t.posters[sender], nil
}

// refusal is an answer of the server that is no success.
type refusal struct {
	status int
	body   string
}

func (r refusal) Error() string {
	return fmt.Sprintf("the server answers with %d: %s", r.status, r.body)
}

// post sends a request as a browser does, but in one write and without what net/http would do beside: the less the generator
// takes, the more is left of the machine for the server.
func (p *poster) post(host string, to [20]byte, frame []byte) error {
	p.buf = fmt.Appendf(p.buf[:0], "POST /v1/pub HTTP/1.1\r\nHost: %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n",
		host, len(to)+len(frame))
	p.buf = append(append(p.buf, to[:]...), frame...)
	p.conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := p.conn.Write(p.buf); err != nil {
		return fmt.Errorf("failed to post: %w", err)
	}
	res, err := http.ReadResponse(p.r, nil)
	if err != nil {
		return fmt.Errorf("failed to read the answer to a post: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusNoContent {
		return nil
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("failed to read the answer to a post: %w", err)
	}
	return refusal{res.StatusCode, string(bytes.TrimSpace(body))}
}

func (t *ringfork) failed() int { return t.readers.failed() }

func (t *ringfork) close() {
	t.readers.close()
	for _, p := range t.posters {
		if p != nil {
			p.conn.Close()
		}
	}
}
