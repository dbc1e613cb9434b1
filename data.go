package main

import (
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
