package keys

import (
	"encoding/binary"
)

// The contexts of what this package signs or seals. No signature made under one verifies under another.
const (
	contextMailbox = "ringfork/1/mailbox"
	contextSlot    = "ringfork/1/slot"
	contextLog     = "ringfork/1/log"
	contextCard    = "ringfork/1/card"
	contextHead    = "ringfork/1/head"
	contextPrivate = "ringfork/1/private"
)

// Statement returns the bytes that a signature or a hash covers: the context and then the fields, each prefixed by its
// length as four big-endian bytes, so that no two lists of fields give the same bytes.
func Statement(context string, fields ...[]byte) []byte {
	n := 4 + len(context)
	for _, f := range fields {
		n += 4 + len(f)
	}
	b := make([]byte, 0, n)
	b = binary.BigEndian.AppendUint32(b, uint32(len(context)))
	b = append(b, context...)
	for _, f := range fields {
		b = binary.BigEndian.AppendUint32(b, uint32(len(f)))
		b = append(b, f...)
	}
	return b
}
