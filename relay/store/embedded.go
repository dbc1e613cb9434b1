package store

import (
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrDirInUse is that another relay, perhaps in another process, keeps its slots in the folder.
var ErrDirInUse = errors.New("another server uses it")

// startEmbedded starts a server in this process that listens nowhere, keeps its files in dir and may use so much memory and
// disk. Unless keep, nothing in dir is to outlive it.
func (e *engine) startEmbedded(dir string, keep bool, memory, disk int64) error {
	e.replicas, e.slotBucket, e.slotStorage = 1, "slot-values", jetstream.MemoryStorage
	e.mailboxKey, e.slotKey = make([]byte, 32), make([]byte, 32)
	rand.Read(e.mailboxKey) // mailboxes are in memory
	rand.Read(e.slotKey)
	if keep {
		e.slotStorage = jetstream.FileStorage
		var err error
		// Two servers would write over what the other has acknowledged.
		if e.lock, err = lockDir(dir); err != nil {
			return fmt.Errorf("failed to lock the folder for slots: %w", err)
		}
		if e.slotKey, err = loadKey(filepath.Join(dir, "slot.key")); err != nil {
			return fmt.Errorf("failed to load the slot key: %w", err)
		}
	}
	srv, err := server.NewServer(&server.Options{
		ServerName:             "ringfork",
		DontListen:             true,
		NoLog:                  true,
		NoSigs:                 true,
		NoSystemAccount:        true,
		MaxPayload:             maxPayload,
		JetStream:              true,
		JetStreamMaxMemory:     memory,
		JetStreamMaxStore:      disk,
		StoreDir:               dir,
		SyncAlways:             true, // a slot that was acknowledged outlives a power cut
		DisableJetStreamBanner: true,
		NoSublistCache:         true, // no subject is used twice
	})
	if err != nil {
		return fmt.Errorf("failed to make the engine: %w", err)
	}
	e.srv = srv
	srv.Start()
	if !srv.ReadyForConnections(10*time.Second) || !srv.JetStreamEnabled() {
		return errors.New("failed to start the engine: its storage is not available")
	}
	if err := e.connect("", nats.InProcessServer(srv), nats.Timeout(10*time.Second), nats.ReconnectWait(20*time.Millisecond)); err != nil {
		return fmt.Errorf("failed to connect to the engine: %w", err)
	}
	return nil
}
