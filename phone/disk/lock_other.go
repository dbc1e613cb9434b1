//go:build !js && !windows && (!unix || aix || solaris)

package disk

import "sync"

var locks = struct {
	sync.Mutex
	held map[string]bool // by path
}{held: map[string]bool{}}

// tryLock returns nil where another has the lock. It knows of this process only.
func tryLock(path string) (free func(), err error) {
	locks.Lock()
	defer locks.Unlock()
	if locks.held[path] {
		return nil, nil
	}
	locks.held[path] = true
	return func() {
		locks.Lock()
		defer locks.Unlock()
		delete(locks.held, path)
	}, nil
}
