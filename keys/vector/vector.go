// Package vector reads and writes test vectors: files that say what packages write, byte for byte, for other programs to read.
// Only tests import it.
//
// They are in testdata/vectors, one file for each thing, and written by
//
//	go test ./keys ./frame -run Vector -rewrite
//
// which leaves a file alone as long as it is good. So one that has to be written anew is a change of the protocol: what
// older programs wrote is not read any more.
package vector

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const folder = "testdata/vectors/"

var rewrite = flag.Bool("rewrite", false, "write the files in "+folder+" that are missing or not good any more")

// Check checks the file of a name, and writes it if that was asked for and it is not good.
func Check[V any](t *testing.T, files fs.FS, name string, write func() V, check func(V) error) {
	t.Helper()
	b, err := fs.ReadFile(files, folder+name+".json")
	if err == nil {
		err = checkFile(b, check)
	}
	if err != nil && *rewrite {
		b, err = json.MarshalIndent(write(), "", "  ")
		if err == nil {
			err = checkFile(b, check)
		}
		if err == nil {
			err = os.WriteFile(filepath.FromSlash(folder+name+".json"), append(b, '\n'), 0o666)
		}
	}
	if err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

func checkFile[V any](b []byte, check func(V) error) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	var v V
	if err := d.Decode(&v); err != nil {
		return err
	}
	return check(v)
}

// Hex is bytes in hexadecimal: one string or, where they are many, a list of strings of up to 80 bytes each.
type Hex []byte

const hexLine = 80

// MarshalJSON implements json.Marshaler.
func (h Hex) MarshalJSON() ([]byte, error) {
	if len(h) <= hexLine {
		return json.Marshal(hex.EncodeToString(h))
	}
	var lines []string
	for b := []byte(h); len(b) > 0; b = b[min(len(b), hexLine):] {
		lines = append(lines, hex.EncodeToString(b[:min(len(b), hexLine)]))
	}
	return json.Marshal(lines)
}

// UnmarshalJSON implements json.Unmarshaler.
func (h *Hex) UnmarshalJSON(b []byte) (err error) {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		var lines []string
		if err := json.Unmarshal(b, &lines); err != nil {
			return err
		}
		text = strings.Join(lines, "")
	}
	*h, err = hex.DecodeString(text)
	return err
}

// Refused is something that is not to be taken, and why: words of the error.
type Refused struct {
	What  string `json:"what"`
	Bytes Hex    `json:"bytes,omitempty"`
	Text  string `json:"text,omitempty"`
	Why   string `json:"why"`
}

// Changed is what becomes of good bytes when some are written over, or flipped, and some added or cut off at the end, and
// why the result is not to be taken.
type Changed struct {
	What string `json:"what"`
	At   int    `json:"at,omitempty"`
	Set  Hex    `json:"set,omitempty"`
	Xor  Hex    `json:"xor,omitempty"`
	Add  Hex    `json:"add,omitempty"`
	Cut  int    `json:"cut,omitempty"`
	Why  string `json:"why"`
}

// Apply returns good bytes changed.
func (c Changed) Apply(good []byte) []byte {
	b := bytes.Clone(good)
	copy(b[c.At:], c.Set)
	for i, x := range c.Xor {
		b[c.At+i] ^= x
	}
	return append(b[:len(b)-c.Cut], c.Add...)
}

// WantRefused returns what is not refused of good bytes changed, or for another reason.
func WantRefused(good []byte, changes []Changed, parse func([]byte) error) error {
	for _, c := range changes {
		if err := WantError(c.What, c.Why, parse(c.Apply(good))); err != nil {
			return err
		}
	}
	return nil
}

// WantError returns what is wrong with an error that must have these words in it.
func WantError(what, why string, err error) error {
	if err == nil || !strings.Contains(err.Error(), why) {
		return fmt.Errorf("%s: got %v, want %q", what, err, why)
	}
	return nil
}

// Differences collects what is not as a vector says.
type Differences []string

// Bytes notes that bytes are not those that they should be.
func (d *Differences) Bytes(what string, got, want []byte) {
	if !bytes.Equal(got, want) {
		*d = append(*d, fmt.Sprintf("%s is %x, want %x", what, got, want))
	}
}

// Equal notes that a value is not the one that it should be.
func (d *Differences) Equal(what string, got, want any) {
	if got != want {
		*d = append(*d, fmt.Sprintf("%s is %v, want %v", what, got, want))
	}
}

// Failed notes an error.
func (d *Differences) Failed(err error) {
	if err != nil {
		*d = append(*d, err.Error())
	}
}

// Err returns all that was noted, nil if it is nothing.
func (d Differences) Err() error {
	if len(d) == 0 {
		return nil
	}
	return errors.New(strings.Join(d, "\n"))
}
