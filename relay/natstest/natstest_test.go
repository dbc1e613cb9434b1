package natstest

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

func TestCluster(t *testing.T) {
	began := time.Now()
	c, err := Start(t.Context(), t.TempDir(), 3)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	t.Logf("started in %v", time.Since(began))
	const stream = "things"
	err = c.with(func(js jetstream.JetStream) error {
		_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: stream, Subjects: []string{"thing.>"}, Replicas: 3})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	old, err := c.Leader(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	began = time.Now()
	c.Kill(old)
	var leader int
	for leader = old; leader == old; {
		if leader, err = c.Leader(t.Context(), stream); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("server %d leads instead of %d after %v", leader, old, time.Since(began))
	if err := c.Stop(leader); err != nil {
		t.Fatal(err)
	}
	if err := c.Cont(leader); err != nil {
		t.Fatal(err)
	}
	if err := c.Stop(old); err == nil {
		t.Error("a server that is dead could be stopped")
	}
	if err := c.Restart(old); err != nil {
		t.Fatal(err)
	}
	if err := c.WaitReady(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	if err := c.Shutdown(old); err != nil {
		t.Fatal(err)
	}
	if err := c.DeleteStreams(t.Context()); err != nil {
		t.Fatal(err)
	}
}
