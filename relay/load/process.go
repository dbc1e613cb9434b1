//go:build linux

package main

import (
	"context"
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

// machineTime returns the CPU time that all processes have used: the first line of /proc/stat without idle time. Interrupts
// count, as they do in the time of the process that they interrupt (proc_stat(5)).
func machineTime() (time.Duration, error) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, fmt.Errorf("failed to read the CPU time of this machine: %w", err)
	}
	return parseMachine(string(b))
}

func parseMachine(stat string) (time.Duration, error) {
	var name string
	var user, nice, system, idle, wait, irq, softirq int64
	if _, err := fmt.Sscan(stat, &name, &user, &nice, &system, &idle, &wait, &irq, &softirq); err != nil {
		return 0, fmt.Errorf("failed to read the CPU time of this machine: %w", err)
	}
	return time.Duration(user+nice+system+irq+softirq) * (time.Second / ticks), nil
}

// usage is CPU time that has been used up to a moment.
type usage struct {
	at                     time.Time
	server, own, elsewhere time.Duration
}

func usageNow(pid int) (usage, error) {
	server, err := cpuTime(pid)
	if err != nil {
		return usage{}, err
	}
	own, err := cpuTime(os.Getpid())
	if err != nil {
		return usage{}, err
	}
	all, err := machineTime()
	if err != nil {
		return usage{}, err
	}
	return usage{time.Now(), server, own, all - server - own}, nil
}

// others returns how many cores other programs have used since before.
func (u usage) others(before usage) float64 {
	return max(0, (u.elsewhere-before.elsewhere).Seconds()/u.at.Sub(before.at).Seconds())
}

// awaitQuiet waits until other programs use hardly any CPU for a second, or until end.
func awaitQuiet(ctx context.Context, pid int, end time.Time) error {
	for {
		before, err := usageNow(pid)
		if err != nil {
			return err
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
		after, err := usageNow(pid)
		if err != nil {
			return err
		}
		if after.others(before) <= quiet || time.Now().After(end) {
			return nil
		}
	}
}

// quiet is how many cores other programs may use while something is measured.
const quiet = 0.08

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
