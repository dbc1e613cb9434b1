package fork

import "errors"

// Bounds of a fork. Where more endpoints ring than these, the others ring all the same, without a tine before they accept.
const (
	MaxTines          = 32
	MaxTinesPerDevice = 16 // one browser with very many tabs leaves room for the other devices
)

// Errors of [Fork.Join].
var (
	ErrFull       = errors.New("fork has as many tines as it may have")
	ErrDeviceFull = errors.New("device has as many tines as it may have")
	ErrSettled    = errors.New("fork is settled")
)

// Fork is the caller's side of one ringing call. The zero value is a fork without tines, ready for use.
type Fork struct {
	tines   []tine // in the order of joining
	outcome Outcome
	winner  EndpointID
}

type tine struct {
	endpoint EndpointID
	device   DeviceID
	state    TineState
}

// TineState is what the caller knows of one endpoint.
type TineState uint8

// The states of a tine.
const (
	TineRinging  TineState = iota // it rings there
	TineDeclined                  // declined there, others ring on
	TineBusy                      // in another call there, others ring on
	TineLost                      // its connection is gone; a word from it brings it back
	TineWon
)

// Join adds an endpoint that answered the ring. Joining again is no error and brings a lost tine back.
func (f *Fork) Join(e EndpointID, d DeviceID) error {
	if t := f.tine(e); t != nil {
		if t.state == TineLost {
			t.state = TineRinging
		}
		return nil
	}
	if f.outcome != Ringing {
		return ErrSettled
	}
	if len(f.tines) >= MaxTines {
		return ErrFull
	}
	n := 0
	for i := range f.tines {
		if f.tines[i].device == d {
			n++
		}
	}
	if n >= MaxTinesPerDevice {
		return ErrDeviceFull
	}
	f.tines = append(f.tines, tine{endpoint: e, device: d})
	return nil
}

// Accept hands in an accept and reports whether it settled the fork. An endpoint for which there was no room joins by it;
// one that declined or is busy cannot win.
func (f *Fork) Accept(e EndpointID) bool {
	t := f.tine(e)
	if f.outcome != Ringing || t != nil && (t.state == TineDeclined || t.state == TineBusy) {
		return false
	}
	if t == nil {
		f.tines = append(f.tines, tine{endpoint: e})
		t = &f.tines[len(f.tines)-1]
	}
	t.state = TineWon
	f.winner = e
	f.outcome = Won
	return true
}

// Decline hands in a decline and reports whether it settled the fork: one for everywhere always does, also of an endpoint for
// which there was no room, one for here never by itself (see [Fork.Count]).
func (f *Fork) Decline(e EndpointID, everywhere bool) bool {
	if f.outcome != Ringing {
		return false
	}
	if t := f.tine(e); t != nil {
		t.state = TineDeclined
	}
	if everywhere {
		f.outcome = Declined
	}
	return everywhere
}

// Busy hands in that an endpoint is in another call. By itself it never settles the fork (see [Fork.Count]): one busy
// endpoint does not stop the others.
func (f *Fork) Busy(e EndpointID) {
	if t := f.tine(e); t != nil && f.outcome == Ringing && t.state != TineDeclined {
		t.state = TineBusy
	}
}

// Lose hands in that an endpoint's connection is gone. It settles nothing: other endpoints may still answer the ring.
func (f *Fork) Lose(e EndpointID) {
	if t := f.tine(e); t != nil && t.state == TineRinging {
		t.state = TineLost
	}
}

// Count ends the ringing if every endpoint that joined has declined or is busy, and reports whether it did: as busy where
// all are, else as declined. The caller of Count decides from when on those that joined are all there are.
func (f *Fork) Count() bool {
	if f.outcome != Ringing || len(f.tines) == 0 {
		return false
	}
	outcome := Busy
	for i := range f.tines {
		switch f.tines[i].state {
		case TineBusy:
		case TineDeclined:
			outcome = Declined
		default:
			return false
		}
	}
	f.outcome = outcome
	return true
}

// Cancel settles the fork because the caller gave up, and reports whether it did.
func (f *Fork) Cancel() bool { return f.settle(Cancelled) }

// Expire settles the fork because nobody answered in time, and reports whether it did.
func (f *Fork) Expire() bool { return f.settle(Unanswered) }

func (f *Fork) settle(o Outcome) bool {
	if f.outcome != Ringing {
		return false
	}
	f.outcome = o
	return true
}

// Outcome returns how the fork was settled, or Ringing.
func (f *Fork) Outcome() Outcome { return f.outcome }

// Winner returns the endpoint that won; false if none has.
func (f *Fork) Winner() (EndpointID, bool) { return f.winner, f.outcome == Won }

// Losers returns who must be told that the fork is settled: every endpoint that joined, but the winner, in the order
// of joining. Those that declined or were lost are among them: a word too many does no harm, one too few rings on.
func (f *Fork) Losers() []EndpointID {
	if f.outcome == Ringing {
		return nil
	}
	var out []EndpointID
	for i := range f.tines {
		if f.tines[i].state != TineWon {
			out = append(out, f.tines[i].endpoint)
		}
	}
	return out
}

// State returns the state of an endpoint's tine; false if it never joined.
func (f *Fork) State(e EndpointID) (TineState, bool) {
	if t := f.tine(e); t != nil {
		return t.state, true
	}
	return 0, false
}

func (f *Fork) tine(e EndpointID) *tine {
	for i := range f.tines {
		if f.tines[i].endpoint == e {
			return &f.tines[i]
		}
	}
	return nil
}
