package natstest

import (
	"errors"
	"fmt"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
)

// Single starts one server with JetStream in this process, which keeps its files in dir and listens on a port that is free, and
// returns its URL and what ends it. change, if not nil, changes what it is started with.
func Single(dir string, change func(*natsserver.Options)) (url string, stop func(), err error) {
	opts := &natsserver.Options{Host: "127.0.0.1", Port: -1, NoLog: true, NoSigs: true, JetStream: true, StoreDir: dir}
	if change != nil {
		change(opts)
	}
	s, err := natsserver.NewServer(opts)
	if err != nil {
		return "", nil, fmt.Errorf("failed to make a NATS server: %w", err)
	}
	s.Start()
	stop = func() {
		s.Shutdown()
		s.WaitForShutdown()
	}
	if !s.ReadyForConnections(10 * time.Second) {
		stop()
		return "", nil, errors.New("the NATS server does not start")
	}
	return s.ClientURL(), stop, nil
}
