package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// ticks is how many parts of a second the kernel counts CPU time in: USER_HZ, which is 100 wherever Go runs on Linux.
const ticks = 100

// cpuTime returns the CPU time that a process has used, in user and kernel, of all its threads: fields 14 and 15 of
// /proc/PID/stat (proc_pid_stat(5)).
func cpuTime(pid int) (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("failed to read the CPU time of process %d: %w", pid, err)
	}
	return parseStat(string(b))
}

func parseStat(stat string) (time.Duration, error) {
	// The second field is the program's name in parentheses, and may hold anything.
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, errors.New("failed to read a CPU time: too few fields")
	}
	var sum int64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("failed to read a CPU time: %w", err)
		}
		sum += n
	}
	return time.Duration(sum) * (time.Second / ticks), nil
}

// resident returns the resident memory of a process in bytes: VmRSS of /proc/PID/status.
func resident(pid int) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("failed to read the memory of process %d: %w", pid, err)
	}
	return parseStatus(string(b))
}

func parseStatus(status string) (int64, error) {
	for line := range strings.Lines(status) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("failed to read resident memory: %w", err)
			}
			return kib << 10, nil
		}
	}
	return 0, errors.New("failed to read resident memory: the kernel does not tell")
}
