//go:build !js

// Package disk is the native store of a profile: a folder.
//
// [Open] gives a [Store] with the methods of phone.Store. Any number of stores may be open on one folder, in one process
// or in several: every value has a file of its own, which is replaced as a whole or not at all, and whoever reads or
// replaces one holds the folder's lock. A crash, of the process or of the machine, leaves the old value or the new one.
//
// The lock is one between processes of one machine. A folder that several machines share at the same time is not safe,
// nor is one on AIX, Solaris or Plan 9 that several processes share: there only stores of one process exclude each other.
package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Bounds of what is stored.
const (
	MaxName  = 64      // bytes of a key's or a lock's name
	MaxValue = 8 << 20 // bytes of a value
)

// ErrDamaged is in the error of Get and Put when a value's file is not as Put wrote it. Nothing is lost by that but the
// one value: removing the file, which the error names, makes it an empty one.
var ErrDamaged = errors.New("it is damaged, or of another version of Ringfork")

// Store is a folder of values. Its methods may be called from any goroutine.
type Store struct{ dir string }

// Open returns the store in a folder, which it makes if it is not there. Only its owner may read what it makes.
func Open(dir string) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("failed to find the folder: %v", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("failed to make the folder: %v", err)
	}
	return &Store{dir}, nil
}

// Get returns the value stored under a key, and its version; nil and 0 where nothing is. The error is the context's, has
// ErrDamaged in it, or is one of the file system.
func (s *Store) Get(ctx context.Context, key string) (value []byte, version uint64, err error) {
	path, err := s.path("value", key)
	if err != nil {
		return nil, 0, err
	}
	// The lock is also for Windows, which replaces no file that somebody reads.
	release, err := s.hold(ctx)
	if err != nil {
		return nil, 0, err
	}
	defer release()
	return read(path, key)
}

// Put stores a value in place of exactly that version, 0 being nothing; the new version is the next number. Where another
// one is there, errors.Is(err, fs.ErrExist). When Put has returned nil, the value is on the disk.
func (s *Store) Put(ctx context.Context, key string, value []byte, version uint64) error {
	path, err := s.path("value", key)
	if err != nil {
		return err
	}
	if len(value) > MaxValue {
		return fmt.Errorf("failed to store %q: %d bytes are more than %d", key, len(value), MaxValue)
	}
	release, err := s.hold(ctx)
	if err != nil {
		return err
	}
	defer release()
	_, there, err := read(path, key)
	if err != nil {
		return err
	}
	if there != version {
		return fmt.Errorf("failed to store %q: version %d is there: %w", key, there, fs.ErrExist)
	}
	return s.write(path, key, value, version+1)
}

// Lock waits for the lock of a name, and holds it until unlock is called, or the process ends. The error is the context's
// or one of the file system.
func (s *Store) Lock(ctx context.Context, name string) (unlock func(), err error) {
	path, err := s.path("lock", name)
	if err != nil {
		return nil, err
	}
	return acquire(ctx, path)
}

// hold takes the lock of the whole folder. Who has it keeps it for no longer than a file takes to be written.
func (s *Store) hold(ctx context.Context) (release func(), err error) {
	return acquire(ctx, filepath.Join(s.dir, "lock"))
}

// path returns where something of a name is kept. The prefix keeps the name from meaning anything by itself, as "con" does
// on Windows; upper case is not allowed because some file systems do not tell it from lower case.
func (s *Store) path(prefix, name string) (string, error) {
	ok := len(name) > 0 && len(name) <= MaxName
	for _, c := range []byte(name) {
		ok = ok && ('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-')
	}
	if !ok {
		return "", fmt.Errorf("name %q is not 1 to %d of a-z, 0-9 and -", name, MaxName)
	}
	return filepath.Join(s.dir, prefix+"-"+name), nil
}
