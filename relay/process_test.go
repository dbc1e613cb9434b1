package relay

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"ringfork/relay/limit"
	"ringfork/relay/natstest"
)

const processEnv = "RINGFORK_TEST_RELAY"

// TestMain runs a relay instead of the tests when a test started this program for that.
func TestMain(m *testing.M) {
	if text := os.Getenv(processEnv); text != "" {
		if err := runRelayProcess(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// relayProcess is a relay in a process of its own, whose only limits are those of the machine.
type relayProcess struct {
	*natstest.Process
	settings processSettings
}

type processSettings struct {
	Addr   string
	Origin string
	NATS   NATSConfig
}

// startRelayProcess starts a relay and waits until it serves. Without a port in its settings it takes one that is free.
func startRelayProcess(s processSettings) (*relayProcess, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	var p *natstest.Process
	// Somebody may have taken the port meanwhile, and may give it back.
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), processEnv+"="+string(text))
		var stderr strings.Builder
		cmd.Stderr = &stderr
		stdout, w := io.Pipe()
		cmd.Stdout = w
		if p, err = natstest.StartProcess(cmd); err != nil {
			return nil, err
		}
		go func() {
			<-p.Done
			w.Close()
		}()
		line, err := bufio.NewReader(stdout).ReadString('\n')
		if err == nil {
			s.Addr = strings.TrimSpace(line)
			return &relayProcess{p, s}, nil
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("a relay does not start: %s", stderr.String())
		}
	}
}

// runRelayProcess is the whole life of such a process.
func runRelayProcess(text string) error {
	var s processSettings
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return err
	}
	cfg := Config{Origins: []string{s.Origin}, NATS: s.NATS, ClientFactor: 1e4}
	cfg.tuning.mailbox = limit.Rate{PerSecond: 1e4, Burst: 1e4}
	cfg.tuning.clientPosts = limit.Rate{PerSecond: 1e4, Burst: 1e4}
	r, err := New(context.Background(), cfg)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", s.Addr)
	if err != nil {
		return errors.Join(err, r.Close())
	}
	mux := http.NewServeMux()
	mux.Handle("/v1/", r.Handler())
	mux.HandleFunc("/server", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, r.store.Conn().ConnectedServerName()) })
	srv := &http.Server{Handler: mux}
	go srv.Serve(l)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	fmt.Println(l.Addr())
	<-ctx.Done()
	within, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	r.Drain(within, time.Second)
	return errors.Join(srv.Shutdown(within), r.Close())
}

// server returns the name of the NATS server that the relay is connected to.
func (p *relayProcess) server() (string, error) {
	c := http.Client{Timeout: 5 * time.Second}
	res, err := c.Get("http://" + p.settings.Addr + "/server")
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	name, err := io.ReadAll(res.Body)
	return string(name), err
}
