package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// engine is NATS, and the relay's one connection to it: a server in this process (startEmbedded), or a cluster elsewhere
// (connectCluster). All that follows is the same for both.
//
// The order of the connection is relied on: a server handles what it is sent one after the other, and its answers come back
// in that order. In a cluster that holds for what one server does; what several do may come in any order, and then a frame
// may be delivered twice, but not be lost.
type engine struct {
	nc   *nats.Conn
	js   jetstream.JetStream
	acks *acks
	srv  *server.Server // nil if it is not ours
	lock *os.File       // of its folder; nil if it keeps nothing there
	log  *slog.Logger

	replicas    int
	mailboxKey  []byte // by which the subjects of mailboxes are hashed, and those of slots
	slotKey     []byte
	slotBucket  string
	slotStorage jetstream.StorageType

	back func() // is called when the connection was lost and is there again

	mu    sync.Mutex
	epoch context.Context // ends when the connection is lost
	end   context.CancelFunc
}

// These bound one question to the engine, which answers in a millisecond unless it is in trouble.
const (
	requestTimeout = 5 * time.Second
	askTimeout     = time.Second // for one server
)

func withTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, requestTimeout)
}

// connect makes the connection. What went past while it was away is in the backlog, so that readers are to read that again.
func (e *engine) connect(url string, options ...nats.Option) error {
	e.newEpoch()
	var err error
	e.nc, err = nats.Connect(url, append(options,
		nats.Name("ringfork relay"),
		nats.MaxReconnects(-1),
		nats.NoCallbacksAfterClientClose(),
		nats.DisconnectErrHandler(func(*nats.Conn, error) {
			e.log.Warn("the engine is lost")
			e.newEpoch()
		}),
		nats.ReconnectHandler(func(*nats.Conn) {
			e.log.Info("the engine is back")
			e.back()
		}),
		// Without one NATS would write to standard error. That it drops messages the dispatcher sees by itself.
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))...)
	if err != nil {
		return err
	}
	if e.acks, err = newAcks(e.nc); err != nil {
		return err
	}
	e.js, err = jetstream.New(e.nc)
	return err
}

func (e *engine) newEpoch() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.end != nil {
		e.end()
	}
	e.epoch, e.end = context.WithCancel(context.Background())
}

// connected reports whether the relay's connection to the server is open.
func (e *engine) connected() bool { return e.nc != nil && e.nc.IsConnected() }

// stop ends the connection and, if it is ours, the server, and waits for both.
func (e *engine) stop() {
	if e.nc != nil {
		e.nc.Close()
	}
	e.mu.Lock() // NATS may still be telling that the connection was lost before
	if e.end != nil {
		e.end()
	}
	e.mu.Unlock()
	if e.srv != nil {
		e.srv.Shutdown()
		e.srv.WaitForShutdown()
	}
	if e.lock != nil {
		e.lock.Close()
	}
}

// request asks the engine and waits for the answer. When the connection is lost meanwhile it asks again, for either may be
// lost with it: so what is asked for must be safe to be done twice.
func (e *engine) request(ctx context.Context, msg *nats.Msg) (*nats.Msg, error) {
	for {
		e.mu.Lock()
		epoch := e.epoch
		e.mu.Unlock()
		try, cancel := context.WithCancel(ctx)
		stop := context.AfterFunc(epoch, cancel)
		reply, err := e.nc.RequestMsgWithContext(try, msg)
		stop()
		cancel()
		if err == nil || ctx.Err() != nil || epoch.Err() == nil || e.nc.IsClosed() {
			return reply, err
		}
	}
}

// ask is request for what is asked of one server among several, which may hang: then another one may answer the next time.
func (e *engine) ask(ctx context.Context, msg *nats.Msg) (*nats.Msg, error) {
	for {
		try, cancel := context.WithTimeout(ctx, askTimeout)
		reply, err := e.request(try, msg)
		cancel()
		if err == nil || ctx.Err() != nil {
			return reply, err
		}
		select {
		case <-time.After(askTimeout / 10): // it may have said at once that there is nobody
		case <-ctx.Done():
		}
	}
}

// apiError is what JetStream says when it does not do what it was asked for.
type apiError struct {
	Code        int    `json:"err_code"`
	Description string `json:"description"`
}

func (a *apiError) Error() string { return a.Description }

// is reports whether the error is one of those that have these codes.
func (a *apiError) is(ids ...server.ErrorIdentifier) bool {
	for _, id := range ids {
		if a.Code == int(id) {
			return true
		}
	}
	return false
}

// full reports whether something was not stored for want of room.
func (a *apiError) full() bool {
	return a.Description == server.ErrMaxBytes.Error() || a.is(server.JSInsufficientResourcesErr, server.JSMemoryResourcesExceededErr,
		server.JSStorageResourcesExceededErr, server.JSAccountResourcesExceededErr)
}

// publish has a stream store a message, and waits for its answer until done or a time has passed. When the connection is lost
// meanwhile it asks again, as request does. The error is an *apiError if the stream said no; of any other the outcome is not
// known.
func (e *engine) publish(done <-chan struct{}, patience time.Duration, msg *nats.Msg) error {
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		err := e.publishOnce(done, timeout.C, msg)
		if err != errConnLost || e.nc.IsClosed() {
			return err
		}
	}
}

// errConnLost is that the connection was lost before the answer came: it may have come to the connection before.
var errConnLost = fmt.Errorf("%w: the connection was lost", errNoAnswer)

func (e *engine) publishOnce(done <-chan struct{}, timeout <-chan time.Time, msg *nats.Msg) error {
	e.mu.Lock()
	lost := e.epoch.Done()
	e.mu.Unlock()
	ack := make(chan error, 1)
	number, reply := e.acks.expect(ack)
	defer e.acks.forget(number)
	msg.Reply = reply
	if err := e.nc.PublishMsg(msg); err != nil {
		return err
	}
	select {
	case err := <-ack:
		return err
	case <-lost:
		return errConnLost
	case <-timeout:
	case <-done:
	}
	return errNoAnswer
}

// errNoMessage is that a stream has no message of a subject.
var errNoMessage = errors.New("there is no such message")

// stored is the last message of a subject, as a stream has it.
type stored struct {
	sequence uint64
	data     []byte
	subject  string // as the leader says
}

// lastOfLeader asks the leader of a stream, which knows all that was ever acknowledged, for a subject's last message. It
// takes as long as there is no leader.
func (e *engine) lastOfLeader(ctx context.Context, stream, subject string) (stored, error) {
	body, err := json.Marshal(map[string]string{"last_by_subj": subject})
	if err != nil {
		panic("internal error: " + err.Error())
	}
	reply, err := e.ask(ctx, &nats.Msg{Subject: "$JS.API.STREAM.MSG.GET." + stream, Data: body})
	if err != nil {
		return stored{}, err
	}
	var answer struct {
		Error   *apiError `json:"error"`
		Message *struct {
			Sequence uint64 `json:"seq"`
			Data     []byte `json:"data"`
			Subject  string `json:"subject"`
		} `json:"message"`
	}
	switch err := json.Unmarshal(reply.Data, &answer); {
	case err != nil:
		return stored{}, err
	case answer.Error != nil && answer.Error.is(server.JSNoMessageFoundErr):
		return stored{}, errNoMessage
	case answer.Error != nil:
		return stored{}, answer.Error
	case answer.Message == nil:
		return stored{}, errors.New("the answer is none")
	}
	return stored{answer.Message.Sequence, answer.Message.Data, answer.Message.Subject}, nil
}

// lastOfAny asks whichever server has a copy of the stream. What it has was acknowledged, but others may have more.
func (e *engine) lastOfAny(ctx context.Context, stream, subject string) (stored, error) {
	reply, err := e.ask(ctx, &nats.Msg{Subject: "$JS.API.DIRECT.GET." + stream + "." + subject})
	if err != nil {
		return stored{}, err
	}
	switch status := reply.Header.Get("Status"); status {
	case "":
		seq, err := headerSequence(reply.Header)
		return stored{sequence: seq, data: reply.Data}, err
	case "404":
		return stored{}, errNoMessage
	default:
		return stored{}, fmt.Errorf("status %s", status)
	}
}

// headerSequence returns the stream sequence of a message that was read from a stream.
func headerSequence(h nats.Header) (uint64, error) {
	return strconv.ParseUint(h.Get("Nats-Sequence"), 10, 64)
}
