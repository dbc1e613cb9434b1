package fork

// Outcome is how the ringing of a fork ended.
type Outcome uint8

// The outcomes. Their numbers go over the wire.
const (
	Ringing    Outcome = 0 // not settled yet
	Won        Outcome = 1 // a tine accepted
	Declined   Outcome = 2
	Cancelled  Outcome = 3 // by the caller
	Unanswered Outcome = 4
	Busy       Outcome = 5 // every endpoint known is in another call
)

// String returns the outcome as the module's users read it.
func (o Outcome) String() string {
	switch o {
	case Ringing:
		return "ringing"
	case Won:
		return "won"
	case Declined:
		return "declined"
	case Cancelled:
		return "cancelled"
	case Unanswered:
		return "unanswered"
	case Busy:
		return "busy"
	}
	return "unknown"
}
