//go:build !js

package disk

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// A value's file is
//
//	magic | version (8, big endian, not 0) | SHA-256 of magic, key, 0, version and value (32) | value
//
// so that a file cut short, mixed up with another or changed on the disk is noticed.
const (
	magic      = "ringfork/store/1\n"
	headerSize = len(magic) + 8 + sha256.Size
)

func marshal(key string, value []byte, version uint64) []byte {
	b := binary.BigEndian.AppendUint64([]byte(magic), version)
	sum := checksum(key, value, version)
	return append(append(b, sum[:]...), value...)
}

func parse(key string, file []byte) (value []byte, version uint64, err error) {
	if len(file) < headerSize || len(file) > headerSize+MaxValue || string(file[:len(magic)]) != magic {
		return nil, 0, ErrDamaged
	}
	version = binary.BigEndian.Uint64(file[len(magic):])
	value = file[headerSize:]
	sum := checksum(key, value, version)
	if version == 0 || !bytes.Equal(sum[:], file[len(magic)+8:headerSize]) {
		return nil, 0, ErrDamaged
	}
	return value, version, nil
}

func checksum(key string, value []byte, version uint64) (sum [sha256.Size]byte) {
	h := sha256.New()
	h.Write([]byte(magic))
	h.Write([]byte(key + "\x00"))
	h.Write(binary.BigEndian.AppendUint64(nil, version))
	h.Write(value)
	h.Sum(sum[:0])
	return sum
}

// Errors of the file system are not wrapped: one of them could be fs.ErrExist, which callers take for a conflict.

// read returns nil and version 0 where there is no file.
func read(path, key string) (value []byte, version uint64, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("failed to read %q: %v", key, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, int64(headerSize+MaxValue+1)))
	if err != nil {
		return nil, 0, fmt.Errorf("failed to read %q: %v", key, err)
	}
	if value, version, err = parse(key, b); err != nil {
		return nil, 0, fmt.Errorf("failed to read %q from %s: %w", key, path, err)
	}
	return value, version, nil
}

// write replaces a value's file. The folder's lock is held, so what another write left behind was interrupted.
func (s *Store) write(path, key string, value []byte, version uint64) error {
	temp := filepath.Join(s.dir, "temp")
	err := writeSynced(temp, marshal(key, value, version))
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err == nil {
		err = syncFolder(s.dir)
	}
	if err != nil {
		return fmt.Errorf("failed to store %q: %v", key, err)
	}
	return nil
}

func writeSynced(path string, content []byte) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// syncFolder makes a rename last. Windows cannot do that, and does it by itself within moments.
func syncFolder(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
