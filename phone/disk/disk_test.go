//go:build !js

package disk

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"ringfork/phone"
)

var _ phone.Store = (*Store)(nil)

// TestMain is another process, in place of the tests, when a test started it for that.
func TestMain(m *testing.M) {
	task, dir, _ := strings.Cut(os.Getenv("RINGFORK_TEST_STORE"), ":")
	if task == "" {
		os.Exit(m.Run())
	}
	s, err := Open(dir)
	if err == nil {
		err = tasks[task](s)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// tasks is what other processes do.
var tasks = map[string]func(*Store) error{
	"count": func(s *Store) error { return count(context.Background(), s, rounds) },

	// write writes until it is killed, and prints every version that is stored.
	"write": func(s *Store) error {
		ctx := context.Background()
		for {
			_, version, err := s.Get(ctx, "log")
			if err == nil {
				err = s.Put(ctx, "log", content(version+1), version)
			}
			if err != nil {
				return err
			}
			fmt.Println(version + 1)
		}
	},

	// hold holds a lock until it is killed.
	"hold": func(s *Store) error {
		if _, err := s.Lock(context.Background(), "account"); err != nil {
			return err
		}
		fmt.Println("held")
		select {}
	},
}

// content is a value that depends on its version in every byte.
func content(version uint64) []byte {
	return bytes.Repeat(binary.BigEndian.AppendUint64(nil, version), 10_000)
}

func other(t *testing.T, task, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "RINGFORK_TEST_STORE="+task+":"+dir)
	cmd.Stderr = os.Stderr
	return cmd
}

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) {
	ctx := t.Context()
	dir := filepath.Join(t.TempDir(), "a", "b")
	s := open(t, dir)
	if v, version, err := s.Get(ctx, "account"); v != nil || version != 0 || err != nil {
		t.Errorf("nothing is stored as %q, %d, %v", v, version, err)
	}
	for i, value := range []string{"one", "", strings.Repeat("x", MaxValue)} {
		if err := s.Put(ctx, "account", []byte(value), uint64(i)); err != nil {
			t.Fatal(err)
		}
		v, version, err := open(t, dir).Get(ctx, "account")
		if v == nil || string(v) != value || version != uint64(i)+1 || err != nil {
			t.Errorf("value %d came back as %d bytes (nil: %v), version %d, %v", i, len(v), v == nil, version, err)
		}
	}
	for _, version := range []uint64{0, 2, 4, 1 << 63} {
		if err := s.Put(ctx, "account", nil, version); !errors.Is(err, fs.ErrExist) {
			t.Errorf("put in place of version %d: %v, want a conflict", version, err)
		}
	}
	if err := s.Put(ctx, "contacts", []byte("two"), 1); !errors.Is(err, fs.ErrExist) {
		t.Errorf("put in place of what is not there: %v, want a conflict", err)
	}
	if err := s.Put(ctx, "contacts", make([]byte, MaxValue+1), 0); err == nil || errors.Is(err, fs.ErrExist) {
		t.Errorf("put of too much: %v", err)
	}
	if v, _, err := s.Get(ctx, "contacts"); v != nil || err != nil {
		t.Errorf("a refused value is there: %q, %v", v, err)
	}
}

func TestNames(t *testing.T) {
	s := open(t, t.TempDir())
	for _, name := range []string{"", ".", "..", "../x", "a/b", `a\b`, "a.b", "A", "ä", "a\x00", "a b", "C:", strings.Repeat("a", MaxName+1)} {
		_, _, err1 := s.Get(t.Context(), name)
		err2 := s.Put(t.Context(), name, nil, 0)
		_, err3 := s.Lock(t.Context(), name)
		if err1 == nil || err2 == nil || err3 == nil {
			t.Errorf("%q is a name: %v, %v, %v", name, err1, err2, err3)
		}
	}
	for _, name := range []string{"a", "con", "call-ids", "0", strings.Repeat("a", MaxName)} {
		if err := s.Put(t.Context(), name, []byte(name), 0); err != nil {
			t.Errorf("%q is no name: %v", name, err)
		}
	}
	if files, err := os.ReadDir(s.dir); err != nil || len(files) != 6 {
		t.Errorf("the folder holds %v, %v; want five values and the lock", files, err)
	}
}

func TestPermissions(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("it has others")
	}
	dir := filepath.Join(t.TempDir(), "profile")
	s := open(t, dir)
	if err := s.Put(t.Context(), "account", []byte("secret"), 0); err != nil {
		t.Fatal(err)
	}
	unlock, err := s.Lock(t.Context(), "account")
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		}
		if err == nil && info.Mode().Perm() != want {
			t.Errorf("%s has mode %v", d.Name(), info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// rounds is how often each of those that count at once does so.
const rounds = 25

// count adds to a number, against others who do the same.
func count(ctx context.Context, s *Store, n int) error {
	for range n {
		for {
			b, version, err := s.Get(ctx, "number")
			if err != nil {
				return err
			}
			number, _ := strconv.Atoi(string(b))
			err = s.Put(ctx, "number", []byte(strconv.Itoa(number+1)), version)
			if err == nil {
				break
			}
			if !errors.Is(err, fs.ErrExist) {
				return err
			}
		}
	}
	return nil
}

// TestContention counts in many goroutines, over one store and several, and in two more processes: none is lost.
func TestContention(t *testing.T) {
	dir := t.TempDir()
	shared := open(t, dir)
	var all sync.WaitGroup
	for i := range 4 {
		s := shared
		if i%2 == 1 {
			s = open(t, dir)
		}
		all.Go(func() {
			if err := count(t.Context(), s, rounds); err != nil {
				t.Error(err)
			}
		})
	}
	for range 2 {
		cmd := other(t, "count", dir)
		all.Go(func() {
			if err := cmd.Run(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	v, version, err := shared.Get(t.Context(), "number")
	if string(v) != strconv.Itoa(6*rounds) || version != 6*rounds || err != nil {
		t.Errorf("counted to %s, version %d, %v; want %d", v, version, err, 6*rounds)
	}
}

// TestKilled kills a process that writes without end, again and again: what it said is stored is stored, and whole.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for round := range 5 {
		cmd := other(t, "write", dir)
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var said uint64
		lines := bufio.NewScanner(stdout)
		for n := 0; lines.Scan(); n++ {
			if said, err = strconv.ParseUint(lines.Text(), 10, 64); err != nil {
				t.Fatal(err)
			}
			if n == 3+round { // and what it wrote until it heard of its end
				cmd.Process.Kill()
			}
		}
		cmd.Wait()
		v, version, err := s.Get(t.Context(), "log")
		if err != nil || said == 0 || version < said || !bytes.Equal(v, content(version)) {
			t.Fatalf("version %d was stored, and %d is there: %v", said, version, err)
		}
	}
}

// TestInterrupted finds what a write left that was interrupted before its end.
func TestInterrupted(t *testing.T) {
	s := open(t, t.TempDir())
	if err := s.Put(t.Context(), "account", []byte("old"), 0); err != nil {
		t.Fatal(err)
	}
	temp := filepath.Join(s.dir, "temp")
	if err := os.WriteFile(temp, marshal("account", []byte("new"), 2)[:headerSize+1], 0o600); err != nil {
		t.Fatal(err)
	}
	if v, version, err := s.Get(t.Context(), "account"); string(v) != "old" || version != 1 || err != nil {
		t.Errorf("%q, version %d, %v; want the old value", v, version, err)
	}
	if err := s.Put(t.Context(), "account", []byte("n"), 1); err != nil {
		t.Error(err)
	}
	if v, version, err := s.Get(t.Context(), "account"); string(v) != "n" || version != 2 || err != nil {
		t.Errorf("%q, version %d, %v; want the new value", v, version, err)
	}
	if _, err := os.Stat(temp); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the temporary file is still there: %v", err)
	}
}

func TestDamaged(t *testing.T) {
	good := marshal("account", []byte("value"), 7)
	if v, version, err := parse("account", good); string(v) != "value" || version != 7 || err != nil {
		t.Fatalf("a good file is %q, %d, %v", v, version, err)
	}
	damaged := map[string][]byte{
		"empty": {}, "longer": append(slices.Clone(good), 0), "another key's": marshal("contacts", []byte("value"), 7),
		"of version 0": marshal("account", nil, 0), "too long": marshal("account", make([]byte, MaxValue+1), 1),
		"of another format": bytes.Replace(good, []byte("/1\n"), []byte("/2\n"), 1),
	}
	for i := range good {
		damaged[fmt.Sprintf("cut at %d", i)] = good[:i]
		changed := slices.Clone(good)
		changed[i] ^= 1
		damaged[fmt.Sprintf("changed at %d", i)] = changed
	}
	for name, file := range damaged {
		if _, _, err := parse("account", file); err != ErrDamaged {
			t.Errorf("a file that is %s: %v, want ErrDamaged", name, err)
		}
	}

	s := open(t, t.TempDir())
	file := filepath.Join(s.dir, "value-account")
	if err := os.WriteFile(file, good[:20], 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err := s.Get(t.Context(), "account")
	if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), file) {
		t.Errorf("get says %v; it should name the file", err)
	}
	if err := s.Put(t.Context(), "account", nil, 0); !errors.Is(err, ErrDamaged) {
		t.Errorf("put says %v", err)
	}
	if b, err := os.ReadFile(file); err != nil || !bytes.Equal(b, good[:20]) {
		t.Errorf("what is left of the file was changed: %q, %v", b, err)
	}
	// A folder in the file's place must not look like a conflict, which callers answer by trying again.
	if err := os.Mkdir(filepath.Join(s.dir, "value-contacts"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), "contacts", nil, 0); err == nil || errors.Is(err, fs.ErrExist) {
		t.Errorf("put over a folder says %v", err)
	}
}

func TestFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file); err == nil {
		t.Error("a file was opened as a store")
	}
	s := open(t, filepath.Join(t.TempDir(), "profile"))
	if err := os.Remove(s.dir); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Get(t.Context(), "account"); err == nil {
		t.Error("a folder that is gone is an empty store")
	}
}

// A file is what marshal writes of a value, or damaged.
func FuzzParseFile(f *testing.F) {
	f.Add("account", marshal("account", []byte("value"), 1))
	f.Add("", marshal("", nil, 1<<63))
	f.Add("seen", []byte(magic))
	f.Fuzz(func(t *testing.T, key string, file []byte) {
		value, version, err := parse(key, file)
		if err != nil {
			if err != ErrDamaged || value != nil {
				t.Fatalf("got %d bytes, %v", len(value), err)
			}
			return
		}
		if again := marshal(key, value, version); !bytes.Equal(again, file) {
			t.Fatalf("got %x, want %x", again, file)
		}
	})
}
