package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"ringfork/keys"
	"ringfork/peer"
	"ringfork/phone"
	"ringfork/relay/client"
	"ringfork/relay/natstest"
)

// clientIP is where the clients of TestScrub come from: one that stands in no file by chance.
const clientIP = "127.83.149.71"

// TestScrub runs the program, has people call each other through it, and then looks for them in all that is left: what it
// printed and logged, its metrics, every file it wrote, and each message that NATS holds, with subject and headers. There is
// no address of a mailbox or a slot, no public key, no account, device, card, call or name, no IP address of a client, and no
// 16 bytes in a row of what they keep secret, as they are or in hex or base64.
func TestScrub(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot send Ctrl-C to another here")
	}
	for name, how := range map[string]func(t *testing.T) (args []string, dir string, stored func(*haystack)){
		"embedded": func(t *testing.T) ([]string, string, func(*haystack)) {
			dir := t.TempDir()
			return []string{"-data", dir}, dir, func(*haystack) {}
		},
		"NATS": func(t *testing.T) ([]string, string, func(*haystack)) {
			dir := t.TempDir()
			cluster, err := natstest.Start(t.Context(), dir, 1)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(cluster.Close)
			key := filepath.Join(t.TempDir(), "key")
			if err := os.WriteFile(key, []byte(strings.Repeat("5e", 32)), 0o600); err != nil {
				t.Fatal(err)
			}
			args := []string{"-data", "none", "-nats", cluster.URL(0), "-nats-key", key, "-nats-replicas", "1"}
			return args, dir, func(h *haystack) { h.addNATS(t, cluster.URL(0)) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			args, dir, stored := how(t)
			proxy := newProxy(t)
			addr, ops := freeAddr(t), freeAddr(t)
			cmd := program(t, append([]string{"-addr", addr, "-origin", proxy.url(), "-ops", ops, "-module", noModule}, args...)...)
			log, out := newRecord(), newRecord()
			cmd.Stderr, cmd.Stdout = log, out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			waitFor(t, "the program serves", func() bool { return strings.Contains(out.String(), "\n") })
			proxy.to = addr
			go proxy.run()

			secrets := people(t, proxy.url())
			hay := &haystack{}
			metrics := hay.addURL(t, "http://"+ops+"/metrics")
			for _, path := range []string{"/healthz", "/readyz"} {
				hay.addURL(t, "http://"+ops+path)
			}
			stored(hay)
			hay.addFiles(t, dir)
			cmd.Process.Signal(os.Interrupt)
			if err := cmd.Wait(); err != nil {
				t.Errorf("the program ended with %v", err)
			}
			hay.addFiles(t, dir) // as they are left behind
			hay.add("stderr", []byte(log.String()))
			hay.add("stdout", []byte(out.String()))

			if !strings.Contains(metrics, "ringfork_frames_posted_total") || !strings.Contains(log.String(), "msg=ended") {
				t.Errorf("there are no metrics, or no log: %.300s, %s", metrics, log)
			}
			if len(hay.parts) < 8 || hay.size() < 16<<10 {
				t.Errorf("only %d bytes in %d parts were looked at", hay.size(), len(hay.parts))
			}
			if name == "NATS" && !hay.contains("age-encryption.org") {
				t.Error("no frame was looked at")
			}
			for _, found := range secrets.search(hay) {
				t.Error(found)
			}
			t.Logf("%d bytes in %d parts hold none of %d secrets", hay.size(), len(hay.parts), secrets.total())

			// The search finds what is there, however it is written.
			for what, text := range map[string]string{
				"raw":        "x" + string(secrets.probe) + "x",
				"hex":        "x" + hex.EncodeToString(secrets.probe),
				"upper case": strings.ToUpper(hex.EncodeToString(secrets.probe)),
				"base64":     " " + spell(secrets.probe)[3][2:],
				"in between": spell(append([]byte("x"), secrets.probe...))[4],
				"a name":     "Alice Liddell",
				"IP":         "addr=" + clientIP + ":1",
				"raw IP":     "\x00" + rawIP,
			} {
				if len(secrets.search(&haystack{parts: []part{{"planted", []byte(text)}}})) == 0 {
					t.Errorf("a secret in %s was not found", what)
				}
			}
		})
	}
}

// people open phones at a relay, become contacts, call, decline and hang up, and tell everything about themselves.
func people(t *testing.T, origin string) *secrets {
	s := newSecrets()
	homes := map[string]*home{"Alice Liddell": newHome(), "Bob Cratchit": newHome()}
	open := func(name, label string) *resident {
		c, err := client.New(origin)
		if err != nil {
			t.Fatal(err)
		}
		r := &resident{events: make(chan phone.Event, 1000)}
		r.Phone, err = phone.Open(t.Context(), phone.Config{
			Transport: &telling{c, s}, Store: homes[name], Media: silence{}, Name: name, Label: label,
			Peer: func(phone.Direction) peer.Config { return peer.Config{Loopback: true} },
			On:   func(e phone.Event) { r.events <- e },
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(r.Close)
		s.name(name)
		s.name(label)
		return r
	}
	alice, bob, too := open("Alice Liddell", "Looking-glass"), open("Bob Cratchit", "Counting-house"), open("Bob Cratchit", "Camden Town")
	add := func(a, b *resident) {
		t.Helper()
		waitFor(t, "a card can be found", func() bool {
			_, err := a.AddContact(t.Context(), b.Card(), "")
			if err != nil && phone.Code(err) != phone.CodeSlotEmpty {
				t.Fatal(err)
			}
			if err != nil {
				time.Sleep(50 * time.Millisecond) // a client may not ask as often as it likes
			}
			return err == nil
		})
	}
	add(alice, bob)
	add(bob, alice)

	call, err := alice.Call(bob.Account(), phone.MediaKinds{Audio: true})
	if err != nil {
		t.Fatal(err)
	}
	bob.rings(t, call)
	too.rings(t, call)
	if err := too.PickUp(call, phone.MediaKinds{Audio: true}); err != nil {
		t.Fatal(err)
	}
	alice.is(t, call, "active")
	too.is(t, call, "active")
	bob.is(t, call, "ended")
	alice.HangUp(call)
	too.is(t, call, "ended")

	// The other endpoint of Bob's may only now hear that it was answered elsewhere, and would hang up what it dials.
	declined, err := too.Call(alice.Account(), phone.MediaKinds{Audio: true, Video: true})
	if err != nil {
		t.Fatal(err)
	}
	alice.rings(t, declined)
	alice.Decline(declined, true)
	too.is(t, declined, "ended")

	for _, r := range []*resident{alice, bob} {
		id := r.Account()
		s.secret(r.Name()+"'s account", id[:])
		s.text(r.Name()+"'s card", r.Card()[strings.IndexByte(r.Card(), '#')+1:])
		s.secret(r.Name()+"'s call", call[:])
		s.secret(r.Name()+"'s other call", declined[:])
		for _, d := range r.Devices() {
			s.secret(r.Name()+"'s device", d.ID[:])
		}
		kept := homes[r.Name()].all()
		account, err := keys.ParseAccount(kept["account"])
		if err != nil {
			t.Fatal(err)
		}
		card := account.Card()
		s.secret(r.Name()+"'s slot", card.Slot[:])
		s.secret(r.Name()+"'s slot secret", card.Secret[:])
		for key, value := range kept {
			s.secret("what "+r.Name()+" stores as "+key, value)
		}
	}
	s.probe = homes["Alice Liddell"].all()["account"][40:80]
	return s
}

// resident is a phone and what it told.
type resident struct {
	*phone.Phone
	events chan phone.Event
	seen   []phone.Event
}

func (r *resident) await(t *testing.T, what string, ok func(phone.Event) bool) {
	t.Helper()
	for _, e := range r.seen {
		if ok(e) {
			return
		}
	}
	timeout := time.After(patience)
	for {
		select {
		case e := <-r.events:
			if r.seen = append(r.seen, e); ok(e) {
				return
			}
		case <-timeout:
			t.Fatalf("no %s; drops %v", what, r.Drops())
		}
	}
}

func (r *resident) rings(t *testing.T, call phone.CallID) {
	t.Helper()
	r.await(t, "ring", func(e phone.Event) bool { i, ok := e.(phone.Incoming); return ok && i.Call.View.Call == call })
}

func (r *resident) is(t *testing.T, call phone.CallID, state string) {
	t.Helper()
	r.await(t, state, func(e phone.Event) bool {
		c, ok := e.(phone.CallChanged)
		return ok && c.Call.View.Call == call && c.Call.State.String() == state
	})
}

// telling is a transport that tells which addresses and keys go through it.
type telling struct {
	*client.Client
	secrets *secrets
}

func (t *telling) Subscribe(m phone.Mailbox, onFrame func([]byte, time.Duration), onBacklogEnd func()) func() {
	a := m.Address()
	t.secrets.secret("the address of a mailbox that is read", a[:])
	key, _ := m.Prove("http://elsewhere", make([]byte, 32))
	t.secrets.secret("the key of a mailbox", key)
	return t.Client.Subscribe(m, onFrame, onBacklogEnd)
}

func (t *telling) Publish(ctx context.Context, to [20]byte, frame []byte) error {
	t.secrets.secret("the address of a mailbox that is posted to", to[:])
	return t.Client.Publish(ctx, to, frame)
}

func (t *telling) GetSlot(ctx context.Context, a [20]byte) ([]byte, error) {
	t.secrets.secret("the address of a slot that is read", a[:])
	return t.Client.GetSlot(ctx, a)
}

func (t *telling) PutSlot(ctx context.Context, a [20]byte, value []byte, replaces uint64) error {
	t.secrets.secret("the address of a slot that is written", a[:])
	t.secrets.secret("keys and signature of a slot's value", value[8:136])
	t.secrets.secret("the content of a slot's value", value[136:200])
	return t.Client.PutSlot(ctx, a, value, replaces)
}

// home is a profile's store.
type home struct {
	mu     sync.Mutex
	locks  map[string]*sync.Mutex
	values map[string]kept
}

type kept struct {
	value   []byte
	version uint64
}

func newHome() *home { return &home{locks: map[string]*sync.Mutex{}, values: map[string]kept{}} }

func (h *home) Get(_ context.Context, key string) ([]byte, uint64, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.values[key].value, h.values[key].version, nil
}

func (h *home) Put(_ context.Context, key string, value []byte, version uint64) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.values[key].version != version {
		return fs.ErrExist
	}
	h.values[key] = kept{append([]byte(nil), value...), version + 1}
	return nil
}

// all returns what is kept now.
func (h *home) all() map[string][]byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := map[string][]byte{}
	for key, k := range h.values {
		out[key] = k.value
	}
	return out
}

func (h *home) Lock(_ context.Context, name string) (func(), error) {
	h.mu.Lock()
	l := h.locks[name]
	if l == nil {
		l = &sync.Mutex{}
		h.locks[name] = l
	}
	h.mu.Unlock()
	l.Lock()
	return l.Unlock, nil
}

// silence is media that nobody sends.
type silence struct{}

func (silence) Attach(phone.CallID, *phone.Conn) {}
func (silence) Show(phone.CallID, *phone.Conn)   {}
func (silence) Detach(phone.CallID)              {}

// proxy hands TCP connections on to the program, which sees them come from clientIP.
type proxy struct {
	net.Listener
	to     string
	dialer net.Dialer
	wg     sync.WaitGroup
}

func newProxy(t *testing.T) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{Listener: l}
	if probe, err := net.Listen("tcp", clientIP+":0"); err == nil {
		probe.Close()
		p.dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(clientIP)}
	} // else clients come from where all do, and IP addresses are not looked for in earnest
	t.Cleanup(func() { l.Close(); p.wg.Wait() })
	return p
}

func (p *proxy) url() string { return "http://" + p.Addr().String() }

func (p *proxy) run() {
	for {
		in, err := p.Accept()
		if err != nil {
			return
		}
		out, err := p.dialer.Dial("tcp", p.to)
		if err != nil {
			in.Close()
			continue
		}
		for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
			p.wg.Go(func() {
				io.Copy(way[1], way[0])
				way[0].Close()
				way[1].Close()
			})
		}
	}
}

// haystack is all that is left of the calls, in parts.
type haystack struct{ parts []part }

type part struct {
	name  string
	bytes []byte
}

func (h *haystack) add(name string, b []byte) { h.parts = append(h.parts, part{name, b}) }

func (h *haystack) size() (n int) {
	for _, p := range h.parts {
		n += len(p.bytes)
	}
	return n
}

func (h *haystack) contains(text string) bool {
	for _, p := range h.parts {
		if strings.Contains(string(p.bytes), text) {
			return true
		}
	}
	return false
}

func (h *haystack) addURL(t *testing.T, url string) string {
	t.Helper()
	_, body := get(t, url)
	h.add(url, body)
	return string(body)
}

// addFiles adds all files below a folder, and their names, but for those that a program removes meanwhile.
func (h *haystack) addFiles(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path != dir {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		h.add(filepath.Base(path), append([]byte(path[len(dir):]+"\n"), b...))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// addNATS adds every message that the streams of a NATS server hold, also those in memory.
func (h *haystack) addNATS(t *testing.T, url string) {
	t.Helper()
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	for info := range js.ListStreams(t.Context()).Info() {
		stream, err := js.Stream(t.Context(), info.Config.Name)
		if err != nil {
			t.Fatal(err)
		}
		h.add(info.Config.Name, fmt.Appendf(nil, "%+v", *info))
		for seq := info.State.FirstSeq; seq <= info.State.LastSeq; seq++ {
			if m, err := stream.GetMsg(t.Context(), seq); err == nil { // else it was replaced, or is too old
				h.add(info.Config.Name+" "+m.Subject, fmt.Appendf(nil, "%s\n%v\n%s", m.Subject, m.Header, m.Data))
			}
		}
	}
}
