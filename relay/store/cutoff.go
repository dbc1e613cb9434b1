package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// A server that does not reach most others keeps its clients, who are told of nothing: what is posted there is refused, and
// what is posted elsewhere is not heard there, until somebody mends the network. A relay leaves such a server for one that has
// a leader, if it finds one.

// cutOffAfter is how many questions in a row no leader answers before that: it takes longer to elect one.
const cutOffAfter = 3

// leaveCutOff asks so often whether the leader of the frames answers by way of the server that the relay is at, until ctx ends.
func (e *engine) leaveCutOff(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for missed := 0; ; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		switch {
		case !e.connected() || leaderAnswers(ctx, e.nc):
			missed = 0
			continue
		case missed+1 < cutOffAfter:
			missed++
			continue
		}
		if e.leaderElsewhere(ctx) && ctx.Err() == nil {
			e.log.Warn("the NATS server is cut off from the others: going to another one")
			_ = e.nc.ForceReconnect() // it fails when the engine is gone
			missed = 0
		}
	}
}

// leaderElsewhere reports whether the leader answers by way of another server.
func (e *engine) leaderElsewhere(ctx context.Context) bool {
	here := e.nc.ConnectedUrl()
	for _, url := range e.nc.Servers() {
		if url == here || ctx.Err() != nil {
			continue
		}
		o := e.nc.Opts
		o.Url, o.Servers, o.AllowReconnect, o.RetryOnFailedConnect = url, nil, false, false
		o.DisconnectedErrCB, o.ReconnectedCB, o.ReconnectErrCB = nil, nil, nil
		nc, err := o.Connect()
		if err != nil {
			continue
		}
		found := leaderAnswers(ctx, nc)
		nc.Close()
		if found {
			return true
		}
	}
	return false
}

// leaderAnswers asks for a frame that is not there.
func leaderAnswers(ctx context.Context, nc *nats.Conn) bool {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	body, err := json.Marshal(map[string]string{"last_by_subj": mailboxSubjects + "none.none"})
	if err != nil {
		panic("internal error: " + err.Error())
	}
	reply, err := nc.RequestWithContext(ctx, "$JS.API.STREAM.MSG.GET."+MailboxStream, body)
	if err != nil {
		return false
	}
	var answer struct {
		Error *apiError `json:"error"`
	}
	// A server that knows of no leader says so.
	return json.Unmarshal(reply.Data, &answer) == nil && (answer.Error == nil || !answer.Error.is(server.JSClusterNotAvailErr))
}
