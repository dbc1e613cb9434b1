package turn

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// What cannot be accepted now, for want of files, may be accepted later: pion would never accept again.
func TestAcceptGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &failing{errs: make([]error, 12), at: net.TCPAddrFromAddrPort(netip.MustParseAddrPort("192.0.2.1:1"))}
		for i := range l.errs {
			l.errs[i] = &net.OpError{Op: "accept", Err: syscall.EMFILE}
		}
		began := time.Now()
		c, err := (&listener{Listener: l, set: newConnSet(DefaultMaxConns, 1, newStarts()), way: byTCP}).Accept()
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		if took, want := time.Since(began), 1275*time.Millisecond+4*time.Second; took != want { // 5 ms, 10, 20 ... 640, and a second each
			t.Errorf("accepted after %v, want %v", took, want)
		}
		l.errs = append(l.errs, fmt.Errorf("accept: %w", net.ErrClosed))
		if _, err := (&listener{Listener: l, set: newConnSet(DefaultMaxConns, 1, newStarts())}).Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a closed listener says %v", err)
		}
	})
}

// failing returns its errors one after the other, and then a connection.
type failing struct {
	errs []error
	at   net.Addr
}

func (f *failing) Accept() (net.Conn, error) {
	if len(f.errs) > 0 {
		err := f.errs[0]
		f.errs = f.errs[1:]
		return nil, err
	}
	conn, _ := net.Pipe()
	return remote{conn, f.at}, nil
}

func (f *failing) Close() error   { return nil }
func (f *failing) Addr() net.Addr { return f.at }
