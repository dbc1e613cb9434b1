//go:build !js

package peer

import (
	"errors"
	"net"

	"github.com/pion/ice/v4"
	"github.com/pion/logging"
)

// Mux is a UDP port that any number of connections share, such as the tines of a caller's fork.
//
// What comes is told apart by the address it comes from, so between two ports there can be only one connection: a second
// one takes the packets of the first. That is why a port is to be shared by the tines of calls made, not by those of
// calls taken: then only one end of a connection is a shared port, and any number of them can go between two programs.
type Mux struct {
	mux   ice.UDPMux
	addrs []net.Addr
}

// NewMux listens on a UDP address. That is the one which the other side gets, such as "192.0.2.1:5004"; without a host,
// such as ":5004", it is that port on every address which this machine has now, besides loopback ones. A loopback address
// such as "127.0.0.1:0" is only used by connections with Config.Loopback.
func NewMux(listenAddr string) (*Mux, error) {
	addr, err := net.ResolveUDPAddr("udp", listenAddr)
	if err != nil {
		return nil, err
	}
	logs := logging.NewDefaultLoggerFactory()
	logs.DefaultLogLevel = logging.LogLevelDisabled
	logger := logs.NewLogger("ice")
	if len(addr.IP) == 0 || addr.IP.IsUnspecified() {
		mux, err := ice.NewMultiUDPMuxFromPort(addr.Port, ice.UDPMuxFromPortWithLogger(logger))
		if err != nil {
			return nil, err
		}
		m := &Mux{mux, mux.GetListenAddresses()}
		if len(m.addrs) == 0 {
			m.Close()
			return nil, errors.New("failed to listen: this machine has no address")
		}
		return m, nil
	}
	conn, err := net.ListenUDP("udp", addr)
	if err != nil {
		return nil, err
	}
	mux := ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: conn, Logger: logger})
	return &Mux{mux, mux.GetListenAddresses()}, nil
}

// Addrs returns the addresses listened on, at least one.
func (m *Mux) Addrs() []net.Addr { return m.addrs }

// Close frees the port. Connections that use it are lost.
func (m *Mux) Close() error { return m.mux.Close() }
