package frame

import (
	"bytes"
	"crypto/ed25519"
	"io"
	"time"

	"filippo.io/age"
)

// Opener opens the frames of one mailbox. It is not safe for use by several goroutines.
type Opener struct {
	identities []age.Identity
	budget     budget
	waiting    assemblies
}

// NewOpener returns an Opener for frames sealed to one of the identities. The first is tried first.
func NewOpener(ids ...age.Identity) *Opener { return &Opener{identities: ids} }

// frameStart is how every frame begins: an age file whose first recipient is a hybrid one.
var frameStart = []byte("age-encryption.org/v1\n-> mlkem768x25519 ")

// Open opens a frame that arrived now. It returns the message once all its parts have come, nil and no error before that.
// All errors are DropErrors. What Open returns is signed by the device that the header names; who may say what is for
// CheckRing, Caller and Called to judge. A message sent again is returned again.
func (o *Opener) Open(now time.Time, frame []byte) (*Envelope, error) {
	if len(frame) != Size {
		return nil, drop(ReasonSize)
	}
	if !bytes.HasPrefix(frame, frameStart) {
		return nil, drop(ReasonSeal)
	}
	if !o.budget.take(now) {
		return nil, drop(ReasonBudget)
	}
	plain, err := o.unseal(frame)
	if err != nil {
		return nil, drop(ReasonSeal)
	}
	p, err := unmarshalPart(plain)
	if err != nil {
		return nil, err
	}
	if !ed25519.Verify(p.From.Device[:], p.statement(), p.signature[:]) {
		return nil, drop(ReasonSignature)
	}
	if !known(p.Kind) {
		return nil, drop(ReasonKind)
	}
	body := p.body
	if p.parts > 1 {
		if body, err = o.waiting.add(now, p); body == nil {
			return nil, err
		}
	}
	m, err := unmarshalBody(p.Kind, body)
	if err != nil {
		return nil, err
	}
	return &Envelope{p.Header, m, p.Header.hash(body)}, nil
}

func (o *Opener) unseal(frame []byte) ([]byte, error) {
	r, err := age.Decrypt(bytes.NewReader(frame), o.identities...)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}
