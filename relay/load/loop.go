//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// loop does what clients do, all of it in one thread: it begins to send each message when it is due, and reads from every
// connection that has something. The generator shares the machine with the server under load, so what it takes must be little;
// a goroutine for each connection takes twice as much.
type loop struct {
	epoll int
	quit  chan struct{}
	done  chan struct{}
	tick  func(now time.Time) // called about every tickEvery; may be nil

	planned sync.Mutex // held while some of the plan is carried out
	plan    *plan

	mu      sync.Mutex
	sockets map[int32]*socket
	lost    int
}

const (
	tickEvery = 5 * time.Millisecond
	// What one read takes at most. Whatever is left is read the next time round.
	readSize = 1 << 17
)

// plan is when to call begin for each of n messages: begin(i) is due at due(i).
type plan struct {
	n     int
	due   func(i int) time.Time
	begin func(i int)

	next  int // of the loop alone
	begun atomic.Int64
}

// socket is a connection of the loop. Its methods, and take, are called in the loop's thread.
type socket struct {
	loop *loop
	fd   int
	// take is given what has been read and not been used yet, and returns how much of it it uses now. It must keep none of it.
	take func(p []byte) (used int, err error)
	// end is called once when the connection ends by itself or by an error. It may be nil.
	end  func()
	rest []byte // read, and not used yet
	out  []byte // to be written as soon as that is possible
}

func newLoop(tick func(now time.Time)) (*loop, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("failed to make an event loop: %w", err)
	}
	l := &loop{epoll: fd, quit: make(chan struct{}), done: make(chan struct{}), tick: tick, sockets: map[int32]*socket{}}
	go l.run()
	return l, nil
}

// add makes the loop read from a connection. It takes the connection over: c is closed.
func (l *loop) add(c net.Conn, take func([]byte) (int, error), end func()) (*socket, error) {
	defer c.Close()
	raw, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		return nil, err
	}
	s := &socket{loop: l, take: take, end: end}
	var dupErr error
	err = raw.Control(func(fd uintptr) { s.fd, dupErr = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) })
	if err := errors.Join(err, dupErr); err != nil {
		return nil, fmt.Errorf("failed to take over a connection: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sockets[int32(s.fd)] = s
	if err := unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, s.fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(s.fd)}); err != nil {
		delete(l.sockets, int32(s.fd))
		unix.Close(s.fd)
		return nil, fmt.Errorf("failed to listen to a connection: %w", err)
	}
	return s, nil
}

// do carries out a plan, and returns when everything has been begun.
func (l *loop) do(ctx context.Context, p *plan) {
	set := func(p *plan) {
		l.planned.Lock()
		defer l.planned.Unlock()
		l.plan = p
	}
	set(p)
	defer set(nil)
	for int(p.begun.Load()) < p.n && ctx.Err() == nil {
		time.Sleep(tickEvery)
	}
}

// failed returns how many connections ended by themselves.
func (l *loop) failed() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost
}

// close ends the loop and all its connections.
func (l *loop) close() {
	close(l.quit)
	<-l.done
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.sockets {
		unix.Close(s.fd)
	}
	unix.Close(l.epoll)
}

func (l *loop) run() {
	defer close(l.done)
	runtime.LockOSThread() // and its timers are exact to a microsecond, not to fifty
	defer runtime.UnlockOSThread()
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1000, 0, 0, 0)
	events := make([]unix.EpollEvent, 128)
	buf := make([]byte, readSize)
	var ticked time.Time
	for {
		select {
		case <-l.quit:
			return
		default:
		}
		now := time.Now()
		if l.tick != nil && now.Sub(ticked) >= tickEvery {
			l.tick(now)
			ticked = now
		}
		wait := l.begin()
		n, err := unix.EpollWait(l.epoll, events, 0)
		if n <= 0 || err != nil {
			// Nothing has come: sleep until something does or is due, which EpollWait knows to the millisecond only.
			if wait > 0 {
				ts := unix.NsecToTimespec(int64(min(wait, tickEvery)))
				_, _ = unix.Ppoll([]unix.PollFd{{Fd: int32(l.epoll), Events: unix.POLLIN}}, &ts, nil)
			}
			continue
		}
		for _, e := range events[:n] {
			l.mu.Lock()
			s := l.sockets[e.Fd]
			l.mu.Unlock()
			if s != nil {
				s.handle(e.Events, buf)
			}
		}
	}
}

// begin begins to send what is due, and returns how long it is until the next message is.
func (l *loop) begin() time.Duration {
	l.planned.Lock()
	defer l.planned.Unlock()
	p := l.plan
	if p == nil {
		return tickEvery
	}
	for p.next < p.n {
		if wait := time.Until(p.due(p.next)); wait > 0 {
			return wait
		}
		p.begin(p.next)
		p.next++
		p.begun.Store(int64(p.next))
		if p.next%16 == 0 {
			return 0 // what has come must be read too
		}
	}
	return tickEvery
}

func (s *socket) handle(events uint32, buf []byte) {
	if events&unix.EPOLLOUT != 0 {
		s.flush()
	}
	if events&^unix.EPOLLOUT == 0 {
		return
	}
	n, err := unix.Read(s.fd, buf)
	switch {
	case err == unix.EAGAIN || err == unix.EINTR:
		return
	case err != nil || n == 0:
		s.fail()
		return
	}
	p := buf[:n]
	if len(s.rest) > 0 {
		s.rest = append(s.rest, p...)
		p = s.rest
	}
	used, err := s.take(p)
	if err != nil {
		s.fail()
		return
	}
	s.rest = append(s.rest[:0], p[used:]...)
}

// write sends p, or keeps what the kernel has no room for.
func (s *socket) write(p []byte) error {
	if len(s.out) > 0 {
		s.out = append(s.out, p...)
		return nil
	}
	n, err := unix.Write(s.fd, p)
	if err == unix.EAGAIN || err == unix.EINTR {
		n, err = 0, nil
	}
	if err != nil {
		return err
	}
	if n < len(p) {
		s.out = append(s.out, p[n:]...)
		return s.listen(unix.EPOLLIN | unix.EPOLLOUT)
	}
	return nil
}

func (s *socket) flush() {
	n, err := unix.Write(s.fd, s.out)
	if err != nil {
		return // it shows when it is read from
	}
	if s.out = append(s.out[:0], s.out[n:]...); len(s.out) == 0 {
		_ = s.listen(unix.EPOLLIN)
	}
}

func (s *socket) listen(events uint32) error {
	return unix.EpollCtl(s.loop.epoll, unix.EPOLL_CTL_MOD, s.fd, &unix.EpollEvent{Events: events, Fd: int32(s.fd)})
}

// fail ends a connection that cannot go on.
func (s *socket) fail() {
	s.loop.mu.Lock()
	delete(s.loop.sockets, int32(s.fd))
	s.loop.lost++
	s.loop.mu.Unlock()
	unix.Close(s.fd)
	if s.end != nil {
		s.end()
	}
}

var errProtocol = errors.New("the server sent something else")
