// Package fork decides one question: which tine won, and who must be told?
//
// A [Fork] is the caller's side of one ringing call. Endpoints that answer the ring join it, each as one tine. The fork
// is settled once: by the first accept that is handed to it, by a decline for the whole account, by the caller's cancel,
// by the ring's end, or because everybody known declined. What comes after changes nothing.
//
// The package has no clock and no I/O. Who hands in what, and when, is package signalcore's matter.
package fork
