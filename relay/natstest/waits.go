package natstest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Waits tells, for each thread of the process, how long it was ready to run since it began, and did not have a CPU. It is
// empty on systems that do not say so (Linux does).
func (p *Process) Waits() map[string]time.Duration { return Waits(p.cmd.Process.Pid) }

// Waits is the same for any process.
func Waits(pid int) map[string]time.Duration {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil {
		return nil
	}
	waits := map[string]time.Duration{}
	for _, path := range threads {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// Nanoseconds on a CPU, nanoseconds on a queue for one, turns.
		if fields := strings.Fields(string(text)); len(fields) == 3 {
			if n, err := strconv.ParseInt(fields[1], 10, 64); err == nil {
				waits[path] = time.Duration(n)
			}
		}
	}
	return waits
}

// Waits is the same for server i.
func (c *Cluster) Waits(i int) map[string]time.Duration {
	s := c.servers[i]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return nil
	}
	return s.process.Waits()
}
