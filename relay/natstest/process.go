package natstest

import (
	"os/exec"
	"runtime"
	"syscall"
)

// process is a program that runs, until done is closed.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}
}

// start starts a program that does not outlive this process where the system can see to that.
func start(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd, make(chan struct{})}
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
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// kill ends the process, stopped or not, and waits for that.
func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.done
}

func (p *process) signal(s syscall.Signal) error { return p.cmd.Process.Signal(s) }
