package frame

import "time"

// Opening a frame costs milliseconds in a page, and whoever knows a mailbox's address can post to it.
const (
	budgetRate  = 50  // frames a second
	budgetBurst = 200 // frames at once
)

// budget is a token bucket. It starts full.
type budget struct {
	spent float64
	last  time.Time
}

// take reports whether one more frame may be opened now. A clock that runs backwards gives nothing and takes nothing.
func (b *budget) take(now time.Time) bool {
	if d := now.Sub(b.last); d > 0 {
		b.spent = max(0, b.spent-d.Seconds()*budgetRate)
		b.last = now
	}
	if b.spent+1 > budgetBurst {
		return false
	}
	b.spent++
	return true
}
