package main

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
)

// slotsDir returns the folder for slots, empty for memory.
func (s *server) slotsDir() (string, error) {
	dir := s.dataDir
	if dir == "none" || dir == "" && s.port == 0 || s.nats.urls != "" {
		return "", nil
	}
	if dir == "" {
		user, err := os.UserConfigDir()
		if err != nil {
			return "", fmt.Errorf("failed to find a folder for slots: %w; say where with -data DIR, or -data none", err)
		}
		// One folder per port: only one relay may use a folder, and only one has the port.
		dir = filepath.Join(user, "ringfork", fmt.Sprintf("relay-%d", s.port))
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("failed to make the folder for slots: %w; choose another with -data DIR", err)
	}
	return dir, nil
}

// turnKey returns what credentials of our TURN server are made from, nil for another one each time. It outlives the process
// where slots do: who was told credentials before a restart goes on using them. clusterKey is what the relays of a cluster share.
func (s *server) turnKey(dir string, clusterKey []byte) ([]byte, error) {
	switch {
	case len(s.turn.urls) > 0:
		return nil, nil
	case s.nats.urls != "":
		key, err := hkdf.Key(sha256.New, clusterKey, nil, "ringfork/1/turn", 32)
		if err != nil {
			return nil, fmt.Errorf("failed to derive the key of TURN: %w", err)
		}
		return key, nil
	case dir == "":
		return nil, nil
	}
	path := filepath.Join(dir, "turn.key")
	if key, err := os.ReadFile(path); err == nil && len(key) == 32 {
		return key, nil
	}
	// Of one that cannot be read no more is lost than credentials of ten minutes.
	key := make([]byte, 32)
	rand.Read(key)
	if err := os.WriteFile(path, key, 0o600); err != nil {
		return nil, fmt.Errorf("failed to write the key of TURN: %w; choose another folder with -data DIR", err)
	}
	return key, nil
}
