package relay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// engine is the embedded NATS server and the relay's one connection to it. The order of that connection is relied on: the
// server handles what it is sent one after the other, and its answers come back in that order.
type engine struct {
	srv *server.Server
	nc  *nats.Conn
	js  jetstream.JetStream
}

// startEngine starts a server that listens nowhere, keeps its files in dir and may use so much memory and disk.
func startEngine(dir string, memory, disk int64, conns *connSet) (*engine, error) {
	srv, err := server.NewServer(&server.Options{
		ServerName:             "ringfork",
		DontListen:             true,
		NoLog:                  true,
		NoSigs:                 true,
		NoSystemAccount:        true,
		MaxPayload:             2 * MaxSlotSize, // the largest message is a slot's value, with a few headers
		JetStream:              true,
		JetStreamMaxMemory:     memory,
		JetStreamMaxStore:      disk,
		StoreDir:               dir,
		SyncAlways:             true, // a slot that was acknowledged outlives a power cut
		DisableJetStreamBanner: true,
	})
	if err != nil {
		return nil, fmt.Errorf("failed to make the engine: %w", err)
	}
	e := &engine{srv: srv}
	srv.Start()
	if !srv.ReadyForConnections(10*time.Second) || !srv.JetStreamEnabled() {
		e.stop()
		return nil, errors.New("failed to start the engine: its storage is not available")
	}
	e.nc, err = nats.Connect("", nats.InProcessServer(srv), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond),
		// What was sent while the engine's own connection was away is in the backlog: the readers come back and read it.
		nats.DisconnectErrHandler(func(*nats.Conn, error) { conns.stopAll(closeUnavailable) }),
		// The engine drops messages of a subscription whose connection does not keep up: the same remedy.
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			if sub != nil && errors.Is(err, nats.ErrSlowConsumer) {
				conns.stopOwner(sub)
			}
		}),
		nats.NoCallbacksAfterClientClose())
	if err != nil {
		e.stop()
		return nil, fmt.Errorf("failed to connect to the engine: %w", err)
	}
	if e.js, err = jetstream.New(e.nc); err != nil {
		e.stop()
		return nil, fmt.Errorf("failed to connect to the engine: %w", err)
	}
	return e, nil
}

// connected reports whether the relay's connection to the server is open.
func (e *engine) connected() bool { return e.nc != nil && e.nc.IsConnected() }

// stop ends the connection and the server, and waits for both.
func (e *engine) stop() {
	if e.nc != nil {
		e.nc.Close()
	}
	e.srv.Shutdown()
	e.srv.WaitForShutdown()
}

// requestTimeout bounds one question to the engine, which answers in well under a millisecond.
const requestTimeout = 5 * time.Second

func withTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, requestTimeout)
}
