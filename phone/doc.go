// Package phone is the driver around the call machine: what an endpoint runs.
//
// A [Phone] has one queue and one pump goroutine. Everything that happens (a frame, a word of the user's, news of a peer
// connection, an answer of the store) is put into the queue. The pump takes it, runs signalcore's Step, and executes
// the outputs in order:
//
//	event -> queue -> Step -> outputs -> effect
//
// The pump never waits. Effects that do (publishing, descriptions, the store) run beside it, in order for each
// connection, and come back as events. One timer wakes it for the machine's deadline.
//
// The relay, the profile's store and the user's media are interfaces ([Transport], [Store], [Media]): in a page they are
// JavaScript's, in a program Go's.
package phone
