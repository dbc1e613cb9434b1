package keys

import (
	"errors"
	"strings"
)

// age takes and gives its keys as Bech32 text only (BIP 173, without its length limit). A frame has no room for text, so
// these two functions convert.

const bech32Charset = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

// bech32Encode returns data as Bech32 text. The prefix is lower case ASCII.
func bech32Encode(prefix string, data []byte) string {
	b := make([]byte, 0, len(prefix)+1+len(data)*8/5+7)
	b = append(b, prefix...)
	b = append(b, '1')
	sum := bech32Prefix(prefix)
	put := func(v uint32) {
		sum = bech32Step(sum, v)
		b = append(b, bech32Charset[v])
	}
	var acc, bits uint32
	for _, d := range data {
		acc = acc<<8 | uint32(d)
		for bits += 8; bits >= 5; {
			bits -= 5
			put(acc >> bits & 31)
		}
	}
	if bits > 0 {
		put(acc << (5 - bits) & 31)
	}
	for range 6 {
		sum = bech32Step(sum, 0)
	}
	sum ^= 1
	for i := range 6 {
		b = append(b, bech32Charset[sum>>(5*(5-i))&31])
	}
	return string(b)
}

// bech32Decode returns the data of Bech32 text with the given prefix, both in lower case.
func bech32Decode(prefix, s string) ([]byte, error) {
	errMalformed := errors.New("malformed Bech32 text")
	s, found := strings.CutPrefix(s, prefix+"1")
	if !found || len(s) < 6 {
		return nil, errMalformed
	}
	data := make([]byte, 0, len(s)*5/8)
	sum := bech32Prefix(prefix)
	var acc, bits uint32
	for i := range len(s) {
		v := strings.IndexByte(bech32Charset, s[i])
		if v < 0 {
			return nil, errMalformed
		}
		sum = bech32Step(sum, uint32(v))
		if i >= len(s)-6 {
			continue
		}
		acc = acc<<5 | uint32(v)
		if bits += 5; bits >= 8 {
			bits -= 8
			data = append(data, byte(acc>>bits))
		}
	}
	if sum != 1 || bits >= 5 || acc&(1<<bits-1) != 0 {
		return nil, errMalformed
	}
	return data, nil
}

func bech32Prefix(prefix string) uint32 {
	sum := uint32(1)
	for i := range len(prefix) {
		sum = bech32Step(sum, uint32(prefix[i]>>5))
	}
	sum = bech32Step(sum, 0)
	for i := range len(prefix) {
		sum = bech32Step(sum, uint32(prefix[i]&31))
	}
	return sum
}

func bech32Step(sum, v uint32) uint32 {
	top := sum >> 25
	sum = sum&0x1ffffff<<5 ^ v
	for i, g := range [5]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
		if top>>i&1 == 1 {
			sum ^= g
		}
	}
	return sum
}
