//go:build linux

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

	"github.com/gorilla/websocket"
)

// frameSize is the length of every frame of Ringfork's relay, in bytes.
const frameSize = 4096

// ringfork is Ringfork's relay: frames are posted by POST /v1/pub and read over WebSockets, one mailbox each. docs/RELAY.md
// describes the messages.
type ringfork struct {
	url    string
	host   string
	events *loop
	to     [][20]byte // address of each connection's mailbox

	// All of the following is the loop's alone.
	most    int       // posters
	posters int       // that are open
	free    []*poster // that have an answer to what they posted last
	waiting []message // for one of these
	buf     []byte
}

// poster is a kept-alive connection for posts, which has one under way at a time.
type poster struct {
	t      *ringfork
	socket *socket
	done   func(error) // of the post under way
}

func newRingfork(o options) (*ringfork, error) {
	events, err := newLoop(nil)
	if err != nil {
		return nil, err
	}
	return &ringfork{url: o.url, host: strings.TrimPrefix(o.url, "http://"), events: events, to: make([][20]byte, o.conns), most: o.senders}, nil
}

func (t *ringfork) loop() *loop { return t.events }

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
	fail := func(what string, err error) error {
		ws.Close()
		return fmt.Errorf("failed to %s: %w", what, err)
	}
	hello, err := ws.read()
	if err != nil {
		return fail("read hello", err)
	}
	if len(hello) != 33 || hello[0] != 0x01 {
		return fail("read hello", errProtocol)
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
	end, err := ws.read()
	if err != nil {
		return fail("read the backlog's end", err)
	}
	if len(end) == 0 || end[0] != 0x03 {
		return fail("read the backlog's end", fmt.Errorf("the relay said %q", end[min(21, len(end)):]))
	}
	_, err = t.events.listen(ws, func(m []byte) {
		if len(m) == 25+frameSize && m[0] == 0x02 {
			got(m[25:])
		}
	})
	return err
}

func (t *ringfork) send(m message) {
	if len(t.free) == 0 && t.posters < t.most {
		if err := t.dialPoster(t.posters); err != nil {
			m.begins()
			m.done(err)
			return
		}
	}
	t.waiting = append(t.waiting, m)
	t.post()
}

func (t *ringfork) dialPoster(i int) error {
	conn, err := (&net.Dialer{LocalAddr: source(i)}).Dial("tcp", t.host)
	if err != nil {
		return err
	}
	p := &poster{t: t}
	if p.socket, err = t.events.add(conn, p.take, p.end); err != nil {
		return err
	}
	t.posters++
	t.free = append(t.free, p)
	return nil
}

// post gives each message that waits a poster, while there are some.
func (t *ringfork) post() {
	for len(t.waiting) > 0 && len(t.free) > 0 {
		m, p := t.waiting[0], t.free[0] // in turns
		t.waiting, t.free = t.waiting[1:], t.free[1:]
		m.begins()
		p.done = m.done
		if err := p.socket.write(t.request(m)); err != nil {
			p.socket.fail()
		}
	}
}

// request returns a request as a browser's, in one piece. It is good until the next one.
func (t *ringfork) request(m message) []byte {
	frame, to := m.payload(), t.to[m.to]
	t.buf = fmt.Appendf(t.buf[:0], "POST /v1/pub HTTP/1.1\r\nHost: %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n",
		t.host, len(to)+len(frame))
	t.buf = append(append(t.buf, to[:]...), frame...)
	return t.buf
}

// take reads an answer.
func (p *poster) take(b []byte) (used int, err error) {
	head := bytes.Index(b, []byte("\r\n\r\n"))
	if head < 0 {
		return 0, nil
	}
	if bytes.HasPrefix(b, []byte("HTTP/1.1 204 ")) {
		p.answered(nil)
		return head + 4, nil
	}
	r := bytes.NewReader(b)
	buffered := bufio.NewReader(r)
	res, err := http.ReadResponse(buffered, nil)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return 0, nil // the rest comes
	}
	if err != nil {
		return 0, err
	}
	p.answered(refusal{res.StatusCode, string(bytes.TrimSpace(body))})
	return len(b) - r.Len() - buffered.Buffered(), nil
}

func (p *poster) answered(err error) {
	if done := p.done; done != nil {
		p.done = nil
		done(err)
	}
	p.t.free = append(p.t.free, p)
	p.t.post()
}

// end is called when the connection is gone.
func (p *poster) end() {
	p.t.posters--
	for i, free := range p.t.free {
		if free == p {
			p.t.free = append(p.t.free[:i:i], p.t.free[i+1:]...)
			break
		}
	}
	if p.done != nil {
		p.done(errors.New("the connection ended before the answer to a post"))
		p.done = nil
	}
}

// refusal is an answer of the server that is no success.
type refusal struct {
	status int
	body   string
}

func (r refusal) Error() string {
	return fmt.Sprintf("the server answers with %d: %s", r.status, r.body)
}

func (t *ringfork) close() { t.events.close() }
