package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ringfork/relay"
)

// lanLife is for how long a certificate is made. Some systems take none of more than 825 days, whoever made it.
const lanLife = 365 * 24 * time.Hour

// lanCertificate returns the files of a certificate for this machine's addresses, made anew when there is none, or it ends
// within a month, or the machine has an address now that it does not name.
func (s *server) lanCertificate() (certFile, keyFile string, err error) {
	dir, err := s.slotsDir()
	if err != nil {
		return "", "", err
	}
	if dir == "" {
		if dir, err = os.MkdirTemp("", "ringfork-lan-"); err != nil {
			return "", "", err
		}
		s.cleanUp = append(s.cleanUp, func() error { return os.RemoveAll(dir) })
	}
	certFile, keyFile = filepath.Join(dir, "lan.crt"), filepath.Join(dir, "lan.key")
	addrs := s.lanAddrs()
	if lanCertificateServes(certFile, keyFile, addrs, time.Now()) {
		return certFile, keyFile, nil
	}
	certPEM, keyPEM, err := newCertificate(addrs, time.Now())
	if err != nil {
		return "", "", err
	}
	// The key first: a certificate that is there has its key.
	if err := os.WriteFile(keyFile, keyPEM, 0o600); err != nil {
		return "", "", err
	}
	return certFile, keyFile, os.WriteFile(certFile, certPEM, 0o644)
}

func lanCertificateServes(certFile, keyFile string, addrs []netip.Addr, now time.Time) bool {
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil || now.Before(pair.Leaf.NotBefore) || now.AddDate(0, 1, 0).After(pair.Leaf.NotAfter) {
		return false
	}
	return !slices.ContainsFunc(addrs, func(a netip.Addr) bool { return pair.Leaf.VerifyHostname(a.String()) != nil })
}

// newCertificate makes a self-signed certificate for localhost and these addresses, and its key, both in PEM.
func newCertificate(addrs []netip.Addr, now time.Time) (certPEM, keyPEM []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "Ringfork on this network"},
		NotBefore:    now.Add(-time.Hour), // a phone's clock may be behind
		NotAfter:     now.Add(lanLife),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:     []string{"localhost"},

		BasicConstraintsValid: true,
	}
	for _, a := range addrs {
		template.IPAddresses = append(template.IPAddresses, net.IP(a.AsSlice()))
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	var certOut, keyOut bytes.Buffer
	pem.Encode(&certOut, &pem.Block{Type: "CERTIFICATE", Bytes: der}) // to memory it does not fail
	pem.Encode(&keyOut, &pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	return certOut.Bytes(), keyOut.Bytes(), nil
}

// lanAddrs returns the addresses at which this server is found in its network, the one to show first, and this machine's own.
func (s *server) lanAddrs() []netip.Addr {
	if ip, err := netip.ParseAddr(s.host); err == nil && !ip.IsUnspecified() {
		return []netip.Addr{ip.Unmap()}
	}
	local := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	return append(lanOrder(ownAddrs(), outgoingAddr()), local)
}

// lanOrder returns what of own is an address in a local network: first the one that leads to others, then IPv4, since that is
// the shortest to type.
func lanOrder(own []netip.Addr, first netip.Addr) []netip.Addr {
	var addrs []netip.Addr
	for _, a := range own {
		if a.IsGlobalUnicast() && (a.IsPrivate() || a == first) {
			addrs = append(addrs, a)
		}
	}
	rank := func(a netip.Addr) int {
		switch {
		case a == first:
			return 0
		case a.Is4():
			return 1
		}
		return 2
	}
	slices.SortStableFunc(addrs, func(a, b netip.Addr) int { return rank(a) - rank(b) })
	return addrs
}

// outgoingAddr returns the address from which this machine would send to others, none if to nobody. Nothing is sent.
func outgoingAddr() netip.Addr {
	c, err := net.Dial("udp4", "192.0.2.1:9") // an address for documentation (RFC 5737): only the route is looked up
	if err != nil {
		return netip.Addr{}
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
}

// lanOrigins returns the origins of a server in its network, the one to show first.
func lanOrigins(addrs []netip.Addr, port string) []string {
	var origins []string
	for _, a := range addrs {
		origins = append(origins, relay.Origin("https", a.String(), port))
	}
	return append(origins, relay.Origin("https", "localhost", port))
}

// checkLAN refuses flags that say otherwise than -lan.
func (s *server) checkLAN() error {
	_, err := netip.ParseAddr(s.host)
	switch {
	case s.host != "" && err != nil:
		return badUsage("-lan needs an IP address in -addr, or none: the certificate is made for it")
	case s.tlsCert != "":
		return badUsage("-lan makes its own certificate: leave out -tls-cert and -tls-key")
	case s.turn.tlsPort != 0 || s.turn.anyTLSPort:
		return badUsage("-lan has no TURN over TLS, since who gets past a browser's warning does so for pages only: leave out -turn-tls")
	case len(s.origins) > 0:
		return badUsage("-lan is for pages at this machine's addresses: leave out -origin")
	}
	return nil
}

// lanTURN returns where clients find TURN: at the address that is shown.
func (s *server) lanTURN() netip.AddrPort {
	if s.turn.at.IsValid() {
		return s.turn.at
	}
	return netip.AddrPortFrom(s.lanAddrs()[0], 0)
}

// showLAN prints the QR code of the first origin, and where else the server is.
func (s *server) showLAN(stdout io.Writer, notice func(string), origins []string) {
	if code, err := terminalQR(origins[0], isTerminal(stdout)); err == nil { // no origin is too long for one
		fmt.Fprint(stdout, code)
	}
	notice("the certificate is of this machine's own making: browsers warn of it, once. Other addresses: " + strings.Join(origins[1:], ", "))
}
