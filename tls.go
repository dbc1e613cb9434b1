package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"ringfork/relay"
)

// certificate is a certificate and its key in two PEM files. They are read again when they have changed, so that a server
// goes on with a renewed certificate without a restart.
type certificate struct {
	files [2]string // certificate, key
	log   *slog.Logger

	mu      sync.Mutex
	now     *tls.Certificate
	seen    [2]fs.FileInfo // of the files as they were when now was read, or when reading last failed
	checked time.Time
}

// loadCertificate reads a certificate for the first time.
func loadCertificate(certFile, keyFile string, log *slog.Logger) (*certificate, error) {
	c := &certificate{files: [2]string{certFile, keyFile}, log: log}
	seen, err := c.stat()
	if err != nil {
		return nil, err
	}
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, err
	}
	c.now, c.seen = &pair, seen
	return c, nil
}

// config returns what a listener for TLS needs.
func (c *certificate) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}
}

// checkEvery is how often the files are looked at.
const checkEvery = time.Second

// get returns the certificate for a handshake. One that cannot be read, perhaps because only one of the two files is there
// yet, leaves the one at hand in use.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.checked) < checkEvery {
		return c.now, nil
	}
	c.checked = time.Now()
	seen, err := c.stat()
	if err == nil && sameFile(seen[0], c.seen[0]) && sameFile(seen[1], c.seen[1]) {
		return c.now, nil
	}
	if err != nil && c.seen[0] == nil {
		return c.now, nil // said already
	}
	c.seen = seen
	pair, err := tls.LoadX509KeyPair(c.files[0], c.files[1])
	if err != nil {
		c.log.Warn("the new certificate cannot be read: the old one stays in use", "error", err)
		return c.now, nil
	}
	c.log.Info("certificate read again")
	c.now = &pair
	return c.now, nil
}

func (c *certificate) stat() (seen [2]fs.FileInfo, err error) {
	for i, name := range c.files {
		if seen[i], err = os.Stat(name); err != nil {
			return [2]fs.FileInfo{}, err
		}
	}
	return seen, nil
}

func sameFile(a, b fs.FileInfo) bool {
	return b != nil && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// origins returns the names by which pages may reach a server that has this certificate. A wildcard is no name.
func (c *certificate) origins(port string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var origins []string
	for _, name := range c.now.Leaf.DNSNames {
		if origin, err := relay.ParseOrigin(relay.Origin("https", name, port)); err == nil {
			origins = append(origins, origin)
		}
	}
	for _, ip := range c.now.Leaf.IPAddresses {
		origins = append(origins, relay.Origin("https", ip.String(), port))
	}
	return origins
}

// loadTLS returns the certificate to serve with, nil for plain HTTP.
func (s *server) loadTLS(log *slog.Logger) (*certificate, error) {
	certFile, keyFile := s.tlsCert, s.tlsKey
	if s.lan {
		var err error
		if certFile, keyFile, err = s.lanCertificate(); err != nil {
			return nil, fmt.Errorf("failed to make a certificate: %w", err)
		}
	} else if certFile == "" {
		return nil, nil
	}
	c, err := loadCertificate(certFile, keyFile, log)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("failed to read the certificate: %w; say where it is with -tls-cert FILE and -tls-key FILE", err)
	}
	if err != nil {
		return nil, fmt.Errorf("failed to read the certificate: %w", err)
	}
	return c, nil
}
