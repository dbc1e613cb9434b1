package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// journal finds the frames that the engine stored and did not deliver. In a cluster that happens, and nobody is told: the way
// between two servers breaks, what one of them had for the other is dropped, and every relay stays connected to its own.
//
// Each relay writes down which frames it has acknowledged, twice a second and into the stream of the frames, where no mailbox
// has its subject; and reads what all of them wrote, from whatever server has a copy. If a frame is there that some mailbox
// read here should have got, and none came live, the mailbox's backlog is read again. So a reader has what it missed two or
// three seconds later, whatever became of it on the way, and also while the way is still broken.
//
// A relay that dies within half a second of an acknowledgement has not written it down: what is lost then are frames that it
// posted while the way was broken.
type journal struct {
	engine  *engine
	subs    *subscriptions
	every   time.Duration // between two entries, and two questions for those of all
	keep    time.Duration // an entry, as long as a frame
	subject string        // of all entries, without what is each one's own
	clock   *clock
	ctx     context.Context
	cancel  context.CancelFunc
	wg      sync.WaitGroup

	mu     sync.Mutex
	posted []string // frames acknowledged since the last entry: their subjects, without what all have in common

	written time.Time // when the last entry was; only write's

	last  atomic.Uint64 // stream sequence of the last entry read
	quiet atomic.Int64  // questions since then that found no other

	// What follows belongs to the dispatcher.

	seed    maphash.Seed
	heard   recent[uint64] // hashes of the subjects of frames that came live
	entries recent[string] // subjects of entries that were read
	doubts  []doubt        // the oldest first
}

// doubt is a frame that was acknowledged and has not come. The way of an entry may be shorter than that of a frame, so it is
// given some time.
type doubt struct {
	at    time.Time
	frame string // subject, without what all have in common
}

const (
	// maxPosted is how many frames one entry tells of: with 76 bytes each it is shorter than the longest message.
	maxPosted = 4096
	// maxUnwritten is how many frames wait for an entry while none can be written. There may be many only if frames can be
	// stored, and entries cannot.
	maxUnwritten = 1 << 17
	// heardFor is how long a frame is known to have come: the entry that tells of it comes earlier, unless nothing can be
	// written. If it does not the frame is delivered a second time.
	heardFor = 30 * time.Second
	// quietQuestions is after how many questions that found nothing new it is asked for what is known: if it is not there the
	// entries are no more, or the stream is another one, which counts from one again.
	quietQuestions = 8

	// clockEvery is after how long without frames an entry is written that has none: see clock.
	clockEvery = time.Minute

	answersJournal, answersKnown = "journal", "known" // instead of the number of a backlog read
)

func newJournal(e *engine, subs *subscriptions, cfg Config) *journal {
	if e.srv != nil {
		return nil // there is no way between servers
	}
	j := &journal{
		engine: e, subs: subs, clock: newClock(e.log, cfg.Now), every: cfg.JournalEvery, keep: cfg.FrameAge,
		subject: newTokens(e.mailboxKey, "journal").of(Address{}), seed: maphash.MakeSeed(),
	}
	j.ctx, j.cancel = context.WithCancel(context.Background())
	return j
}

// start begins to write and to ask. Answers come to inbox.journal and inbox.known.
func (j *journal) start(inbox string) {
	if j == nil {
		return
	}
	each := func(do func()) {
		tick := time.NewTicker(j.every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				do()
			case <-j.ctx.Done():
				return
			}
		}
	}
	j.wg.Go(func() { each(func() { j.write(j.ctx) }) })
	j.wg.Go(func() { each(func() { j.ask(inbox) }) })
	j.wg.Go(func() { j.engine.leaveCutOff(j.ctx, 10*j.every) })
}

// stop ends it, after what is not written yet.
func (j *journal) stop() {
	if j == nil {
		return
	}
	j.cancel()
	j.wg.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	if j.engine.connected() {
		j.write(ctx)
	}
}

// acknowledged takes a frame, by its subject, that is stored and whose post will be answered so.
func (j *journal) acknowledged(subject string) {
	if j == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.posted = append(j.posted, strings.TrimPrefix(subject, mailboxSubjects))
}

// write writes what is to be written, or leaves it for the next time.
func (j *journal) write(ctx context.Context) {
	for {
		j.mu.Lock()
		n := min(len(j.posted), maxPosted)
		some := j.posted[:n:n]
		if j.posted = j.posted[n:]; len(j.posted) == 0 {
			j.posted = nil
		}
		j.mu.Unlock()
		if n == 0 && (time.Since(j.written) < clockEvery || j.ctx.Err() != nil) {
			return
		}
		// Another subject each time: of one that failed nobody knows whether it is stored. Read twice it does no harm.
		subject := mailboxSubjects + j.subject + "." + rand.Text()
		j.clock.sending(subject)
		err := j.engine.publish(ctx.Done(), postTimeout, &nats.Msg{Subject: subject, Data: []byte(strings.Join(some, "\n"))})
		j.clock.answered(subject, err == nil)
		if err != nil {
			j.mu.Lock()
			defer j.mu.Unlock()
			j.posted = append(some, j.posted...)
			j.posted = j.posted[max(0, len(j.posted)-maxUnwritten):]
			return
		}
		j.written = time.Now()
	}
}

// ask asks for the first entry that is not read yet.
func (j *journal) ask(inbox string) {
	from, reply := j.last.Load()+1, inbox+"."+answersJournal
	if j.quiet.Add(1) > quietQuestions && from > 1 {
		from, reply = from-1, inbox+"."+answersKnown
	}
	body, err := json.Marshal(map[string]any{"seq": from, "next_by_subj": mailboxSubjects + j.subject + ".*"})
	if err != nil {
		panic("internal error: " + err.Error())
	}
	_ = j.engine.nc.PublishRequest(directGet, reply, body) // it fails when the engine is gone: it is asked again
}

// hear takes a frame, by its subject, that came live.
func (j *journal) hear(subject string) {
	if j != nil {
		j.heard.add(maphash.String(j.seed, strings.TrimPrefix(subject, mailboxSubjects)))
	}
}

// answer takes the answer to a question. It is false if msg, to which an inbox has the last part kind, is none.
func (j *journal) answer(inbox, kind string, msg *nats.Msg) bool {
	if j == nil || kind != answersJournal && kind != answersKnown {
		return false
	}
	now := time.Now()
	j.heard.turn(now, heardFor)
	j.entries.turn(now, j.keep)
	j.judge(now)
	switch msg.Header.Get("Status") {
	case "":
		seq, err := headerSequence(msg.Header)
		if err != nil || kind == answersJournal && seq <= j.last.Load() {
			return true // of a question that was asked twice
		}
		j.last.Store(seq)
		j.quiet.Store(0)
		if subject := msg.Header.Get("Nats-Subject"); !j.entries.has(subject) {
			j.entries.add(subject)
			if stamp, err := storedAt(msg); err == nil {
				j.clock.stamped(subject, stamp)
			}
			j.read(string(msg.Data), now)
		}
		if kind == answersJournal {
			j.ask(inbox)
		}
	case "404":
		if kind == answersKnown {
			j.last.Store(0)
		}
	}
	return true
}

// read takes an entry.
func (j *journal) read(entry string, now time.Time) {
	for frame := range strings.SplitSeq(entry, "\n") {
		if !j.came(frame) && j.subs.ofSubject(framesOf(frame)) != nil {
			j.doubts = append(j.doubts, doubt{now, frame})
		}
	}
}

func (j *journal) came(frame string) bool { return j.heard.has(maphash.String(j.seed, frame)) }

// framesOf returns the subject of all frames of the mailbox that a frame is in.
func framesOf(frame string) string {
	return mailboxSubjects + strings.TrimSuffix(frame, frameID(frame)) + "*"
}

// judge has those backlogs read in which frames are that had time enough to come.
func (j *journal) judge(now time.Time) {
	n, _ := slices.BinarySearchFunc(j.doubts, now.Add(-2*j.every), func(d doubt, t time.Time) int { return d.at.Compare(t) })
	missed := map[string][]string{}
	for _, d := range j.doubts[:n] {
		if !j.came(d.frame) {
			mailbox := framesOf(d.frame)
			missed[mailbox] = append(missed[mailbox], frameID(d.frame))
		}
	}
	if j.doubts = j.doubts[n:]; len(j.doubts) == 0 {
		j.doubts = nil
	}
	for mailbox, ids := range missed {
		if s := j.subs.ofSubject(mailbox); s != nil {
			s.reader.Overlooked(ids)
		}
	}
}

// recent is a set of what was added in the last while, or the last but one.
type recent[T comparable] struct {
	now, before map[T]struct{}
	turned      time.Time
}

func (r *recent[T]) add(v T) {
	if r.now == nil {
		r.now = map[T]struct{}{}
	}
	r.now[v] = struct{}{}
}

func (r *recent[T]) has(v T) bool {
	_, now := r.now[v]
	_, before := r.before[v]
	return now || before
}

// turn forgets what was added in the while before the last, if a while is over.
func (r *recent[T]) turn(now time.Time, while time.Duration) {
	if now.Sub(r.turned) >= while {
		r.now, r.before, r.turned = nil, r.now, now
	}
}
