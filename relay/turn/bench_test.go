package turn

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/stun/v4"

	"ringfork/relay"
)

// How much a TURN server relays on this machine, and what that costs it: 50 allocations in pairs, each sends to its other one
// by a channel, a packet as soon as the last one has arrived. Server and generator are processes of their own on the same cores.
//
//	COTURN=turnserver go test ./relay/turn -run '^$' -bench Relayed -benchtime 3s -count 3
const (
	benchPairs  = 25
	benchPacket = 1200 // bytes, about what a browser sends of a picture
)

func BenchmarkRelayedByRingfork(b *testing.B) {
	at, users, process := serveApart(b)
	benchRelayed(b, at, users, process)
}

func BenchmarkRelayedByCoturn(b *testing.B) {
	at, process := coturnProcess(b, "allow-loopback-peers", "allowed-peer-ip=127.0.0.1", "max-bps=0")
	var users []relay.ICEServer
	for range 2 * benchPairs {
		servers, _ := External{URLs: []string{"turn:" + at}, Secret: []byte(coturnSecret)}.ICEServers()
		users = append(users, servers[0])
	}
	benchRelayed(b, at, users, process)
}

func benchRelayed(b *testing.B, at string, users []relay.ICEServer, server *os.Process) {
	const number = 0x4000
	var pairs [benchPairs][2]*wire
	for i := range pairs {
		var relayed [2]netip.AddrPort
		for j := range relayed {
			user := users[2*i+j]
			w := newWire(b, "udp", at, user.Username, user.Credential)
			r := w.ask(w.build(stun.MethodAllocate, stun.ClassRequest, overUDP))
			if w.nonce.GetFrom(r) != nil || w.realm.GetFrom(r) != nil {
				b.Fatalf("who says no name is answered %v", r.Type)
			}
			r = w.ask(w.build(stun.MethodAllocate, stun.ClassRequest, w.signed([]stun.Setter{overUDP})...))
			var mapped stun.XORMappedAddress
			if code := codeOf(r); code != 0 || mapped.GetFromAs(r, stun.AttrXORRelayedAddress) != nil {
				b.Fatalf("allocate: %d", code)
			}
			relayed[j] = (&net.UDPAddr{IP: mapped.IP, Port: mapped.Port}).AddrPort()
			relayed[j] = netip.AddrPortFrom(relayed[j].Addr().Unmap(), relayed[j].Port())
			pairs[i][j] = w
		}
		for j, w := range pairs[i] {
			if code := w.bind(number, relayed[1-j]); code != 0 {
				b.Fatalf("channel: %d", code)
			}
		}
	}
	var left, lost atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	b.SetBytes(benchPacket)
	before := cpuTime(b, server)
	b.ResetTimer()
	began := time.Now()
	for _, pair := range pairs {
		for j, w := range pair {
			wg.Go(func() {
				data, buf := strings.Repeat("x", benchPacket), make([]byte, 2000)
				other := pair[1-j]
				for left.Add(-1) >= 0 {
					w.sendBy(number, data)
					other.conn.SetReadDeadline(time.Now().Add(time.Second))
					if _, _, err := other.conn.ReadFrom(buf); errors.Is(err, os.ErrDeadlineExceeded) {
						lost.Add(1)
					} else if err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
	}
	wg.Wait()
	took := time.Since(began).Seconds()
	b.StopTimer()
	gbit := float64(int64(b.N)-lost.Load()) * benchPacket * 8 / 1e9
	b.ReportMetric(gbit*1000/took, "Mbit/s")
	b.ReportMetric((cpuTime(b, server)-before).Seconds()/gbit, "CPU-s/Gbit")
	b.ReportMetric(float64(lost.Load()), "lost")
	b.ReportMetric(0, "ns/op")
}

// cpuTime is what a process has used, user and kernel.
func cpuTime(b *testing.B, process *os.Process) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", process.Pid))
	if err != nil {
		b.Skip("only Linux tells what another process has used")
	}
	var user, kernel int64 // the 14th and 15th field, in hundredths of a second; the second one may have spaces, in parentheses
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &kernel); err != nil {
		b.Fatal(err)
	}
	return time.Duration(user+kernel) * 10 * time.Millisecond
}

// serveVar has the test program be a server for a benchmark.
const serveVar = "RINGFORK_TEST_TURN"

type served struct {
	At    string
	Users []relay.ICEServer
}

// serveApart starts a server in a process of its own, with one set of credentials for each allocation.
func serveApart(b *testing.B) (at string, users []relay.ICEServer, process *os.Process) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestServe$")
	cmd.Env = append(os.Environ(), serveVar+"=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close()
		cmd.Wait()
	})
	var s served
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		b.Fatal(err)
	}
	if err := json.Unmarshal(line, &s); err != nil {
		b.Fatal(err)
	}
	return s.At, s.Users, cmd.Process
}

// TestServe is no test: it is the server of serveApart, until its standard input ends.
func TestServe(t *testing.T) {
	if os.Getenv(serveVar) == "" {
		t.Skip("it serves benchmarks")
	}
	s := start(t, Config{Limits: 1000})
	out := served{At: s.Addr().String()}
	for range 2 * benchPairs {
		servers, _ := s.ICEServers()
		for _, server := range servers {
			if server.Username != "" {
				out.Users = append(out.Users, server)
				break
			}
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(out); err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, os.Stdin)
}
