package fork

// Outcome is how the ringing of a fork ended.
type Outcome uint8

// The outcomes. Their numbers go over the wire; 5 (busy) is reserved.
const (
	Ringing    Outcome = 0 // not settled yet
	Won        Outcome = 1 // a tine accepted
	Declined   Outcome = 2
	Cancelled  Outcome = 3 // by the caller
	Unanswered Outcome = 4
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
	}
	return "unknown"
}
