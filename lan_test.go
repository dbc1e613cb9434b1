package main

import (
	"crypto/tls"
	"image"
	"image/color"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
)

func TestLAN(t *testing.T) {
	data := t.TempDir()
	s := launch(t, "-lan", "-data", data)
	if s.url != "https://"+s.addr {
		t.Fatalf("it is at %s", s.url)
	}
	first, err := tls.LoadX509KeyPair(filepath.Join(data, "lan.crt"), filepath.Join(data, "lan.key"))
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(data, "lan.key")); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("others may read the key: %v, %v", info.Mode(), err)
	}
	client := trusting(t, first.Leaf)
	status, body, h := s.ask(client, "/v1/ice")
	if status != 200 || !strings.Contains(body, "turn:127.0.0.1:") {
		t.Errorf("TURN: %d %s", status, body)
	}
	if h.Get("Strict-Transport-Security") != "" {
		t.Error("after that nobody gets past the browser's warning")
	}
	s.connect(client).CloseNow()
	waitFor(t, "other addresses are named, which is last", func() bool { return s.hasSaid("https://localhost:") })
	if got := scan(t, s.out.String()); got != s.url {
		t.Errorf("the QR code reads %q, want %q", got, s.url)
	}
	if err := s.stop(nil); err != nil {
		t.Fatal(err)
	}
	// The next time it is the same one.
	s = launch(t, "-lan", "-data", data)
	if status, _, _ := s.ask(client, "/healthz"); status != 200 {
		t.Errorf("with the first certificate: %d", status)
	}
}

// Without a folder nothing is left behind.
func TestLANKeepsNothingWithoutFolder(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s := launch(t, "-lan")
	if err := s.stop(nil); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}

func TestLANCertificateServes(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	one, two := netip.MustParseAddr("192.168.1.5"), netip.MustParseAddr("fd00::5")
	certPEM, keyPEM, err := newCertificate([]netip.Addr{one, two}, now)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile := filepath.Join(dir, "c"), filepath.Join(dir, "k")
	for name, content := range map[string][]byte{certFile: certPEM, keyFile: keyPEM} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		what  string
		addrs []netip.Addr
		at    time.Time
		want  bool
	}{
		{"as it was made", []netip.Addr{one, two}, now, true},
		{"with fewer addresses", []netip.Addr{two}, now, true},
		{"with another address", []netip.Addr{one, netip.MustParseAddr("10.0.0.1")}, now, false},
		{"ten months later", []netip.Addr{one}, now.AddDate(0, 10, 0), true},
		{"near its end", []netip.Addr{one}, now.AddDate(0, 11, 15), false},
		{"before it was made", []netip.Addr{one}, now.AddDate(0, 0, -1), false},
	} {
		if got := lanCertificateServes(certFile, keyFile, test.addrs, test.at); got != test.want {
			t.Errorf("%s: %v", test.what, got)
		}
	}
	if lanCertificateServes(certFile, certFile, []netip.Addr{one}, now) {
		t.Error("a certificate without its key serves")
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		t.Fatal(err)
	}
	if err := pair.Leaf.VerifyHostname("localhost"); err != nil {
		t.Error(err)
	}
	if pair.Leaf.IsCA {
		t.Error("the certificate could make others")
	}
}

func TestLANOrder(t *testing.T) {
	var own []netip.Addr
	for _, text := range strings.Fields("127.0.0.1 ::1 fe80::1 172.17.0.1 fd00::2 192.168.1.5 203.0.113.7 169.254.1.1 10.0.0.9") {
		own = append(own, netip.MustParseAddr(text))
	}
	for first, want := range map[string]string{
		"192.168.1.5": "192.168.1.5 172.17.0.1 10.0.0.9 fd00::2",
		"203.0.113.7": "203.0.113.7 172.17.0.1 192.168.1.5 10.0.0.9 fd00::2",
		"":            "172.17.0.1 192.168.1.5 10.0.0.9 fd00::2",
	} {
		var lead netip.Addr
		if first != "" {
			lead = netip.MustParseAddr(first)
		}
		var got []string
		for _, a := range lanOrder(own, lead) {
			got = append(got, a.String())
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %v, want %s", first, got, want)
		}
	}
	got := lanOrigins([]netip.Addr{netip.MustParseAddr("fd00::2")}, "443")
	if strings.Join(got, " ") != "https://[fd00::2] https://localhost" {
		t.Error(got)
	}
}

// scan reads the QR code in what was printed on a dark terminal, as a camera does.
func scan(t *testing.T, printed string) string {
	t.Helper()
	var rows [][]rune
	for line := range strings.Lines(printed) {
		if line = strings.TrimSuffix(line, "\n"); strings.ContainsAny(line, "█▀▄") {
			rows = append(rows, []rune(line))
		}
	}
	if len(rows) == 0 {
		t.Fatalf("there is no code in %q", printed)
	}
	const scale = 4
	picture := image.NewGray(image.Rect(0, 0, scale*len(rows[0]), scale*2*len(rows)))
	for y, row := range rows {
		for x, r := range row {
			for half := range 2 {
				if r == '█' || r == '▀' && half == 0 || r == '▄' && half == 1 {
					for dy := range scale {
						for dx := range scale {
							picture.SetGray(scale*x+dx, scale*(2*y+half)+dy, color.Gray{Y: 255})
						}
					}
				}
			}
		}
	}
	bitmap, err := gozxing.NewBinaryBitmapFromImage(picture)
	if err != nil {
		t.Fatal(err)
	}
	result, err := qrcode.NewQRCodeReader().Decode(bitmap, map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_TRY_HARDER: true})
	if err != nil {
		t.Fatalf("the code cannot be read: %v\n%s", err, printed)
	}
	return result.GetText()
}

func TestTerminalQR(t *testing.T) {
	const text = "https://192.168.178.21:8787"
	plain, err := terminalQR(text, false)
	if err != nil {
		t.Fatal(err)
	}
	if got := scan(t, plain); got != text {
		t.Errorf("it reads %q", got)
	}
	coloured, err := terminalQR(text, true)
	if err != nil {
		t.Fatal(err)
	}
	if stripped := strings.NewReplacer("\x1b[97;40m", "", "\x1b[0m", "").Replace(coloured); stripped != plain {
		t.Errorf("with colours it is another code: %q", stripped)
	}
	if _, err := terminalQR(strings.Repeat("x", 3000), false); err == nil {
		t.Error("a text that no code holds was drawn")
	}
}
