// Package frame answers one question: what is in this frame, and who wrote it?
//
// [Seal] turns a message into frames: it encodes the body, splits it where it is long, signs every part as the sending
// device and seals each to one age recipient. An [Opener], one for every mailbox, does the reverse; what it returns is
// signed by the device that the header names, and nothing more is known of it. Whether that device may say so is judged
// next:
//
//   - a ring by [CheckRing] and then, with the caller's slot, by [Trust],
//   - what a caller receives in a call by its [Caller],
//   - what an endpoint that was rung receives by its [Called].
//
// On a data channel the same messages go without signature: [MarshalControl], [UnmarshalControl].
//
// A frame is always Size bytes: one age file to one hybrid recipient that holds PlainSize bytes, namely a fixed header,
// the signature, the body or a part of it, and zeros. A body is a msgpack map with small integer keys; unknown keys are
// skipped and unknown kinds dropped, so that old and new versions talk. Hostile input gives a [DropError], never a panic.
package frame
