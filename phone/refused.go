package phone

import (
	"errors"
	"time"

	"ringfork/signalcore"
)

// Refusal is an error of a Transport whose relay refused, and said why by a stable code.
type Refusal interface {
	error
	RefusalCode() string
	// RefusalWait returns how long the relay asked not to be asked again, 0 if it did not.
	RefusalWait() time.Duration
}

// The codes of a relay, or of the way to it, that an Error hands on. All others are CodeRelay.
const (
	CodeBadOrigin    = "bad-origin" // the relay serves no pages of this origin
	CodeTokenMissing = "token-missing"
	CodeTokenExpired = "token-expired"
	CodeBadToken     = "bad-token"
	CodeTokenFailed  = "token-failed" // the application has none just now
	CodeRateLimited  = "rate-limited"
	CodeMailboxFull  = "mailbox-full"
	CodeSlotsFull    = "slots-full"
	CodeDraining     = "draining"
	CodeUnavailable  = "unavailable"
	CodeRefused      = "relay-refused"
)

// relayError makes an Error of what a Transport failed with.
func relayError(text string, err error) *Error {
	return &Error{Code: relayCode(err), Text: text, Err: err}
}

func relayCode(err error) string {
	var r Refusal
	if errors.As(err, &r) {
		switch code := r.RefusalCode(); code {
		case CodeBadOrigin, CodeTokenMissing, CodeTokenExpired, CodeBadToken, CodeTokenFailed, CodeRateLimited, CodeMailboxFull,
			CodeSlotsFull, CodeDraining, CodeUnavailable, CodeRefused:
			return code
		}
	}
	return CodeRelay
}

// refusalWait returns how long the relay asked to wait, if an error is its refusal.
func refusalWait(err error) time.Duration {
	var r Refusal
	if errors.As(err, &r) {
		return r.RefusalWait()
	}
	return 0
}

// final reports whether another attempt fails as well, until the application or the relay's operator does something.
func final(code string) bool {
	switch code {
	case CodeBadOrigin, CodeTokenMissing, CodeTokenExpired, CodeBadToken:
		return true
	}
	return false
}

// unsent takes the news that a message was not published. A call whose first ring the relay refuses for good cannot be: it
// ends at once, and its user hears why. Every other message is posted again by the machine, to its own end.
func (p *Phone) unsent(call signalcore.CallID, id signalcore.MessageID, err error) {
	p.drop("frame not published")
	s, code := p.sessions[call], relayCode(err)
	if code == CodeRelay && refusalWait(err) == 0 { // else a proxy answers for it, and says how long to wait
		p.step(signalcore.Unposted{Call: call, ID: id})
	}
	if s == nil || s.called != nil || s.ringTaken || id != s.rang.header.ID || !final(code) {
		return
	}
	p.tell(Refused{Call: call, Code: code})
	p.step(signalcore.HangUp{Call: call})
}

// posted takes the news that the relay has a message.
func (p *Phone) posted(call signalcore.CallID, id signalcore.MessageID) {
	if s := p.sessions[call]; s != nil && s.called == nil && id == s.rang.header.ID {
		s.ringTaken = true
	}
	p.step(signalcore.Posted{Call: call, ID: id})
}
