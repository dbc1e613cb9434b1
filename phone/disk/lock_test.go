//go:build !js

package disk

import (
	"bufio"
	"context"
	"errors"
	"testing"
	"time"
)

func TestLock(t *testing.T) {
	dir := t.TempDir()
	a, b := open(t, dir), open(t, dir)
	unlock, err := a.Lock(t.Context(), "account")
	if err != nil {
		t.Fatal(err)
	}
	// Neither another lock nor the values are locked with it.
	if err := b.Put(t.Context(), "account", nil, 0); err != nil {
		t.Error(err)
	}
	if unlock, err := b.Lock(t.Context(), "contacts"); err != nil {
		t.Error(err)
	} else {
		unlock()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := b.Lock(ctx, "account"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a lock that is held was given: %v", err)
	}
	done := make(chan error)
	go func() {
		unlock, err := b.Lock(t.Context(), "account")
		if err == nil {
			unlock()
		}
		done <- err
	}()
	unlock()
	unlock() // does nothing, and frees nobody else's
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestLockOfTheDead kills a process that holds a lock: it is free then, and not before.
func TestLockOfTheDead(t *testing.T) {
	dir := t.TempDir()
	cmd := other(t, "hold", dir)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	bufio.NewReader(stdout).ReadString('\n')
	s := open(t, dir)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.Lock(ctx, "account"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a lock that another process holds was given: %v", err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	unlock, err := s.Lock(t.Context(), "account")
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}
