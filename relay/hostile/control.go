package hostile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
)

// Control is what POST /control takes, as JSON: one of these, or an array of them, done in order.
type Control struct {
	Add    *Rule   `json:"add,omitempty"`
	Replay *Replay `json:"replay,omitempty"`
	Clear  bool    `json:"clear,omitempty"` // remove all rules
	Cut    bool    `json:"cut,omitempty"`   // break all connections
}

// Replay is the argument of Relay.Replay.
type Replay struct {
	Frame int    `json:"frame"`        // its place in Record.Frames
	To    string `json:"to,omitempty"` // a mailbox; empty: the one it was posted to
	Ms    int    `json:"ms,omitempty"` // in how many milliseconds
}

// Do does what c says.
func (r *Relay) Do(c Control) error {
	if c.Clear {
		r.Clear()
	}
	if c.Add != nil {
		if err := r.Add(*c.Add); err != nil {
			return err
		}
	}
	if c.Replay != nil {
		if err := r.Replay(*c.Replay); err != nil {
			return err
		}
	}
	if c.Cut {
		r.Cut()
	}
	return nil
}

// serveControl serves POST /control and GET /control/record, to this machine only.
func (r *Relay) serveControl(w http.ResponseWriter, req *http.Request) {
	switch {
	case !isLocal(req):
		http.Error(w, "control is for the machine of the test", http.StatusForbidden)
	case req.Method == http.MethodGet && req.URL.Path == "/control/record":
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(r.Record())
	case req.Method == http.MethodPost && req.URL.Path == "/control":
		body, err := readAll(w, req)
		if err == nil {
			err = r.control(body)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	default:
		http.NotFound(w, req)
	}
}

func (r *Relay) control(body []byte) error {
	var list []Control
	if !bytes.HasPrefix(bytes.TrimSpace(body), []byte("[")) {
		body = fmt.Appendf(nil, "[%s]", body)
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields() // a misspelt rule is a test that tests nothing
	if err := d.Decode(&list); err != nil {
		return fmt.Errorf("failed to read the command: %w", err)
	}
	if len(list) == 0 || slices.Contains(list, Control{}) {
		return errors.New("a command says nothing to do")
	}
	for _, c := range list {
		if err := r.Do(c); err != nil {
			return err
		}
	}
	return nil
}

// readAll reads a request's body, which is of maxBody bytes at most.
func readAll(w http.ResponseWriter, req *http.Request) ([]byte, error) {
	return io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody))
}

// isLocal reports whether a request comes from this machine.
func isLocal(req *http.Request) bool {
	host, _, err := net.SplitHostPort(req.RemoteAddr)
	ip := net.ParseIP(host)
	return err == nil && ip != nil && ip.IsLoopback()
}
