package disk

import (
	"errors"
	"os"
	"syscall"
)

const errSharingViolation = syscall.Errno(32) // ERROR_SHARING_VIOLATION

// tryLock returns nil where another has the lock. The lock is to have the file open and share it with nobody: no second
// handle is given out, in this process or another, until this one is closed, at the latest when the process dies.
func tryLock(path string) (free func(), err error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	h, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, 0, nil, syscall.OPEN_ALWAYS,
		syscall.FILE_ATTRIBUTE_NORMAL, 0)
	if errors.Is(err, errSharingViolation) {
		return nil, nil
	}
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return func() { syscall.CloseHandle(h) }, nil
}
