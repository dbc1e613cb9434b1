// Package signalcore decides one question: given what happened, what must happen next in this endpoint's calls?
//
// It is sans-IO. A [Machine] holds every call of one endpoint; its driver (package phone) feeds it and does what it says:
//
//	for input := range queue {
//		for _, out := range machine.Step(time.Now(), input) {
//			do(out) // in slice order; what waits comes back as an input
//		}
//		timer.Reset(until(machine.Deadline()))
//	}
//
// Step is the only mutator. It never blocks, reads no clock and draws no random number, so a test can replay any order
// of events on a virtual clock (see testdata for one scenario a rule). Waking late or early is legal: a late [Tick]
// handles everything that expired, in order.
//
// The machine sees opened, verified messages and knows neither keys nor frames: package frame says who is believed, and
// the driver fills in the fields of a message that belong to the sealing. It sees peer connections as numbers
// ([ConnID]) and drives them by outputs.
//
// Input from the network is data: what does not fit is answered by a [Drop], never by a panic.
package signalcore
