//go:build !linux

package natstest

import "syscall"

func endsWithParent() *syscall.SysProcAttr { return nil }
