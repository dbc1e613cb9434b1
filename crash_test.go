package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// crashVar has the test program crash as a bug in a goroutine of its own would.
const crashVar = "RINGFORK_TEST_CRASH"

//go:noinline
func crash(address [20]byte, list []int) int { return list[int(address[0])] }

// What the unit in deploy sets keeps arguments, of which an address may be one, out of what a crash leaves behind.
func TestCrashNamesNobody(t *testing.T) {
	if os.Getenv(crashVar) != "" {
		done := make(chan int)
		go func() { done <- crash([20]byte{0xab, 0xcd, 0xef}, nil) }()
		<-done
		return
	}
	unit, err := os.ReadFile("deploy/systemd/ringfork.service")
	if err != nil {
		t.Fatal(err)
	}
	var env []string
	for line := range strings.Lines(string(unit)) {
		if set, ok := strings.CutPrefix(strings.TrimSpace(line), "Environment="); ok {
			env = append(env, set)
		}
	}
	run := func(env ...string) string {
		cmd := exec.Command(os.Args[0], "-test.run=^TestCrashNamesNobody$")
		cmd.Env = append(append(os.Environ(), crashVar+"=1"), env...)
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "index out of range [171]") {
			t.Fatalf("it did not crash as it should: %v, %s", err, out)
		}
		return string(out)
	}
	if out := run("GOTRACEBACK=single"); !strings.Contains(out, "0xab") {
		t.Errorf("the check could not fail: %s", out)
	}
	if out := run(env...); strings.Contains(out, "0x") || strings.Contains(out, "goroutine") {
		t.Errorf("a crash under the unit's environment %q leaves a trace: %s", env, out)
	}
}
