package natstest

import (
	"os/exec"
	"runtime"
)

// Process is a program that runs, until Done is closed.
type Process struct {
	Done chan struct{}
	cmd  *exec.Cmd
}

// StartProcess starts a program that does not outlive this process, where the system can see to that (it does on Linux).
func StartProcess(cmd *exec.Cmd) (*Process, error) {
	p := &Process{make(chan struct{}), cmd}
	cmd.SysProcAttr = endsWithParent()
	started := make(chan error)
	go func() {
		// To Linux the parent is the thread that started it, not the process: this one has to stay.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			cmd.Wait() // how it ended is no matter
			close(p.Done)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// Kill ends the process, stopped or not, and waits for that. End asks it to end, and does not wait.
func (p *Process) Kill() {
	p.cmd.Process.Kill()
	<-p.Done
}

func (p *Process) End() error { return p.cmd.Process.Signal(endSignal) }

// Stop halts the process, Cont lets it go on.
func (p *Process) Stop() error { return p.cmd.Process.Signal(stopSignal) }

func (p *Process) Cont() error { return p.cmd.Process.Signal(contSignal) }
