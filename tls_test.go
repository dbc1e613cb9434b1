package main

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// writeCertificate writes a new certificate for 127.0.0.1 into a folder and returns its files and it.
func writeCertificate(t *testing.T, dir string) (certFile, keyFile string, leaf *x509.Certificate) {
	t.Helper()
	certPEM, keyPEM, err := newCertificate([]netip.Addr{netip.MustParseAddr("127.0.0.1")}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, content := range map[string][]byte{certFile: certPEM, keyFile: keyPEM} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		t.Fatal(err)
	}
	return certFile, keyFile, pair.Leaf
}

// trusting returns a client that trusts these certificates, and speaks HTTP/2 where it can.
func trusting(t *testing.T, leaves ...*x509.Certificate) *http.Client {
	pool := x509.NewCertPool()
	for _, leaf := range leaves {
		pool.AddCert(leaf)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func TestServeTLS(t *testing.T) {
	certFile, keyFile, leaf := writeCertificate(t, t.TempDir())
	s := launch(t, "-turn-tls", "0", "-tls-cert", certFile, "-tls-key", keyFile)
	if !strings.HasPrefix(s.url, "https://") {
		t.Fatalf("it is at %s", s.url)
	}
	client := trusting(t, leaf)
	// A developer's other servers are at localhost too, and would be asked by https for a year.
	for host, strict := range map[string]bool{"calls.example": true, "calls.example:8443": true, "localhost": false, "localhost:8443": false} {
		status, _, h := s.ask(client, "/v1/ice", "Host", host)
		if got := h.Get("Strict-Transport-Security") != ""; status != 200 || got != strict {
			t.Errorf("over TLS, at %s: %d %v", host, status, h)
		}
	}
	res, err := client.Get(s.url + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.ProtoMajor != 2 {
		t.Errorf("the answer came by %s", res.Proto)
	}
	// That does not keep a WebSocket from being one, which needs HTTP/1.1 unless both sides know RFC 8441. Browsers offer only
	// http/1.1 for one unless the server said that it knows that.
	s.connect(client).CloseNow()
	conn, err := tls.Dial("tcp", s.addr, &tls.Config{RootCAs: client.Transport.(*http.Transport).TLSClientConfig.RootCAs, NextProtos: []string{"http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if got := conn.ConnectionState().NegotiatedProtocol; got != "http/1.1" {
		t.Errorf("a client that offers http/1.1 gets %q", got)
	}
	if _, err := tls.Dial("tcp", s.addr, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
	// Who comes without is told so.
	plain := &running{t: t, url: "http://" + s.addr}
	if status, body, _ := plain.ask(http.DefaultClient, "/"); status != 400 || !strings.Contains(body, "HTTPS") {
		t.Errorf("without TLS: %d %s", status, body)
	}
	if got := strings.Replace(s.log.String(), " turn=127.0.0.1:", "", 1); strings.Contains(got, "127.0.0.1") {
		t.Errorf("the log names an address: %s", got)
	}
}

// The names in the certificate are those by which clients reach the relay.
func TestOriginsOfCertificate(t *testing.T) {
	certFile, keyFile, _ := writeCertificate(t, t.TempDir())
	c, err := loadCertificate(certFile, keyFile, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	c.now.Leaf.DNSNames = []string{"Calls.example", "*.calls.example"}
	if got := strings.Join(c.origins("443"), " "); got != "https://calls.example https://127.0.0.1" {
		t.Error(got)
	}
	if got := strings.Join(c.origins("444"), " "); got != "https://calls.example:444 https://127.0.0.1:444" {
		t.Error(got)
	}
}

func TestCertificateIsReadAgain(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile, first := writeCertificate(t, dir)
	// What is written in the same moment may have the same length and, to the system's clock, the same time.
	for _, name := range []string{certFile, keyFile} {
		if err := os.Chtimes(name, time.Time{}, time.Now().Add(-time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	log := newRecord()
	c, err := loadCertificate(certFile, keyFile, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	serves := func() *x509.Certificate {
		t.Helper()
		c.checked = time.Time{} // as if a second had passed
		pair, err := c.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return pair.Leaf
	}
	if !serves().Equal(first) || log.String() != "" {
		t.Errorf("nothing changed, and it says %s", log)
	}
	// Renewed, but only half of it is there yet.
	oldKey, err := os.ReadFile(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	_, _, second := writeCertificate(t, dir)
	newKey, err := os.ReadFile(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(keyFile, oldKey, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if !serves().Equal(first) {
			t.Error("half a certificate is served")
		}
	}
	if n := strings.Count(log.String(), "level=WARN"); n != 1 {
		t.Errorf("it warned %d times: %s", n, log)
	}
	if err := os.WriteFile(keyFile, append(newKey, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
	if !serves().Equal(second) {
		t.Error("the new certificate is not served")
	}
	// Gone: what is at hand goes on.
	if err := os.Remove(keyFile); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if !serves().Equal(second) {
			t.Error("another certificate is served")
		}
	}
	if n := strings.Count(log.String(), "level=WARN"); n != 2 {
		t.Errorf("it warned %d times: %s", n, log)
	}
	_, _, third := writeCertificate(t, dir)
	if !serves().Equal(third) {
		t.Error("the certificate that is back is not served")
	}
}

// The running server goes on with a renewed certificate.
func TestServerTakesRenewedCertificate(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile, first := writeCertificate(t, dir)
	s := launch(t, "-turn-tls", "0", "-tls-cert", certFile, "-tls-key", keyFile)
	if status, _, _ := s.ask(trusting(t, first), "/healthz"); status != 200 {
		t.Fatal(status)
	}
	_, _, second := writeCertificate(t, dir)
	waitFor(t, "the new certificate is served", func() bool {
		res, err := trusting(t, second).Get(s.url + "/healthz")
		if err == nil {
			res.Body.Close()
		}
		return err == nil
	})
	if !s.hasSaid("certificate read again") {
		t.Errorf("the log says nothing: %s", s.log)
	}
}

func TestBadCertificate(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile, _ := writeCertificate(t, dir)
	for _, test := range []struct{ cert, key, want string }{
		{filepath.Join(dir, "none"), keyFile, "-tls-cert FILE"},
		{certFile, filepath.Join(dir, "none"), "-tls-key FILE"},
		{keyFile, certFile, "failed to read the certificate"},
	} {
		err := run(t.Context(), []string{"-addr", "127.0.0.1:0", "-module", noModule, "-tls-cert", test.cert, "-tls-key", test.key}, io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s and %s: %v, want %q", test.cert, test.key, err, test.want)
		}
	}
}
