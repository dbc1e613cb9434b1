//go:build !js

package phone

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"ringfork/keys"
	"ringfork/relay/client"
)

// counting is a transport that counts the mailboxes that are read.
type counting struct {
	Transport
	n    atomic.Int32
	open atomic.Int32 // those that are read now
	off  bool         // it never says that it is connected
}

func (c *counting) Subscribe(m Mailbox, onFrame func([]byte, time.Duration), onBacklogEnd func()) func() {
	c.n.Add(1)
	c.open.Add(1)
	cancel := c.Transport.Subscribe(m, onFrame, onBacklogEnd)
	return func() { c.open.Add(-1); cancel() }
}

func (c *counting) Start(onState func(string)) {
	if !c.off {
		c.Transport.Start(onState)
	}
}

// TestManyMailboxes opens a phone with many contacts: it is there without a word about their mailboxes, which are all read as
// soon as the relay can be reached.
func TestManyMailboxes(t *testing.T) {
	const many = 40
	w := newTown(t)
	store := newMemory()
	w.open("Alice", store, nil).Close()
	now := time.Now()
	err := changeContacts(t.Context(), store, func(l *keys.Contacts) (bool, error) {
		for i := range many {
			a := keys.NewAccount(fmt.Sprint("friend ", i), "", now)
			if err := l.Add(keys.Contact{Name: a.Name(), Card: a.Card(), Public: a.Public(now)}); err != nil {
				return false, err
			}
		}
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}

	transport, err := client.New(w.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	offline := &counting{Transport: transport, off: true}
	p, err := Open(t.Context(), Config{Transport: offline, Store: store, Media: newTone(t)})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(p.Contacts()); n != many {
		t.Errorf("%d contacts, want %d", n, many)
	}
	pumped := make(chan struct{})
	p.queue.put(func() { close(pumped) })
	<-pumped
	if n := offline.n.Load(); n != 2 {
		t.Errorf("before the relay is there %d mailboxes were made, want the inbox and that of the own devices", n)
	}
	p.Close()

	online := &counting{}
	w.open("", store, func(c *Config) { online.Transport = c.Transport; c.Transport = online })
	eventually(t, "all mailboxes", func() bool { return online.n.Load() == 2+many })
}
